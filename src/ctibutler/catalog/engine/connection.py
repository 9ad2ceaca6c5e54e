"""One transaction on the catalogue: how SQL is said on either engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import sqlalchemy
from sqlalchemy import text
from sqlalchemy.engine import Row
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from ctibutler.catalog.engine.bodies import Bodies
    from ctibutler.catalog.engine.words import Words

Engine = Literal["sqlite", "postgresql"]

_ARRAY = {"sqlite": "(SELECT value FROM json_each(:{}))", "postgresql": "(SELECT unnest(CAST(:{} AS {})))"}


class Connection:
    """One transaction on the catalogue."""

    def __init__(self, connection: sqlalchemy.Connection, engine: Engine, words: Words, bodies: Bodies) -> None:
        self._connection = connection
        self.engine = engine
        self._words = words
        self._bodies = bodies

    @property
    def sqlalchemy_connection(self) -> sqlalchemy.Connection:
        """The connection itself, for migrations."""
        return self._connection

    def rows(self, sql: str, **parameters: object) -> Sequence[Row[Any]]:
        """All rows of a query. A parameter that is a list stands where `in_list` says."""
        found: Sequence[Row[Any]] = self._execute(sql, parameters).fetchall()
        return found

    def row(self, sql: str, **parameters: object) -> Row[Any] | None:
        """The first row of a query, or None."""
        found: Row[Any] | None = self._execute(sql, parameters).fetchone()
        return found

    def value(self, sql: str, **parameters: object) -> Any:
        """The first column of the first row, or None."""
        found = self.row(sql, **parameters)
        return None if found is None else found[0]

    def stream(self, sql: str, **parameters: object) -> Iterator[Row[Any]]:
        """Rows of a large query, as they come."""
        # An option of this statement alone: one of the connection would make server-side cursors of all that follow.
        result = self._connection.execute(_text(sql), self._bound(parameters), execution_options={"yield_per": 1000})
        yield from result

    def run(self, sql: str, **parameters: object) -> int:
        """A statement; gives the number of rows it touched."""
        touched: int = self._execute(sql, parameters).rowcount
        return touched

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[tuple[object, ...]]) -> None:
        """Put many rows into a table: `executemany` on SQLite, `COPY` on PostgreSQL."""
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
        """Statements without parameters, one after the other."""
        for statement in statements:
            self._connection.exec_driver_sql(statement)

    def key(self, word: str) -> int:
        """The number of a word (a type, a relationship type, a knowledge base), 0 where no row has it."""
        return self._words.key(self, word)

    def keys(self, words: Iterable[str]) -> list[int]:
        """The numbers of those of these words that any row has."""
        return [key for key in map(self.key, words) if key]

    def word(self, key: int) -> str:
        """The word of a number."""
        return self._words.word(self, key)

    def content(self, dictionary_key: int, compressed: bytes) -> bytes:
        """The bytes of an object from its row in `body`."""
        return self._bodies.content(self, dictionary_key, compressed)

    def analyze(self) -> None:
        """Renew the statistics that the planner goes by: without them look-ups are a thousand times slower."""
        self.script(["PRAGMA analysis_limit = 1000", "ANALYZE"] if self.engine == "sqlite" else ["ANALYZE"])

    def by_engine(self, **forms: str) -> str:
        """The form of a piece of SQL for this engine."""
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
        """`(…)` to stand after IN for a parameter that is a list of any length."""
        return _ARRAY[self.engine].format(name, f"{kind}[]")

    def contains(self, column: str, parameter: str) -> str:
        """Condition: the text of a column contains the text of a parameter, no character being special."""
        function = {"sqlite": "instr", "postgresql": "strpos"}[self.engine]
        return f"{function}({column}, :{parameter}) > 0"


@lru_cache(maxsize=2048)
def _text(sql: str) -> sqlalchemy.TextClause:
    return text(sql)
