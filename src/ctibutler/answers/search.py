"""Search over the latest release of every knowledge base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ctibutler.answers.knowledge_base_names import with_knowledge_base
from ctibutler.answers.library import Library
from ctibutler.answers.object_view import ObjectView, views
from ctibutler.answers.pages import Page, PageRequest, Sort
from ctibutler.catalog import objects, releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import Release
from ctibutler.catalog.selections import Selection
from ctibutler.catalog.text import MOST_WORDS as MOST_WORDS
from ctibutler.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What to look for, and where. A list that is None is no filter.

    `show_knowledge_base` adds the knowledge base to each hit. `sort` is the order of `search`; that of
    `search_by_relevance` is its own.
    """

    text: str | None = None
    types: Sequence[str] | None = None
    knowledge_bases: Sequence[str] | None = None
    include_revoked: bool = False
    include_deprecated: bool = False
    show_knowledge_base: bool = False
    sort: Sort = Sort("modified", descending=True)
    page: PageRequest = PageRequest()


def search(library: Library, query: SearchQuery) -> Page[ObjectView]:
    """Return the objects that match, each once for every knowledge base that it is in. Without a text, all objects match."""
    with library.database.read() as connection:
        among = _releases(library, connection, query)
        keys, total = objects.select(
            connection,
            _selection(query, among),
            sort=query.sort.key,
            descending=query.sort.descending,
            start=query.page.start,
            size=query.page.size,
        )
        return Page(query.page, _hits(connection, keys, query, among), total)


def search_by_relevance(library: Library, query: SearchQuery) -> Page[ObjectView]:
    """Return the objects that match, the best match first. Those whose id, name or alias is the text match too.

    Raises InvalidRequest without a text.
    """
    if not (query.text or "").strip():
        raise InvalidRequest.of("sort", "`relevance_descending` needs a `text`.")
    from ctibutler.answers.relevance import ranked  # loads numpy

    with library.database.read() as connection:
        among = _releases(library, connection, query)
        shown = ranked(library, connection, _selection(query, among), query.text or "", query.page)
        return shown.with_items(_hits(connection, shown.items, query, among))


def _releases(library: Library, connection: Connection, query: SearchQuery) -> list[Release]:
    hosted = library.knowledge_bases
    wanted = hosted.all if query.knowledge_bases is None else hosted.selected(query.knowledge_bases)
    return releases.latest(connection, [kb.slug for kb in wanted])


def _selection(query: SearchQuery, among: Sequence[Release]) -> Selection:
    return Selection(
        releases=[release.key for release in among],
        types=query.types,
        listed_only=False,
        include_revoked=query.include_revoked,
        include_deprecated=query.include_deprecated,
        text=query.text,
    )


def _hits(
    connection: Connection, keys: Sequence[int], query: SearchQuery, among: Sequence[Release]
) -> Sequence[ObjectView]:
    contents = objects.contents(connection, keys)
    if query.show_knowledge_base:
        contents = with_knowledge_base(connection, keys, contents, among)
    return views(contents)
