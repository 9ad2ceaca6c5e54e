"""The records of a release: what is read of them, and how they rank (the rules are in the docstring of the package)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, NamedTuple

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import Release
from ctibutler.knowledge_bases import release_labels
from ctibutler.stix.identifiers import relationship_id
from ctibutler.stix.objects import META_TYPES, RELATIONSHIP


def release_note(label: str) -> str:
    """How records name their release: `version=16_0`."""
    return f"version={release_labels.in_file_name(label)}"


class Rank(NamedTuple):
    """What decides between records of one id: greater wins. `modified` is ABSENT where the object has none."""

    modified: int
    release: str
    recorded: int


ABSENT: Final = -(2**63)


class Standing(NamedTuple):
    """Of the records of one id: whether this is the last one, the first one, the newest of its own `modified`."""

    last: bool
    first: bool
    visible: bool


def standing(mine: Rank, ranks: Sequence[Rank]) -> Standing:
    """The standing of one record among all of its id, itself included.

    A record without `modified` comes after all that have one, from either side.
    """
    visible = mine == max(rank for rank in ranks if rank.modified == mine.modified)
    times = [rank.modified for rank in ranks if rank.modified != ABSENT] or [ABSENT]
    return Standing(visible and mine.modified == max(times), visible and mine.modified == min(times), visible)


@dataclass(frozen=True, slots=True)
class Record:
    """A record of an object; `recorded` is in microseconds."""

    id: str
    recorded: int
    standing: Standing


@dataclass(frozen=True, slots=True)
class ReleaseRecords:
    """The records of one release: by object key, and by STIX id, where of several contents the one that ranks highest
    stands for the id."""

    by_object: dict[int, Record]
    by_id: dict[str, Record]


def release_records(connection: Connection, release: Release, ids: Sequence[str] | None = None) -> ReleaseRecords:
    """The records of a release, or of these ids in it, with their standing among all releases of the knowledge base."""
    condition = "" if ids is None else f"AND identifier.stix_id IN {connection.in_list('ids', 'text')}"
    rows = connection.stream(
        f"""
        SELECT identifier.stix_id, object.object_key, object.modified, member.repeat, release.release_key,
               release.sort_key, release.installed_at
          FROM release
          JOIN member     ON member.release_key = release.release_key
          JOIN object     ON object.object_key = member.object_key
          JOIN identifier ON identifier.identifier_key = object.identifier_key
         WHERE release.knowledge_base = :knowledge_base {condition}
         ORDER BY object.identifier_key
        """,
        knowledge_base=release.knowledge_base,
        **({} if ids is None else {"ids": list(ids)}),
    )
    found = ReleaseRecords({}, {})
    for stix_id, group in groupby(rows, key=lambda row: row.stix_id):
        ranked = [(_rank(row), row) for row in group]
        ranks = [rank for rank, _ in ranked]
        for rank, row in sorted(
            (pair for pair in ranked if pair[1].release_key == release.key), key=lambda pair: pair[0]
        ):
            record = Record(stix_id, rank.recorded, standing(rank, ranks))
            found.by_object[row.object_key] = found.by_id[stix_id] = record
    return found


def ids_in_any_release(connection: Connection, knowledge_base: str, ids: Sequence[str]) -> set[str]:
    """Those of these STIX ids that a release of the knowledge base carries."""
    rows = connection.rows(
        f"""
        SELECT DISTINCT identifier.stix_id
          FROM identifier
          JOIN object  ON object.identifier_key = identifier.identifier_key
          JOIN member  ON member.object_key = object.object_key
          JOIN release ON release.release_key = member.release_key
         WHERE release.knowledge_base = :knowledge_base AND identifier.stix_id IN {connection.in_list("ids", "text")}
        """,
        knowledge_base=knowledge_base,
        ids=list(ids),
    )
    return {row.stix_id for row in rows}


def member_keys(connection: Connection, release: Release, *, relationships: bool) -> list[int]:
    """The object keys of a release's relationships, or of all its other objects, in the order of the file."""
    sign = "=" if relationships else "<>"
    rows = connection.rows(
        f"SELECT object_key FROM member WHERE release_key = :release AND type_key {sign} :type ORDER BY position",
        release=release.key,
        type=connection.key(RELATIONSHIP),
    )
    return [row.object_key for row in rows]


def sources_of_relationships(connection: Connection, release: Release) -> dict[int, str]:
    """Object key → STIX id of the source, for the relationships of a release."""
    rows = connection.rows(
        """
        SELECT relationship.object_key, source.stix_id
          FROM member
          JOIN relationship      ON relationship.object_key = member.object_key
          JOIN identifier source ON source.identifier_key = relationship.source_key
         WHERE member.release_key = :release AND member.type_key = :type
        """,
        release=release.key,
        type=connection.key(RELATIONSHIP),
    )
    return {row.object_key: row.stix_id for row in rows}


@dataclass(frozen=True, slots=True)
class EmbeddedRecord:
    """An embedded relationship of the record of `owner` (an object key). `standing.last` does not yet know whether the
    owner's record is the latest."""

    owner: int
    id: str
    relationship_type: str
    target: str
    standing: Standing


_HELD = """
          FROM object
          JOIN object_reference ON object_reference.object_key = object.object_key
          JOIN reference        ON reference.source_key = object.identifier_key
                               AND reference.place BETWEEN object_reference.first_place AND object_reference.last_place
"""


def embedded_records(connection: Connection, release: Release, owners: Sequence[int]) -> Iterator[EmbeddedRecord]:
    """The embedded relationships that these members of a release have, owner by owner."""
    ranks = _holder_ranks(connection, release.knowledge_base, owners)
    rivals: dict[tuple[int, int], list[tuple[int, Rank]]] = defaultdict(list)
    for row in connection.rows(
        f"""
        SELECT object.object_key, reference.source_key, reference.place
        {_HELD}
         WHERE object.object_key IN {connection.in_list("holders")}
        """,
        holders=list(ranks),
    ):
        rivals[row.source_key, row.place] += ranks[row.object_key]
    for row in connection.rows(
        f"""
        SELECT object.object_key, reference.source_key, reference.place, reference.uuid, reference.kind_key, target.stix_id
        {_HELD}
          JOIN identifier target ON target.identifier_key = reference.target_key
         WHERE object.object_key IN {connection.in_list("owners")}
         ORDER BY object.object_key, reference.place
        """,
        owners=list(owners),
    ):
        mine = next((rank for key, rank in ranks[row.object_key] if key == release.key), None)
        if mine is not None:
            yield EmbeddedRecord(
                row.object_key,
                relationship_id(bytes(row.uuid)),
                connection.word(row.kind_key),
                row.stix_id,
                standing(mine, [rank for _, rank in rivals[row.source_key, row.place]]),
            )


def _holder_ranks(
    connection: Connection, knowledge_base: str, owners: Sequence[int]
) -> dict[int, list[tuple[int, Rank]]]:
    """Object key → release and rank of each of its records, for these objects and all other contents of their ids.

    Left out are records whose release was told to have no embedded relationships of their type.
    """
    rows = connection.rows(
        f"""
        SELECT object.object_key, object.modified, member.repeat, release.release_key, release.sort_key,
               release.installed_at
          FROM object
          JOIN member  ON member.object_key = object.object_key
          JOIN release ON release.release_key = member.release_key
         WHERE object.identifier_key IN (
                   SELECT identifier_key FROM object WHERE object_key IN {connection.in_list("owners")})
           AND release.knowledge_base = :knowledge_base
           AND release.ignore_embedded = 0
           AND NOT (release.ignore_embedded_sro = 1 AND object.type_key = :relationship)
           AND NOT (release.ignore_embedded_smo = 1 AND object.type_key IN {connection.in_list("meta_types")})
        """,
        knowledge_base=knowledge_base,
        relationship=connection.key(RELATIONSHIP),
        owners=list(owners),
        meta_types=connection.keys(sorted(META_TYPES)),
    )
    ranks: dict[int, list[tuple[int, Rank]]] = defaultdict(list)
    for row in rows:
        ranks[row.object_key].append((row.release_key, _rank(row)))
    return ranks


@dataclass(frozen=True, slots=True)
class LinkRecord:
    """A link that belongs to a release. `standing.last` does not yet know whether the source's record is the latest."""

    id: str
    mode: str
    embedded: bool
    source: str
    target: str
    source_release: int
    target_release: int
    recorded: int
    standing: Standing
    content: bytes


def link_records(connection: Connection, release: Release) -> list[LinkRecord]:
    """The links that belong to a release, then the relationships embedded in them. Of links with one id in one set, the
    first."""
    rows = connection.rows(
        """
        SELECT mine.stix_id, link.set_key, link.embedded, link.modified, link.source_release, link.target_release,
               link.dictionary_key, link.content, link_set.mode, link_set.made_at, owner.release_key, owner.sort_key,
               source.stix_id AS source, target.stix_id AS target
          FROM release owner
          JOIN link_set          ON link_set.owner_release = owner.release_key
          JOIN link              ON link.set_key = link_set.set_key
          JOIN identifier mine   ON mine.identifier_key = link.identifier_key
          JOIN identifier source ON source.identifier_key = link.source_key
          JOIN identifier target ON target.identifier_key = link.target_key
         WHERE owner.knowledge_base = :knowledge_base
           AND link.identifier_key IN (SELECT l.identifier_key
                                         FROM link l JOIN link_set s ON s.set_key = l.set_key
                                        WHERE s.owner_release = :release)
         ORDER BY link.embedded, link.link_key
        """,
        knowledge_base=release.knowledge_base,
        release=release.key,
    )
    first = {(row.set_key, row.stix_id): row for row in reversed(rows)}
    ranks: dict[str, list[Rank]] = defaultdict(list)
    for row in first.values():
        ranks[row.stix_id].append(_link_rank(row))
    return [
        LinkRecord(
            row.stix_id, row.mode, bool(row.embedded), row.source, row.target, row.source_release, row.target_release,
            row.made_at, standing(_link_rank(row), ranks[row.stix_id]),
            connection.content(row.dictionary_key, row.content),
        )
        for row in reversed(first.values())
        if row.release_key == release.key
    ]  # fmt: skip


def _rank(row: Any) -> Rank:
    modified = ABSENT if row.modified is None else row.modified
    return Rank(modified, row.sort_key, row.installed_at + row.repeat)


def _link_rank(row: Any) -> Rank:
    return Rank(ABSENT if row.modified is None else row.modified, row.sort_key, row.made_at)
