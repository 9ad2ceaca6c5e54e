"""What differs between the two engines: SQLite and PostgreSQL each have a module that provides this."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol

Engine = Literal["sqlite", "postgresql"]
# What a transaction is for: reading one state, changing the catalogue, or a short change of jobs and keys.
Purpose = Literal["read", "write", "note"]

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
        """Open a connection. Its transactions begin and end by `begin`, COMMIT and ROLLBACK, never by themselves."""

    def is_alive(self, raw: Any) -> bool:
        """Return whether an idle connection can still be used."""

    def begin(self, raw: Any, purpose: Purpose) -> None:
        """Begin a transaction. One that writes waits for the one before it."""

    def in_transaction(self, raw: Any) -> bool:
        """Return whether a transaction is open that has to be ended."""

    def compiled(self, sql: str) -> str:
        """Return SQL with parameters as the driver takes them; ours are written `:name`."""

    def bound(self, parameters: Mapping[str, object]) -> Mapping[str, object]:
        """Return parameters as the driver takes them."""

    def in_list(self, name: str, kind: str) -> str:
        """Return what follows IN for a parameter that is a list."""

    def insert(self, raw: Any, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
        """Insert many rows."""

    def cursor_for_stream(self, raw: Any) -> Any:
        """Return a cursor that fetches the rows of a large query in batches."""


def batches(cursor: Any) -> Iterator[list[Any]]:
    """Yield the rows of a cursor, `BATCH` at a time."""
    while fetched := cursor.fetchmany(BATCH):
        yield fetched
