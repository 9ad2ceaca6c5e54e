"""Running SQL in one transaction, on either engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import msgspec
import sqlalchemy
from sqlalchemy import text
from sqlalchemy.engine import Row
from sqlalchemy.exc import DBAPIError

Engine = Literal["sqlite", "postgresql"]

_ARRAY = {"sqlite": "(SELECT value FROM json_each(:{}))", "postgresql": "(SELECT unnest(CAST(:{} AS {})))"}


def numbers(keys: Iterable[int]) -> str:
    """Return `(1, 2, 3)` to stand after IN: keys written out, so that the query planner sees how many they are.

    Of no keys, it is a list that nothing is in.
    """
    return "(" + (", ".join(str(int(key)) for key in keys) or "NULL") + ")"


class Transaction:
    """One transaction. Queries are portable text with named parameters (`:name`), bound and never formatted in.

    A parameter that is a list stands where `in_list` says. Errors of the driver pass through; `Database` translates
    those that mean that the database cannot be used.
    """

    def __init__(self, connection: sqlalchemy.Connection, engine: Engine) -> None:
        self._connection = connection
        self.engine = engine

    @property
    def sqlalchemy_connection(self) -> sqlalchemy.Connection:
        """The connection itself, for migrations."""
        return self._connection

    def rows(self, sql: str, **parameters: object) -> Sequence[Row[Any]]:
        """Return all rows of a query; columns are attributes."""
        found: Sequence[Row[Any]] = self._execute(sql, parameters).fetchall()
        return found

    def row(self, sql: str, **parameters: object) -> Row[Any] | None:
        """Return the first row of a query, or None."""
        found: Row[Any] | None = self._execute(sql, parameters).fetchone()
        return found

    def value(self, sql: str, **parameters: object) -> Any:
        """Return the first column of the first row, or None."""
        found = self.row(sql, **parameters)
        return None if found is None else found[0]

    def stream(self, sql: str, **parameters: object) -> Iterator[Row[Any]]:
        """Yield the rows of a large query in batches, without holding them all in memory."""
        # An option of this statement alone: one of the connection would make server-side cursors of all that follow.
        result = self._connection.execute(_text(sql), self._bound(parameters), execution_options={"yield_per": 1000})
        yield from result

    def run(self, sql: str, **parameters: object) -> int:
        """Run a statement; return the number of rows it changed."""
        touched: int = self._execute(sql, parameters).rowcount
        return touched

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[tuple[object, ...]]) -> None:
        """Insert many rows into a table: `executemany` on SQLite, `COPY` on PostgreSQL."""
        listed = rows if isinstance(rows, list) else list(rows)
        if not listed:
            return
        names = ", ".join(columns)
        raw = self._connection.connection.cursor()
        try:
            if self.engine == "postgresql":
                with raw.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                    for row in listed:
                        copy.write_row(row)
            else:
                marks = ", ".join("?" * len(columns))
                raw.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", listed)
        except self._driver.Error as failure:  # the driver's own error, as SQLAlchemy would have wrapped it
            raise DBAPIError.instance(f"INSERT INTO {table}", None, failure, self._driver.Error) from failure
        finally:
            raw.close()

    @property
    def _driver(self) -> Any:
        return self._connection.dialect.loaded_dbapi

    def script(self, statements: Iterable[str]) -> None:
        """Run statements that have no parameters, in order."""
        for statement in statements:
            self._connection.exec_driver_sql(statement)

    def analyze(self) -> None:
        """Update the statistics that the query planner uses. Without them look-ups are a thousand times slower."""
        self.script(["PRAGMA analysis_limit = 1000", "ANALYZE"] if self.engine == "sqlite" else ["ANALYZE"])

    def by_engine(self, **forms: str) -> str:
        """Return the variant of a piece of SQL for this engine: `by_engine(sqlite=…, postgresql=…)`."""
        return forms[self.engine]

    def _execute(self, sql: str, parameters: Mapping[str, object]) -> Any:
        return self._connection.execute(_text(sql), self._bound(parameters))

    def _bound(self, parameters: Mapping[str, object]) -> dict[str, object]:
        if self.engine == "sqlite":
            return {
                name: msgspec.json.encode(value).decode() if isinstance(value, list) else value
                for name, value in parameters.items()
            }
        return dict(parameters)

    def in_list(self, name: str, kind: Literal["bigint", "text"] = "bigint") -> str:
        """Return what follows `IN` for a parameter that is a list, of any length."""
        return _ARRAY[self.engine].format(name, f"{kind}[]")

    def contains(self, column: str, parameter: str) -> str:
        """Return the condition that a column contains the text of a parameter. No character is a wildcard."""
        function = {"sqlite": "instr", "postgresql": "strpos"}[self.engine]
        return f"{function}({column}, :{parameter}) > 0"


@lru_cache(maxsize=2048)
def _text(sql: str) -> sqlalchemy.TextClause:
    return text(sql)
