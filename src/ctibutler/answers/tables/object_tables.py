"""Lists of objects as tables."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from ctibutler.answers import search as searching
from ctibutler.answers.across import lists
from ctibutler.answers.across.lists import Kind, ListQuery
from ctibutler.answers.library import Library
from ctibutler.answers.naming import installed_release
from ctibutler.answers.object_view import ObjectView, views
from ctibutler.answers.objects import ObjectQuery, list_keys, shown_types
from ctibutler.answers.portions import Unchanged
from ctibutler.answers.search import SearchQuery
from ctibutler.answers.tables.closures import Closure, TableObjects
from ctibutler.answers.tables.table import Cell, Table, TableColumn, chosen, names_of, rows_of
from ctibutler.catalog import objects as catalog
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import Release
from ctibutler.knowledge_bases.declaration import Column, KnowledgeBase
from ctibutler.knowledge_bases.kinds import kind_of
from ctibutler.stix.markup import plain_text
from ctibutler.stix.objects import external_references, text

_FIRST: tuple[TableColumn[ObjectView], ...] = (
    TableColumn("id", lambda item: item.external_id),
    TableColumn("name", lambda item: item.name),
    TableColumn("kind", lambda item: kind_of(item.knowledge_base, item.type, item.properties)),
)
_LAST: tuple[TableColumn[ObjectView], ...] = (
    TableColumn("status", lambda item: status_of(item)),
    TableColumn("modified", lambda item: item.modified),
    TableColumn("created", lambda item: item.created),
    TableColumn("stix_id", lambda item: item.id),
    TableColumn("url", lambda item: url_of(item)),
    TableColumn("description", lambda item: plain_text(text(item.properties, "description") or "")),
)
_KNOWLEDGE_BASE: tuple[TableColumn[ObjectView], ...] = (
    TableColumn("knowledge_base", lambda item: _slug(item)),
    TableColumn("release", lambda item: item.release),
)
ACROSS_COLUMNS = (*_FIRST, *_KNOWLEDGE_BASE, *_LAST)
"""The columns of objects of several knowledge bases."""


def list_table(library: Library, kb: KnowledgeBase, query: ObjectQuery, columns: Sequence[str] | None = None) -> Table:
    """Return all objects of a release that match, in the order of the list.

    Raises NotFound if the release is not installed, InvalidRequest for an unknown column.
    """
    with library.database.read() as connection:
        release = installed_release(connection, kb, query.release)
        keys = list_keys(connection, kb, query, release)
        shown = chosen(object_columns(kb, _types_of(kb, release, query)), columns, object_columns(kb))
        source = Unchanged.since(connection, library.database, [release])

    def read(connection: Connection, portion: Sequence[int]) -> Sequence[ObjectView]:
        return views(catalog.contents(connection, portion), kb, release.label)

    return Table(
        name=f"{kb.slug}-{release.label}",
        title=f"{kb.title} {release.label}",
        columns=names_of(shown),
        rows=rows_of(shown, source.portions(keys, read)),
        facts={"knowledge base": kb.title, "release": release.label, "rows": str(len(keys))},
        changed_at=release.installed_at,
        objects=_objects(library, keys, source, read),
    )


def search_table(library: Library, query: SearchQuery, columns: Sequence[str] | None = None) -> Table:
    """Return all hits of a search, in its order.

    Raises InvalidRequest for an unknown column, and for an order by relevance without a text.
    """
    with library.database.read() as connection:
        among = searching.searched_releases(library, connection, query)
        keys = searching.hit_keys(library, connection, query, among)
        source = Unchanged.since(connection, library.database, among)
    return _across(library, "search", "Search results", keys, source, columns)


def across_table(library: Library, kind: Kind, query: ListQuery, columns: Sequence[str] | None = None) -> Table:
    """Return all objects of one kind in the latest releases that match, each id once. `kind` is not `sros`.

    Raises InvalidRequest for an unknown column.
    """
    with library.database.read() as connection:
        among = lists.latest_releases(library, connection, query.knowledge_bases)
        keys = lists.object_keys(library, connection, kind, among, query)
        source = Unchanged.since(connection, library.database, among)
    return _across(library, kind, "Objects of all knowledge bases", keys, source, columns)


def object_columns(
    kb: KnowledgeBase, types: Collection[str] | None = None, further: Sequence[Column] = ()
) -> list[TableColumn[ObjectView]]:
    """Return the columns of a table of this knowledge base that may hold objects of these STIX types, of all for None.

    `further` are declared columns that only some tables show.
    """
    declared = (*kb.columns, *further)
    shown = [column for column in declared if types is None or not set(column.types).isdisjoint(types)]
    return [*_FIRST, *(TableColumn(column.name, _reader(column)) for column in shown), *_LAST]


def _types_of(kb: KnowledgeBase, release: Release, query: ObjectQuery) -> set[str]:
    """The STIX types that a list may hold."""
    types = set(shown_types(kb, release, query.types))
    if query.type_words is None:
        return types
    asked = {word.strip().casefold() for word in query.type_words}
    return types & {name for word in kb.type_words if word.word.casefold() in asked for name in word.types}


def status_of(item: ObjectView) -> str:
    """Return `live`, `deprecated` or `revoked`."""
    return "revoked" if item.is_revoked else "deprecated" if item.is_deprecated else "live"


def url_of(item: ObjectView) -> str | None:
    """Return the web address of the object at its publisher: that of the reference which holds its id."""
    for reference in external_references(item.properties):
        if reference.get("external_id") == item.external_id and isinstance(reference.get("url"), str):
            return str(reference["url"])
    return None


def _reader(column: Column) -> Callable[[ObjectView], Cell]:
    def read(item: ObjectView) -> Cell:
        return column.read(item.properties) if item.type in column.types else None

    return read


def _slug(item: ObjectView) -> str | None:
    return None if item.knowledge_base is None else item.knowledge_base.slug


def _across(
    library: Library,
    name: str,
    title: str,
    keys: Sequence[int],
    source: Unchanged,
    columns: Sequence[str] | None,
) -> Table:
    among = source.releases
    by_key = {release.key: release for release in among}
    kbs = {kb.slug: kb for kb in library.knowledge_bases.all}
    shown = chosen(ACROSS_COLUMNS, columns)

    def read(connection: Connection, portion: Sequence[int]) -> Sequence[ObjectView]:
        homes = catalog.releases_of(connection, portion, list(by_key))
        return [
            ObjectView(content, kbs[by_key[homes[key]].knowledge_base], by_key[homes[key]].label)
            for key, content in zip(portion, catalog.contents(connection, portion), strict=True)
        ]

    return Table(
        name=name,
        title=title,
        columns=names_of(shown),
        rows=rows_of(shown, source.portions(keys, read)),
        facts={
            "releases": ", ".join(f"{release.knowledge_base} {release.label}" for release in among),
            "rows": str(len(keys)),
        },
        changed_at=max((release.installed_at for release in among), default=0),
        objects=_objects(library, keys, source, read),
    )


def _objects(
    library: Library,
    keys: Sequence[int],
    source: Unchanged,
    read: Callable[[Connection, Sequence[int]], Sequence[ObjectView]],
) -> TableObjects:
    def every(_: Closure) -> Iterator[ObjectView]:
        return (view for portion in source.portions(keys, read) for view in portion)

    return TableObjects(library, every, [(release.knowledge_base, release.label) for release in source.releases])
