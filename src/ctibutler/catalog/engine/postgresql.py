"""PostgreSQL, through psycopg. Imported only where the database is one: the driver takes a while to load."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import count
from typing import Any

import psycopg

from ctibutler.catalog.engine.dialect import BATCH, WRITING_LOCK, Engine, Purpose
from ctibutler.errors import InvalidRequest

CONNECT_SECONDS = 10

_BEGIN: dict[Purpose, str] = {
    "read": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "write": "BEGIN",
    "note": "BEGIN",
}
# Quoted text, a cast and a percent sign are not parameters.
_PARTS = re.compile(r"'[^']*'|::|%|:(?P<name>\w+)")
_stream_numbers = count(1)


class Postgresql:
    """A database on a server; `address` is a URL as libpq reads it."""

    name: Engine = "postgresql"
    driver: Any = psycopg

    def __init__(self, address: str) -> None:
        self._address = address

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """Open a connection, waiting ten seconds at most."""
        try:
            return psycopg.connect(self._address, autocommit=True, connect_timeout=CONNECT_SECONDS)
        except psycopg.ProgrammingError:  # its message quotes parts of the address, maybe of the password
            raise InvalidRequest("CTIBUTLER_DATABASE_URL: PostgreSQL's client library cannot read this URL") from None

    def is_alive(self, raw: Any) -> bool:
        """Ask the server: it may have been restarted since."""
        try:
            raw.execute("")
        except psycopg.Error:
            return False
        return True

    def begin(self, raw: Any, purpose: Purpose) -> None:
        """Begin a transaction. A note need not wait for a transaction that writes."""
        raw.execute(_BEGIN[purpose])
        if purpose == "write":
            raw.execute(f"SELECT pg_advisory_xact_lock({WRITING_LOCK})")

    def in_transaction(self, raw: Any) -> bool:
        """A connection that is lost has none."""
        return not raw.closed and bool(raw.info.transaction_status != psycopg.pq.TransactionStatus.IDLE)

    def compiled(self, sql: str) -> str:
        """`:name` is `%(name)s` to psycopg, and a percent sign is doubled."""
        return _compiled(sql)

    def bound(self, parameters: Mapping[str, object]) -> Mapping[str, object]:
        """psycopg makes an array of a list."""
        return parameters

    def in_list(self, name: str, kind: str) -> str:
        """Return the elements of an array."""
        return f"(SELECT unnest(CAST(:{name} AS {kind}[])))"

    def insert(self, raw: Any, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
        """Insert many rows."""
        with raw.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def cursor_for_stream(self, raw: Any) -> Any:
        """A plain cursor would hold the whole result, so this one is the server's."""
        cursor = raw.cursor(name=f"stream_{next(_stream_numbers)}")
        cursor.itersize = BATCH
        return cursor


@lru_cache(maxsize=2048)
def _compiled(sql: str) -> str:
    return _PARTS.sub(_part, sql)


def _part(match: re.Match[str]) -> str:
    name = match["name"]
    return f"%({name})s" if name else match[0].replace("%", "%%")
