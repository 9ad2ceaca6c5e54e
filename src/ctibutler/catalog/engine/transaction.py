"""Running SQL in one transaction, on either engine."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import lru_cache
from typing import Any, Literal

from ctibutler.catalog.engine.dialect import Dialect, Engine, batches
from ctibutler.catalog.engine.stopping import Work


def numbers(keys: Iterable[int]) -> str:
    """Return `(1, 2, 3)` to stand after IN: keys written out, so that the query planner sees how many they are.

    Of no keys, it is a list that nothing is in.
    """
    return "(" + (", ".join(str(int(key)) for key in keys) or "NULL") + ")"


class Transaction:
    """One transaction. Queries are portable text with named parameters (`:name`), bound and never formatted in.

    A parameter that is a list stands where `in_list` says. Rows are tuples whose columns are attributes too. Errors of
    the driver pass through; `Database` translates those that mean that the database cannot be used.
    """

    def __init__(self, raw: Any, dialect: Dialect, work: Work | None = None) -> None:
        """`work` is what this belongs to, if that may be stopped."""
        self._raw = raw
        self._work = work
        self._dialect = dialect
        self.engine: Engine = dialect.name

    def rows(self, sql: str, **parameters: object) -> list[Any]:
        """Return all rows of a query."""
        with closing(self._execute(sql, parameters)) as cursor:
            return list(map(_row_of(cursor), cursor.fetchall()))

    def row(self, sql: str, **parameters: object) -> Any:
        """Return the first row of a query, or None."""
        with closing(self._execute(sql, parameters)) as cursor:
            found = cursor.fetchone()
            return None if found is None else _row_of(cursor)(found)

    def value(self, sql: str, **parameters: object) -> Any:
        """Return the first column of the first row, or None."""
        with closing(self._execute(sql, parameters)) as cursor:
            found = cursor.fetchone()
            return None if found is None else found[0]

    def stream(self, sql: str, **parameters: object) -> Iterator[Any]:
        """Yield the rows of a large query in batches, without holding them all in memory."""
        with closing(self._dialect.stream(self._raw, sql, parameters)) as cursor:
            row_of = _row_of(cursor)
            for batch in batches(cursor):
                yield from map(row_of, batch)

    def run(self, sql: str, **parameters: object) -> int:
        """Run a statement; return the number of rows it changed."""
        with closing(self._execute(sql, parameters)) as cursor:
            return int(cursor.rowcount)

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[tuple[object, ...]]) -> None:
        """Insert many rows into a table: `executemany` on SQLite, `COPY` on PostgreSQL."""
        listed = rows if isinstance(rows, list) else list(rows)
        if listed:
            self._dialect.insert(self._raw, table, columns, listed)

    def script(self, statements: Iterable[str]) -> None:
        """Run statements that have no parameters, in order."""
        for statement in statements:
            self._raw.execute(statement).close()

    def analyze(self) -> None:
        """Update the statistics that the query planner uses. Without them look-ups are a thousand times slower."""
        self.script(["PRAGMA analysis_limit = 1000", "ANALYZE"] if self.engine == "sqlite" else ["ANALYZE"])

    def by_engine(self, **forms: str) -> str:
        """Return the variant of a piece of SQL for this engine: `by_engine(sqlite=…, postgresql=…)`."""
        return forms[self.engine]

    def in_list(self, name: str, kind: Literal["bigint", "text"] = "bigint") -> str:
        """Return what follows `IN` for a parameter that is a list, of any length."""
        return self._dialect.in_list(name, kind)

    def contains(self, column: str, parameter: str) -> str:
        """Return the condition that a column contains the text of a parameter. No character is a wildcard."""
        return f"{self.by_engine(sqlite='instr', postgresql='strpos')}({column}, :{parameter}) > 0"

    def check(self) -> None:
        """Raise the reason if the work that this belongs to was stopped. Long loops call it between their steps."""
        if self._work is not None:
            self._work.check()

    def _execute(self, sql: str, parameters: Mapping[str, object]) -> Any:
        self.check()
        return self._dialect.execute(self._raw, sql, parameters)


def _row_of(cursor: Any) -> Callable[[tuple[Any, ...]], Any]:
    """What makes a row with named columns of a tuple that a cursor returned."""
    return _row_maker(tuple(column[0] for column in cursor.description))


@lru_cache(maxsize=2048)
def _row_maker(columns: tuple[str, ...]) -> Callable[[tuple[Any, ...]], Any]:
    # An expression has no name that could be one of an attribute: such columns are called by their place.
    made: Any = namedtuple("Row", columns, rename=True)  # type: ignore[misc]
    maker: Callable[[tuple[Any, ...]], Any] = made._make
    return maker
