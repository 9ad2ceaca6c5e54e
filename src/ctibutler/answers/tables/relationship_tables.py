"""Lists of relationships as tables, with the names of the objects at their ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ctibutler.answers.across import lists
from ctibutler.answers.across.ids import edges_across
from ctibutler.answers.across.lists import ListQuery
from ctibutler.answers.library import Library
from ctibutler.answers.naming import ObjectRequest, brief, resolve
from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.portions import Unchanged
from ctibutler.answers.relationships import RelationshipQuery, relationships_of
from ctibutler.answers.tables.closures import Closure, TableObjects
from ctibutler.answers.tables.end_names import End, EndNames
from ctibutler.answers.tables.object_tables import status_of
from ctibutler.answers.tables.table import Table, TableColumn, chosen, names_of, rows_of
from ctibutler.catalog import relationship_contents, releases
from ctibutler.catalog.edges import Edge
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.relationship_contents import EdgeContent
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.markup import plain_text
from ctibutler.stix.objects import citations, text


@dataclass(frozen=True, slots=True)
class _Relationship:
    """A relationship, and the objects at its ends."""

    view: ObjectView
    source: End
    target: End


def _property(name: str) -> TableColumn[_Relationship]:
    return TableColumn(name, lambda item: text(item.view.properties, name))


RELATIONSHIP_COLUMNS: tuple[TableColumn[_Relationship], ...] = (
    TableColumn("source_id", lambda item: item.source.external_id),
    TableColumn("source_name", lambda item: item.source.name),
    _property("relationship_type"),
    TableColumn("target_id", lambda item: item.target.external_id),
    TableColumn("target_name", lambda item: item.target.name),
    TableColumn("status", lambda item: status_of(item.view)),
    _property("modified"),
    _property("created"),
    TableColumn("stix_id", lambda item: item.view.id),
    _property("source_ref"),
    _property("target_ref"),
    TableColumn("description", lambda item: plain_text(text(item.view.properties, "description") or "")),
)

SHEET_COLUMNS: tuple[TableColumn[_Relationship], ...] = (
    *RELATIONSHIP_COLUMNS[:-1],
    TableColumn("source_kind", lambda item: item.source.kind),
    TableColumn("target_kind", lambda item: item.target.kind),
    TableColumn("citations", lambda item: [str(one.get("source_name", "")) for one in citations(item.view.properties)]),
    RELATIONSHIP_COLUMNS[-1],
)
"""What the workbook of a release shows of them."""


def relationship_table(
    library: Library,
    kb: KnowledgeBase,
    request: ObjectRequest,
    query: RelationshipQuery,
    columns: Sequence[str] | None = None,
) -> Table:
    """Return all relationships of an object that match.

    Raises NotFound and Hidden as `list_relationships` does, InvalidRequest for an unknown column.
    """
    with library.database.read() as connection:
        release, found = resolve(connection, kb, request)
        edges = relationships_of(library, connection, release, found.stix_id, query)
        others = [other for other in releases.latest(connection) if other.knowledge_base != kb.slug]
        source = Unchanged.since(connection, library.database, [release, *others])
    return _table(
        library,
        edges,
        source,
        columns,
        name=f"{kb.slug}-{release.label}-relationships",
        title=f"Relationships of {found.stix_id}, {kb.title} {release.label}",
        facts={"knowledge base": kb.title, "release": release.label},
    )


def object_across_table(
    library: Library, object_id: str, query: RelationshipQuery, columns: Sequence[str] | None = None
) -> Table:
    """Return all relationships of an object that match, in the release that answers for its id.

    Raises NotFound, and InvalidRequest for an unknown column.
    """
    with library.database.read() as connection:
        release, edges = edges_across(library, connection, object_id, query)
        first = [] if release is None else [release]
        others = [other for other in releases.latest(connection) if other not in first]
        source = Unchanged.since(connection, library.database, [*first, *others])
    return _table(
        library,
        edges,
        source,
        columns,
        name="relationships",
        title=f"Relationships of {brief(object_id)}",
        facts={"release": f"{release.knowledge_base} {release.label}" if release else ""},
    )


def relationships_across_table(library: Library, query: ListQuery, columns: Sequence[str] | None = None) -> Table:
    """Return all relationships of the latest releases that match, each id once.

    Raises InvalidRequest for an unknown column.
    """
    with library.database.read() as connection:
        among = lists.latest_releases(library, connection, query.knowledge_bases)
        edges = lists.relationship_edges(library, connection, among, query)
        source = Unchanged.since(connection, library.database, among)
    return _table(
        library,
        edges,
        source,
        columns,
        name="relationships",
        title="Relationships of all knowledge bases",
        facts={"releases": ", ".join(f"{release.knowledge_base} {release.label}" for release in among)},
    )


def _table(
    library: Library,
    edges: Sequence[Edge | EdgeContent],
    source: Unchanged,
    columns: Sequence[str] | None,
    *,
    name: str,
    title: str,
    facts: dict[str, str],
) -> Table:
    """The ends are looked up in the releases of `source`, in their order."""
    shown = chosen(RELATIONSHIP_COLUMNS, columns)
    names = EndNames([(library.knowledge_bases.named(release.knowledge_base), release) for release in source.releases])

    def read(connection: Connection, portion: Sequence[Edge | EdgeContent]) -> Sequence[_Relationship]:
        return with_ends(connection, names, views(connection, portion))

    def views(connection: Connection, portion: Sequence[Edge | EdgeContent]) -> list[ObjectView]:
        return [ObjectView(content) for content in relationship_contents.contents(connection, portion)]

    def every(_: Closure) -> Iterator[ObjectView]:
        return (view for portion in source.portions(edges, views) for view in portion)

    return Table(
        name=name,
        title=title,
        columns=names_of(shown),
        rows=rows_of(shown, source.portions(edges, read), lambda item: item.view),
        facts={**facts, "rows": str(len(edges))},
        changed_at=max((release.installed_at for release in source.releases), default=0),
        objects=TableObjects(library, every, [(one.knowledge_base, one.label) for one in source.releases]),
    )


def with_ends(connection: Connection, names: EndNames, found: Sequence[ObjectView]) -> list[_Relationship]:
    """Return relationships with the objects at their ends."""
    refs = [(text(view.properties, "source_ref") or "", text(view.properties, "target_ref") or "") for view in found]
    ends = names.of(connection, (stix_id for pair in refs for stix_id in pair))
    return [_Relationship(view, ends[source], ends[target]) for view, (source, target) in zip(found, refs, strict=True)]
