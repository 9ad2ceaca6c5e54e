"""One step from many objects at once: along relationships of the publisher, embedded ones, or links."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ctibutler.catalog.edges import Edge, Family
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.transaction import numbers
from ctibutler.catalog.objects import ids_of
from ctibutler.catalog.releases import Release
from ctibutler.knowledge_bases.declaration import TypeWord
from ctibutler.knowledge_bases.questions import ANY, Step
from ctibutler.stix.identifiers import relationship_id
from ctibutler.stix.objects import META_TYPES, RELATIONSHIP

Node = tuple[int, int]
"""An object in a release: the keys of the release and of the identifier."""

# Up to here keys are written out, so that the planner sees how many they are.
_MOST_WRITTEN_OUT = 1000


class Hop(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """A relationship that was taken from `near` to `far`. `key`, `created` and `kind_key` are as in an `Edge`."""

    family: Family
    key: int
    kind_key: int
    source: Node
    target: Node
    near: Node
    far: Node
    created: int | None
    uuid: bytes = b""
    mode: str = ""


class Place(msgspec.Struct, frozen=True, gc=False):
    """The object at a node: its content in the release, and whether it is revoked or deprecated."""

    object_key: int
    is_dead: bool


@dataclass(frozen=True, slots=True)
class Living:
    """Which revoked and deprecated objects and relationships are walked too."""

    include_revoked: bool = False
    include_deprecated: bool = False

    def condition(self, *tables: str) -> str:
        """The condition on these tables, which begins with AND; empty if it lets all pass."""
        columns = [] if self.include_revoked else ["revoked"]
        columns += [] if self.include_deprecated else ["deprecated"]
        return "".join(f" AND {table}.{column} = 0" for table in tables for column in columns)


Found = list[tuple[Hop, Place]]


def take(
    connection: Connection,
    step: Step,
    release: Release,
    near: Sequence[int],
    kinds: Sequence[TypeWord] | None,
    living: Living,
    *,
    far_release: Release | None = None,
) -> Found:
    """Take a step from these identifiers of a release. Return each relationship with the object that it leads to.

    `kinds` are those at the far end, by their STIX types and whether they are sub-techniques; None for all. Objects of a kind
    that only its content tells are not told apart. Links lead to the releases that they are shown with, or only to
    `far_release`.
    """
    if not near:
        return []
    directions = ("out", "in") if step.direction == "both" else (step.direction,)
    found: Found = []
    for direction in directions:
        found += _TAKE[step.family](
            connection, _Asked(step, direction == "out", release, near, kinds, living, far_release)
        )
    return found


@dataclass(frozen=True, slots=True)
class _Asked:
    """A step in one direction, from these identifiers."""

    step: Step
    outwards: bool
    release: Release
    near: Sequence[int]
    kinds: Sequence[TypeWord] | None
    living: Living
    far_release: Release | None

    @property
    def ends(self) -> tuple[str, str]:
        """The names of the near end and of the far end."""
        return ("source", "target") if self.outwards else ("target", "source")

    def begins(self, connection: Connection, column: str) -> tuple[str, dict[str, object]]:
        """The condition that the near end is one of those at hand, with what it binds."""
        if len(self.near) <= _MOST_WRITTEN_OUT:
            return f"{column} IN {numbers(self.near)}", {}
        return f"{column} IN {connection.in_list('near')}", {"near": list(self.near)}

    def passes(self, connection: Connection) -> str:
        """The condition on the object at the far end."""
        alive = "" if self.step.through_dead else self.living.condition("far")
        return alive + _of_kinds(connection, self.kinds)


def _of_kinds(connection: Connection, kinds: Sequence[TypeWord] | None) -> str:
    if kinds is None:
        return ""
    forms = []
    for kind in kinds:
        form = f"far.type_key IN {numbers(connection.keys(kind.types))}"
        forms.append(form if kind.subtechnique is None else f"({form} AND far.subtechnique = {int(kind.subtechnique)})")
    return f" AND ({' OR '.join(forms)})" if forms else " AND 1 = 0"


def _of_relations(connection: Connection, step: Step, column: str) -> str:
    if ANY in step.relations:
        besides = connection.keys(step.besides)
        return f" AND {column} NOT IN {numbers(besides)}" if besides else ""
    return f" AND {column} IN {numbers(connection.keys(step.relations))}"


_FAR_COLUMNS = """far.object_key AS far_object, far.revoked AS far_revoked, far.deprecated AS far_deprecated,
       far_member.repeat AS far_repeat"""


def _native(connection: Connection, asked: _Asked) -> Found:
    near, far = asked.ends
    begins, parameters = asked.begins(connection, f"relationship.{near}_key")
    rows = connection.rows(
        f"""
        SELECT relationship.object_key, relationship.kind_key, sro.created, relationship.source_key,
               relationship.target_key, {_FAR_COLUMNS}
          FROM relationship
          JOIN member            ON member.release_key = :release
                                AND member.type_key = :relationship
                                AND member.object_key = relationship.object_key
          JOIN object sro        ON sro.object_key = relationship.object_key
          JOIN object far        ON far.identifier_key = relationship.{far}_key
          JOIN member far_member ON far_member.object_key = far.object_key AND far_member.release_key = :release
         WHERE {begins}{_of_relations(connection, asked.step, "relationship.kind_key")}{asked.living.condition("sro")}
           {asked.passes(connection)}
        """,
        release=asked.release.key,
        relationship=connection.key(RELATIONSHIP),
        **parameters,
    )
    return _once(asked, rows, "native", lambda row: row.object_key)


def _embedded(connection: Connection, asked: _Asked) -> Found:
    near, far = asked.ends
    options = asked.release.options
    ignored = [RELATIONSHIP] if options.ignore_embedded_sro else []
    ignored += sorted(META_TYPES) if options.ignore_embedded_smo else []
    if options.ignore_embedded:
        return []
    owner = "far" if near == "target" else "mine"
    begins, parameters = asked.begins(connection, f"reference.{near}_key")
    mine = (
        ""
        if owner == "far"
        else """
          JOIN object mine        ON mine.identifier_key = reference.source_key
          JOIN member mine_member ON mine_member.object_key = mine.object_key AND mine_member.release_key = :release"""
    )
    left_out = connection.keys(ignored)
    rows = connection.rows(
        f"""
        SELECT {owner}.object_key, reference.kind_key, {owner}.created, reference.source_key, reference.target_key,
               reference.uuid, {_FAR_COLUMNS}
          FROM reference {mine}
          JOIN object far        ON far.identifier_key = reference.{far}_key
          JOIN member far_member ON far_member.object_key = far.object_key AND far_member.release_key = :release
          JOIN object_reference  ON object_reference.object_key = {owner}.object_key
                                AND reference.place BETWEEN object_reference.first_place AND object_reference.last_place
         WHERE {begins}{_of_relations(connection, asked.step, "reference.kind_key")}{asked.passes(connection)}
           {f"AND {owner}.type_key NOT IN {numbers(left_out)}" if left_out else ""}
        """,
        release=asked.release.key,
        **parameters,
    )
    return _once(asked, rows, "embedded", lambda row: bytes(row.uuid))


def _links(connection: Connection, asked: _Asked) -> Found:
    near, far = asked.ends
    begins, parameters = asked.begins(connection, f"link.{near}_key")
    rows = connection.rows(
        f"""
        SELECT link.link_key AS object_key, link.kind_key, link.created, link.source_key, link.target_key,
               link.source_release, link.target_release, {_FAR_COLUMNS}
          FROM link
          JOIN link_set          ON link_set.set_key = link.set_key AND link_set.mode = :mode
          JOIN release           ON release.release_key = link.{far}_release
                                AND release.knowledge_base = :knowledge_base
          JOIN object far        ON far.identifier_key = link.{far}_key
          JOIN member far_member ON far_member.object_key = far.object_key
                                AND far_member.release_key = link.{far}_release
         WHERE {begins}
           AND link.{near}_release = :release
           AND link.embedded = 0
           AND {_SHOWN if asked.far_release is None else f"link.{far}_release = :far_release"}
           {asked.passes(connection)}
        """,
        release=asked.release.key,
        mode=asked.step.mode,
        knowledge_base=asked.step.knowledge_base or asked.release.knowledge_base,
        **({} if asked.far_release is None else {"far_release": asked.far_release.key}),
        **parameters,
    )
    return _once(asked, rows, "link", lambda row: row.object_key)


_SHOWN = """CASE :release WHEN link_set.owner_release THEN link_set.owner_shows
                             WHEN link_set.other_release THEN link_set.other_shows
                             ELSE 1 END = 1"""

_TAKE = {"native": _native, "embedded": _embedded, "link": _links}


def _once(asked: _Asked, rows: Iterable[Any], family: Family, identity: Any) -> Found:
    """The rows as hops. Of an object that a release has several times, the first is taken, a live one if there is any."""
    best: dict[object, tuple[tuple[bool, int], Hop, Place]] = {}
    mode = asked.step.mode
    for row in rows:
        releases = (
            (row.source_release, row.target_release) if family == "link" else (asked.release.key, asked.release.key)
        )
        source, target = (releases[0], row.source_key), (releases[1], row.target_key)
        near, far = (source, target) if asked.outwards else (target, source)
        is_dead = bool(row.far_revoked or row.far_deprecated)
        uuid = bytes(row.uuid) if family == "embedded" else b""
        hop = Hop(family, row.object_key, row.kind_key, source, target, near, far, row.created, uuid, mode)
        rank = (is_dead, row.far_repeat)
        mark = (identity(row), near, far)
        if mark not in best or rank < best[mark][0]:
            best[mark] = (rank, hop, Place(row.far_object, is_dead))
    return [(hop, place) for _, hop, place in best.values()]


def edges(connection: Connection, hops: Sequence[Hop]) -> dict[Hop, Edge]:
    """Return the relationship that each of these hops took."""
    ids = _stix_ids(connection, {node[1] for hop in hops for node in (hop.source, hop.target)})
    natives = ids_of(connection, sorted({hop.key for hop in hops if hop.family == "native"}))
    links = _link_ids(connection, sorted({hop.key for hop in hops if hop.family == "link"}))
    return {
        hop: Edge(
            hop.family,
            hop.key,
            relationship_id(hop.uuid) if hop.family == "embedded" else (natives if hop.family == "native" else links)[hop.key],
            connection.word(hop.kind_key),
            ids[hop.source[1]],
            ids[hop.target[1]],
            hop.created,
            None,
            hop.near[0],
            hop.source[0],
            hop.target[0],
            hop.mode,
            hop.family == "embedded",
        )
        for hop in hops
    }  # fmt: skip


def _link_ids(connection: Connection, link_keys: Sequence[int]) -> dict[int, str]:
    rows = connection.rows(
        f"""
        SELECT link.link_key, identifier.stix_id
          FROM link
          JOIN identifier ON identifier.identifier_key = link.identifier_key
         WHERE link.link_key IN {connection.in_list("link_keys")}
        """,
        link_keys=list(link_keys),
    )
    return {row.link_key: row.stix_id for row in rows}


def _stix_ids(connection: Connection, identifiers: Iterable[int]) -> dict[int, str]:
    rows = connection.rows(
        f"SELECT identifier_key, stix_id FROM identifier WHERE identifier_key IN {connection.in_list('identifiers')}",
        identifiers=sorted(identifiers),
    )
    return {row.identifier_key: row.stix_id for row in rows}


def nodes_of(connection: Connection, release: Release, object_keys: Iterable[int]) -> dict[int, Node]:
    """Return object key → its node in a release."""
    rows = connection.rows(
        f"SELECT object_key, identifier_key FROM object WHERE object_key IN {connection.in_list('object_keys')}",
        object_keys=list(object_keys),
    )
    return {row.object_key: (release.key, row.identifier_key) for row in rows}


def qualified(connection: Connection, name: str, hops: Iterable[Hop]) -> Mapping[tuple[int, int], frozenset[str]]:
    """Return the keys of a release and of its relationship → the values of this qualifier that the latter holds for."""
    by_release: dict[int, set[int]] = {}
    for hop in hops:
        by_release.setdefault(hop.near[0], set()).add(hop.key)
    found: dict[tuple[int, int], set[str]] = {}
    for release_key, keys in by_release.items():
        rows = connection.rows(
            f"""
            SELECT object_key, value
              FROM qualifier
             WHERE release_key = :release
               AND name_key = :name
               AND object_key IN {connection.in_list("object_keys")}
            """,
            release=release_key,
            name=connection.key(name),
            object_keys=sorted(keys),
        )
        for row in rows:
            found.setdefault((release_key, row.object_key), set()).add(row.value)
    return {mark: frozenset(values) for mark, values in found.items()}


def is_qualified(connection: Connection, release: Release, name: str) -> bool:
    """Return whether a release says anything about this qualifier."""
    row = connection.row(
        "SELECT 1 AS one FROM qualifier WHERE release_key = :release AND name_key = :name LIMIT 1",
        release=release.key,
        name=connection.key(name),
    )
    return row is not None


def values_of(connection: Connection, release: Release, name: str) -> list[str]:
    """Return the values of a qualifier in a release."""
    rows = connection.rows(
        "SELECT DISTINCT value FROM qualifier WHERE release_key = :release AND name_key = :name ORDER BY value",
        release=release.key,
        name=connection.key(name),
    )
    return [row.value for row in rows]
