"""One id in all knowledge bases: no id that an answer contains is a dead end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from ctibutler.answers.bundles import BundleQuery, Entry, around, entry_contents
from ctibutler.answers.library import Library
from ctibutler.answers.naming import brief, comparable_id, is_stix_id
from ctibutler.answers.object_view import ObjectView, views
from ctibutler.answers.pages import Page, Sort, cut
from ctibutler.answers.relationships import RelationshipQuery, filtered
from ctibutler.answers.spellings import readings
from ctibutler.answers.visibility import visible
from ctibutler.catalog import members, relationship_contents, relationships, releases
from ctibutler.catalog import objects as catalog
from ctibutler.catalog.edge_order import EARLIEST, in_order
from ctibutler.catalog.edges import Edge
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.namesakes import preferred
from ctibutler.catalog.objects import Found
from ctibutler.catalog.releases import Release
from ctibutler.errors import NotFound
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.objects import decode, encode, instant, text
from ctibutler.stix.well_known import WELL_KNOWN


class ObjectStateAcross(msgspec.Struct, frozen=True, kw_only=True):
    """One state of an object in a knowledge base, and the releases that hold it in this state, newest first."""

    knowledge_base: str
    modified: str | None
    releases: tuple[str, ...] = msgspec.field(name="versions")


@dataclass(frozen=True, slots=True)
class _Located:
    """An id, the release that answers for it, and what was found there.

    That is an object (`found`) or a relationship that we made (`edge`). An id with neither is that of a well-known object.
    """

    id: str
    release: Release | None
    found: Found | None = None
    edge: Edge | None = None


def stix_id_across(library: Library, connection: Connection, object_id: str) -> str:
    """Return the STIX id of an object or relationship, by its STIX id in any release, or its primary id in a latest one.

    Raises NotFound. If the primary id names different objects in several knowledge bases, the details of the problem list them.
    """
    if "\x00" not in object_id and not is_stix_id(object_id):
        named = {found.stix_id for _, _, found in _with_primary_id(library, connection, object_id)}
        if len(named) == 1:
            return named.pop()
    return _locate(library, connection, object_id).id


def find_across(library: Library, object_id: str, visible_to: str | None = None) -> ObjectView:
    """Return the object or relationship with this id: a STIX id of any release, or a primary id of a latest one.

    `visible_to` is the STIX id of an identity that must be allowed to see it.

    Raises NotFound. If several knowledge bases have the primary id, the details of the problem list them.
    """
    with library.database.read() as connection:
        located = _locate(library, connection, object_id)
        content = _content(connection, located)
    if visible_to is not None and not visible(decode(content), visible_to):
        raise NotFound(f"No object with id `{brief(object_id)}`")
    return ObjectView(content)


def bundle_across(
    library: Library,
    object_id: str,
    query: BundleQuery,
    sort: Sort,
    visible_to: str | None = None,
    created_by_refs: Sequence[str] | None = None,
) -> Page[ObjectView]:
    """Return a page of the object, its relationships and its neighbours, sorted by time.

    `created_by_refs` are the STIX ids of creators: of the others, only what they created is kept. The object itself always is.

    Raises NotFound.
    """
    with library.database.read() as connection:
        located = _locate(library, connection, object_id)
        if located.release is None or located.found is None:
            named = _content(connection, located)
            return cut(views([named]), query.page)
        entries = around(connection, located.release, located.found, query)
        if visible_to is not None or created_by_refs is not None:
            pairs = list(zip(entries, map(decode, entry_contents(connection, entries)), strict=True))
            entries = [
                entry
                for entry, properties in pairs
                if (visible_to is None or visible(properties, visible_to))
                and (
                    created_by_refs is None
                    or entry.id == located.id
                    or properties.get("created_by_ref") in created_by_refs
                )
            ]
        ordered = _by_time(connection, entries, sort)
        shown = cut(ordered, query.page)
        return shown.with_items(views(entry_contents(connection, shown.items)))


def relationships_across(library: Library, object_id: str, query: RelationshipQuery) -> Page[ObjectView]:
    """Return the relationships of an object in the release that answers for its id.

    Raises NotFound.
    """
    with library.database.read() as connection:
        _, passing = edges_across(library, connection, object_id, query)
        shown = cut(passing, query.page)
        return shown.with_items(views(relationship_contents.contents(connection, shown.items)))


def edges_across(
    library: Library, connection: Connection, object_id: str, query: RelationshipQuery
) -> tuple[Release | None, list[Edge]]:
    """Return the release that answers for an id (None for a well-known object), and there the relationships that match.

    Raises NotFound.
    """
    located = _locate(library, connection, object_id)
    if located.release is None:
        return None, []
    edges = relationships.edges_of(connection, located.release, located.id, include_embedded=query.include_embedded)
    passing = filtered(edges, query, located.id)
    return located.release, in_order(passing, query.sort.key, descending=query.sort.descending)


def versions_across(library: Library, object_id: str) -> list[ObjectStateAcross]:
    """Return the states of an object in every knowledge base, distinguished by `modified`, newest first.

    Raises NotFound.
    """
    with library.database.read() as connection:
        located = _locate(library, connection, object_id)
        installed = {release.key: release for release in releases.installed(connection)}
        found = catalog.with_stix_id(connection, list(installed), located.id)
        bodies = catalog.contents(connection, [item.object_key for item in found])
        groups: dict[tuple[str, str | None], list[Release]] = {}
        for item, content in zip(found, bodies, strict=True):
            release = installed[item.release_key]
            of_group = groups.setdefault((release.knowledge_base, text(decode(content), "modified")), [])
            if release not in of_group:
                of_group.append(release)
    newest_first = sorted(groups.items(), key=lambda group: group[0][0])
    newest_first.sort(key=lambda group: group[0][1] or "", reverse=True)
    return [
        ObjectStateAcross(
            knowledge_base=knowledge_base,
            modified=modified,
            releases=tuple(one.label for one in sorted(of_group, key=lambda one: one.sort_key, reverse=True)),
        )
        for (knowledge_base, modified), of_group in newest_first
    ]


def _locate(library: Library, connection: Connection, object_id: str) -> _Located:
    if "\x00" in object_id:
        raise NotFound(f"No object with id `{brief(object_id)}`")
    if not is_stix_id(object_id):
        return _locate_by_primary_id(library, connection, object_id)
    stix_id = object_id.strip().lower()
    installed = releases.installed(connection)
    for among in ([one for one in installed if one.latest], [one for one in installed if not one.latest]):
        found = _answering(connection, among, stix_id)
        if found is not None:
            return found
    for among in ([one for one in installed if one.latest], [one for one in installed if not one.latest]):
        edges = (
            relationships.edges_with_id(connection, stix_id, among) if relationships.is_relationship(stix_id) else []
        )
        if edges:
            return _Located(stix_id, None, edge=max(edges, key=lambda edge: edge.modified or 0))
    if stix_id in WELL_KNOWN:
        return _Located(stix_id, None)
    raise NotFound(f"No object with id `{brief(object_id)}`")


def _answering(connection: Connection, among: Sequence[Release], stix_id: str) -> _Located | None:
    by_key = {release.key: release for release in among}
    found = catalog.with_stix_id(connection, list(by_key), stix_id) if by_key else []
    if not found:
        return None
    first: dict[int, Found] = {}
    for item in found:
        first.setdefault(item.release_key, item)
    best = min(
        first.values(),
        key=lambda item: (-(item.modified or 0), by_key[item.release_key].knowledge_base),
    )
    return _Located(stix_id, by_key[best.release_key], found=best)


def _with_primary_id(
    library: Library, connection: Connection, object_id: str
) -> list[tuple[KnowledgeBase, Release, Found]]:
    hits: list[tuple[KnowledgeBase, Release, Found]] = []
    for kb in library.knowledge_bases.all:
        release = releases.find(connection, kb.slug, None)
        if release is None:
            continue
        candidates = catalog.with_primary_id(connection, [release.key], comparable_id(kb, object_id) or " ")
        best = preferred(kb, object_id, candidates)
        if best is not None:
            hits.append((kb, release, best))
    return hits


def _locate_by_primary_id(library: Library, connection: Connection, object_id: str) -> _Located:
    hits = _with_primary_id(library, connection, object_id)
    if len(hits) == 1:
        _, release, best = hits[0]
        return _Located(best.stix_id, release, found=best)
    if not hits:
        read = _read(library, connection, object_id)
        if read is None:
            raise NotFound(f"No object with id `{brief(object_id)}`")
        return read
    raise _ambiguous(object_id, [(kb, best) for kb, _, best in hits])


def _read(library: Library, connection: Connection, object_id: str) -> _Located | None:
    """The object that a text means which is nobody's exact id.

    Raises NotFound if it means several.
    """
    installed = [
        (kb, release) for kb in library.knowledge_bases.all if (release := releases.find(connection, kb.slug, None))
    ]
    read = readings(connection, installed, object_id)
    if len({one.found.stix_id for one in read}) > 1:
        raise _ambiguous(object_id, [(one.kb, one.found) for one in read])
    if not read:
        return None
    newest = min(read, key=lambda one: (-(one.found.modified or 0), one.kb.slug))
    return _Located(newest.found.stix_id, newest.release, found=newest.found)


def _ambiguous(object_id: str, named: Sequence[tuple[KnowledgeBase, Found]]) -> NotFound:
    return NotFound(
        f"`{brief(object_id)}` names objects of several knowledge bases; ask one of them, or by STIX id",
        {"candidates": [{"knowledge_base": kb.slug, "id": found.stix_id} for kb, found in named]},
    )


def _content(connection: Connection, located: _Located) -> bytes:
    if located.found is not None:
        return catalog.contents(connection, [located.found.object_key])[0]
    if located.edge is not None:
        return relationship_contents.contents(connection, [located.edge])[0]
    return encode(WELL_KNOWN[located.id])


def _by_time(connection: Connection, entries: Sequence[Entry], sort: Sort) -> list[Entry]:
    key: Literal["created", "modified"] = "created" if sort.key == "created" else "modified"
    times = members.times_of(connection, [entry.object_key for entry in entries if entry.object_key is not None], key)

    def moment(entry: Entry) -> int:
        if entry.object_key is not None:
            found = times.get(entry.object_key)
        elif isinstance(entry.edge, Edge):
            found = entry.edge.created if key == "created" else entry.edge.modified
        else:
            found = instant(WELL_KNOWN[entry.id], key)
        return EARLIEST if found is None else found

    by_id = sorted(entries, key=lambda entry: entry.id)
    return sorted(by_id, key=moment, reverse=sort.descending)
