"""The catalogue's database: transactions on SQLite or PostgreSQL.

SQL elsewhere in this package is portable text with named parameters. Where the two engines must differ, both forms
stand side by side in one module; the engine's name (`sqlite`, `postgresql`) picks.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ctibutler.catalog.engine.bodies import Bodies
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.dialect import Dialect, Engine, Purpose
from ctibutler.catalog.engine.pool import Pool, PoolReport
from ctibutler.catalog.engine.sqlite import Sqlite
from ctibutler.catalog.engine.standby import Standby
from ctibutler.catalog.engine.stopping import Work, current
from ctibutler.catalog.engine.urls import DatabaseUrl
from ctibutler.catalog.engine.words import Words
from ctibutler.errors import InvalidRequest, StandbyLost, StoreTrouble, StoreUnavailable

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
        self._primary = _Pools(self._dialect)
        self._replica: _Pools | None = None
        self.standby: Standby | None = None
        self._seen = _Seen()
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
        if self.standby is None:
            with self._transaction("read") as connection:
                yield connection
        else:
            with self._read_somewhere(self.standby, "read") as connection:
                yield connection

    @contextmanager
    def read_newest(self) -> Iterator[Connection]:
        """A transaction that sees the newest state, even if reads go to a standby: for jobs, which change all the time.

        Raises StoreUnavailable when the database cannot be reached.
        """
        with self._read_newest("read") as connection:
            yield connection

    @contextmanager
    def glance(self) -> Iterator[Connection]:
        """For one single query that needs no transaction, from a connection that no long question holds.

        Raises StoreUnavailable when the database cannot be reached.
        """
        if self.standby is None:
            with self._transaction("glance") as connection:
                yield connection
        else:
            with self._read_somewhere(self.standby, "glance") as connection:
                yield connection

    @contextmanager
    def glance_newest(self) -> Iterator[Connection]:
        """The same for a query that has to see the newest state. Only while the primary is lost, the standby answers it.

        Raises StoreUnavailable when the database cannot be reached.
        """
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(self._transaction("glance"))
            except StoreUnavailable:
                if self.standby is None:
                    raise
                connection = stack.enter_context(self.glance())
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

    def read_from(self, url: str, most_seconds: float) -> None:
        """Let reads go to a standby of this database, as long as it is not further behind than `most_seconds`.

        Raises InvalidRequest for a URL that cannot be used.
        """
        if self.engine != "postgresql" or DatabaseUrl.parse(url).engine != "postgresql":
            raise InvalidRequest("CTIBUTLER_DATABASE_READ_URL: only PostgreSQL has standbys")
        replica = self._replica = _Pools(_dialect(DatabaseUrl.parse(url), read_only=True))
        self.standby = Standby(lambda: self._position(self._primary), lambda: self._position(replica), most_seconds)

    def pools(self) -> dict[tuple[str, str], PoolReport]:
        """How the pools of connections are used, by server and purpose."""
        servers = {"primary": self._primary, "standby": self._replica}
        return {
            (server, purpose): report
            for server, pools in servers.items()
            if pools is not None
            for purpose, report in pools.reports().items()
        }

    @property
    def trouble(self) -> StoreTrouble | None:
        """What is wrong with the database right now, as far as that shows without a transaction."""
        return self._dialect.trouble()

    def keep_reserve(self) -> None:
        """Hold room in reserve on the database's disk, if there is plenty."""
        self._dialect.keep_reserve()

    def make_room(self) -> bool:
        """Free what is held in reserve on the database's disk, for a removal. Return whether there was any."""
        return self._dialect.make_room()

    def is_alive(self, raw: Any) -> bool:
        """Whether a connection that `connect` opened can still be used."""
        return self._dialect.is_alive(raw)

    def connect(self) -> Any:
        """Open a connection of the driver, outside the pool and without a transaction. The caller closes it."""
        return self._dialect.connect()

    def close(self) -> None:
        """Close all connections that are idle; those in use are closed when they come back."""
        if self.standby is not None:
            self.standby.close()
        for pools in filter(None, (self._primary, self._replica)):
            pools.close()

    @contextmanager
    def _transaction(self, purpose: Purpose, pools: _Pools | None = None) -> Iterator[Connection]:
        # Changes are never stopped half way: they are short, or a worker's.
        work = current.get() if purpose == "read" else None
        pool = (pools or self._primary).of(purpose)
        # The pool rolls back what does not come as far as the commit.
        with self._translated(work), pool.connection() as raw, self._stoppable(work, raw):
            self._dialect.begin(raw, purpose)
            yield Connection(raw, self._dialect, self._words, self._bodies, work)
            self._dialect.commit(raw)

    @contextmanager
    def _read_somewhere(self, standby: Standby, purpose: Purpose) -> Iterator[Connection]:
        """A read on the standby if it is good enough, on the primary if not."""
        if standby.state == "used":
            with self._read_on_standby(standby, purpose) as connection:
                if connection is not None:
                    yield connection
                    return
        with self._read_newest(purpose) as connection:
            yield connection

    @contextmanager
    def _read_on_standby(self, standby: Standby, purpose: Purpose) -> Iterator[Connection | None]:
        """A read on the standby, or None: it fails, or it is behind what this process has already answered from.

        Raises StandbyLost.
        """
        found = None
        try:
            with ExitStack() as stack:
                try:
                    opened = stack.enter_context(self._transaction(purpose, self._replica))
                    found = opened if self._seen.reaches(_revision(opened)) else None
                except (StoreUnavailable, self.driver.Error) as failure:
                    standby.lose(failure)
                yield found
        except StoreUnavailable as failure:
            if found is None:
                return  # the end of what had failed already
            standby.lose(failure)
            raise StandbyLost(str(failure)) from failure

    @contextmanager
    def _read_newest(self, purpose: Purpose) -> Iterator[Connection]:
        with self._transaction(purpose) as connection:
            if self.standby is not None:
                self._seen.reaches(_revision(connection))
            yield connection

    def _position(self, pools: _Pools) -> int:
        """How far a server has written its log, or replayed that of its primary.

        Raises StoreUnavailable.
        """
        with self._transaction("glance", pools) as connection:
            return int(
                connection.value(
                    "SELECT CAST(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
                    " ELSE pg_current_wal_lsn() END, '0/0') AS bigint)"
                )
                or 0
            )

    @contextmanager
    def _stoppable(self, work: Work | None, raw: Any) -> Iterator[None]:
        if work is None:
            yield
            return
        work.check()
        try:
            with work.interrupted_by(partial(self._dialect.interrupt, raw)):
                yield
        finally:
            if work.is_stopped:
                # PostgreSQL may act on an interruption late: it would hit whoever used the connection next.
                raw.close()

    @contextmanager
    def _translated(self, work: Work | None) -> Iterator[None]:
        try:
            yield
        except self.driver.DatabaseError as failure:
            if work is not None:
                work.check()
            # SQLite raises the plain class for a file that is damaged, or is not a database at all.
            is_its_own = isinstance(failure, self.driver.OperationalError) or type(failure) is self.driver.DatabaseError
            trouble = self._dialect.trouble_of(failure)
            # What a standby says to whoever wants to change something is an error of another class.
            if not is_its_own and trouble != "read-only":
                raise
            raise StoreUnavailable(f"{self}: the database cannot be used: {first_line(failure)}", trouble) from failure
        except self.driver.InterfaceError as failure:
            raise StoreUnavailable(f"{self}: the database does not answer: {first_line(failure)}") from failure


class _Pools:
    """The connections to one server: those of transactions, and those of single queries."""

    def __init__(self, dialect: Dialect) -> None:
        self._transactions = Pool(dialect)
        self._glances = Pool(dialect, GLANCES)

    def of(self, purpose: Purpose) -> Pool:
        """The pool for this purpose."""
        return self._glances if purpose == "glance" else self._transactions

    def reports(self) -> dict[str, PoolReport]:
        """How each is used, by purpose."""
        return {"transactions": self._transactions.report, "glances": self._glances.report}

    def close(self) -> None:
        """Close what is idle."""
        self._transactions.close()
        self._glances.close()


class _Seen:
    """The newest revision of the catalogue that this process has answered from. It never answers from an earlier one."""

    def __init__(self) -> None:
        self._revision = 0
        self._lock = threading.Lock()

    def reaches(self, revision: int) -> bool:
        """Return whether this revision is at least as new, and remember it."""
        with self._lock:
            self._revision = max(self._revision, revision)
            return revision == self._revision


def _revision(connection: Connection) -> int:
    """The catalogue's revision. It is the first query of a transaction, which decides what all others see."""
    return int(connection.value("SELECT revision FROM catalogue") or 0)


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
