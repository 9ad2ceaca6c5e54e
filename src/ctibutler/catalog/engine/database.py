"""The catalogue's database: transactions on SQLite or PostgreSQL.

SQL elsewhere in this package is portable text with named parameters. Where the two engines must differ, both forms
stand side by side in one module; the engine's name (`sqlite`, `postgresql`) picks.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ctibutler.catalog.engine.bodies import Bodies
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.dialect import Dialect, Engine, Purpose
from ctibutler.catalog.engine.pool import Pool
from ctibutler.catalog.engine.sqlite import Sqlite
from ctibutler.catalog.engine.urls import DatabaseUrl
from ctibutler.catalog.engine.words import Words
from ctibutler.errors import StoreUnavailable

# Connections for single queries, which do not wait for those that questions hold.
GLANCES = 2


class Database:
    """A database and its pool of connections: `read()`, `write()` and `note()` are transactions.

    Threads may share it. Raises InvalidRequest for a URL that cannot be used, StoreUnavailable for an SQLite that is too
    old or a folder that cannot be created; nothing is opened before the first transaction.
    """

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        """`read_only` is for `read()` alone: a file that is missing is not created, no table or setting is changed."""
        self.url = DatabaseUrl.parse(url)
        self._dialect = _dialect(self.url, read_only=read_only)
        self.engine: Engine = self._dialect.name
        self._pool = Pool(self._dialect)
        self._glances = Pool(self._dialect, GLANCES)
        self._writing = threading.Lock()
        self._words = Words()
        self._bodies = Bodies()

    def __str__(self) -> str:
        """The database for people: never with a password."""
        return str(self.url)

    @property
    def driver(self) -> Any:
        """The driver's module, for its exceptions (PEP 249)."""
        return self._dialect.driver

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the catalogue.

        Raises StoreUnavailable when the database cannot be reached.
        """
        with self._transaction("read") as connection:
            yield connection

    @contextmanager
    def glance(self) -> Iterator[Connection]:
        """For one single query that needs no transaction, from a connection that no long question holds.

        Raises StoreUnavailable when the database cannot be reached.
        """
        with self._transaction("glance") as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that changes the catalogue: one at a time, each waits for the one before.

        Raises StoreUnavailable when the database cannot be reached, is locked for too long, or its disk is full.
        """
        with self._writing:
            try:
                with self._transaction("write") as connection:
                    yield connection
            except BaseException:
                self._words.forget()  # it may have read words that were never committed
                raise

    @contextmanager
    def note(self) -> Iterator[Connection]:
        """A short transaction on rows of jobs and keys, which on PostgreSQL does not wait for an import."""
        if self.engine == "sqlite":
            with self.write() as waiting:
                yield waiting
        else:
            with self._transaction("note") as connection:
                yield connection

    def connect(self) -> Any:
        """Open a connection of the driver, outside the pool and without a transaction. The caller closes it."""
        return self._dialect.connect()

    def close(self) -> None:
        """Close all connections that are idle; those in use are closed when they come back."""
        self._pool.close()
        self._glances.close()

    @contextmanager
    def _transaction(self, purpose: Purpose) -> Iterator[Connection]:
        # The pool rolls back what does not come as far as the commit.
        with self._translated(), (self._glances if purpose == "glance" else self._pool).connection() as raw:
            self._dialect.begin(raw, purpose)
            yield Connection(raw, self._dialect, self._words, self._bodies)
            self._dialect.commit(raw)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self.driver.DatabaseError as failure:
            # SQLite raises the plain class for a file that is damaged, or is not a database at all.
            if not isinstance(failure, self.driver.OperationalError) and type(failure) is not self.driver.DatabaseError:
                raise
            raise StoreUnavailable(f"{self}: the database cannot be used: {first_line(failure)}") from failure
        except self.driver.InterfaceError as failure:
            raise StoreUnavailable(f"{self}: the database does not answer: {first_line(failure)}") from failure


def first_line(failure: Exception) -> str:
    """Return the first line of a driver's message: what follows quotes the query."""
    return str(failure).strip().partition("\n")[0]


def _dialect(url: DatabaseUrl, *, read_only: bool) -> Dialect:
    if url.engine == "sqlite":
        return Sqlite(Path(url.name), read_only=read_only)
    try:
        from ctibutler.catalog.engine.postgresql import Postgresql
    except ModuleNotFoundError:
        raise StoreUnavailable(
            "PostgreSQL needs the package psycopg: install ctibutler with its extra `postgres`"
        ) from None
    return Postgresql(url.for_libpq)
