"""Objects and relationships that releases hold several times under one id: which they are, and which answers for the id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.transaction import numbers
from ctibutler.stix.objects import RELATIONSHIP

_NEVER = -(2**63)


def repeated(connection: Connection, releases: Sequence[tuple[int, str]]) -> list[int]:
    """Return the keys of objects that share their id with another one which answers for it.

    The newest `modified` answers, then the first knowledge base by name, then the first in its file. `releases` are
    pairs of release key and knowledge base. Relationships are left out.
    """
    inside = numbers(key for key, _ in releases)
    rows = connection.rows(
        f"""
        SELECT object.identifier_key, object.object_key, object.modified, member.release_key, member.position
          FROM member
          JOIN object ON object.object_key = member.object_key
         WHERE member.release_key IN {inside}
           AND member.type_key <> :relationship
           AND object.identifier_key IN (
               SELECT object.identifier_key
                 FROM member
                 JOIN object ON object.object_key = member.object_key
                WHERE member.release_key IN {inside}
                  AND member.type_key <> :relationship
                GROUP BY object.identifier_key
               HAVING count(*) > 1)
        """,
        relationship=connection.key(RELATIONSHIP),
    )
    names = dict(releases)
    ordered = sorted(
        rows,
        key=lambda row: (-(_NEVER if row.modified is None else row.modified), names[row.release_key], row.position),
    )
    answering: set[int] = set()
    losers = []
    for row in ordered:
        if row.identifier_key in answering:
            losers.append(row.object_key)
        answering.add(row.identifier_key)
    return losers


@dataclass(frozen=True, slots=True)
class Sharing:
    """What may hold relationships whose id another relationship has: keys of objects, and of links."""

    objects: frozenset[int]
    links: frozenset[int]


def sharing_ids(connection: Connection, release_keys: Sequence[int]) -> Sharing:
    """Return what may hold relationships whose id is there several times in these releases and their links.

    These are contents of one id, with their embedded relationships; published relationships that have the id of one that we
    make (somebody installed an export that includes them); and links that have an id of another link.
    """
    inside = numbers(release_keys)
    published = _published_with_made_id(connection, inside)
    linked = connection.rows(
        f"""
        SELECT link.link_key, object.object_key
          FROM link
          JOIN link_set ON link_set.set_key = link.set_key
          JOIN object   ON object.identifier_key = link.identifier_key
         WHERE link_set.owner_release IN {inside}
        """
    )
    repeated_links = connection.rows(
        f"""
        SELECT link.link_key
          FROM link
          JOIN link_set ON link_set.set_key = link.set_key
         WHERE link_set.owner_release IN {inside}
           AND link.identifier_key IN (
               SELECT link.identifier_key
                 FROM link
                 JOIN link_set ON link_set.set_key = link.set_key
                WHERE link_set.owner_release IN {inside}
                GROUP BY link.identifier_key
               HAVING count(*) > 1)
        """
    )
    contents = connection.rows(
        f"""
        SELECT object.object_key
          FROM member
          JOIN object ON object.object_key = member.object_key
         WHERE member.release_key IN {inside}
           AND object.identifier_key IN (
               SELECT object.identifier_key
                 FROM member
                 JOIN object ON object.object_key = member.object_key
                WHERE member.release_key IN {inside}
                GROUP BY object.identifier_key
               HAVING count(*) > 1)
        """
    )
    return Sharing(
        frozenset({*(row.object_key for row in (*linked, *contents)), *published}),
        frozenset(row.link_key for row in (*linked, *repeated_links)),
    )


def _published_with_made_id(connection: Connection, inside: str) -> set[int]:
    """The keys of published relationships that have the id of an embedded one, and of the owners of that one."""
    # Only UUIDs of version 5 are made from names.
    uuid = connection.by_engine(
        sqlite="unhex(replace(substr(identifier.stix_id, 15), '-', ''))",
        postgresql="""CASE WHEN identifier.stix_id ~ '^relationship--[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
            THEN decode(replace(substr(identifier.stix_id, 15), '-', ''), 'hex') END""",
    )
    rows = connection.rows(
        f"""
        SELECT object.object_key, owner.object_key AS owner_key
          FROM member
          JOIN object       ON object.object_key = member.object_key
          JOIN identifier   ON identifier.identifier_key = object.identifier_key
          JOIN reference    ON substr(reference.uuid, 1, 4) = substr({uuid}, 1, 4) AND reference.uuid = {uuid}
          JOIN object owner ON owner.identifier_key = reference.source_key
         WHERE member.release_key IN {inside}
           AND member.type_key = :relationship
           AND substr(identifier.stix_id, 29, 1) = '5'
        """,
        relationship=connection.key(RELATIONSHIP),
    )
    return {key for row in rows for key in (row.object_key, row.owner_key)}
