"""PostgreSQL, through psycopg. Imported only where the database is one: the driver takes a while to load."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import count
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import PipelineStatus, TransactionStatus

from ctibutler.catalog.engine.dialect import BATCH, WRITING_LOCK, Engine, Purpose
from ctibutler.catalog.engine.libpq import Reader
from ctibutler.errors import InvalidRequest, StoreTrouble

# What the URL may set otherwise. A server that is cut off without a word is noticed within half a minute.
_USUAL: dict[str, Any] = {
    "connect_timeout": "10",
    "application_name": "ctibutler",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
}
# How long to try to cancel a query, in seconds.
CANCEL_SECONDS = 5

_BEGIN_READING = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_BEGIN: dict[Purpose, str] = {
    "write": f"BEGIN; SELECT pg_advisory_xact_lock({WRITING_LOCK})",
    "note": "BEGIN",
}
_AT_REST = (TransactionStatus.IDLE, TransactionStatus.INTRANS, TransactionStatus.INERROR)
# Quoted text, a cast and a percent sign are not parameters.
_PARTS = re.compile(r"'[^']*'|::|%|:(?P<name>\w+)")
_stream_numbers = count(1)


class _Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection with its reader."""

    reader: Reader


class Postgresql:
    """A database on a server; `address` is a URL as libpq reads it."""

    name: Engine = "postgresql"
    driver: Any = psycopg

    def __init__(self, address: str) -> None:
        self._address = address

    def connect(self) -> _Connection:
        """Open a connection, waiting ten seconds at most."""
        try:
            address = make_conninfo(**{**_USUAL, **conninfo_to_dict(self._address)})
        except psycopg.ProgrammingError:  # its message quotes parts of the address, maybe of the password
            raise InvalidRequest("CTIBUTLER_DATABASE_URL: PostgreSQL's client library cannot read this URL") from None
        raw = _Connection.connect(address, autocommit=True)
        try:
            # After a ROLLBACK or a DROP, psycopg drops every prepared statement if it has any: those of the reader too.
            raw.prepare_threshold = None
            raw.reader = Reader(raw, prepares=_is_direct(raw))
        except BaseException:
            raw.close()
            raise
        return raw

    def is_alive(self, raw: Any) -> bool:
        """Look whether the server has closed the connection: it may have been restarted since."""
        return bool(raw.reader.is_usable())

    def trouble_of(self, failure: Exception) -> StoreTrouble:
        """Return what the server says."""
        if isinstance(failure, psycopg.errors.DiskFull):
            return "full"
        return "read-only" if isinstance(failure, psycopg.errors.ReadOnlySqlTransaction) else "unreachable"

    def trouble(self) -> StoreTrouble | None:
        """The disk of a server does not show."""
        return None

    def keep_reserve(self) -> None:
        """Nothing is held in reserve on a server."""

    def make_room(self) -> bool:
        """Nothing is held in reserve on a server."""
        return False

    def begin(self, raw: Any, purpose: Purpose) -> None:
        """Begin a transaction. A note need not wait for a transaction that writes."""
        if purpose == "read":
            raw.reader.begin(_BEGIN_READING)
        elif purpose == "glance":
            raw.reader.begin(None)
        else:
            raw.execute(_BEGIN[purpose])

    def commit(self, raw: Any) -> None:
        """Commit. That a transaction has read is not waited for."""
        if raw.reader.is_open:
            raw.reader.commit()
        else:
            raw.execute("COMMIT")

    def interrupt(self, raw: Any) -> None:
        """Ask the server to cancel the query, on a connection of its own."""
        with suppress(psycopg.Error):  # the server may be gone, and the query with it
            raw.cancel_safe(timeout=CANCEL_SECONDS)

    def roll_back(self, raw: Any) -> None:
        """Roll back what is open. A connection that is lost or in the middle of something is closed."""
        if raw.reader.is_ending or raw.closed:
            return
        raw.reader.abandon()
        status = raw.info.transaction_status
        if raw.info.pipeline_status != PipelineStatus.OFF or status not in _AT_REST:
            raw.close()
        elif status != TransactionStatus.IDLE:
            raw.execute("ROLLBACK")

    def execute(self, raw: Any, sql: str, parameters: Mapping[str, object]) -> Any:
        """Run a statement."""
        if raw.reader.is_open:
            return raw.reader.execute(sql, parameters)
        return raw.cursor().execute(_compiled(sql), parameters)

    def stream(self, raw: Any, sql: str, parameters: Mapping[str, object]) -> Any:
        """A plain cursor would hold the whole result, so this one is the server's."""
        raw.reader.start()
        cursor = raw.cursor(name=f"stream_{next(_stream_numbers)}")
        cursor.itersize = BATCH
        return cursor.execute(_compiled(sql), parameters)

    def in_list(self, name: str, kind: str) -> str:
        """Return the elements of an array."""
        return f"(SELECT unnest(CAST(:{name} AS {kind}[])))"

    def insert(self, raw: Any, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
        """Insert many rows."""
        with raw.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


def _is_direct(raw: _Connection) -> bool:
    """Whether no pooler stands in between: one gives its clients ids of processes that the server does not have.

    Through a pooler, every transaction may be run by another process of the server. So nothing is kept there.
    """
    row = raw.execute("SELECT pg_backend_pid()").fetchone()
    return row is not None and row[0] == raw.info.backend_pid


@lru_cache(maxsize=2048)
def _compiled(sql: str) -> str:
    return _PARTS.sub(_part, sql)


def _part(match: re.Match[str]) -> str:
    name = match["name"]
    return f"%({name})s" if name else match[0].replace("%", "%%")
