"""An object with its relationships and the objects at their other ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from ctibutler.answers.library import Library
from ctibutler.answers.naming import ObjectRequest, resolve
from ctibutler.answers.object_view import ObjectView, views
from ctibutler.answers.pages import Page, PageRequest, cut
from ctibutler.catalog import members, relationship_contents, relationships
from ctibutler.catalog import objects as catalog
from ctibutler.catalog.edges import Edge
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.objects import Found
from ctibutler.catalog.relationship_contents import EdgeContent, content_of
from ctibutler.catalog.releases import Release
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.objects import encode, type_of_id
from ctibutler.stix.well_known import WELL_KNOWN

EXTENSION_DEFINITION = "extension-definition"
# Roughly what an entry of a list that is kept takes, with its id.
_BYTES_OF_ENTRY = 256


@dataclass(frozen=True, slots=True)
class BundleQuery:
    """What to include in a bundle.

    `include_embedded_refs` follows references in properties to further objects; `include_embedded_sros` adds the
    relationships made from them. `types` keeps objects of these STIX types; it applies to all objects, after the others.
    """

    page: PageRequest = PageRequest()
    include_embedded_refs: bool = True
    include_embedded_sros: bool = False
    types: Sequence[str] | None = None


class Entry(msgspec.Struct, frozen=True):
    """One object of a bundle, without its bytes: a stored object, a relationship, or a well-known object."""

    id: str
    object_key: int | None = None
    edge: Edge | EdgeContent | None = None

    @property
    def mark(self) -> tuple[object, ...]:
        """What distinguishes it from other entries."""
        if self.edge is None:
            return self.id, self.object_key
        return self.id, None, self.edge.key, self.edge.target

    @property
    def brief(self) -> Entry:
        """The entry without what only sorting needs. Long lists are kept of these."""
        return Entry(self.id, edge=content_of(self.edge)) if isinstance(self.edge, Edge) else self


@dataclass(frozen=True, slots=True)
class ObjectBundle:
    """An object with its relationships and neighbours. `stix_id` is that of the object."""

    stix_id: str
    objects: Sequence[ObjectView]


def object_bundle(library: Library, kb: KnowledgeBase, request: ObjectRequest, query: BundleQuery) -> Page[ObjectView]:
    """Return a page of the object, then its relationships and neighbours by STIX id.

    Raises NotFound.
    """
    with library.database.read() as connection:
        release, found = resolve(connection, kb, request)
        question = ("bundle", release.key, found.object_key, repr(replace(query, page=PageRequest())))

        def entries() -> list[Entry]:
            return [entry.brief for entry in around(connection, release, found, query)]

        listed = library.list_cache.get(connection, question, entries, _BYTES_OF_ENTRY)
        shown = cut(listed, query.page)
        return shown.with_items(views(entry_contents(connection, shown.items)))


def whole_object_bundle(
    library: Library, kb: KnowledgeBase, request: ObjectRequest, query: BundleQuery
) -> ObjectBundle:
    """Return all of the object's bundle; the page of the query is ignored.

    Raises NotFound.
    """
    with library.database.read() as connection:
        release, found = resolve(connection, kb, request)
        contents = entry_contents(connection, around(connection, release, found, query))
    return ObjectBundle(found.stix_id, views(contents))


def around(connection: Connection, release: Release, found: Found, query: BundleQuery) -> list[Entry]:
    """Return the entries of an object's bundle: the object itself, then the others by STIX id."""
    edges = _edges(connection, release, found, query)
    entries = [Entry(edge.id, edge=edge) for edge in edges if query.include_embedded_sros or not edge.embedded]
    entries += _neighbours(connection, edges, found)
    if query.include_embedded_refs and not query.include_embedded_sros:
        referring = relationships.referring(connection, release, found.stix_id)
        entries += [Entry(stix_id, object_key=key) for stix_id, key in referring if stix_id != found.stix_id]
    named = Entry(found.stix_id, object_key=found.object_key)
    entries += _extension_definitions(connection, release, [named, *entries])
    others = {entry.mark: entry for entry in entries if entry.object_key != found.object_key}
    ordered = [named, *sorted(_each_once(list(others.values())), key=lambda entry: entry.id)]
    if query.types is None:
        return ordered
    wanted = set(query.types)
    return [entry for entry in ordered if type_of_id(entry.id) in wanted]


def _edges(connection: Connection, release: Release, found: Found, query: BundleQuery) -> list[Edge]:
    """The relationships of the object, apart from those that are neither shown nor needed to find neighbours."""
    if query.include_embedded_refs and not query.include_embedded_sros:
        return relationships.published_and_linked(connection, release, found.stix_id)
    return relationships.edges_of(connection, release, found.stix_id, include_embedded=query.include_embedded_refs)


def entry_contents(connection: Connection, entries: Sequence[Entry]) -> list[bytes]:
    """Return the JSON of these entries, in this order."""
    stored_keys = [entry.object_key for entry in entries if entry.object_key is not None]
    stored = dict(zip(stored_keys, catalog.contents(connection, stored_keys), strict=True))
    edges = [entry.edge for entry in entries if entry.edge is not None]
    related = dict(zip(map(id, edges), relationship_contents.contents(connection, edges), strict=True))

    def content(entry: Entry) -> bytes:
        if entry.object_key is not None:
            return stored[entry.object_key]
        return encode(WELL_KNOWN[entry.id]) if entry.edge is None else related[id(entry.edge)]

    return list(map(content, entries))


def _each_once(entries: Sequence[Entry]) -> list[Entry]:
    """Drop native relationships that are there as neighbours too."""
    stored = {entry.object_key for entry in entries if entry.object_key is not None}
    return [
        entry
        for entry in entries
        if entry.edge is None or entry.edge.family != "native" or entry.edge.key not in stored
    ]


def _neighbours(connection: Connection, edges: Sequence[Edge], found: Found) -> list[Entry]:
    """The objects at the other ends, each from the release of its end or well known. Ends that do not exist are left out."""
    wanted: dict[int, set[str]] = {}
    for edge in edges:
        for end, release_key in ((edge.source, edge.source_release), (edge.target, edge.target_release)):
            if end != found.stix_id:
                wanted.setdefault(release_key, set()).add(end)
    entries = []
    for release_key, ids in wanted.items():
        present = members.with_ids(connection, release_key, ids)
        entries += [Entry(stix_id, object_key=key) for stix_id, key in present]
        missing = ids - {stix_id for stix_id, _ in present}
        entries += [Entry(stix_id) for stix_id in sorted(missing) if stix_id in WELL_KNOWN]
    return entries


def _extension_definitions(connection: Connection, release: Release, entries: Sequence[Entry]) -> list[Entry]:
    """The extension definitions that the collected objects name, where the release has them."""
    definitions = members.of_type(connection, release, EXTENSION_DEFINITION)
    if not definitions:
        return []
    bodies = catalog.contents(connection, [entry.object_key for entry in entries if entry.object_key is not None])
    return [
        Entry(stix_id, object_key=key)
        for stix_id, key in definitions
        if any(f'"{stix_id}":'.encode() in body for body in bodies)
    ]
