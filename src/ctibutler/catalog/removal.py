"""Removing a release, and whatever nothing else needs."""

from __future__ import annotations

from ctibutler.catalog import details, link_sets, releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.identifiers import remove_unused_identifiers
from ctibutler.catalog.text import forget_texts


def remove_release(connection: Connection, release: releases.Release) -> list[int]:
    """Delete a release, its memberships and every link from or to it. Return the keys of the objects that were its members.

    Afterwards, `remove_orphans` deletes those of them that are in no release, and `remove_unused` what else nothing needs.
    """
    link_sets.remove_of_release(connection, release.key)
    rows = connection.rows("SELECT object_key FROM member WHERE release_key = :key", key=release.key)
    for table in ("member", "release_detail", "qualifier", "release"):
        connection.run(f"DELETE FROM {table} WHERE release_key = :key", key=release.key)
    releases.mark_latest(connection, release.knowledge_base)
    return [row.object_key for row in rows]


def remove_orphans(connection: Connection, candidates: list[int]) -> int:
    """Delete those of these objects that are in no release, with all that belongs to them. Return their number."""
    orphans = [
        row.object_key
        for row in connection.rows(
            f"""
            SELECT object_key FROM object
             WHERE object_key IN {connection.in_list("candidates")}
               AND NOT EXISTS (SELECT 1 FROM member WHERE member.object_key = object.object_key)
            """,
            candidates=candidates,
        )
    ]
    if orphans:
        _remove_objects(connection, orphans)
    return len(orphans)


def remove_unused(connection: Connection, base: str) -> None:
    """Delete a knowledge base's details and dictionaries that nothing uses any more. Dictionaries of links go too.

    The next release trains a better dictionary.
    """
    details.remove_unused(connection, base)
    connection.run(
        """
        DELETE FROM dictionary
         WHERE base_key = :base AND NOT EXISTS (SELECT 1 FROM object WHERE object.base_key = :base)
            OR base_key = :details AND NOT EXISTS (SELECT 1 FROM detail WHERE detail.base_key = :details)
            OR base_key = :links AND NOT EXISTS (SELECT 1 FROM link)
        """,
        base=connection.key(base),
        details=connection.key(details.word_of(base)),
        links=connection.key(link_sets.DICTIONARY),
    )


def _remove_objects(connection: Connection, orphans: list[int]) -> None:
    inside = connection.in_list("orphans")
    ids = _keys(connection, f"SELECT DISTINCT identifier_key FROM object WHERE object_key IN {inside}", orphans=orphans)
    others = _keys(
        connection,
        f"""
        SELECT creator_key FROM object WHERE object_key IN {inside} AND creator_key IS NOT NULL
         UNION SELECT source_key FROM relationship WHERE object_key IN {inside}
         UNION SELECT target_key FROM relationship WHERE object_key IN {inside}
         UNION SELECT target_key FROM reference WHERE source_key IN {connection.in_list("ids")}
        """,
        orphans=orphans,
        ids=ids,
    )
    forget_texts(connection, orphans)
    for table in ("body", "head", "relationship", "object_reference", "field", "exact_name", "object"):
        connection.run(f"DELETE FROM {table} WHERE object_key IN {inside}", orphans=orphans)
    connection.run(
        f"""
        DELETE FROM reference
         WHERE source_key IN {connection.in_list("ids")}
           AND NOT EXISTS (SELECT 1
                             FROM object
                             JOIN object_reference ON object_reference.object_key = object.object_key
                            WHERE object.identifier_key = reference.source_key
                              AND reference.place BETWEEN object_reference.first_place AND object_reference.last_place)
        """,
        ids=ids,
    )
    remove_unused_identifiers(connection, sorted({*ids, *others}))


def _keys(connection: Connection, sql: str, **parameters: object) -> list[int]:
    return [row[0] for row in connection.rows(sql, **parameters)]
