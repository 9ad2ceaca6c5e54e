"""Two releases of a knowledge base side by side: the contents that only one of them holds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import starmap

import msgspec

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import Release


class Member(msgspec.Struct, frozen=True, gc=False):
    """One content of a STIX id in a release.

    `object_key` is the key of its bytes, `folded_name` its name as it is indexed, `external_id` its primary id, `modified`
    in microseconds. `revoked` and `deprecated` are 0 or 1.
    """

    release_key: int
    stix_id: str
    object_key: int
    folded_name: str | None
    external_id: str | None
    modified: int | None
    revoked: int
    deprecated: int


def members_of_differing_ids(connection: Connection, old: Release | None, new: Release) -> Sequence[Member]:
    """Return all contents, in both releases, of the ids that do not have the same contents in both, in the order of the files.

    Without `old`, these are all contents of `new`. Contents are compared by their bytes, so some ids differ only in the order
    of keys.
    """
    # No release has the key NULL, so a missing `old` holds nothing.
    rows = connection.rows(
        """
        WITH one_sided AS (
            SELECT member.object_key
              FROM member
             WHERE member.release_key = :old
               AND NOT EXISTS (SELECT 1 FROM member other
                                WHERE other.object_key = member.object_key AND other.release_key = :new)
            UNION ALL
            SELECT member.object_key
              FROM member
             WHERE member.release_key = :new
               AND NOT EXISTS (SELECT 1 FROM member other
                                WHERE other.object_key = member.object_key AND other.release_key = :old)),
        differing AS (
            SELECT DISTINCT object.identifier_key
              FROM one_sided
              JOIN object ON object.object_key = one_sided.object_key)
        SELECT member.release_key, identifier.stix_id, object.object_key, object.name, object.external_id,
               object.modified, object.revoked, object.deprecated
          FROM differing
          JOIN identifier ON identifier.identifier_key = differing.identifier_key
          JOIN object     ON object.identifier_key = differing.identifier_key
          JOIN member     ON member.object_key = object.object_key
         WHERE member.release_key IN (:old, :new)
         ORDER BY member.release_key, member.position
        """,
        old=None if old is None else old.key,
        new=new.key,
    )
    return list(starmap(Member, rows))


def ids_by_type(connection: Connection, release: Release) -> dict[str, int]:
    """Return type → number of STIX ids of this type in a release."""
    rows = connection.rows(
        """
        SELECT type_key, count(*) AS ids
          FROM member
         WHERE release_key = :release AND repeat = 0
         GROUP BY type_key
        """,
        release=release.key,
    )
    return {connection.word(row.type_key): int(row.ids) for row in rows}
