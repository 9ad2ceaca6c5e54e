"""Relationships of objects: those that publishers wrote, those in properties, those that we made."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import msgspec

from ctibutler.catalog import objects
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import Release
from ctibutler.stix.identifiers import relationship_id
from ctibutler.stix.objects import META_TYPES, RELATIONSHIP, encode, type_of_id
from ctibutler.stix.references import embedded_relationship

Family = Literal["native", "embedded", "link"]


class Edge(msgspec.Struct, frozen=True, gc=False):
    """A relationship without its bytes.

    `key` is the object of a native one, the owner of an embedded one, the row of a link. `release_key` is the release it
    was found in; the ends of a link lie in `source_release` and `target_release`. `note` is the mode of a link.
    """

    family: Family
    key: int
    id: str
    relationship_type: str
    source: str
    target: str
    created: int | None
    modified: int | None
    release_key: int
    source_release: int
    target_release: int
    note: str = ""
    embedded: bool = False


class Shown(msgspec.Struct, frozen=True, gc=False):
    """Of a relationship, what its JSON is made from: `contents` needs no more. Long lists are kept of these."""

    family: Family
    key: int
    relationship_type: str
    target: str


def shown(edge: Edge) -> Shown:
    """The part of a relationship that shows it."""
    return Shown(edge.family, edge.key, sys.intern(edge.relationship_type), sys.intern(edge.target))


def edges_of(connection: Connection, release: Release, stix_id: str, *, include_embedded: bool = True) -> list[Edge]:
    """Every relationship of a release, and every link, that begins or ends at this object; each once."""
    identifier = connection.value("SELECT identifier_key FROM identifier WHERE stix_id = :stix_id", stix_id=stix_id)
    if identifier is None:
        return []
    edges = list(
        _native(
            connection, [release], "AND (relationship.source_key = :me OR relationship.target_key = :me)", me=identifier
        )
    )
    if include_embedded and not release.options.ignore_embedded:
        edges += _embedded(connection, [release], _EMBEDDED_FROM, me=identifier)
        edges += _embedded(connection, [release], _EMBEDDED_TO, me=identifier)
    for edge in _links(connection, release, identifier):
        if include_embedded or not edge.embedded:
            edges.append(edge)
    return distinct(edges)


def edges_in(connection: Connection, release: Release, *, include_embedded: bool = True) -> list[Edge]:
    """Every relationship of a release, and the links that belong to it: those of which it is the source's release."""
    edges = list(_native(connection, [release], ""))
    edges += derived_edges(connection, release, include_embedded=include_embedded)
    return distinct(edges)


def derived_edges(connection: Connection, release: Release, *, include_embedded: bool = True) -> list[Edge]:
    """The relationships of a release that we made: embedded ones, techniques to tactics, links that belong to it."""
    edges: list[Edge] = []
    if include_embedded and not release.options.ignore_embedded:
        edges += _embedded(connection, [release], _EMBEDDED_ALL)
    rows = connection.rows(
        f"{_LINK_COLUMNS} WHERE link_set.owner_release = :release AND link_set.owner_shows = 1",
        release=release.key,
    )
    edges += [edge for edge in map(_link_maker(connection, release.key), rows) if include_embedded or not edge.embedded]
    return edges


def edges_with_id(connection: Connection, relationship: str, among: Sequence[Release]) -> list[Edge]:
    """The relationships that we made under this id, in these releases."""
    try:
        uuid = bytes.fromhex(relationship.partition("--")[2].replace("-", ""))
    except ValueError:
        return []
    found: list[Edge] = []
    for release in among:
        if not release.options.ignore_embedded:
            found += _embedded(connection, [release], _EMBEDDED_BY_UUID, head=uuid[:6], uuid=uuid)
        rows = connection.rows(
            f"{_LINK_COLUMNS} WHERE link_set.owner_release = :release AND made.stix_id = :stix_id",
            release=release.key,
            stix_id=relationship,
        )
        found += map(_link_maker(connection, release.key), rows)
    return found


def contents(connection: Connection, edges: Sequence[Edge | Shown]) -> list[bytes]:
    """The JSON of these relationships, in this order. Embedded ones are made here."""
    natives = sorted({edge.key for edge in edges if edge.family == "native"})
    bodies = dict(zip(natives, objects.contents(connection, natives), strict=True))
    owners = _owners(connection, {edge.key for edge in edges if edge.family == "embedded"})
    links = _link_contents(connection, [edge.key for edge in edges if edge.family == "link"])
    made: list[bytes] = []
    for edge in edges:
        if edge.family == "native":
            made.append(bodies[edge.key])
        elif edge.family == "link":
            made.append(links[edge.key])
        else:
            made.append(encode(embedded_relationship(owners[edge.key], edge.relationship_type, edge.target)))
    return made


def owns_link(connection: Connection, release: Release, edge: Edge) -> bool:
    """Whether a link belongs to this release: it is that of the knowledge base that the link's mode starts from."""
    return bool(
        connection.value(
            """
            SELECT count(*) FROM link JOIN link_set ON link_set.set_key = link.set_key
             WHERE link.link_key = :link AND link_set.owner_release = :release
            """,
            link=edge.key,
            release=release.key,
        )
    )


def counts_of_derived(connection: Connection, release: Release) -> dict[str, int]:
    """How many relationships we made of a release: embedded ones, and links by mode."""
    embedded = 0
    if not release.options.ignore_embedded:
        conditions, parameters = _embedded_conditions(connection, [release])
        walk = _EMBEDDED_ALL.format(conditions)
        embedded = connection.value(
            f"SELECT count(*) FROM (SELECT DISTINCT reference.reference_key, object.created, object.modified {walk}) AS once",
            **parameters,
        )
    rows = connection.rows(
        """
        SELECT link_set.mode, count(*) AS links
          FROM link JOIN link_set ON link_set.set_key = link.set_key
         WHERE link_set.owner_release = :release AND link_set.owner_shows = 1 AND link.embedded = 0
         GROUP BY link_set.mode
        """,
        release=release.key,
    )
    return {"embedded": int(embedded), **{row.mode: int(row.links) for row in rows}}


def distinct(edges: Iterable[Edge]) -> list[Edge]:
    """Each relationship once. The same means the same id and the same content: ATLAS from 5.1.1 on gives one id to
    several pairs, and those are different relationships."""
    seen: set[object] = set()
    kept = []
    for edge in edges:
        mark = (
            (edge.id, edge.key)
            if edge.family == "native"
            else (edge.id, edge.created, edge.modified, edge.source, edge.target)
        )
        if mark not in seen:
            seen.add(mark)
            kept.append(edge)
    return kept


_NATIVE = """
SELECT relationship.object_key, relationship.kind_key, object.created, object.modified, mine.stix_id AS id,
       source.stix_id AS source, target.stix_id AS target, member.release_key
  FROM relationship
  JOIN member            ON member.object_key = relationship.object_key AND member.type_key = :relationship
  JOIN object            ON object.object_key = relationship.object_key
  JOIN identifier mine   ON mine.identifier_key = object.identifier_key
  JOIN identifier source ON source.identifier_key = relationship.source_key
  JOIN identifier target ON target.identifier_key = relationship.target_key
 WHERE member.release_key IN ({releases}) {condition}
"""


def _native(connection: Connection, among: Sequence[Release], condition: str, **parameters: object) -> Iterator[Edge]:
    releases = ", ".join(str(release.key) for release in among)
    rows = connection.rows(
        _NATIVE.format(releases=releases, condition=condition), relationship=connection.key(RELATIONSHIP), **parameters
    )
    for row in rows:
        yield Edge(
            "native", row.object_key, row.id, connection.word(row.kind_key), row.source, row.target, row.created,
            row.modified, row.release_key, row.release_key, row.release_key,
        )  # fmt: skip


_EMBEDDED_COLUMNS = """
SELECT reference.uuid, reference.kind_key, object.object_key, object.created, object.modified, member.release_key,
       source.stix_id AS source, target.stix_id AS target
"""
_HOLDERS = """
  JOIN object_reference ON object_reference.object_key = object.object_key
                       AND object_reference.reference_key = reference.reference_key
  JOIN identifier source ON source.identifier_key = reference.source_key
  JOIN identifier target ON target.identifier_key = reference.target_key
 WHERE {}
"""
# Each walks from what is few to what is many: from the object to its references, from a target to the objects that name
# it, from a release to all that its objects hold.
_EMBEDDED_FROM = (
    """
  FROM object
  JOIN member    ON member.object_key = object.object_key
  JOIN reference ON reference.source_key = object.identifier_key
"""
    + _HOLDERS
    + " AND object.identifier_key = :me"
)
_EMBEDDED_TO = (
    """
  FROM reference
  JOIN object ON object.identifier_key = reference.source_key
  JOIN member ON member.object_key = object.object_key
"""
    + _HOLDERS
    + " AND reference.target_key = :me"
)
_EMBEDDED_BY_UUID = (
    """
  FROM reference
  JOIN object ON object.identifier_key = reference.source_key
  JOIN member ON member.object_key = object.object_key
"""
    + _HOLDERS
    + " AND substr(reference.uuid, 1, 6) = :head AND reference.uuid = :uuid"
)
_EMBEDDED_ALL = """
  FROM member
  JOIN object            ON object.object_key = member.object_key
  JOIN object_reference  ON object_reference.object_key = member.object_key
  JOIN reference         ON reference.reference_key = object_reference.reference_key
  JOIN identifier source ON source.identifier_key = reference.source_key
  JOIN identifier target ON target.identifier_key = reference.target_key
 WHERE {}
"""


def _embedded(connection: Connection, among: Sequence[Release], walk: str, **parameters: object) -> Iterator[Edge]:
    conditions, own = _embedded_conditions(connection, among)
    for row in connection.rows(_EMBEDDED_COLUMNS + walk.format(conditions), **own, **parameters):
        yield Edge(
            "embedded", row.object_key, relationship_id(bytes(row.uuid)), connection.word(row.kind_key), row.source,
            row.target, row.created, row.modified, row.release_key, row.release_key, row.release_key, embedded=True,
        )  # fmt: skip


def _embedded_conditions(connection: Connection, among: Sequence[Release]) -> tuple[str, dict[str, object]]:
    """In these releases, without the owners whose references the releases were told to ignore (all alike: the options
    are those of the first)."""
    options = among[0].options
    left_out = [RELATIONSHIP] if options.ignore_embedded_sro else []
    left_out += sorted(META_TYPES) if options.ignore_embedded_smo else []
    condition = f"member.release_key IN ({', '.join(str(release.key) for release in among)})"
    keys = connection.keys(left_out)
    if keys:
        condition += f" AND member.type_key NOT IN ({', '.join(map(str, keys))})"
    return condition, {}


_LINK_COLUMNS = """
SELECT link.link_key, link.embedded, link.kind_key, link.created, link.modified, link.source_release,
       link.target_release, link_set.mode, made.stix_id AS id, source.stix_id AS source, target.stix_id AS target
  FROM link
  JOIN link_set          ON link_set.set_key = link.set_key
  JOIN identifier made   ON made.identifier_key = link.identifier_key
  JOIN identifier source ON source.identifier_key = link.source_key
  JOIN identifier target ON target.identifier_key = link.target_key
"""


def _links(connection: Connection, release: Release, identifier: int) -> list[Edge]:
    rows = connection.rows(
        f"""{_LINK_COLUMNS}
         WHERE ((link.source_key = :me AND link.source_release = :release)
             OR (link.target_key = :me AND link.target_release = :release))
           AND CASE :release WHEN link_set.owner_release THEN link_set.owner_shows
                             WHEN link_set.other_release THEN link_set.other_shows
                             ELSE 1 END = 1
        """,
        me=identifier,
        release=release.key,
    )
    return [_link_maker(connection, release.key)(row) for row in rows]


def _link_maker(connection: Connection, release_key: int) -> Any:
    def make(row: Any) -> Edge:
        return Edge(
            "link", row.link_key, row.id, connection.word(row.kind_key), row.source, row.target, row.created, row.modified,
            release_key, row.source_release, row.target_release, note=row.mode, embedded=bool(row.embedded),
        )  # fmt: skip

    return make


def _link_contents(connection: Connection, link_keys: Sequence[int]) -> dict[int, bytes]:
    if not link_keys:
        return {}
    rows = connection.rows(
        f"SELECT link_key, dictionary_key, content FROM link WHERE link_key IN {connection.in_list('link_keys')}",
        link_keys=list(link_keys),
    )
    return {row.link_key: connection.content(row.dictionary_key, row.content) for row in rows}


class _Owner(msgspec.Struct):
    """What an embedded relationship takes over from the object that holds the reference."""

    id: str
    created: Any = msgspec.UNSET
    modified: Any = msgspec.UNSET
    object_marking_refs: Any = msgspec.UNSET


_read_owner = msgspec.json.Decoder(_Owner).decode


def _owners(connection: Connection, keys: set[int]) -> dict[int, dict[str, Any]]:
    """The objects that hold references, by key: of large ones the head that is kept apart, of others the bytes."""
    rows = connection.rows(
        f"SELECT object_key, content FROM head WHERE object_key IN {connection.in_list('keys')}", keys=sorted(keys)
    )
    heads = {row.object_key: bytes(row.content) for row in rows}
    small = sorted(keys - heads.keys())
    heads |= zip(small, objects.contents(connection, small), strict=True)
    return {key: _owner(content) for key, content in heads.items()}


def _owner(content: bytes) -> dict[str, Any]:
    read = _read_owner(content)
    named = {name: getattr(read, name) for name in read.__struct_fields__}
    return {name: value for name, value in named.items() if value is not msgspec.UNSET}


def is_relationship(stix_id: str) -> bool:
    """Whether an id is that of a relationship."""
    return type_of_id(stix_id) == RELATIONSHIP
