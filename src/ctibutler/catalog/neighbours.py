"""What is related to an object by relationships of the publisher and by links, and what is related among several objects."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.transaction import numbers
from ctibutler.catalog.releases import Release
from ctibutler.catalog.walks import Node
from ctibutler.stix.objects import RELATIONSHIP


class Tie(msgspec.Struct, frozen=True, gc=False):
    """A live relationship between two objects in their releases. `mode` is that of a link, empty for a publisher's."""

    relationship_type: str
    source: Node
    target: Node
    mode: str = ""

    def other_than(self, node: Node) -> Node:
        """Return the end that is not this one."""
        return self.target if self.source == node else self.source


def ties_of(connection: Connection, release: Release, identifier: int) -> list[Tie]:
    """Return the relationships of a release, and the links that are shown with it, that begin or end at an object."""
    ends = "(relationship.source_key = :me OR relationship.target_key = :me)"
    found = _native(connection, release.key, ends, me=identifier)
    condition = """((link.source_key = :me AND link.source_release = :release)
             OR (link.target_key = :me AND link.target_release = :release))
           AND CASE :release WHEN link_set.owner_release THEN link_set.owner_shows
                             WHEN link_set.other_release THEN link_set.other_shows
                             ELSE 1 END = 1"""
    return _once([*found, *_links(connection, condition, me=identifier, release=release.key)])


def ties_among(connection: Connection, nodes: Collection[Node]) -> list[Tie]:
    """Return the relationships and links that begin and end at these objects."""
    by_release: dict[int, list[int]] = {}
    for release_key, identifier in sorted(nodes):
        by_release.setdefault(release_key, []).append(identifier)
    found: list[Tie] = []
    for release_key, identifiers in by_release.items():
        inside = numbers(identifiers)
        ends = f"relationship.source_key IN {inside} AND relationship.target_key IN {inside}"
        found += _native(connection, release_key, ends)
        condition = f"link.source_key IN {inside} AND link.source_release = :release"
        linked = _links(connection, condition, release=release_key)
        found += [tie for tie in linked if tie.target in nodes]
    return _once(found)


def live_objects(connection: Connection, nodes: Iterable[Node]) -> dict[Node, int]:
    """Return node → object key of those that are neither revoked nor deprecated; of several contents the first."""
    by_release: dict[int, list[int]] = {}
    for release_key, identifier in nodes:
        by_release.setdefault(release_key, []).append(identifier)
    found: dict[Node, int] = {}
    for release_key, identifiers in by_release.items():
        rows = connection.rows(
            f"""
            SELECT object.identifier_key, object.object_key
              FROM object
              JOIN member ON member.object_key = object.object_key AND member.release_key = :release
             WHERE object.identifier_key IN {numbers(identifiers)}
               AND object.revoked = 0 AND object.deprecated = 0
             ORDER BY member.repeat
            """,
            release=release_key,
        )
        for row in rows:
            found.setdefault((release_key, row.identifier_key), row.object_key)
    return found


def _native(connection: Connection, release_key: int, ends: str, **parameters: object) -> list[Tie]:
    rows = connection.rows(
        f"""
        SELECT relationship.kind_key, relationship.source_key, relationship.target_key
          FROM relationship
          JOIN member ON member.object_key = relationship.object_key
                     AND member.type_key = :relationship
                     AND member.release_key = :release
          JOIN object ON object.object_key = relationship.object_key
         WHERE {ends} AND object.revoked = 0 AND object.deprecated = 0
        """,
        release=release_key,
        relationship=connection.key(RELATIONSHIP),
        **parameters,
    )
    return [
        Tie(connection.word(row.kind_key), (release_key, row.source_key), (release_key, row.target_key)) for row in rows
    ]


def _links(connection: Connection, condition: str, **parameters: object) -> list[Tie]:
    rows = connection.rows(
        f"""
        SELECT link.kind_key, link.source_key, link.target_key, link.source_release, link.target_release, link_set.mode
          FROM link
          JOIN link_set ON link_set.set_key = link.set_key
         WHERE {condition} AND link.embedded = 0
        """,
        **parameters,
    )
    return [_link(connection, row) for row in rows]


def _link(connection: Connection, row: Any) -> Tie:
    source, target = (row.source_release, row.source_key), (row.target_release, row.target_key)
    return Tie(connection.word(row.kind_key), source, target, row.mode)


def _once(ties: Iterable[Tie]) -> list[Tie]:
    """Publishers write a relationship several times, under several ids."""
    return list(dict.fromkeys(ties))
