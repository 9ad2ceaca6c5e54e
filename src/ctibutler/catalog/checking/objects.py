"""Whether the bytes of objects are those that were imported, and the rows made from them what these bytes say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import zstandard

from ctibutler.catalog.checking.findings import Finding, Progress
from ctibutler.catalog.checking.texts import Texts
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.rows import ObjectRow, row_of
from ctibutler.catalog.writing import OBJECT_TABLES, Numbers, ObjectTable
from ctibutler.errors import MalformedFile
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.identifiers import embedded_relationship_uuid
from ctibutler.stix.objects import StixObject, decode, digest_of

_AT_ONCE = 1000
_NO_KEY = -1


class _Keys(dict[str, int]):
    """Keys by text. A text without a row has a key that no row has."""

    def __missing__(self, text: str) -> int:
        return _NO_KEY


@dataclass(frozen=True, slots=True)
class _Portion:
    """Some objects: their keys from first to last, the rows that their bytes say, and their ids for messages."""

    first: int
    last: int
    rows: Sequence[tuple[int, int, ObjectRow]]
    names: Mapping[int, str]


def check_objects(
    connection: Connection, knowledge_bases: KnowledgeBases, texts: Texts, progress: Progress
) -> Iterator[Finding]:
    """Find objects whose bytes are damaged or missing, and rows that differ from what is computed from the bytes."""
    identifiers = _Keys(
        (row.stix_id, row.identifier_key) for row in connection.rows("SELECT stix_id, identifier_key FROM identifier")
    )
    words = _Keys((row.word, row.word_key) for row in connection.rows("SELECT word, word_key FROM word"))
    bases = {words[kb.slug]: kb for kb in knowledge_bases.all if kb.slug in words}
    dictionaries = {0} | {row.dictionary_key for row in connection.rows("SELECT dictionary_key FROM dictionary")}
    keys = [row.object_key for row in connection.rows("SELECT object_key FROM object ORDER BY object_key")]
    for start in range(0, len(keys), _AT_ONCE):
        progress("objects", start, len(keys))
        some = keys[start : start + _AT_ONCE]
        read = _Reading(connection, bases, dictionaries)
        portion = _Portion(some[0], some[-1], read.rows(some[0], some[-1]), read.names)
        yield from read.findings
        for table in OBJECT_TABLES:
            yield from _check_table(connection, table, portion, identifiers, words)
        yield from _check_references(connection, portion, identifiers, words)
        texts.note(portion.rows, portion.names)
    progress("objects", len(keys), len(keys))


class _Reading:
    """Reads objects from their bytes."""

    def __init__(self, connection: Connection, bases: Mapping[int, KnowledgeBase], dictionaries: set[int]) -> None:
        self._connection = connection
        self._bases = bases
        self._dictionaries = dictionaries
        self.names: dict[int, str] = {}
        self.findings: list[Finding] = []

    def rows(self, first: int, last: int) -> list[tuple[int, int, ObjectRow]]:
        """Object key, key of its knowledge base, and row of each object with a key from first to last that can be read."""
        found = []
        for row in self._connection.rows(
            """
            SELECT object.object_key, object.base_key, object.digest, identifier.stix_id, body.dictionary_key, body.content
              FROM object
              LEFT JOIN identifier ON identifier.identifier_key = object.identifier_key
              LEFT JOIN body       ON body.object_key = object.object_key
             WHERE object.object_key BETWEEN :first AND :last
             ORDER BY object.object_key
            """,
            first=first,
            last=last,
        ):
            self.names[row.object_key] = f"{row.stix_id} (object_key {row.object_key})"
            made = self._row(row)
            if made is not None:
                found.append((row.object_key, row.base_key, made))
        return found

    def _row(self, row: Any) -> ObjectRow | None:
        try:
            return self._made(row)
        except _Wrong as wrong:
            table, what = wrong.args
            self.findings.append(Finding(table, self.names[row.object_key], what))
            return None

    def _made(self, row: Any) -> ObjectRow:
        if row.content is None:
            raise _Wrong("body", "is missing")
        if row.dictionary_key not in self._dictionaries:
            raise _Wrong("body", f"cannot be read: there is no dictionary {row.dictionary_key}")
        try:
            content = self._connection.content(row.dictionary_key, bytes(row.content))
        except (zstandard.ZstdError, MemoryError) as failure:
            raise _Wrong("body", f"cannot be decompressed: {failure}") from None
        digest, stored = digest_of(content), bytes(row.digest)
        if digest != stored:
            raise _Wrong("body", f"its digest is {digest.hex()}, but object.digest is {stored.hex()}")
        kb = self._bases.get(row.base_key)
        if kb is None:
            raise _Wrong("object", f"base_key is {row.base_key}, which is not the word of a knowledge base")
        properties = decode(content)
        try:
            stix_object = StixObject(str(properties["id"]), str(properties["type"]), content, digest, 0)
            return row_of(kb, stix_object, properties, "body")
        except MalformedFile as wrong:  # such as a time that cannot be read
            raise _Wrong("body", str(wrong)) from None


class _Wrong(Exception):
    """What is wrong with an object: the table, and a sentence."""


def _check_table(
    connection: Connection,
    table: ObjectTable,
    portion: _Portion,
    identifiers: Mapping[str, int],
    words: Mapping[str, int],
) -> Iterator[Finding]:
    expected = {
        value for key, base, row in portion.rows for value in table.values(key, row, Numbers(identifiers, words, base))
    }
    stored = {
        tuple(row)
        for row in connection.rows(
            f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE object_key BETWEEN :first AND :last",
            first=portion.first,
            last=portion.last,
        )
    }
    readable = {key for key, _, _ in portion.rows}
    place = table.columns.index("object_key")
    yield from _differences(
        table.name,
        table.columns,
        _by_key(expected - stored, place),
        _by_key((row for row in stored - expected if row[place] in readable), place),
        portion.names,
    )


def _check_references(
    connection: Connection, portion: _Portion, identifiers: Mapping[str, int], words: Mapping[str, int]
) -> Iterator[Finding]:
    expected = {
        (key, identifiers[row.id], words[kind], identifiers[target], embedded_relationship_uuid(kind, row.id, target))
        for key, _, row in portion.rows
        for kind, target in row.references
    }
    stored = {
        tuple(row)
        for row in connection.rows(
            """
            SELECT object_reference.object_key, reference.source_key, reference.kind_key, reference.target_key, reference.uuid
              FROM object_reference
              JOIN object    ON object.object_key = object_reference.object_key
              JOIN reference ON reference.source_key = object.identifier_key
                            AND reference.place BETWEEN object_reference.first_place AND object_reference.last_place
             WHERE object_reference.object_key BETWEEN :first AND :last
            """,
            first=portion.first,
            last=portion.last,
        )
    }
    readable = {key for key, _, _ in portion.rows}
    columns = ("object_key", "source_key", "kind_key", "target_key", "uuid")
    too_many = (row for row in stored - expected if row[0] in readable)
    yield from _differences("reference", columns, _by_key(expected - stored, 0), _by_key(too_many, 0), portion.names)
    yield from _check_runs(connection, portion)


def _check_runs(connection: Connection, portion: _Portion) -> Iterator[Finding]:
    """Whether the runs of references that objects hold are as long as their references are many."""
    held = {
        row.object_key: row.held
        for row in connection.rows(
            """
            SELECT object_key, sum(last_place - first_place + 1) AS held
              FROM object_reference
             WHERE object_key BETWEEN :first AND :last
             GROUP BY object_key
            """,
            first=portion.first,
            last=portion.last,
        )
    }
    for key, _, row in portion.rows:
        if held.get(key, 0) != len(row.references):
            wrong = f"{held.get(key, 0)} references are held, but its bytes have {len(row.references)}"
            yield Finding("object_reference", portion.names[key], wrong)


Rows = Mapping[int, list[tuple[object, ...]]]


def _by_key(rows: Iterable[tuple[Any, ...]], place: int) -> Rows:
    found: dict[int, list[tuple[object, ...]]] = defaultdict(list)
    for row in rows:
        found[row[place]].append(row)
    return found


def _differences(
    table: str, columns: tuple[str, ...], missing: Rows, too_many: Rows, names: Mapping[int, str]
) -> Iterator[Finding]:
    """What is wrong with the rows of a table, object by object."""
    for key in sorted({*missing, *too_many}):
        lacking, extra = missing.get(key, []), too_many.get(key, [])
        if len(lacking) == len(extra) == 1:
            wrong = [
                f"{column} is {_shown(stored)}, but its bytes say {_shown(said)}"
                for column, said, stored in zip(columns, lacking[0], extra[0], strict=True)
                if said != stored
            ]
            yield Finding(table, names[key], "; ".join(wrong))
            continue
        for row in lacking:
            yield Finding(table, names[key], f"a row is missing: {_described(columns, row)}")
        for row in extra:
            yield Finding(table, names[key], f"a row does not belong there: {_described(columns, row)}")


def _described(columns: tuple[str, ...], row: tuple[object, ...]) -> str:
    return ", ".join(
        f"{column} {_shown(value)}" for column, value in zip(columns, row, strict=True) if column != "object_key"
    )


def _shown(value: object) -> str:
    if value is None:
        return "empty"
    text = value.hex() if isinstance(value, bytes) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
