"""Storing the objects of a release. Every function runs in a transaction of its caller."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.identifiers import ensure_identifiers
from ctibutler.catalog.engine.keys import next_key
from ctibutler.catalog.engine.packing import Packed
from ctibutler.catalog.engine.words import ensure_words
from ctibutler.catalog.rows import ObjectRow
from ctibutler.catalog.text import index_texts
from ctibutler.stix.identifiers import embedded_relationship_uuid


class Member(msgspec.Struct, frozen=True, gc=False):
    """An object's place in a release: the digest of its content, its type and its position in the file.

    `repeat` numbers the contents of one id, from 0.
    """

    digest: bytes
    type: str
    position: int
    repeat: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """What is stored as numbers: STIX ids, words, and the knowledge base."""

    identifiers: Mapping[str, int]
    words: Mapping[str, int]
    base: int


@dataclass(frozen=True, slots=True)
class ObjectTable:
    """A table, and its rows for the object with a key."""

    name: str
    columns: tuple[str, ...]
    values: Callable[[int, ObjectRow, Numbers], Iterable[tuple[object, ...]]]


def _object(key: int, row: ObjectRow, numbers: Numbers) -> tuple[object, ...]:
    return (
        key, numbers.base, numbers.identifiers[row.id], numbers.words[row.type], row.digest, row.created, row.modified,
        int(row.revoked), int(row.deprecated), int(row.listed), int(row.subtechnique),
        numbers.identifiers[row.creator] if row.creator else None, row.public, row.name, row.external_id, row.found_by,
        row.id_order,
    )  # fmt: skip


def _relationship(key: int, row: ObjectRow, numbers: Numbers) -> Iterator[tuple[object, ...]]:
    if row.ends:
        source, target, kind = row.ends
        yield key, numbers.identifiers[source], numbers.identifiers[target], numbers.words[kind]


# The tables that one object is enough to fill.
OBJECT_TABLES = (
    ObjectTable(
        "object",
        (
            "object_key", "base_key", "identifier_key", "type_key", "digest", "created", "modified",
            "revoked", "deprecated", "listed", "subtechnique",
            "creator_key", "public", "name", "external_id", "found_by",
            "id_order",
        ),
        lambda key, row, numbers: [_object(key, row, numbers)],
    ),
    ObjectTable("head", ("object_key", "content"), lambda key, row, _: [(key, row.head)] if row.head else []),
    ObjectTable("relationship", ("object_key", "source_key", "target_key", "kind_key"), _relationship),
    ObjectTable(
        "field",
        ("object_key", "name_key", "value"),
        lambda key, row, numbers: [(key, numbers.words[name], value) for name, value in row.fields],
    ),
    ObjectTable(
        "exact_name",
        ("value", "object_key", "rank"),
        lambda key, row, _: [(value, key, rank) for value, rank in row.exact],
    ),
)  # fmt: skip


class StoredObject(msgspec.Struct, frozen=True, gc=False):
    """What an import has to know of an object that is stored already, so that it need not decode it again."""

    key: int
    id: str
    type: str
    revoked: bool
    deprecated: bool


def stored_objects(connection: Connection, base: str) -> dict[bytes, StoredObject]:
    """Return digest → object of every stored object of a knowledge base."""
    rows = connection.rows(
        """
        SELECT object.digest, object.object_key, identifier.stix_id, object.type_key, object.revoked, object.deprecated
          FROM object
          JOIN identifier ON identifier.identifier_key = object.identifier_key
         WHERE object.base_key = :base
        """,
        base=connection.key(base),
    )
    return {
        bytes(digest): StoredObject(key, stix_id, connection.word(type_key), bool(revoked), bool(deprecated))
        for digest, key, stix_id, type_key, revoked, deprecated in rows
    }


def rows_to_write(rows: Iterable[ObjectRow]) -> int:
    """Return how many rows `add_objects` writes for these objects, apart from references that are shared."""
    return sum(
        2 + bool(row.head) + bool(row.ends) + bool(row.texts) + len(row.references) + len(row.fields) + len(row.exact)
        for row in rows
    )


def add_objects(
    connection: Connection,
    base: str,
    rows: Sequence[ObjectRow],
    packed: Packed,
    wrote: Callable[[int], None] = lambda _: None,
) -> dict[bytes, int]:
    """Store new objects with their compressed bytes. Return digest → object key.

    `wrote` is called with the number of rows each time that some were written.
    """
    if not rows:
        return {}
    dictionary_key = packed.stored(connection, base)
    identifiers = ensure_identifiers(connection, _ids_named(rows))
    words = ensure_words(connection, {base, *_words_used(rows)})
    first = next_key(connection, "object", "object_key")
    keys = list(range(first, first + len(rows)))
    numbered = list(zip(keys, rows, strict=True))

    numbers = Numbers(identifiers, words, words[base])
    for table in OBJECT_TABLES:
        values = [value for key, row in numbered for value in table.values(key, row, numbers)]
        connection.insert(table.name, table.columns, values)
        wrote(len(values))
    bodies = [(key, dictionary_key, body) for key, body in zip(keys, packed.contents, strict=True)]
    connection.insert("body", ("object_key", "dictionary_key", "content"), bodies)
    wrote(len(bodies))
    wrote(_add_references(connection, numbered, numbers))
    texts = [(key, *row.texts) for key, row in numbered if row.texts]
    index_texts(connection, texts)
    wrote(len(texts))
    return {row.digest: key for key, row in numbered}


def add_members(connection: Connection, release_key: int, members: Sequence[Member], keys: dict[bytes, int]) -> None:
    """Make objects members of a release. `keys` is digest → object key."""
    words = ensure_words(connection, {member.type for member in members})
    connection.insert(
        "member",
        ("release_key", "type_key", "object_key", "position", "repeat"),
        sorted(
            (release_key, words[member.type], keys[member.digest], member.position, member.repeat) for member in members
        ),
    )


class _References:
    """The embedded references of one STIX id, by type and target, and their places; `free` is the first after all of them."""

    __slots__ = ("free", "places")

    def __init__(self) -> None:
        self.places: dict[tuple[str, str], int] = {}
        self.free = 0


def _add_references(
    connection: Connection,
    numbered: Sequence[tuple[int, ObjectRow]],
    numbers: Numbers,
) -> int:
    """Store embedded references, each (source, type, target) once, and which objects hold them. Return the rows written.

    The references of one id are numbered, and an object holds a run of these numbers, or a few: its contents seldom differ
    in what they refer to.
    """
    identifiers, words = numbers.identifiers, numbers.words
    # In the order of their sources, as the table is: rows that are added at its end are the cheapest.
    holders = sorted(((key, row) for key, row in numbered if row.references), key=lambda held: identifiers[held[1].id])
    if not holders:
        return 0
    stored = _stored_references(connection, holders, numbers)
    made: list[tuple[object, ...]] = []
    held: list[tuple[int, int, int]] = []
    for object_key, row in holders:
        source = identifiers[row.id]
        mine = stored.get(source) or stored.setdefault(source, _References())
        places = []
        for pair in row.references:
            place = mine.places.get(pair)
            if place is None:
                place = mine.places[pair] = mine.free
                mine.free += 1
                kind, target = pair
                uuid = embedded_relationship_uuid(kind, row.id, target)
                made.append((source, place, words[kind], identifiers[target], uuid))
            places.append(place)
        held += [(object_key, first, last) for first, last in _runs(places)]
    held.sort()
    connection.insert("reference", ("source_key", "place", "kind_key", "target_key", "uuid"), made)
    connection.insert("object_reference", ("object_key", "first_place", "last_place"), held)
    return len(made) + len(held)


def _stored_references(
    connection: Connection, holders: Sequence[tuple[int, ObjectRow]], numbers: Numbers
) -> dict[int, _References]:
    """The references that are stored already, by the number of their source."""
    ids = {key: stix_id for stix_id, key in numbers.identifiers.items()}
    words = {key: word for word, key in numbers.words.items()}
    found: dict[int, _References] = {}
    for row in connection.rows(
        "SELECT source_key, place, kind_key, target_key FROM reference"
        f" WHERE source_key IN {connection.in_list('sources')} ORDER BY source_key, place",
        sources=sorted({numbers.identifiers[row.id] for _, row in holders}),
    ):
        mine = found.get(row.source_key) or found.setdefault(row.source_key, _References())
        # A type or target that no new object names is not looked for.
        mine.places[words.get(row.kind_key, ""), ids.get(row.target_key, "")] = row.place
        mine.free = row.place + 1
    return found


def _runs(places: list[int]) -> Iterator[tuple[int, int]]:
    """The runs of consecutive numbers among distinct ones: first and last of each."""
    places.sort()
    first = 0
    if places[-1] - places[0] == len(places) - 1:
        yield places[0], places[-1]
        return
    for after in range(1, len(places) + 1):
        if after == len(places) or places[after] != places[after - 1] + 1:
            yield places[first], places[after - 1]
            first = after


def _ids_named(rows: Iterable[ObjectRow]) -> set[str]:
    named: set[str] = set()
    for row in rows:
        named.add(row.id)
        named.update(target for _, target in row.references)
        if row.ends:
            named.update(row.ends[:2])
        if row.creator:
            named.add(row.creator)
    return named


def _words_used(rows: Iterable[ObjectRow]) -> set[str]:
    used: set[str] = set()
    for row in rows:
        used.add(row.type)
        used.update(kind for kind, _ in row.references)
        used.update(name for name, _ in row.fields)
        if row.ends:
            used.add(row.ends[2])
    return used
