"""Objects of a release: those that pass filters, in order, and the one that an id names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ctibutler.catalog import text as text_index
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.folding import folded
from ctibutler.knowledge_bases.declaration import TypeWord
from ctibutler.stix.objects import RELATIONSHIP

SortColumn = Literal["modified", "created", "name", "type", "id"] | str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects of some releases are wanted. A list that is None is no filter; an empty one lets nothing pass. Of
    objects with one id, that of the release named first comes first.

    `external_ids` are without optional prefix and in lower case, or STIX ids. `fields` asks indexed fields for one of
    several values (a list) or for a part of a value (a text).
    """

    releases: Sequence[int]
    types: Sequence[str] | None = None
    listed_only: bool = True
    include_revoked: bool = True
    include_deprecated: bool = True
    ids: Sequence[str] | None = None
    external_ids: Sequence[str] | None = None
    name: str | None = None
    text: str | None = None
    type_words: Sequence[TypeWord] | None = None
    fields: Mapping[str, Sequence[str] | str] = field(default_factory=dict)
    visible_to: str | None = None
    without: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """An object in a release, without its bytes."""

    object_key: int
    release_key: int
    stix_id: str
    type: str
    revoked: bool
    deprecated: bool
    modified: int | None
    digest: bytes
    external_id: str | None = None


def select(
    connection: Connection,
    selection: Selection,
    *,
    sort: SortColumn,
    descending: bool,
    start: int = 0,
    size: int | None = None,
) -> tuple[list[int], int]:
    """Keys of the objects that pass, in order from `start`, and the number of all that pass."""
    narrowed = _narrowed(connection, selection)
    if narrowed is None:
        return [], 0
    conditions, parameters = narrowed
    order = _order(connection, selection.releases, sort, descending)
    limit = "" if size is None else f"LIMIT {int(size)} OFFSET {int(start)}"
    tables = """
          FROM member
          JOIN object     ON object.object_key = member.object_key
          JOIN identifier ON identifier.identifier_key = object.identifier_key
    """
    rows = connection.rows(
        f"SELECT object.object_key, count(*) OVER () AS total {tables} WHERE {conditions} ORDER BY {order} {limit}",
        **parameters,
    )
    if rows:
        return [row.object_key for row in rows], rows[0].total
    if start == 0:
        return [], 0
    return [], int(connection.value(f"SELECT count(*) {tables} WHERE {conditions}", **parameters))


def named(
    connection: Connection,
    release_keys: Sequence[int],
    *,
    stix_id: str = "",
    found_by: str = "",
    relationships: bool = False,
) -> list[Found]:
    """Every object of these releases with this STIX id, or with this primary id, in the order of the files; relationships
    are left out unless asked for."""
    condition = "identifier.stix_id = :stix_id" if stix_id else "object.found_by = :found_by"
    asked = {"stix_id": stix_id} if stix_id else {"found_by": found_by}
    rows = connection.rows(
        f"""
        SELECT object.object_key, member.release_key, identifier.stix_id, object.type_key, object.revoked,
               object.deprecated, object.modified, object.digest, object.external_id
          FROM object
          JOIN identifier ON identifier.identifier_key = object.identifier_key
          JOIN member     ON member.object_key = object.object_key
         WHERE {condition}
           AND object.type_key <> :left_out
           AND member.release_key IN {_numbers(release_keys)}
         ORDER BY member.release_key, member.position
        """,
        left_out=0 if relationships else connection.key(RELATIONSHIP),
        **asked,
    )
    return [
        Found(
            row.object_key, row.release_key, row.stix_id, connection.word(row.type_key), bool(row.revoked),
            bool(row.deprecated), row.modified, bytes(row.digest), row.external_id,
        )
        for row in rows
    ]  # fmt: skip


def contents(connection: Connection, object_keys: Sequence[int]) -> list[bytes]:
    """The bytes of these objects, in this order."""
    if not object_keys:
        return []
    rows = connection.rows(
        f"SELECT object_key, dictionary_key, content FROM body WHERE object_key IN {_numbers(object_keys)}"
        if len(object_keys) <= 1000
        else "SELECT object_key, dictionary_key, content FROM body"
        f" WHERE object_key IN {connection.in_list('object_keys')}",
        **({} if len(object_keys) <= 1000 else {"object_keys": list(object_keys)}),
    )
    by_key = {row.object_key: connection.content(row.dictionary_key, row.content) for row in rows}
    return [by_key[key] for key in object_keys]


def ids_of(connection: Connection, object_keys: Sequence[int]) -> dict[int, str]:
    """Object key → STIX id."""
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


def releases_of(connection: Connection, object_keys: Iterable[int], release_keys: Sequence[int]) -> dict[int, int]:
    """Object key → the release of these that it is a member of (the first of several)."""
    rows = connection.rows(
        f"""
        SELECT object_key, min(release_key) AS release_key FROM member
         WHERE object_key IN {connection.in_list("object_keys")} AND release_key IN {_numbers(release_keys)}
         GROUP BY object_key
        """,
        object_keys=list(object_keys),
    )
    return {row.object_key: row.release_key for row in rows}


def _narrowed(connection: Connection, selection: Selection) -> tuple[str, dict[str, object]] | None:
    """The selection as a condition with its parameters, or None when nothing can pass."""
    conditions = [f"member.release_key IN {_numbers(selection.releases)}"]
    parameters: dict[str, object] = {}
    if not selection.releases:
        return None
    if selection.types is not None:
        type_keys = connection.keys(selection.types)
        if not type_keys:
            return None
        conditions.append(f"member.type_key IN {_numbers(type_keys)}")
    else:
        conditions.append(f"member.type_key <> {connection.key(RELATIONSHIP)}")
    if selection.listed_only:
        conditions.append("object.listed = 1")
    if not selection.include_revoked:
        conditions.append("object.revoked = 0")
    if not selection.include_deprecated:
        conditions.append("object.deprecated = 0")
    if selection.ids is not None:
        conditions.append(f"identifier.stix_id IN {connection.in_list('ids', 'text')}")
        parameters["ids"] = [stix_id.lower() for stix_id in selection.ids]
    if selection.external_ids is not None:
        inside = connection.in_list("external_ids", "text")
        conditions.append(f"(object.found_by IN {inside} OR identifier.stix_id IN {inside})")
        parameters["external_ids"] = list(selection.external_ids)
    if selection.name is not None:
        conditions.append(connection.contains("object.name", "name"))
        parameters["name"] = folded(selection.name)
    if selection.type_words is not None:
        forms = [form for form in (_form(connection, word) for word in selection.type_words) if form]
        if not forms:
            return None
        conditions.append("(" + " OR ".join(forms) + ")")
    if selection.text is not None:
        matching = text_index.matching(connection, selection.text)
        if matching is None:
            return None
        conditions.append(f"object.object_key IN ({matching[0]})")
        parameters |= matching[1]
    if selection.visible_to is not None:
        conditions.append(
            """(object.public > 0 OR object.creator_key IS NULL OR object.creator_key = (
                    SELECT identifier_key FROM identifier creator WHERE creator.stix_id = :visible_to))"""
        )
        parameters["visible_to"] = selection.visible_to
    if selection.without:
        conditions.append(f"object.object_key NOT IN {connection.in_list('without')}")
        parameters["without"] = list(selection.without)
    for place, (name, wanted) in enumerate(selection.fields.items()):
        conditions.append(_field_condition(connection, name, wanted, f"field_{place}", parameters))
    return " AND ".join(conditions), parameters


def _field_condition(
    connection: Connection, name: str, wanted: Sequence[str] | str, parameter: str, parameters: dict[str, object]
) -> str:
    if isinstance(wanted, str):
        condition = connection.contains("field.value", parameter)
        parameters[parameter] = folded(wanted)
    else:
        condition = f"field.value IN {connection.in_list(parameter, 'text')}"
        parameters[parameter] = [folded(value) for value in wanted]
    return (
        "EXISTS (SELECT 1 FROM field WHERE field.object_key = object.object_key"
        f" AND field.name_key = {connection.key(name)} AND {condition})"
    )


def _form(connection: Connection, word: TypeWord) -> str | None:
    type_keys = connection.keys(word.types)
    if not type_keys:
        return None
    condition = f"object.type_key IN {_numbers(type_keys)}"
    return (
        condition if word.subtechnique is None else f"({condition} AND object.subtechnique = {int(word.subtechnique)})"
    )


_SORT_COLUMNS = {
    "modified": "object.modified",
    "created": "object.created",
    "name": "object.name",
    "id": "object.id_order",
    "type": "(SELECT word FROM word WHERE word_key = object.type_key)",
}


def _order(connection: Connection, releases: Sequence[int], sort: str, descending: bool) -> str:
    column = _SORT_COLUMNS.get(sort)
    if column is None:
        column = (
            "(SELECT min(value) FROM field WHERE field.object_key = object.object_key"
            f" AND field.name_key = {connection.key(sort)})"
        )
    # A missing value is the smallest; ties are broken by id ascending in both directions, so that paging is stable, then
    # by release, in the order in which the releases were named.
    direction = "DESC NULLS LAST" if descending else "ASC NULLS FIRST"
    places = " ".join(f"WHEN {int(key)} THEN {place}" for place, key in enumerate(releases))
    by_release = f"CASE member.release_key {places} END, " if len(releases) > 1 else ""
    return f"{column} {direction}, identifier.stix_id ASC, {by_release}member.position ASC"


def _numbers(keys: Iterable[int]) -> str:
    """`(1, 2, 3)`: our own numbers, written out so that the planner sees how many they are."""
    return "(" + ", ".join(str(int(key)) for key in keys) + ")"


def repeated(connection: Connection, releases: Sequence[tuple[int, str]]) -> list[int]:
    """Of the objects that several of these releases hold under one id, all but the one that answers for it.

    That is the one with the newest `modified`, then of the first knowledge base by name, then the first in its file.
    `releases` are pairs of release key and knowledge base. Relationships are left out.
    """
    if not releases:
        return []
    rows = connection.rows(
        f"""
        SELECT object.identifier_key, object.object_key, object.modified, member.release_key, member.position
          FROM member
          JOIN object ON object.object_key = member.object_key
         WHERE member.release_key IN {_numbers(key for key, _ in releases)}
           AND member.type_key <> :relationship
           AND object.identifier_key IN (
               SELECT object.identifier_key
                 FROM member
                 JOIN object ON object.object_key = member.object_key
                WHERE member.release_key IN {_numbers(key for key, _ in releases)}
                  AND member.type_key <> :relationship
                GROUP BY object.identifier_key
               HAVING count(*) > 1)
        """,
        relationship=connection.key(RELATIONSHIP),
    )
    names = dict(releases)
    earliest = -(2**63)
    ordered = sorted(
        rows,
        key=lambda row: (-(earliest if row.modified is None else row.modified), names[row.release_key], row.position),
    )
    answering: set[int] = set()
    losers = []
    for row in ordered:
        if row.identifier_key in answering:
            losers.append(row.object_key)
        answering.add(row.identifier_key)
    return losers
