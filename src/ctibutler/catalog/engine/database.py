"""Connections to the catalogue, on SQLite or PostgreSQL.

SQL elsewhere in this package is portable text with named parameters. Where the two engines must differ, both forms
stand side by side in one module; the engine's name (`sqlite`, `postgresql`) picks.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError

from ctibutler.catalog.engine.bodies import Bodies
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.transaction import Engine
from ctibutler.catalog.engine.words import Words
from ctibutler.errors import InvalidRequest, StoreUnavailable

try:
    import pysqlite3 as sqlite_module
except ImportError:  # pragma: no cover - the wheel exists for every platform we name
    sqlite_module = sqlite3

# Before this version two connections that write and checkpoint at the same moment can corrupt a WAL database
# (sqlite.org, "WAL-reset bug").
SAFE_SQLITE = (3, 51, 3)
BUSY_SECONDS = 60


class Database:
    """The catalogue's engine and pool: `read()` and `write()` are transactions."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        backend = self.url.get_backend_name()
        if backend == "sqlite":
            self.engine: Engine = "sqlite"
            self._engine = _sqlite_engine(self.url)
        elif backend == "postgresql":
            self.engine = "postgresql"
            self._engine = _postgresql_engine(self.url)
        else:
            raise InvalidRequest(f"CTIBUTLER_DATABASE_URL: `{backend}` is neither sqlite nor postgresql")
        self._writing = threading.Lock()
        self._words = Words()
        self._bodies = Bodies()

    def __str__(self) -> str:
        """The database for people: never with a password."""
        return self.url.render_as_string(hide_password=True)

    @property
    def sqlalchemy_engine(self) -> sqlalchemy.Engine:
        """The engine itself, for migrations."""
        return self._engine

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the catalogue.

        Raises StoreUnavailable when the database cannot be reached.
        """
        with _translated(self), self._engine.connect() as connection:
            if self.engine == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield self._wrapped(connection)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that changes the catalogue, one at a time: it waits for the one before."""
        with _translated(self), self._writing, self._engine.connect() as connection:
            connection.info["writes"] = True
            try:
                with connection.begin():
                    if self.engine == "postgresql":
                        connection.execute(text("SELECT pg_advisory_xact_lock(7221968130062)"))
                    yield self._wrapped(connection)
            except BaseException:
                self._words.forget()  # it may have read words that were never committed
                raise
            finally:
                connection.info.pop("writes", None)

    @contextmanager
    def note(self) -> Iterator[Connection]:
        """A short transaction on rows of jobs and keys, which on PostgreSQL need not wait for an import."""
        if self.engine == "sqlite":
            with self.write() as waiting:
                yield waiting
        else:
            with _translated(self), self._engine.begin() as connection:
                yield self._wrapped(connection)

    def _wrapped(self, connection: sqlalchemy.Connection) -> Connection:
        return Connection(connection, self.engine, self._words, self._bodies)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


@contextmanager
def _translated(database: Database) -> Iterator[None]:
    try:
        yield
    except DatabaseError as failure:
        # The plain class is SQLite's word for a file that is damaged, or no database at all.
        if not isinstance(failure, OperationalError) and type(failure) is not DatabaseError:
            raise
        raise StoreUnavailable(f"{database}: the database cannot be used: {_first_line(failure)}") from failure
    except InterfaceError as failure:
        raise StoreUnavailable(f"{database}: the database does not answer: {_first_line(failure)}") from failure


def _first_line(failure: DBAPIError) -> str:
    return str(failure.orig).strip().partition("\n")[0]


def _sqlite_engine(url: sqlalchemy.URL) -> sqlalchemy.Engine:
    version: tuple[int, ...] = sqlite_module.sqlite_version_info
    if version < SAFE_SQLITE:
        raise StoreUnavailable(
            f"SQLite {sqlite_module.sqlite_version} can damage a database that two processes use (mended in "
            f"{'.'.join(map(str, SAFE_SQLITE))}); install the package pysqlite3, or set CTIBUTLER_DATABASE_URL to PostgreSQL"
        )
    if not url.database or url.database == ":memory:":
        raise InvalidRequest("CTIBUTLER_DATABASE_URL: SQLite needs a file, as in sqlite:////var/lib/ctibutler.sqlite")
    path = Path(url.database)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        raise StoreUnavailable(f"{path.parent}: the folder cannot be made: {failure.strerror}") from None
    engine = sqlalchemy.create_engine(
        url, module=sqlite_module, connect_args={"timeout": BUSY_SECONDS}, pool_size=8, max_overflow=64
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        for pragma in (
            "page_size = 8192",
            "journal_mode = WAL",
            "synchronous = NORMAL",
            "foreign_keys = ON",
            "cache_size = -65536",
            "mmap_size = 1073741824",
            "temp_store = MEMORY",
        ):
            _patiently(cursor, f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: sqlalchemy.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.info.get("writes") else "BEGIN")

    return engine


def _patiently(cursor: Any, statement: str) -> None:
    """Run a pragma that the busy timeout does not cover: turning WAL on in a new file."""
    for _ in range(100):
        try:
            cursor.execute(statement)
        except sqlite_module.OperationalError as failure:
            if "locked" not in str(failure):
                raise
            time.sleep(0.05)
        else:
            return
    cursor.execute(statement)


def _postgresql_engine(url: sqlalchemy.URL) -> sqlalchemy.Engine:
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    try:
        return sqlalchemy.create_engine(
            url, pool_size=8, max_overflow=24, pool_pre_ping=True, connect_args={"connect_timeout": 10}
        )
    except ModuleNotFoundError:
        raise StoreUnavailable("PostgreSQL needs the package psycopg: pip install 'ctibutler[postgres]'") from None
