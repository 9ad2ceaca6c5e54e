"""What differs between the two engines: SQLite and PostgreSQL each have a module that provides this."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol

from ctibutler.errors import StoreTrouble

Engine = Literal["sqlite", "postgresql"]
# What a transaction is for: reading one state, changing the catalogue, a short change of jobs and keys, or one single query.
Purpose = Literal["read", "write", "note", "glance"]

# How many rows of a large query are held at once.
BATCH = 1000

# PostgreSQL's locks by number: transactions that write wait for each other, and so do workers that claim a job. Any numbers
# serve, if nobody else uses them.
WRITING_LOCK = 7221968130062
CLAIMING_LOCK = 7221968130063


class Dialect(Protocol):
    """One engine, through its driver. `Any` stands for the driver's connections and cursors (PEP 249)."""

    @property
    def name(self) -> Engine:
        """The engine."""

    @property
    def driver(self) -> Any:
        """The driver's module, for its exceptions."""

    def connect(self) -> Any:
        """Open a connection. Its transactions begin and end by the methods below, never by themselves."""

    def is_alive(self, raw: Any) -> bool:
        """Return whether an idle connection can still be used."""

    def trouble_of(self, failure: Exception) -> StoreTrouble:
        """Return what is wrong, by an exception of the driver."""

    def trouble(self) -> StoreTrouble | None:
        """Return what is wrong with the database right now, as far as that shows without a transaction."""

    def keep_reserve(self) -> None:
        """Hold room in reserve on the database's disk."""

    def make_room(self) -> bool:
        """Free what is held in reserve on the database's disk. Return whether there was any."""

    def begin(self, raw: Any, purpose: Purpose) -> None:
        """Begin a transaction. One that writes waits for the one before it."""

    def commit(self, raw: Any) -> None:
        """End a transaction and keep what it changed."""

    def interrupt(self, raw: Any) -> None:
        """Make the query fail that this connection runs, if any. Another thread calls it."""

    def roll_back(self, raw: Any) -> None:
        """End a transaction that is still open, and undo what it changed."""

    def execute(self, raw: Any, sql: str, parameters: Mapping[str, object]) -> Any:
        """Run a statement, whose parameters are written `:name`, and return a cursor with its rows."""

    def stream(self, raw: Any, sql: str, parameters: Mapping[str, object]) -> Any:
        """Run a query and return a cursor that fetches its rows in batches."""

    def in_list(self, name: str, kind: str) -> str:
        """Return what follows IN for a parameter that is a list."""

    def insert(self, raw: Any, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
        """Insert many rows."""


def batches(cursor: Any) -> Iterator[list[Any]]:
    """Yield the rows of a cursor, `BATCH` at a time."""
    while fetched := cursor.fetchmany(BATCH):
        yield fetched
