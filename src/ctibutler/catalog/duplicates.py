"""Objects that several releases hold under one id: which of them answers for the id."""

from __future__ import annotations

from collections.abc import Sequence

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
