"""The objects of a release without their bytes, and the relationships that say what became of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.transaction import numbers
from ctibutler.stix.objects import RELATIONSHIP


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One content of an object in a release, other than a relationship.

    `name` and `found_by` (the primary id without an optional prefix) are folded. `modified` is in microseconds, `digest`
    that of the content.
    """

    object_key: int
    release_key: int
    stix_id: str
    type: str
    revoked: bool
    deprecated: bool
    subtechnique: bool
    modified: int | None
    name: str | None
    external_id: str | None
    found_by: str | None
    digest: bytes

    @property
    def is_live(self) -> bool:
        """Whether its publisher neither revoked nor deprecated it."""
        return not (self.revoked or self.deprecated)

    @property
    def shown_id(self) -> str:
        """The primary id as published; the STIX id where it has none."""
        return self.external_id or self.stix_id


class Reference(msgspec.Struct, frozen=True, gc=False):
    """A reference inside an object: `kind` is its property without `_ref` or `_refs`, in the words of relationship types."""

    kind: str
    source: str
    target: str


class Succession(msgspec.Struct, frozen=True, gc=False):
    """A relationship of a release that leads from one object to another. `is_live`: neither revoked nor deprecated itself."""

    release_key: int
    stix_id: str
    source: str
    target: str
    is_live: bool


_ENTRY = """
SELECT object.object_key, member.release_key, identifier.stix_id, object.type_key, object.revoked, object.deprecated,
       object.subtechnique, object.modified, object.name, object.external_id, object.found_by, object.digest
  FROM member
  JOIN object     ON object.object_key = member.object_key
  JOIN identifier ON identifier.identifier_key = object.identifier_key
"""


def of_release(connection: Connection, release_key: int) -> list[Entry]:
    """Return every object of a release but its relationships, in the order of its file."""
    rows = connection.rows(
        f"""
        {_ENTRY}
         WHERE member.release_key = :release
           AND member.type_key <> :relationship
         ORDER BY member.position
        """,
        release=release_key,
        relationship=connection.key(RELATIONSHIP),
    )
    return [_entry(connection, row) for row in rows]


def of_types(connection: Connection, release_key: int, types: Sequence[str]) -> list[Entry]:
    """Return every object of a release of these types, in the order of its file."""
    rows = connection.rows(
        f"""
        {_ENTRY}
         WHERE member.release_key = :release
           AND member.type_key IN {connection.in_list("types")}
         ORDER BY member.position
        """,
        release=release_key,
        types=connection.keys(types),
    )
    return [_entry(connection, row) for row in rows]


def with_stix_ids(connection: Connection, release_keys: Sequence[int], stix_ids: Collection[str]) -> list[Entry]:
    """Return every content of these ids in these releases, by release and position in its file."""
    rows = connection.rows(
        f"""
        {_ENTRY}
         WHERE identifier.stix_id IN {connection.in_list("stix_ids", "text")}
           AND member.release_key IN {numbers(release_keys)}
         ORDER BY member.release_key, member.position
        """,
        stix_ids=sorted(stix_ids),
    )
    return [_entry(connection, row) for row in rows]


def with_primary_ids(connection: Connection, release_keys: Sequence[int], found_by: Collection[str]) -> list[Entry]:
    """Return every object of these releases with one of these primary ids, folded and without optional prefix."""
    rows = connection.rows(
        f"""
        {_ENTRY}
         WHERE object.found_by IN {connection.in_list("found_by", "text")}
           AND member.type_key <> :relationship
           AND member.release_key IN {numbers(release_keys)}
         ORDER BY member.release_key, member.position
        """,
        found_by=sorted(found_by),
        relationship=connection.key(RELATIONSHIP),
    )
    return [_entry(connection, row) for row in rows]


def _entry(connection: Connection, row: Any) -> Entry:
    return Entry(
        row.object_key, row.release_key, row.stix_id, connection.word(row.type_key), bool(row.revoked),
        bool(row.deprecated), bool(row.subtechnique), row.modified, row.name, row.external_id, row.found_by, bytes(row.digest),
    )  # fmt: skip


_SUCCESSION = """
SELECT member.release_key, mine.stix_id AS id, source.stix_id AS source, target.stix_id AS target, object.revoked,
       object.deprecated
  FROM relationship
  JOIN member            ON member.object_key = relationship.object_key
  JOIN object            ON object.object_key = relationship.object_key
  JOIN identifier mine   ON mine.identifier_key = object.identifier_key
  JOIN identifier source ON source.identifier_key = relationship.source_key
  JOIN identifier target ON target.identifier_key = relationship.target_key
"""


def successions(connection: Connection, release_keys: Sequence[int], kinds: Sequence[str]) -> list[Succession]:
    """Return the relationships of these types in these releases, by release and position in its file."""
    rows = connection.rows(
        f"""
        {_SUCCESSION}
         WHERE relationship.kind_key IN {connection.in_list("kinds")}
           AND member.release_key IN {numbers(release_keys)}
         ORDER BY member.release_key, member.position
        """,
        kinds=connection.keys(kinds),
    )
    return list(map(_succession, rows))


def successions_from(
    connection: Connection, release_keys: Sequence[int], kinds: Sequence[str], stix_ids: Collection[str]
) -> list[Succession]:
    """Return those relationships of these types in these releases that begin at one of these ids."""
    rows = connection.rows(
        f"""
        {_SUCCESSION}
         WHERE source.stix_id IN {connection.in_list("stix_ids", "text")}
           AND relationship.kind_key IN {connection.in_list("kinds")}
           AND member.release_key IN {numbers(release_keys)}
         ORDER BY member.release_key, member.position
        """,
        stix_ids=sorted(stix_ids),
        kinds=connection.keys(kinds),
    )
    return list(map(_succession, rows))


def _succession(row: Any) -> Succession:
    return Succession(row.release_key, row.id, row.source, row.target, not (row.revoked or row.deprecated))


def references_to(connection: Connection, release_key: int, stix_ids: Collection[str]) -> list[Reference]:
    """Return the references inside objects of a release that lead to these ids, sorted."""
    rows = connection.rows(
        f"""
        SELECT reference.kind_key, source.stix_id AS source, target.stix_id AS target
          FROM identifier target
          JOIN reference         ON reference.target_key = target.identifier_key
          JOIN identifier source ON source.identifier_key = reference.source_key
          JOIN object            ON object.identifier_key = reference.source_key
          JOIN member            ON member.object_key = object.object_key
          JOIN object_reference  ON object_reference.object_key = object.object_key
                                AND reference.place BETWEEN object_reference.first_place AND object_reference.last_place
         WHERE target.stix_id IN {connection.in_list("stix_ids", "text")}
           AND member.release_key = :release
        """,
        stix_ids=sorted(stix_ids),
        release=release_key,
    )
    found = {(connection.word(row.kind_key), row.source, row.target) for row in rows}
    return [Reference(*one) for one in sorted(found)]
