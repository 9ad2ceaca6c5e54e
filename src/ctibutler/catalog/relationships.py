"""The relationships of an object, and of a release."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import chain

from ctibutler.catalog import edges as queries
from ctibutler.catalog import members
from ctibutler.catalog.edges import Edge, EdgeQuery, Family
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import Release
from ctibutler.stix.objects import RELATIONSHIP, type_of_id


def at_object(
    connection: Connection, release: Release, stix_id: str, *, include_embedded: bool = True
) -> list[EdgeQuery]:
    """Return queries for the relationships of a release, and the links, that begin or end at an object."""
    end = _identifier(connection, stix_id)
    if end is None:
        return []
    return [
        *_in_file(connection, release, end, include_embedded),
        queries.links_at(connection, release, end, include_embedded=include_embedded),
    ]


# With more objects, reading all relationships of the release once takes less time than asking at each object.
_FEW_ENDS = 10


def owned_at_object(
    connection: Connection, release: Release, stix_id: str, *, include_embedded: bool = True
) -> list[EdgeQuery]:
    """Return the queries of `at_object`, without links that belong to the release of their other end: over several releases,
    each link is then found once."""
    end = _identifier(connection, stix_id)
    if end is None:
        return []
    return [
        *_in_file(connection, release, end, include_embedded),
        queries.links_owned_at(connection, release, end, include_embedded=include_embedded),
    ]


def by_family(connection: Connection, release: Release, *, include_embedded: bool = True) -> dict[Family, EdgeQuery]:
    """Return queries for every relationship of a release, and the links that belong to it, by family."""
    embedded: dict[Family, EdgeQuery] = {"embedded": queries.embedded(connection, release)} if include_embedded else {}
    return {
        "native": queries.native(connection, release),
        **embedded,
        "link": queries.links_of_release(connection, release, include_embedded=include_embedded),
    }


def derived(connection: Connection, release: Release, *, include_embedded: bool = True) -> list[EdgeQuery]:
    """Return queries for the relationships of a release that we made: embedded ones, and the links that belong to it, those
    from techniques to tactics among them."""
    embedded = [queries.embedded(connection, release)] if include_embedded else []
    return [*embedded, queries.links_of_release(connection, release, include_embedded=include_embedded)]


def edges_of(connection: Connection, release: Release, stix_id: str, *, include_embedded: bool = True) -> list[Edge]:
    """Return every relationship of a release, and every link, that begins or ends at this object, each once."""
    return found(connection, at_object(connection, release, stix_id, include_embedded=include_embedded))


def published_and_linked(connection: Connection, release: Release, stix_id: str) -> list[Edge]:
    """Return what `edges_of` does, without embedded relationships of the release that end at this object: everything refers to
    some objects, and `referring` finds it faster."""
    end = _identifier(connection, stix_id)
    if end is None:
        return []
    return found(
        connection,
        [
            queries.native(connection, release, end),
            queries.embedded_from(connection, release, end),
            queries.links_at(connection, release, end),
        ],
    )


def referring(connection: Connection, release: Release, stix_id: str) -> list[tuple[str, int]]:
    """Return STIX id and object key of the objects of a release that refer to this one: every content of each id."""
    rows = connection.rows(
        f"""
        SELECT DISTINCT source.stix_id, object.object_key
          FROM reference
          JOIN identifier source ON source.identifier_key = reference.source_key
          JOIN object            ON object.identifier_key = reference.source_key
          JOIN member            ON member.object_key = object.object_key
          JOIN object_reference  ON object_reference.object_key = object.object_key
                                AND reference.place BETWEEN object_reference.first_place AND object_reference.last_place
         WHERE reference.target_key = (SELECT identifier_key FROM identifier WHERE stix_id = :stix_id)
           AND member.release_key = :release
           {queries.not_ignored(connection, release)}
        """,
        stix_id=stix_id,
        release=release.key,
    )
    found = [(row.stix_id, row.object_key) for row in rows]
    repeated = members.repeated_ids(connection, release)
    return [*found, *members.with_ids(connection, release.key, repeated & {stix_id for stix_id, _ in found})]


def edges_with_id(connection: Connection, relationship: str, among: Sequence[Release]) -> list[Edge]:
    """Return the relationships that we made under this id, in these releases."""
    try:
        uuid = bytes.fromhex(relationship.partition("--")[2].replace("-", ""))
    except ValueError:
        return []
    edges: list[Edge] = []
    for release in among:
        edges += queries.embedded_with_uuid(connection, release, uuid).run(connection)
        edges += queries.links_with_id(connection, release, relationship).run(connection)
    return edges


def found(connection: Connection, asked: Iterable[EdgeQuery]) -> list[Edge]:
    """Return what these queries find, each relationship once."""
    return distinct(edge for query in asked for edge in query.run(connection))


def found_at(
    connection: Connection, release: Release, stix_ids: Collection[str], *, include_embedded: bool = True
) -> list[Edge]:
    """Return every relationship of a release, and the links that belong to it, that begins or ends at one of these objects."""
    if len(stix_ids) <= _FEW_ENDS:
        at_each = (owned_at_object(connection, release, end, include_embedded=include_embedded) for end in stix_ids)
        return found(connection, chain.from_iterable(at_each))
    keys = _identifiers(connection, stix_ids)
    whole = by_family(connection, release, include_embedded=include_embedded).values() if keys else ()
    # Links count only with the end that is in this release, as they do at each object.
    return [
        edge
        for edge in found(connection, [query.at_ends(keys.values()) for query in whole])
        if (edge.source in keys and edge.source_release == release.key)
        or (edge.target in keys and edge.target_release == release.key)
    ]


def distinct(edges: Iterable[Edge]) -> list[Edge]:
    """Return each relationship once. The same means the same id and the same content: ATLAS from 5.1.1 on gives one id to
    several pairs, and those are different relationships."""
    seen: set[object] = set()
    kept = []
    for edge in edges:
        mark = (
            (edge.id, edge.key)
            if edge.family == "native"
            else (edge.id, edge.created, edge.modified, edge.source, edge.target)
        )
        if mark not in seen:
            seen.add(mark)
            kept.append(edge)
    return kept


def counts_of_derived(connection: Connection, release: Release) -> dict[str, int]:
    """Return how many relationships of a release we made: embedded ones, and links by mode."""
    embedded = queries.embedded(connection, release)
    count = connection.value(
        f"""
        SELECT count(*)
          FROM (SELECT DISTINCT reference.source_key, reference.place, object.created, object.modified
                {embedded.tables}) AS once
        """,
        **embedded.parameters,
    )
    rows = connection.rows(
        """
        SELECT link_set.mode, count(*) AS links
          FROM link
          JOIN link_set ON link_set.set_key = link.set_key
         WHERE link_set.owner_release = :release
           AND link_set.owner_shows = 1
           AND link.embedded = 0
         GROUP BY link_set.mode
        """,
        release=release.key,
    )
    return {"embedded": int(count), **{row.mode: int(row.links) for row in rows}}


def is_relationship(stix_id: str) -> bool:
    """Return whether an id is that of a relationship."""
    return type_of_id(stix_id) == RELATIONSHIP


def _in_file(connection: Connection, release: Release, end: int, include_embedded: bool) -> list[EdgeQuery]:
    native = queries.native(connection, release, end)
    if not include_embedded:
        return [native]
    return [
        native,
        queries.embedded_from(connection, release, end),
        queries.embedded_to(connection, release, end),
    ]


def _identifier(connection: Connection, stix_id: str) -> int | None:
    key: int | None = connection.value(
        "SELECT identifier_key FROM identifier WHERE stix_id = :stix_id", stix_id=stix_id
    )
    return key


def _identifiers(connection: Connection, stix_ids: Collection[str]) -> dict[str, int]:
    rows = connection.rows(
        f"SELECT stix_id, identifier_key FROM identifier WHERE stix_id IN {connection.in_list('stix_ids', 'text')}",
        stix_ids=sorted(stix_ids),
    )
    return {row.stix_id: row.identifier_key for row in rows}
