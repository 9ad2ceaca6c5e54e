"""Whether the text index holds the words of the objects, and no others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ctibutler.catalog.checking.findings import Finding, Progress
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.rows import ObjectRow
from ctibutler.catalog.text import PROPERTIES, as_stored, tokens

_MASK = (1 << 64) - 1
_Sums = list[int]


class Texts:
    """Collects what the index should hold while objects are read, and compares.

    SQLite gives the index by word, not by object, so there the words of an object are compared as a sum, at the end.
    """

    def __init__(self) -> None:
        self._expected: dict[int, tuple[_Sums, str]] = {}
        self._without: dict[int, str] = {}

    def check(
        self, connection: Connection, rows: Sequence[tuple[int, int, ObjectRow]], names: Mapping[int, str]
    ) -> Iterator[Finding]:
        """Note the words of objects; on PostgreSQL, find those that the index has otherwise."""
        texts = [(key, row.texts) for key, _, row in rows if row.texts]
        without = {key: names[key] for key, _, row in rows if not row.texts}
        if connection.engine == "sqlite":
            self._without |= without
            for key, both in texts:
                self._expected[key] = ([_sum(tokens(text)) for text in both], names[key])
            return
        for row in connection.rows(
            """
            SELECT given.key, text_index.rowid
              FROM unnest(CAST(:keys AS bigint[]), CAST(:names AS text[]), CAST(:descriptions AS text[]))
                   AS given (key, name, description)
              LEFT JOIN text_index ON text_index.rowid = given.key
             WHERE text_index.rowid IS NULL
                OR text_index.name <> CAST(given.name AS tsvector)
                OR text_index.description <> CAST(given.description AS tsvector)
             ORDER BY given.key
            """,
            keys=[key for key, _ in texts],
            names=[as_stored(connection, both[0]) for _, both in texts],
            descriptions=[as_stored(connection, both[1]) for _, both in texts],
        ):
            yield Finding("text_index", names[row.key], "is missing" if row.rowid is None else _OTHER)
        for row in connection.rows(
            f"SELECT rowid FROM text_index WHERE rowid IN {connection.in_list('without')}", without=list(without)
        ):
            yield Finding("text_index", names[row.rowid], _UNEXPECTED)

    def check_whole(self, connection: Connection, progress: Progress) -> Iterator[Finding]:
        """Find objects whose words the index has otherwise: on SQLite, after all objects were noted."""
        if connection.engine != "sqlite":
            return
        stored: dict[int, _Sums] = {
            row.key: [0] * len(PROPERTIES) for row in connection.rows("SELECT rowid AS key FROM text_index")
        }
        _read_vocabulary(connection)
        place = {name: number for number, name in enumerate(PROPERTIES)}
        before, term_hash = None, 0
        entries = connection.stream("SELECT doc, col, term FROM temp.vocabulary")
        for number, (doc, column, term) in enumerate(entries):
            if term != before:
                before, term_hash = term, hash(term)
            sums = stored.get(doc)
            if sums is not None:
                sums[place[column]] += term_hash
            if number % 100_000 == 0:
                progress("words", number, None)
        for key, (expected, name) in self._expected.items():
            sums = stored.get(key)
            if sums is None:
                yield Finding("text_index", name, "is missing")
            elif [total & _MASK for total in sums] != expected:
                yield Finding("text_index", name, _OTHER)
        for key in sorted(stored.keys() & self._without.keys()):
            yield Finding("text_index", self._without[key], _UNEXPECTED)


_OTHER = "holds other words than those of its name and description"
_UNEXPECTED = "is there, but the object has no text"


def _sum(terms: Sequence[str]) -> int:
    return sum(map(hash, terms)) & _MASK


def _read_vocabulary(connection: Connection) -> None:
    """Create the temporary table that lists the index. A connection that only reads would forbid it."""
    query_only = connection.value("PRAGMA query_only")
    connection.script(
        (
            "PRAGMA query_only = OFF",
            "CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab('main', 'text_index', 'instance')",
            f"PRAGMA query_only = {query_only}",
        )
    )
