"""Ids and names close to what was typed."""

from __future__ import annotations

from collections.abc import Sequence

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.transaction import numbers
from ctibutler.catalog.folding import folded
from ctibutler.catalog.objects import contents
from ctibutler.catalog.rows import EXACT_ID, EXACT_NAME
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.objects import decode, text

# Up to here names help to choose. They are inside the compressed bodies; more of them would take longer than a person
# waits for a shell.
_MOST_NAMED = 300
_HIGHEST = "\U0010ffff"


def external_ids(
    connection: Connection,
    kb: KnowledgeBase,
    release_key: int,
    beginning: str,
    types: Sequence[str] | None = None,
) -> list[tuple[str, str | None]]:
    """Return the external ids of a release with this beginning, in natural order, each with the name of its object.

    Only objects that lists show are offered, live ones, and of these `types` if any are given. Names are None if there
    are too many to read.
    """
    prefix = folded(kb.without_prefix(beginning))
    # `TL` begins `TLP:`, which is not part of what ids are found by.
    if kb.id_prefix.lower().startswith(prefix):
        prefix = ""
    of_types = "" if types is None else f"AND object.type_key IN {numbers(connection.keys(types))}"
    rows = connection.rows(
        f"""
        SELECT object.external_id, min(object.object_key) AS object_key
          FROM object
          JOIN member ON member.object_key = object.object_key
         WHERE member.release_key = :release_key
           AND object.found_by >= :first
           AND object.found_by < :last
           AND object.listed = 1
           AND object.revoked = 0
           AND object.deprecated = 0
           {of_types}
         GROUP BY object.external_id
         ORDER BY min(object.id_order), object.external_id
        """,
        release_key=release_key,
        first=prefix,
        last=prefix + _HIGHEST,
    )
    ids = [row.external_id for row in rows]
    if len(rows) > _MOST_NAMED:
        return [(external_id, None) for external_id in ids]
    found = contents(connection, [row.object_key for row in rows])
    return [(external_id, text(decode(content), "name")) for external_id, content in zip(ids, found, strict=True)]


def exact_names(
    connection: Connection, release_keys: Sequence[int], shortest: int, longest: int
) -> list[tuple[str, int, int]]:
    """Return the ids, names and aliases of these lengths, squashed, of the live objects that lists show, each with its rank and
    the key of an object."""
    rows = connection.rows(
        f"""
        SELECT exact_name.value, exact_name.rank, object.object_key
          FROM exact_name
          JOIN object ON object.object_key = exact_name.object_key
          JOIN member ON member.object_key = object.object_key
         WHERE member.release_key IN {numbers(release_keys)}
           AND length(exact_name.value) BETWEEN :shortest AND :longest
           AND object.listed = 1
           AND object.revoked = 0
           AND object.deprecated = 0
        """,
        shortest=shortest,
        longest=longest,
    )
    return [(row.value, row.rank, row.object_key) for row in rows]


def beginning(connection: Connection, release_keys: Sequence[int], text: str, most: int) -> list[tuple[int, int]]:
    """Return the listed objects of these releases whose id, name or alias begins with a text, each with the key of its release:
    exact ids, other ids, exact names, exact aliases, other names, other aliases; live ones first, then shorter ones."""
    rows = connection.rows(
        f"""
        SELECT object.object_key, member.release_key
          FROM exact_name
          JOIN object ON object.object_key = exact_name.object_key
          JOIN member ON member.object_key = object.object_key
         WHERE exact_name.value >= :first
           AND exact_name.value < :last
           AND member.release_key IN {numbers(release_keys)}
           AND object.listed = 1
         GROUP BY object.object_key, member.release_key
         ORDER BY min(CASE WHEN exact_name.rank = {EXACT_ID} AND exact_name.value = :first THEN 0
                           WHEN exact_name.rank = {EXACT_ID} THEN 1
                           WHEN exact_name.value = :first THEN 1 + exact_name.rank
                           ELSE 3 + exact_name.rank END),
                  min(object.revoked + object.deprecated), min(length(exact_name.value)), min(exact_name.value),
                  object.object_key
         LIMIT :most
        """,
        first=text,
        last=text + _HIGHEST,
        most=most,
    )
    return [(row.object_key, row.release_key) for row in rows]


def formerly(connection: Connection, release_keys: Sequence[int], text: str, most: int) -> list[tuple[int, int, int]]:
    """Return the listed objects of these releases that had a name which begins with a text, and have no longer: the key of the
    object with that name, that of the present one, and the release of that."""
    rows = connection.rows(
        f"""
        SELECT max(former.object_key) AS former_key, present.object_key AS present_key, member.release_key
          FROM exact_name
          JOIN object former  ON former.object_key = exact_name.object_key
          JOIN object present ON present.identifier_key = former.identifier_key
          JOIN member         ON member.object_key = present.object_key
         WHERE exact_name.value >= :first
           AND exact_name.value < :last
           AND exact_name.rank = {EXACT_NAME}
           AND member.release_key IN {numbers(release_keys)}
           AND present.listed = 1
           AND NOT EXISTS (SELECT 1
                             FROM exact_name other
                            WHERE other.object_key = present.object_key
                              AND other.value = exact_name.value)
         GROUP BY present.object_key, member.release_key, exact_name.value
         ORDER BY min(present.revoked + present.deprecated), min(length(exact_name.value)), min(exact_name.value),
                  present.object_key
         LIMIT :most
        """,
        first=text,
        last=text + _HIGHEST,
        most=most,
    )
    return [(row.former_key, row.present_key, row.release_key) for row in rows]


def with_the_same_name(connection: Connection, object_key: int) -> list[int]:
    """Return this content and all others of its object with the same name."""
    rows = connection.rows(
        """
        SELECT same.object_key
          FROM object one
          JOIN object same ON same.identifier_key = one.identifier_key
         WHERE one.object_key = :object_key
           AND same.name = one.name
        """,
        object_key=object_key,
    )
    return [row.object_key for row in rows]
