"""Relationships without their bytes, and the queries that find them in a release.

There are three families: native ones, which a publisher wrote; embedded ones, which are properties of objects; links, which we
made between releases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.transaction import numbers
from ctibutler.catalog.releases import Release
from ctibutler.stix.identifiers import relationship_id
from ctibutler.stix.objects import META_TYPES, RELATIONSHIP

Family = Literal["native", "embedded", "link"]


class Edge(msgspec.Struct, frozen=True, gc=False):
    """A relationship without its bytes. Times are in microseconds.

    `key` is that of the object for a native one, of its owner for an embedded one, of its row for a link. `release_key` is
    the release that it was found in; the ends of a link are in `source_release` and `target_release`. `note` is the mode of
    a link. `embedded` holds for embedded relationships, those of links included.
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


@dataclass(frozen=True, slots=True)
class EdgeQuery:
    """A query for the edges of one family: `SELECT {columns} {tables}`, where `tables` ends with its conditions.

    `read` makes an edge of a row. `id`, `created`, `modified` and `key` are SQL expressions to sort by; the STIX ids of the
    ends are `source.stix_id` and `target.stix_id`. `key` is None where edges with equal ids, ends and times are the same.
    `holder` is the SQL expression of what edges have as their `key`.
    """

    columns: str
    tables: str
    parameters: Mapping[str, object]
    read: Callable[[Any], Edge]
    id: str
    created: str
    modified: str
    holder: str
    key: str | None = None

    def of_holders(self, keys: Sequence[int]) -> EdgeQuery:
        """Return the query for those relationships whose `key` is one of these."""
        inside = f"{self.holder} IN {numbers(keys)}"
        return replace(self, tables=f"{self.tables} AND {inside}")

    def at_ends(self, identifiers: Iterable[int]) -> EdgeQuery:
        """Return the query for those relationships that begin or end at one of these identifiers."""
        inside = numbers(identifiers)
        condition = f"(source.identifier_key IN {inside} OR target.identifier_key IN {inside})"
        return replace(self, tables=f"{self.tables} AND {condition}")

    def run(self, connection: Connection) -> list[Edge]:
        """Return all edges, in no particular order. An embedded relationship may be there several times."""
        return [self.read(row) for row in connection.rows(f"SELECT {self.columns} {self.tables}", **self.parameters)]


_NATIVE_COLUMNS = """relationship.object_key, relationship.kind_key, object.created, object.modified, mine.stix_id AS id,
       source.stix_id AS source, target.stix_id AS target"""
_NATIVE_TABLES = """
  FROM relationship
  JOIN member            ON member.object_key = relationship.object_key AND member.type_key = :relationship
  JOIN object            ON object.object_key = relationship.object_key
  JOIN identifier mine   ON mine.identifier_key = object.identifier_key
  JOIN identifier source ON source.identifier_key = relationship.source_key
  JOIN identifier target ON target.identifier_key = relationship.target_key
 WHERE member.release_key = :release
"""


def native(connection: Connection, release: Release, end: int | None = None) -> EdgeQuery:
    """The native relationships of a release, or those that begin or end at an identifier."""
    condition = "" if end is None else " AND (relationship.source_key = :me OR relationship.target_key = :me)"

    def read(row: Any) -> Edge:
        return Edge(
            "native", row.object_key, row.id, connection.word(row.kind_key), row.source, row.target, row.created,
            row.modified, release.key, release.key, release.key,
        )  # fmt: skip

    return EdgeQuery(
        _NATIVE_COLUMNS,
        _NATIVE_TABLES + condition,
        {
            "release": release.key,
            "relationship": connection.key(RELATIONSHIP),
            **({} if end is None else {"me": end}),
        },
        read,
        id="mine.stix_id",
        created="object.created",
        modified="object.modified",
        holder="member.object_key",
        key="relationship.object_key",
    )


_EMBEDDED_COLUMNS = """reference.uuid, reference.kind_key, object.object_key, object.created, object.modified,
       source.stix_id AS source, target.stix_id AS target"""
_ENDS = """
  JOIN identifier source ON source.identifier_key = reference.source_key
  JOIN identifier target ON target.identifier_key = reference.target_key
 WHERE member.release_key = :release
"""
_HELD = """
  JOIN object_reference ON object_reference.object_key = object.object_key
                       AND reference.place BETWEEN object_reference.first_place AND object_reference.last_place
"""
_OF_RELEASE = (
    """
  FROM member
  JOIN object           ON object.object_key = member.object_key
  JOIN object_reference ON object_reference.object_key = member.object_key
  JOIN reference        ON reference.source_key = object.identifier_key
                       AND reference.place BETWEEN object_reference.first_place AND object_reference.last_place
"""
    + _ENDS
)
_OF_OBJECT = (
    """
  FROM object
  JOIN member    ON member.object_key = object.object_key
  JOIN reference ON reference.source_key = object.identifier_key
"""
    + _HELD
    + _ENDS
)
_OF_REFERENCE = (
    """
  FROM reference
  JOIN object ON object.identifier_key = reference.source_key
  JOIN member ON member.object_key = object.object_key
"""
    + _HELD
    + _ENDS
)


def embedded(connection: Connection, release: Release) -> EdgeQuery:
    """The embedded relationships of a release."""
    return _embedded(connection, release, _OF_RELEASE)


def embedded_from(connection: Connection, release: Release, source: int) -> EdgeQuery:
    """The embedded relationships that begin at an identifier: from the object to its references."""
    return _embedded(connection, release, f"{_OF_OBJECT} AND object.identifier_key = :me", me=source)


def embedded_to(connection: Connection, release: Release, target: int) -> EdgeQuery:
    """The embedded relationships that end at an identifier: from the references to it to the objects that hold them."""
    return _embedded(connection, release, f"{_OF_REFERENCE} AND reference.target_key = :me", me=target)


def embedded_with_uuid(connection: Connection, release: Release, uuid: bytes) -> EdgeQuery:
    """The embedded relationships whose id has this UUID. Its beginning is indexed."""
    condition = "substr(reference.uuid, 1, 4) = :head AND reference.uuid = :uuid"
    return _embedded(connection, release, f"{_OF_REFERENCE} AND {condition}", head=uuid[:4], uuid=uuid)


def _embedded(connection: Connection, release: Release, tables: str, **parameters: object) -> EdgeQuery:
    def read(row: Any) -> Edge:
        return Edge(
            "embedded", row.object_key, relationship_id(bytes(row.uuid)), connection.word(row.kind_key), row.source,
            row.target, row.created, row.modified, release.key, release.key, release.key, embedded=True,
        )  # fmt: skip

    return EdgeQuery(
        _EMBEDDED_COLUMNS,
        tables + not_ignored(connection, release),
        {"release": release.key, **parameters},
        read,
        id=connection.by_engine(sqlite=_ID_ON_SQLITE, postgresql=_ID_ON_POSTGRESQL),
        created="object.created",
        modified="object.modified",
        holder="member.object_key",
    )


def not_ignored(connection: Connection, release: Release) -> str:
    """The condition that leaves out owners whose references the release was told to ignore."""
    options = release.options
    if options.ignore_embedded:
        return " AND 1 = 0"
    ignored = [RELATIONSHIP] if options.ignore_embedded_sro else []
    ignored += sorted(META_TYPES) if options.ignore_embedded_smo else []
    keys = connection.keys(ignored)
    return f" AND member.type_key NOT IN ({', '.join(map(str, keys))})" if keys else ""


# As `relationship_id` writes it.
_HEX = "lower(hex(reference.uuid))"
_ID_ON_SQLITE = f"""('relationship--' || substr({_HEX}, 1, 8) || '-' || substr({_HEX}, 9, 4) || '-' ||
        substr({_HEX}, 13, 4) || '-' || substr({_HEX}, 17, 4) || '-' || substr({_HEX}, 21))"""
_ID_ON_POSTGRESQL = """('relationship--' || CAST(CAST(encode(reference.uuid, 'hex') AS uuid) AS text)) COLLATE "C\""""

_LINK_COLUMNS = """link.link_key, link.embedded, link.kind_key, link.created, link.modified, link.source_release,
       link.target_release, link_set.mode, made.stix_id AS id, source.stix_id AS source, target.stix_id AS target"""
_LINK_TABLES = """
  FROM link
  JOIN link_set          ON link_set.set_key = link.set_key
  JOIN identifier made   ON made.identifier_key = link.identifier_key
  JOIN identifier source ON source.identifier_key = link.source_key
  JOIN identifier target ON target.identifier_key = link.target_key
"""


def links_of_release(connection: Connection, release: Release, *, include_embedded: bool = True) -> EdgeQuery:
    """The links that belong to a release: it is that of the knowledge base that their mode starts from."""
    condition = "link_set.owner_release = :release AND link_set.owner_shows = 1"
    return _links(connection, release, condition, include_embedded)


def links_at(connection: Connection, release: Release, end: int, *, include_embedded: bool = True) -> EdgeQuery:
    """The links that begin or end at an identifier in a release."""
    condition = """((link.source_key = :me AND link.source_release = :release)
             OR (link.target_key = :me AND link.target_release = :release))
           AND CASE :release WHEN link_set.owner_release THEN link_set.owner_shows
                             WHEN link_set.other_release THEN link_set.other_shows
                             ELSE 1 END = 1"""
    return _links(connection, release, condition, include_embedded, me=end)


def links_owned_at(connection: Connection, release: Release, end: int, *, include_embedded: bool = True) -> EdgeQuery:
    """Of the links that begin or end at an identifier in a release, those that belong to it."""
    found = links_at(connection, release, end, include_embedded=include_embedded)
    return replace(found, tables=f"{found.tables} AND link_set.owner_release = :release")


def links_with_id(connection: Connection, release: Release, stix_id: str) -> EdgeQuery:
    """The links with this id that belong to a release, shown or not."""
    condition = "link_set.owner_release = :release AND made.stix_id = :stix_id"
    return _links(connection, release, condition, include_embedded=True, stix_id=stix_id)


def _links(
    connection: Connection, release: Release, condition: str, include_embedded: bool, **parameters: object
) -> EdgeQuery:
    def read(row: Any) -> Edge:
        return Edge(
            "link", row.link_key, row.id, connection.word(row.kind_key), row.source, row.target, row.created, row.modified,
            release.key, row.source_release, row.target_release, note=row.mode, embedded=bool(row.embedded),
        )  # fmt: skip

    shown = "" if include_embedded else " AND link.embedded = 0"
    return EdgeQuery(
        _LINK_COLUMNS,
        f"{_LINK_TABLES} WHERE {condition}{shown}",
        {"release": release.key, **parameters},
        read,
        id="made.stix_id",
        created="link.created",
        modified="link.modified",
        holder="link.link_key",
    )
