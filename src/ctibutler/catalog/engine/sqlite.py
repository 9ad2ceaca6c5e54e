"""SQLite: the safe version of it, its settings, and how it takes SQL."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from ctibutler.catalog.engine.dialect import Engine, Purpose
from ctibutler.catalog.engine.reserve import Reserve, has_room
from ctibutler.errors import StoreTrouble, StoreUnavailable

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
_FULL, _READ_ONLY = 13, 8
# The device and the number of a file.
_File = tuple[int, int]
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
        self._file: _File | None = None
        self._reserve = Reserve(path)
        if read_only:
            return
        if path.is_dir():
            raise StoreUnavailable(f"{path}: this is a folder, and the database is a file")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as failure:
            raise StoreUnavailable(f"{path.parent}: the folder cannot be created: {failure.strerror}") from None

    def connect(self) -> Any:
        """Open a connection. Any thread may use it, one at a time."""
        if self._is_gone():
            raise StoreUnavailable(
                f"{self._path}: the database was deleted or replaced while it was open; start ctibutler again", "gone"
            )
        if _is_unchangeable(self._path):
            raw = self._open("immutable=1", _READ_ONLY_PRAGMAS)
        elif self._read_only:
            # Not mode=ro: such a connection cannot remove the -wal and -shm files that it needs to read.
            raw = self._open("mode=rw", _READ_ONLY_PRAGMAS)
        else:
            raw = self._open_to_write()
        self._file = self._file or _file(self._path)
        return raw

    def _open_to_write(self) -> Any:
        if self._file is None:
            _create(self._path)
        try:
            return self._open("mode=rw", _PRAGMAS)
        except sqlite_module.OperationalError as failure:
            # SQLite needs some room even to read, but the rest of the reserve is for a removal.
            if self.trouble_of(failure) != "full" or not self._reserve.shrink():
                raise
            return self._open("mode=rw", _PRAGMAS)

    def _open(self, mode: str, pragmas: Sequence[str]) -> Any:
        raw = sqlite_module.connect(
            f"{self._path.absolute().as_uri()}?{mode}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            factory=_Connection,
        )
        try:
            raw.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
            for pragma in pragmas:
                _patiently(raw, f"PRAGMA {pragma}")
        except BaseException:
            raw.close()
            raise
        raw.state = _state(self._path, mode)
        raw.mode = mode
        return raw

    def is_alive(self, raw: Any) -> bool:
        """Look whether the file is still the one that was opened. One that is taken for unchangeable must not have changed."""
        return bool(raw.state == _state(self._path, raw.mode))

    def trouble_of(self, failure: Exception) -> StoreTrouble:
        """Return what is wrong. A full disk shows as one of several errors."""
        code = getattr(failure, "sqlite_errorcode", 0) & 0xFF
        if code == _READ_ONLY or "readonly" in str(failure):
            return "read-only"
        return "full" if code == _FULL or "is full" in str(failure) or self.trouble() == "full" else "unreachable"

    def trouble(self) -> StoreTrouble | None:
        """Look at the file and its disk."""
        if self._is_gone():
            return "gone"
        return None if _is_unchangeable(self._path) or has_room(self._path) else "full"

    def make_room(self) -> bool:
        """Delete the file that is held in reserve."""
        return self._reserve.release()

    def keep_reserve(self) -> None:
        """Hold room in reserve for a removal, as long as there is plenty."""
        if not self._read_only and not _is_unchangeable(self._path):
            self._reserve.keep()

    def _is_gone(self) -> bool:
        return self._file is not None and _file(self._path) != self._file

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


class _Connection(sqlite_module.Connection):  # type: ignore[misc]
    """A connection that knows how it was opened, and what state its file was in."""

    mode = ""
    state: tuple[object, ...] = ()


def _file(path: Path) -> _File | None:
    """Which file this is; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _state(path: Path, mode: str) -> tuple[object, ...]:
    """What must not change as long as a connection is used."""
    try:
        found = path.stat()
    except OSError:
        return ()
    if mode == "mode=rw":
        return found.st_dev, found.st_ino
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, _has_log(path)


def _is_unchangeable(path: Path) -> bool:
    """Whether this is a database that we may only read, and that nobody has open: SQLite then needs no files beside it."""
    if not path.is_file() or (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return False
    return not _has_log(path)


def _has_log(path: Path) -> bool:
    log = path.with_name(path.name + "-wal")
    return log.exists() and log.stat().st_size > 0


def _create(path: Path) -> None:
    """Create an empty file that only its owner may read. SQLite gives its other files the same permissions."""
    with suppress(OSError):  # it is there, or SQLite says why it cannot be
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


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
