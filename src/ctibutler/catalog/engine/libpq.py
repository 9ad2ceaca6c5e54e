"""The statements of a transaction that only reads, run by libpq with as little as possible in between.

A cursor of psycopg waits for the server in steps, so that a signal can interrupt it. For a query that takes the server a
twentieth of a millisecond this is most of the time: the same query through `psycopg.pq` takes an eighth of it. Here BEGIN
travels with the first statement, and nobody waits for the answer to COMMIT: a read costs one round trip for each query.
"""

from __future__ import annotations

import re
import selectors
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import psycopg
from psycopg import pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result

# A statement is prepared when it is run for the third time: most that hold keys are never run again.
_PREPARED_AFTER = 2
_MOST_PREPARED = 128
_MOST_COUNTED = 512
_BINARY = pq.Format.BINARY
_GOOD = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK, pq.ExecStatus.EMPTY_QUERY)

# Quoted text and a cast are not parameters.
_PARTS = re.compile(r"'[^']*'|::|:(?P<name>\w+)")

# Windows has no poll, and elsewhere `select` refuses a number above 1,023.
_Selector: type[selectors.BaseSelector] = getattr(selectors, "PollSelector", selectors.SelectSelector)

# A statement and the types of its parameters.
_Key = tuple[bytes, tuple[int, ...]]


class Result:
    """The rows of a statement, with what `Transaction` uses of a cursor."""

    def __init__(self, result: pq.abc.PGresult, transformer: Any) -> None:
        self._result = result
        self._transformer = transformer

    @property
    def description(self) -> list[tuple[str]]:
        """The name of each column."""
        return [((self._result.fname(place) or b"").decode(),) for place in range(self._result.nfields)]

    @property
    def rowcount(self) -> int:
        """The number of rows."""
        return self._result.ntuples

    def fetchall(self) -> list[Any]:
        """Return all rows."""
        return self._rows(self._result.ntuples)

    def fetchone(self) -> Any:
        """Return the first row, or None."""
        return next(iter(self._rows(min(1, self._result.ntuples))), None)

    def close(self) -> None:
        """Nothing is held on the server."""

    def _rows(self, number: int) -> list[Any]:
        self._transformer.set_pgresult(self._result)
        rows: list[Any] = self._transformer.load_rows(0, number, tuple)
        return rows


class Reader:
    """Runs reading transactions on one connection. Between two of them, the connection belongs to psycopg again."""

    def __init__(self, raw: psycopg.Connection[Any], *, prepares: bool) -> None:
        """`prepares`: whether statements that are run often stay prepared on the server."""
        self._pgconn = raw.pgconn
        self._encoding = raw.info.encoding
        self._transformer: Any = Transformer(raw)  # in C or in Python: no type
        self._prepares = prepares
        self._prepared: OrderedDict[_Key, bytes] = OrderedDict()
        self._seen: OrderedDict[_Key, int] = OrderedDict()
        self._made = 0
        self._begin: bytes | None = None
        self._is_transaction = False
        self._selector = _Selector()
        self._selector.register(raw.fileno(), selectors.EVENT_READ)
        self.is_open = False
        self.is_ending = False

    def begin(self, statement: bytes | None) -> None:
        """Open a transaction. Its BEGIN is sent with the first statement; without one, each statement sees its own state."""
        self._begin = statement
        self._is_transaction = statement is not None
        self.is_open = True

    def start(self) -> None:
        """Send the BEGIN now, for what does not come through here."""
        if self._begin is not None:
            statement, self._begin = self._begin, None
            self._checked(self._pgconn.exec_(statement))

    def execute(self, sql: str, parameters: Mapping[str, object]) -> Result:
        """Run a statement and return its rows.

        Raises psycopg.Error.
        """
        query, names = _compiled(sql)
        values = [parameters[name] for name in names]
        dumped: Sequence[Any] = self._transformer.dump_sequence(values, [PyFormat.AUTO] * len(values))
        types, formats = self._transformer.types or (), self._transformer.formats or ()
        statement = self._prepared_name((query, types)) if self._prepares else None
        if self._begin is not None:
            return self._with_begin(query, statement, dumped, types, formats)
        if statement is None:
            result = self._pgconn.exec_params(query, dumped, types, formats, _BINARY)
        else:
            result = self._pgconn.exec_prepared(statement, dumped, formats, _BINARY)
        return Result(self._checked(result), self._transformer)

    def commit(self) -> None:
        """End the transaction. Nothing was changed, so nobody has to know when the server has ended it."""
        self.is_open = False
        if self._is_transaction and self._begin is None:
            self._pgconn.send_query(b"COMMIT")
            self.is_ending = True

    def abandon(self) -> None:
        """Forget the transaction: something went wrong in it."""
        self.is_open = False
        self._begin = None

    def is_usable(self) -> bool:
        """Return whether the idle connection can be used. A server that closed it has left a message, or the end."""
        try:
            if self.is_ending:
                self.is_ending = False
                self._checked(self._next_result())
                while self._next_result() is not None:
                    pass
            if self._selector.select(0):
                self._pgconn.consume_input()
        except psycopg.Error:
            return False
        return self._pgconn.status == pq.ConnStatus.OK and self._pgconn.transaction_status == pq.TransactionStatus.IDLE

    def _with_begin(
        self,
        query: bytes,
        statement: bytes | None,
        dumped: Sequence[Any],
        types: Sequence[int],
        formats: Sequence[pq.Format],
    ) -> Result:
        begin, self._begin = self._begin, None
        assert begin is not None
        connection = self._pgconn
        connection.enter_pipeline_mode()
        try:
            connection.send_query_params(begin, None)
            if statement is None:
                connection.send_query_params(query, dumped, types, formats, _BINARY)
            else:
                connection.send_query_prepared(statement, dumped, formats, _BINARY)
            connection.pipeline_sync()
            results = self._pipelined()
        finally:
            if connection.status == pq.ConnStatus.OK and not connection.is_busy():
                connection.exit_pipeline_mode()
        for result in results:
            self._checked(result)
        return Result(results[-1], self._transformer)

    def _pipelined(self) -> list[pq.abc.PGresult]:
        """The results up to the point of synchronisation."""
        results: list[pq.abc.PGresult] = []
        while True:
            result = self._next_result()
            if result is None:
                self._check_connection()
            elif result.status == pq.ExecStatus.PIPELINE_SYNC:
                return results
            else:
                results.append(result)

    def _next_result(self) -> pq.abc.PGresult | None:
        # `get_result` alone would hold Python's lock until the server has answered.
        connection = self._pgconn
        while connection.flush():
            self._wait(selectors.EVENT_READ | selectors.EVENT_WRITE)
            connection.consume_input()
        while connection.is_busy():
            self._wait(selectors.EVENT_READ)
            connection.consume_input()
        return connection.get_result()

    def _wait(self, events: int) -> None:
        [key] = self._selector.get_map().values()
        if key.events != events:
            self._selector.modify(key.fileobj, events)
        self._selector.select()

    def _prepared_name(self, key: _Key) -> bytes | None:
        """The name of the prepared statement, or None while it is not worth one."""
        name = self._prepared.get(key)
        if name is not None:
            self._prepared.move_to_end(key)
            return name
        times = self._seen.pop(key, 0) + 1
        if times <= _PREPARED_AFTER:
            self._seen[key] = times
            if len(self._seen) > _MOST_COUNTED:
                self._seen.popitem(last=False)
            return None
        self._made += 1
        name = b"read_%d" % self._made
        self._checked(self._pgconn.prepare(name, *key))
        self._prepared[key] = name
        if len(self._prepared) > _MOST_PREPARED:
            _, oldest = self._prepared.popitem(last=False)
            self._checked(self._pgconn.exec_(b"DEALLOCATE " + oldest))
        return name

    def _checked(self, result: pq.abc.PGresult | None) -> pq.abc.PGresult:
        """The result, if it is a good one.

        Raises psycopg.Error.
        """
        if result is None or result.status not in _GOOD:
            self._check_connection()
            assert result is not None
            raise error_from_result(result, self._encoding)
        return result

    def _check_connection(self) -> None:
        if self._pgconn.status != pq.ConnStatus.OK:
            raise psycopg.OperationalError(self._pgconn.get_error_message(self._encoding))


@lru_cache(maxsize=2048)
def _compiled(sql: str) -> tuple[bytes, tuple[str, ...]]:
    """A statement with `$1` for its first parameter, and the names of its parameters in that order."""
    names: dict[str, int] = {}

    def numbered(match: re.Match[str]) -> str:
        name = match["name"]
        return f"${names.setdefault(name, len(names) + 1)}" if name else match[0]

    return _PARTS.sub(numbered, sql).encode(), tuple(names)
