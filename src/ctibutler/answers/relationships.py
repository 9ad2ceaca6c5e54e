"""The relationships of one object."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ctibutler.answers.library import Library
from ctibutler.answers.naming import ObjectRequest, resolve
from ctibutler.answers.object_view import ObjectView, views
from ctibutler.answers.pages import Page, PageRequest, Sort, cut
from ctibutler.catalog.edge_order import in_order
from ctibutler.catalog.edges import Edge
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.relationship_contents import EdgeContent, content_of, contents
from ctibutler.catalog.relationships import edges_of
from ctibutler.catalog.releases import Release
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.objects import type_of_id


@dataclass(frozen=True, slots=True)
class RelationshipQuery:
    """Filters of a list of relationships. `direction` says which end the object is. A filter that is None is not in use."""

    page: PageRequest = PageRequest()
    sort: Sort = Sort("modified", descending=True)
    include_embedded: bool = True
    direction: Literal["source_ref", "target_ref"] | None = None
    relationship_type: str | None = None
    note: str | None = None
    source_refs: Sequence[str] | None = None
    target_refs: Sequence[str] | None = None
    source_types: Sequence[str] | None = None
    target_types: Sequence[str] | None = None

    @property
    def question(self) -> str:
        """The query without its page, as a text."""
        return repr(replace(self, page=PageRequest()))


def list_relationships(
    library: Library, kb: KnowledgeBase, request: ObjectRequest, query: RelationshipQuery
) -> Page[ObjectView]:
    """Return every relationship of the object in its release, and its links to other knowledge bases.

    Raises NotFound if there is no such object, Hidden if the request leaves it out.
    """
    with library.database.read() as connection:
        release, found = resolve(connection, kb, request)
        shown = cut(relationships_of(library, connection, release, found.stix_id, query), query.page)
        return shown.with_items(views(contents(connection, shown.items), kb, release.label))


def relationships_of(
    library: Library, connection: Connection, release: Release, stix_id: str, query: RelationshipQuery
) -> Sequence[EdgeContent]:
    """Return all relationships of an object that match, in order."""

    def passing() -> list[EdgeContent]:
        edges = edges_of(connection, release, stix_id, include_embedded=query.include_embedded)
        kept = filtered(edges, query, stix_id)
        return [content_of(edge) for edge in in_order(kept, query.sort.key, descending=query.sort.descending)]

    return library.list_cache.get(connection, ("relationships", release.key, stix_id, query.question), passing)


def filtered(edges: Iterable[Edge], query: RelationshipQuery, stix_id: str | None = None) -> list[Edge]:
    """Return the edges that match. `stix_id` is the object that `direction` refers to."""
    kept = [edge for edge in edges if query.include_embedded or not edge.embedded]
    if query.direction == "source_ref":
        kept = [edge for edge in kept if edge.source == stix_id]
    elif query.direction == "target_ref":
        kept = [edge for edge in kept if edge.target == stix_id]
    if query.relationship_type is not None:
        part = query.relationship_type.lower()
        kept = [edge for edge in kept if part in edge.relationship_type.lower()]
    if query.note is not None:
        part = query.note.lower()
        kept = [edge for edge in kept if edge.note and not edge.embedded and part in edge.note.lower()]
    for wanted, of in ((query.source_refs, _source), (query.target_refs, _target)):
        if wanted is not None:
            asked = {item.lower() for item in wanted}
            kept = [edge for edge in kept if of(edge) in asked]
    for wanted, of in ((query.source_types, _source), (query.target_types, _target)):
        if wanted is not None:
            types = set(wanted)
            kept = [edge for edge in kept if type_of_id(of(edge)) in types]
    return kept


def _source(edge: Edge) -> str:
    return edge.source


def _target(edge: Edge) -> str:
    return edge.target
