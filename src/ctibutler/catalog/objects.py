"""Objects of releases: lists of those that pass filters, and the ones that an id names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.transaction import numbers
from ctibutler.catalog.folding import folded, squashed
from ctibutler.catalog.order import Position, order_of, parameters_of
from ctibutler.catalog.rows import ALIAS
from ctibutler.catalog.selections import Selection, condition_of
from ctibutler.stix.objects import RELATIONSHIP

# Up to here keys are written out, so that the planner sees how many they are.
_MOST_WRITTEN_OUT = 1000

_TABLES = """
  FROM member
  JOIN object     ON object.object_key = member.object_key
  JOIN identifier ON identifier.identifier_key = object.identifier_key
"""


@dataclass(frozen=True, slots=True)
class Found:
    """An object in a release, without its bytes. `modified` is in microseconds, `digest` that of the content."""

    object_key: int
    release_key: int
    stix_id: str
    type: str
    revoked: bool
    deprecated: bool
    modified: int | None
    digest: bytes
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """An object of a list, and the position to ask for what follows it."""

    object_key: int
    position: Position


def select(
    connection: Connection, selection: Selection, *, sort: str, descending: bool, start: int, size: int
) -> tuple[list[int], int]:
    """Return the keys of `size` objects from `start` on, in order, and the number of all that pass.

    What can be sorted by: see `order_of`.
    """
    condition = condition_of(connection, selection)
    order = order_of(connection, selection.releases, sort, descending)
    rows = connection.rows(
        f"""
        SELECT object.object_key, count(*) OVER () AS total
        {_TABLES}
         WHERE {condition.sql}
         ORDER BY {order.by}
         LIMIT {int(size)} OFFSET {int(start)}
        """,
        **condition.parameters,
    )
    if rows:
        return [row.object_key for row in rows], rows[0].total
    return [], 0 if start == 0 else count(connection, selection)


def select_all(
    connection: Connection, selection: Selection, *, sort: str = "id", descending: bool = False
) -> list[int]:
    """Return the keys of all objects that pass, in order."""
    condition = condition_of(connection, selection)
    order = order_of(connection, selection.releases, sort, descending)
    rows = connection.rows(
        f"SELECT object.object_key {_TABLES} WHERE {condition.sql} ORDER BY {order.by}", **condition.parameters
    )
    return [row.object_key for row in rows]


def select_after(
    connection: Connection, selection: Selection, after: Position | None, *, sort: str, descending: bool, size: int
) -> list[Placed]:
    """Return the `size` objects that follow a position in the order of `select`; the first ones if it is None.

    The list continues right after the position even if objects before it were added or removed.
    """
    condition = condition_of(connection, selection)
    order = order_of(connection, selection.releases, sort, descending)
    beyond = "" if after is None else f"AND {order.beyond(after)}"
    rows = connection.rows(
        f"""
        SELECT object.object_key, {order.column} AS value, identifier.stix_id, {order.release} AS release, member.position
        {_TABLES}
         WHERE {condition.sql}
           {beyond}
         ORDER BY {order.by}
         LIMIT {int(size)}
        """,
        **condition.parameters,
        **({} if after is None else parameters_of(after)),
    )
    return [Placed(row.object_key, Position(row.value, row.stix_id, row.release, row.position)) for row in rows]


def count(connection: Connection, selection: Selection) -> int:
    """Return how many objects pass."""
    condition = condition_of(connection, selection)
    return int(connection.value(f"SELECT count(*) {_TABLES} WHERE {condition.sql}", **condition.parameters))


_FOUND = """
SELECT object.object_key, member.release_key, identifier.stix_id, object.type_key, object.revoked, object.deprecated,
       object.modified, object.digest, object.external_id
  FROM object
  JOIN identifier ON identifier.identifier_key = object.identifier_key
  JOIN member     ON member.object_key = object.object_key
"""


def with_stix_id(connection: Connection, release_keys: Sequence[int], stix_id: str) -> list[Found]:
    """Return every object of these releases with this STIX id, in the order of the files."""
    rows = connection.rows(
        f"""
        {_FOUND}
         WHERE identifier.stix_id = :stix_id
           AND member.release_key IN {numbers(release_keys)}
         ORDER BY member.release_key, member.position
        """,
        stix_id=stix_id,
    )
    return [_found(connection, row) for row in rows]


def with_primary_id(connection: Connection, release_keys: Sequence[int], found_by: str) -> list[Found]:
    """Return every object of these releases with this primary id, folded and without optional prefix, in the order of
    the files. Relationships have none."""
    rows = connection.rows(
        f"""
        {_FOUND}
         WHERE object.found_by = :found_by
           AND object.type_key <> :relationship
           AND member.release_key IN {numbers(release_keys)}
         ORDER BY member.release_key, member.position
        """,
        found_by=found_by,
        relationship=connection.key(RELATIONSHIP),
    )
    return [_found(connection, row) for row in rows]


def with_primary_ids(
    connection: Connection, release_keys: Sequence[int], found_by: Iterable[str]
) -> list[tuple[str, Found]]:
    """Return every object of these releases with one of these primary ids, folded and without optional prefix, each with that
    id, in the order of the files. Relationships have none."""
    rows = connection.rows(
        f"""
        SELECT object.object_key, member.release_key, identifier.stix_id, object.type_key, object.revoked, object.deprecated,
               object.modified, object.digest, object.external_id, object.found_by
          FROM object
          JOIN identifier ON identifier.identifier_key = object.identifier_key
          JOIN member     ON member.object_key = object.object_key
         WHERE object.found_by IN {connection.in_list("found_by", "text")}
           AND object.type_key <> :relationship
           AND member.release_key IN {numbers(release_keys)}
         ORDER BY member.release_key, member.position
        """,
        found_by=sorted(set(found_by)),
        relationship=connection.key(RELATIONSHIP),
    )
    return [(row.found_by, _found(connection, row)) for row in rows]


def in_latest_release(
    connection: Connection, knowledge_base: str, *, stix_id: str | None = None, found_by: str | None = None
) -> tuple[str, list[Found]]:
    """Return the label of the latest release of a knowledge base, and what `with_stix_id` or `with_primary_id` finds in it, in
    one query. Where nothing is found, the label is empty."""
    condition, value = ("identifier.stix_id", stix_id) if found_by is None else ("object.found_by", found_by)
    rows = connection.rows(
        f"""
        SELECT object.object_key, member.release_key, identifier.stix_id, object.type_key, object.revoked, object.deprecated,
               object.modified, object.digest, object.external_id, release.label
          FROM object
          JOIN identifier ON identifier.identifier_key = object.identifier_key
          JOIN member     ON member.object_key = object.object_key
          JOIN release    ON release.release_key = member.release_key
         WHERE {condition} = :value
           AND object.type_key <> :relationship
           AND release.knowledge_base = :knowledge_base
           AND release.latest = 1
         ORDER BY member.position
        """,
        value=value,
        relationship=connection.key(RELATIONSHIP),
        knowledge_base=knowledge_base,
    )
    return (rows[0].label if rows else ""), [_found(connection, row) for row in rows]


def content(connection: Connection, object_key: int) -> bytes:
    """Return the bytes of one object."""
    # A text without numbers in it, which SQLite prepares once.
    row = connection.row(
        "SELECT dictionary_key, content FROM body WHERE object_key = :object_key", object_key=object_key
    )
    return connection.content(row.dictionary_key, row.content)


def with_exact_name(connection: Connection, text: str) -> dict[int, int]:
    """Return object key → best rank, in any release, of the objects whose id, name or alias is this text: EXACT_ID,
    EXACT_NAME or EXACT_ALIAS. Case, accents and everything but letters and digits are ignored."""
    rows = connection.rows(
        "SELECT object_key, min(rank) AS rank FROM exact_name WHERE value = :value GROUP BY object_key",
        value=squashed(text),
    )
    return {row.object_key: row.rank for row in rows}


def exactly_named(connection: Connection, release_keys: Sequence[int], text: str) -> list[tuple[int, Found]]:
    """Return the listed objects of these releases that `with_exact_name` finds, each with its best rank, in the order of the
    files."""
    ranks = with_exact_name(connection, text)
    rows = connection.rows(
        f"""
        {_FOUND}
         WHERE object.object_key IN {numbers(ranks)}
           AND object.listed = 1
           AND member.release_key IN {numbers(release_keys)}
         ORDER BY member.release_key, member.position
        """
    )
    return [(ranks[row.object_key], _found(connection, row)) for row in rows]


def called(connection: Connection, object_keys: Sequence[int], text: str) -> set[int]:
    """Return which of these objects have this name or alias with the same blanks and punctuation. Case and accents are
    ignored."""
    rows = connection.rows(
        f"""
        SELECT object_key FROM object WHERE object_key IN {numbers(object_keys)} AND name = :name
        UNION
        SELECT object_key
          FROM field
         WHERE object_key IN {numbers(object_keys)} AND name_key = {connection.key(ALIAS)} AND value = :name
        """,
        name=folded(text),
    )
    return {row.object_key for row in rows}


def field_values(connection: Connection, release_key: int, name: str) -> frozenset[str]:
    """Return the distinct values, folded, of an indexed field in the live objects of a release."""
    rows = connection.rows(
        """
        SELECT DISTINCT field.value
          FROM member
          JOIN object ON object.object_key = member.object_key
          JOIN field  ON field.object_key = object.object_key
         WHERE member.release_key = :release
           AND object.revoked + object.deprecated = 0
           AND field.name_key = :name
        """,
        release=release_key,
        name=connection.key(name),
    )
    return frozenset(row.value for row in rows)


def _found(connection: Connection, row: Any) -> Found:
    return Found(
        row.object_key, row.release_key, row.stix_id, connection.word(row.type_key), bool(row.revoked),
        bool(row.deprecated), row.modified, bytes(row.digest), row.external_id,
    )  # fmt: skip


def contents(connection: Connection, object_keys: Sequence[int]) -> list[bytes]:
    """Return the bytes of these objects, in this order."""
    if not object_keys:
        return []
    few = len(object_keys) <= _MOST_WRITTEN_OUT
    inside = numbers(object_keys) if few else connection.in_list("object_keys")
    rows = connection.rows(
        f"SELECT object_key, dictionary_key, content FROM body WHERE object_key IN {inside}",
        **({} if few else {"object_keys": list(object_keys)}),
    )
    by_key = connection.contents(rows)
    return [by_key[key] for key in object_keys]


def ids_of(connection: Connection, object_keys: Sequence[int]) -> dict[int, str]:
    """Return object key → STIX id."""
    rows = connection.rows(
        f"""
        SELECT object.object_key, identifier.stix_id
          FROM object
          JOIN identifier ON identifier.identifier_key = object.identifier_key
         WHERE object.object_key IN {connection.in_list("object_keys")}
        """,
        object_keys=list(object_keys),
    )
    return {row.object_key: row.stix_id for row in rows}


def identifiers_of(connection: Connection, object_keys: Sequence[int]) -> list[int]:
    """Return the keys of the identifiers of these objects."""
    rows = connection.rows(
        f"SELECT identifier_key FROM object WHERE object_key IN {connection.in_list('object_keys')}",
        object_keys=list(object_keys),
    )
    return [row.identifier_key for row in rows]


def primary_ids(connection: Connection, object_keys: Sequence[int]) -> dict[int, str]:
    """Return object key → primary id, folded and without its optional prefix, of those that have one."""
    rows = connection.rows(
        f"SELECT object_key, found_by FROM object WHERE object_key IN {connection.in_list('object_keys')}",
        object_keys=list(object_keys),
    )
    return {row.object_key: row.found_by for row in rows if row.found_by}


def releases_holding(connection: Connection, object_key: int, release_keys: Sequence[int]) -> list[int]:
    """Return which of these releases an object is a member of."""
    rows = connection.rows(
        f"SELECT release_key FROM member WHERE object_key = :object_key AND release_key IN {numbers(release_keys)}",
        object_key=object_key,
    )
    return [row.release_key for row in rows]


def releases_of(connection: Connection, object_keys: Iterable[int], release_keys: Sequence[int]) -> dict[int, int]:
    """Return object key → the release of these that it is a member of (the first of several)."""
    rows = connection.rows(
        f"""
        SELECT object_key, min(release_key) AS release_key
          FROM member
         WHERE object_key IN {connection.in_list("object_keys")}
           AND release_key IN {numbers(release_keys)}
         GROUP BY object_key
        """,
        object_keys=list(object_keys),
    )
    return {row.object_key: row.release_key for row in rows}
