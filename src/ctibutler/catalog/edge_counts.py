"""How many relationships each content holds in a release, counted without reading them.

A list of 200,000 relationships is counted in a tenth of the time that it takes to read it. The counts and times say where
each page lies in the list, so that only the relationships of one page are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ctibutler.catalog.edges import Family, not_ignored
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.transaction import numbers
from ctibutler.catalog.releases import Release
from ctibutler.stix.objects import RELATIONSHIP, type_of_id
from ctibutler.stix.references import CREATED_BY

Time = Literal["created", "modified"]


@dataclass(frozen=True, slots=True)
class EdgeFilter:
    """Which relationships count. A filter that is None is not in use.

    `relationship_type` is a part of the type, in any case. `visible_to` is the STIX id of an identity that must be allowed to
    see them.
    """

    include_embedded: bool = True
    relationship_type: str | None = None
    source_types: Sequence[str] | None = None
    target_types: Sequence[str] | None = None
    visible_to: str | None = None


Held = tuple[int, int | None, int]
"""A holder of relationships (their `key` as in an `Edge`), the time that all of them have, and how many pass a filter."""


def held(
    connection: Connection, release: Release, passing: EdgeFilter, time: Time
) -> Iterable[tuple[Family, list[Held]]]:
    """Return what each holder of a release has, family by family: those of `relationships.by_family`."""
    kinds = _kinds(connection, passing.relationship_type)
    if kinds == []:
        return
    parameters = {
        "release": release.key,
        "visible_to": passing.visible_to,
        "source_types": list(passing.source_types or ()),
        "target_types": list(passing.target_types or ()),
    }
    yield "native", _held(connection, _natives(connection, passing, kinds, time), parameters)
    yield "link", _held(connection, _links(connection, passing, kinds, time), parameters)
    if passing.include_embedded:
        yield "embedded", _held(connection, _embedded(connection, release, passing, kinds, time), parameters)


def _held(connection: Connection, sql: str, parameters: dict[str, Any]) -> list[Held]:
    in_use = {name: value for name, value in parameters.items() if f":{name}" in sql}
    return connection.rows(sql, **in_use)


def _natives(connection: Connection, passing: EdgeFilter, kinds: Sequence[int] | None, time: Time) -> str:
    joins, conditions = _at_ends(connection, "relationship", passing)
    conditions += _of_kinds("relationship", kinds)
    if passing.visible_to is not None:
        conditions += """
           AND (object.public > 0
             OR object.creator_key IS NULL
             OR object.creator_key = (SELECT identifier_key FROM identifier WHERE stix_id = :visible_to))"""
    return f"""
        SELECT member.object_key, object.{time}, 1
          FROM member
          JOIN object       ON object.object_key = member.object_key
          JOIN relationship ON relationship.object_key = member.object_key
          {joins}
         WHERE member.release_key = :release
           AND member.type_key = {connection.key(RELATIONSHIP)}
           {conditions}
        """


def _embedded(
    connection: Connection, release: Release, passing: EdgeFilter, kinds: Sequence[int] | None, time: Time
) -> str:
    joins = conditions = ""
    number = "sum(object_reference.last_place - object_reference.first_place + 1)"
    if passing.source_types is not None:
        conditions += f" AND member.type_key IN {numbers(_type_keys(connection, passing.source_types))}"
    if kinds is not None or passing.target_types is not None:
        joins, of_target = _at_ends(connection, "reference", EdgeFilter(target_types=passing.target_types))
        joins = f"""JOIN reference ON reference.source_key = object.identifier_key
                       AND reference.place BETWEEN object_reference.first_place AND object_reference.last_place
          {joins}"""
        number = "count(*)"
        conditions += of_target + _of_kinds("reference", kinds)
    if passing.visible_to not in (None, CREATED_BY):
        # They have the markings of their owner, and no domain.
        conditions += " AND object.public IN (1, 3)"
    return f"""
        SELECT member.object_key, object.{time}, CAST({number} AS BIGINT)
          FROM member
          JOIN object           ON object.object_key = member.object_key
          JOIN object_reference ON object_reference.object_key = member.object_key
          {joins}
         WHERE member.release_key = :release
           {not_ignored(connection, release)}
           {conditions}
         GROUP BY member.object_key, object.{time}
        """


def _links(connection: Connection, passing: EdgeFilter, kinds: Sequence[int] | None, time: Time) -> str:
    """Links are marked TLP:CLEAR: everybody may see them."""
    joins, conditions = _at_ends(connection, "link", passing)
    shown = "" if passing.include_embedded else "AND link.embedded = 0"
    return f"""
        SELECT link.link_key, link.{time}, 1
          FROM link
          JOIN link_set ON link_set.set_key = link.set_key
          {joins}
         WHERE link_set.owner_release = :release
           AND link_set.owner_shows = 1
           {shown}
           {conditions}
           {_of_kinds("link", kinds)}
        """


def _at_ends(connection: Connection, table: str, passing: EdgeFilter) -> tuple[str, str]:
    """What joins the ends to a table with their keys, and the condition that they have these types."""
    joins = conditions = ""
    for end, types in (("source", passing.source_types), ("target", passing.target_types)):
        if types is not None:
            joins += f" JOIN identifier {end} ON {end}.identifier_key = {table}.{end}_key"
            conditions += (
                f" AND {_type_of(connection, f'{end}.stix_id')} IN {connection.in_list(f'{end}_types', 'text')}"
            )
    return joins, conditions


def _type_of(connection: Connection, stix_id: str) -> str:
    """The expression for the type part of a STIX id."""
    find = connection.by_engine(sqlite="instr", postgresql="strpos")
    return f"substr({stix_id}, 1, {find}({stix_id} || '--', '--') - 1)"


def _of_kinds(table: str, kinds: Sequence[int] | None) -> str:
    return "" if kinds is None else f" AND {table}.kind_key IN {numbers(kinds)}"


def _kinds(connection: Connection, part: str | None) -> list[int] | None:
    """The keys of the words that contain this part. A word that is not a relationship type does no harm."""
    if part is None:
        return None
    return [key for key, word in _words(connection) if part.lower() in word.lower()]


def _type_keys(connection: Connection, types: Iterable[str]) -> list[int]:
    wanted = set(types)
    return [key for key, word in _words(connection) if type_of_id(word) in wanted]


def _words(connection: Connection) -> list[tuple[int, str]]:
    # Read each time: what is remembered of words may lack those of a new release.
    return [(row.word_key, row.word) for row in connection.rows("SELECT word_key, word FROM word")]
