"""SQLite: the safe version of it, its settings, and how it takes SQL."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ctibutler.catalog.engine.dialect import Engine, Purpose
from ctibutler.errors import StoreUnavailable

try:
    import pysqlite3 as sqlite_module
except ImportError:  # pragma: no cover - the wheel exists for every platform we name
    sqlite_module = sqlite3

# Before this version two connections that write and checkpoint at the same moment can corrupt a WAL database
# (sqlite.org, "WAL-reset bug").
SAFE_SQLITE = (3, 51, 3)
BUSY_SECONDS = 60

_PRAGMAS = (
    "page_size = 8192",
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "foreign_keys = ON",
    "cache_size = -65536",
    "mmap_size = 1073741824",
    "temp_store = MEMORY",
)
_READ_ONLY_PRAGMAS = ("query_only = ON", "mmap_size = 1073741824", "temp_store = MEMORY")


class Sqlite:
    """A database in a file. Its folder is created if it is missing; with `read_only`, nothing is.

    Raises StoreUnavailable if this SQLite is too old, or if the folder cannot be created.
    """

    name: Engine = "sqlite"

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.driver: Any = sqlite_module
        version: tuple[int, ...] = sqlite_module.sqlite_version_info
        if version < SAFE_SQLITE:
            raise StoreUnavailable(
                f"SQLite {sqlite_module.sqlite_version} can damage a database that two processes use (fixed in "
                f"{'.'.join(map(str, SAFE_SQLITE))}); install the package pysqlite3, or set CTIBUTLER_DATABASE_URL to"
                " PostgreSQL"
            )
        self._path = path
        self._read_only = read_only
        if read_only:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as failure:
            raise StoreUnavailable(f"{path.parent}: the folder cannot be created: {failure.strerror}") from None

    def connect(self) -> Any:
        """Open a connection. Any thread may use it, one at a time."""
        # Not mode=ro: such a connection cannot remove the -wal and -shm files that it needs to read.
        place = f"{self._path.absolute().as_uri()}?mode=rw" if self._read_only else str(self._path)
        raw = sqlite_module.connect(
            place, uri=self._read_only, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            raw.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
            for pragma in _READ_ONLY_PRAGMAS if self._read_only else _PRAGMAS:
                _patiently(raw, f"PRAGMA {pragma}")
        except BaseException:
            raw.close()
            raise
        return raw

    def is_alive(self, raw: Any) -> bool:
        """A file is always there."""
        return True

    def begin(self, raw: Any, purpose: Purpose) -> None:
        """Begin a transaction; all that write wait for each other."""
        if purpose != "glance":
            raw.execute("BEGIN" if purpose == "read" else "BEGIN IMMEDIATE")

    def commit(self, raw: Any) -> None:
        """Commit."""
        if raw.in_transaction:
            raw.execute("COMMIT")

    def interrupt(self, raw: Any) -> None:
        """SQLite looks at a flag after every few instructions of a query."""
        raw.interrupt()

    def roll_back(self, raw: Any) -> None:
        """Roll back what is open. Some errors, a full disk among them, have done so by themselves."""
        if raw.in_transaction:
            raw.execute("ROLLBACK")

    def execute(self, raw: Any, sql: str, parameters: Mapping[str, object]) -> Any:
        """Run a statement. A list is bound as JSON, which `in_list` reads."""
        bound = {
            name: msgspec.json.encode(value).decode() if isinstance(value, list) else value
            for name, value in parameters.items()
        }
        return raw.cursor().execute(sql, bound)

    def stream(self, raw: Any, sql: str, parameters: Mapping[str, object]) -> Any:
        """Every cursor of SQLite reads rows as they are fetched."""
        return self.execute(raw, sql, parameters)

    def in_list(self, name: str, kind: str) -> str:
        """Return the values of a JSON array."""
        return f"(SELECT value FROM json_each(:{name}))"

    def insert(self, raw: Any, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
        """Insert many rows."""
        marks = ", ".join("?" * len(columns))
        raw.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)


def _patiently(raw: Any, statement: str) -> None:
    """Run a pragma that the busy timeout does not cover: turning WAL on in a new file."""
    for _ in range(100):
        try:
            raw.execute(statement)
        except sqlite_module.OperationalError as failure:
            if "locked" not in str(failure):
                raise
            time.sleep(0.05)
        else:
            return
    raw.execute(statement)
