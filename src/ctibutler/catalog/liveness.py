"""Which ids the releases of a knowledge base have, and which of them are those of live objects."""

from __future__ import annotations

from collections.abc import Sequence

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.transaction import numbers
from ctibutler.stix.objects import RELATIONSHIP


def living_ids(
    connection: Connection, release_keys: Sequence[int], found_by: Sequence[str], stix_ids: Sequence[str]
) -> list[tuple[int, str, bool]]:
    """Return release, id and whether it is that of a live object, for each of these primary ids (folded, without optional
    prefix) and STIX ids that a release has. Relationships are left out."""
    found = []
    for column, values in (("object.found_by", found_by), ("identifier.stix_id", stix_ids)):
        if not values or not release_keys:
            continue
        rows = connection.rows(
            f"""
            SELECT member.release_key, {column} AS id,
                   min(CASE WHEN object.revoked + object.deprecated > 0 THEN 1 ELSE 0 END) AS dead
              FROM member
              JOIN object     ON object.object_key = member.object_key
              JOIN identifier ON identifier.identifier_key = object.identifier_key
             WHERE {column} IN {connection.in_list("ids", "text")}
               AND object.type_key <> :relationship
               AND member.release_key IN {numbers(release_keys)}
             GROUP BY member.release_key, {column}
            """,
            ids=list(values),
            relationship=connection.key(RELATIONSHIP),
        )
        found += [(row.release_key, row.id, not row.dead) for row in rows]
    return found
