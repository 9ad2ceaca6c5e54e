"""The members of one release, by type or by id, and what its live relationships join."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import Release
from ctibutler.stix.objects import RELATIONSHIP


def member_keys(connection: Connection, release: Release, types: Sequence[str] | None = None) -> list[int]:
    """Return the object keys of a release, or of its objects of these types, in the order of its file."""
    condition = "" if types is None else f"AND type_key IN {connection.in_list('types')}"
    rows = connection.rows(
        f"SELECT object_key FROM member WHERE release_key = :release {condition} ORDER BY position",
        release=release.key,
        **({} if types is None else {"types": connection.keys(types)}),
    )
    return [row.object_key for row in rows]


def of_type(connection: Connection, release: Release, stix_type: str) -> list[tuple[str, int]]:
    """Return STIX id and object key of the members of a release that have this type."""
    rows = connection.rows(
        """
        SELECT identifier.stix_id, object.object_key
          FROM member
          JOIN object     ON object.object_key = member.object_key
          JOIN identifier ON identifier.identifier_key = object.identifier_key
         WHERE member.release_key = :release
           AND member.type_key = :type
        """,
        release=release.key,
        type=connection.key(stix_type),
    )
    return [(row.stix_id, row.object_key) for row in rows]


def with_ids(connection: Connection, release_key: int, stix_ids: Iterable[str]) -> list[tuple[str, int]]:
    """Return STIX id and object key of the members of a release that have these ids: every content of each."""
    rows = connection.rows(
        f"""
        SELECT identifier.stix_id, object.object_key
          FROM identifier
          JOIN object ON object.identifier_key = identifier.identifier_key
          JOIN member ON member.object_key = object.object_key AND member.release_key = :release
         WHERE identifier.stix_id IN {connection.in_list("stix_ids", "text")}
        """,
        release=release_key,
        stix_ids=sorted(stix_ids),
    )
    return [(row.stix_id, row.object_key) for row in rows]


def repeated_ids(connection: Connection, release: Release) -> set[str]:
    """Return the STIX ids that a release has several contents of."""
    rows = connection.rows(
        """
        SELECT DISTINCT identifier.stix_id
          FROM member
          JOIN object     ON object.object_key = member.object_key
          JOIN identifier ON identifier.identifier_key = object.identifier_key
         WHERE member.release_key = :release
           AND member.repeat > 0
        """,
        release=release.key,
    )
    return {row.stix_id for row in rows}


def times_of(
    connection: Connection, object_keys: Sequence[int], time: Literal["created", "modified"]
) -> dict[int, int]:
    """Return object key → `created` or `modified` in microseconds, of the objects that have it."""
    rows = connection.rows(
        f"SELECT object_key, {time} AS time FROM object WHERE object_key IN {connection.in_list('object_keys')}",
        object_keys=list(object_keys),
    )
    return {row.object_key: row.time for row in rows if row.time is not None}


def live_external_ids(connection: Connection, release: Release, types: Sequence[str]) -> dict[str, str]:
    """Return STIX id → primary id (or an empty text) of the objects of these types that are neither revoked nor deprecated."""
    rows = connection.rows(
        f"""
        SELECT identifier.stix_id, object.external_id
          FROM member
          JOIN object     ON object.object_key = member.object_key
          JOIN identifier ON identifier.identifier_key = object.identifier_key
         WHERE member.release_key = :release
           AND member.type_key IN {connection.in_list("types")}
           AND object.revoked = 0 AND object.deprecated = 0
        """,
        release=release.key,
        types=connection.keys(types),
    )
    return {row.stix_id: row.external_id or "" for row in rows}


def live_relations(connection: Connection, release_key: int, stix_id: str) -> list[tuple[str, str, str, str]]:
    """Return id, type, source and target of the relationships of a release that begin or end at this object and are neither
    revoked nor deprecated. These are those that its publisher wrote."""
    rows = connection.rows(
        """
        SELECT mine.stix_id AS id, relationship.kind_key, source.stix_id AS source, target.stix_id AS target
          FROM identifier me
          JOIN relationship      ON relationship.source_key = me.identifier_key OR relationship.target_key = me.identifier_key
          JOIN member            ON member.object_key = relationship.object_key AND member.type_key = :relationship
          JOIN object            ON object.object_key = relationship.object_key
          JOIN identifier mine   ON mine.identifier_key = object.identifier_key
          JOIN identifier source ON source.identifier_key = relationship.source_key
          JOIN identifier target ON target.identifier_key = relationship.target_key
         WHERE me.stix_id = :stix_id
           AND member.release_key = :release
           AND object.revoked = 0 AND object.deprecated = 0
         ORDER BY mine.stix_id
        """,
        release=release_key,
        relationship=connection.key(RELATIONSHIP),
        stix_id=stix_id,
    )
    return [(row.id, connection.word(row.kind_key), row.source, row.target) for row in rows]


def live_pairs(connection: Connection, release: Release, relationship_type: str) -> list[tuple[str, str]]:
    """Return source and target of the relationships of this type that are neither revoked nor deprecated.

    The objects at the ends may be revoked, deprecated or missing.
    """
    rows = connection.rows(
        """
        SELECT source.stix_id AS source, target.stix_id AS target
          FROM member
          JOIN object            ON object.object_key = member.object_key
          JOIN relationship      ON relationship.object_key = member.object_key
          JOIN identifier source ON source.identifier_key = relationship.source_key
          JOIN identifier target ON target.identifier_key = relationship.target_key
         WHERE member.release_key = :release
           AND member.type_key = :relationship
           AND relationship.kind_key = :relationship_type
           AND object.revoked = 0 AND object.deprecated = 0
        """,
        release=release.key,
        relationship=connection.key(RELATIONSHIP),
        relationship_type=connection.key(relationship_type),
    )
    return [(row.source, row.target) for row in rows]


def numbers_of(
    connection: Connection, release_keys: Sequence[int], object_keys: Sequence[int]
) -> dict[tuple[int, str], int]:
    """Return release key and type → how many of these objects are of this type in this release."""
    rows = connection.rows(
        f"""
        SELECT release_key, type_key, count(*) AS number
          FROM member
         WHERE object_key IN {connection.in_list("objects")}
           AND release_key IN {connection.in_list("releases")}
         GROUP BY release_key, type_key
        """,
        objects=list(object_keys),
        releases=list(release_keys),
    )
    return {(row.release_key, connection.word(row.type_key)): int(row.number) for row in rows}
