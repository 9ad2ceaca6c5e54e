"""Search over the latest release of every knowledge base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ctibutler.answers.library import Library
from ctibutler.answers.object_view import ObjectView, views
from ctibutler.answers.pages import Page, PageRequest, Sort
from ctibutler.answers.relevance import ranked
from ctibutler.catalog import objects as catalog
from ctibutler.catalog import releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import Release
from ctibutler.catalog.selections import Selection
from ctibutler.errors import InvalidRequest
from ctibutler.stix.objects import decode, encode

RELEVANCE = "relevance"


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What to look for and where. A list that is None is no filter; `show_knowledgebase` adds where each hit lives."""

    text: str | None = None
    types: Sequence[str] | None = None
    knowledge_bases: Sequence[str] | None = None
    include_revoked: bool = False
    include_deprecated: bool = False
    show_knowledgebase: bool = False
    sort: Sort = Sort("modified", descending=True)
    page: PageRequest = PageRequest()


def search(library: Library, query: SearchQuery) -> Page[ObjectView]:
    """The objects that match, each once for every knowledge base that it lives in.

    By relevance, objects whose id, name or alias is the query are found too, and come first.

    Raises InvalidRequest when relevance is asked for without a text.
    """
    by_relevance = query.sort.key == RELEVANCE
    if by_relevance and not (query.text or "").strip():
        raise InvalidRequest.of("sort", "`relevance_descending` needs a `text`.")
    with library.database.read() as connection:
        where = _releases(library, connection, query)
        selection = Selection(
            releases=[release.key for release in where],
            types=query.types,
            listed_only=False,
            include_revoked=query.include_revoked,
            include_deprecated=query.include_deprecated,
            text=query.text,
        )
        if by_relevance:
            keys = ranked(connection, selection, query.text or "")
            shown, total = keys[query.page.start : query.page.start + query.page.size], len(keys)
        else:
            shown, total = _page_by_column(connection, selection, query, where)
        items = catalog.contents(connection, shown)
        if query.show_knowledgebase:
            items = _with_knowledge_base(connection, shown, items, where)
        return Page(query.page, views(items), total)


def _releases(library: Library, connection: Connection, query: SearchQuery) -> list[Release]:
    if query.knowledge_bases is None:
        return releases.latest(connection, [kb.slug for kb in library.knowledge_bases.all])
    return releases.latest(connection, [kb.slug for kb in library.knowledge_bases.selected(query.knowledge_bases)])


def _page_by_column(
    connection: Connection, selection: Selection, query: SearchQuery, where: Sequence[Release]
) -> tuple[list[int], int]:
    return catalog.select(
        connection,
        selection,
        sort=query.sort.key,
        descending=query.sort.descending,
        start=query.page.start,
        size=query.page.size,
    )


def _with_knowledge_base(
    connection: Connection, keys: Sequence[int], items: Sequence[bytes], where: Sequence[Release]
) -> list[bytes]:
    names: Mapping[int, str] = {release.key: release.knowledge_base for release in where}
    homes = catalog.releases_of(connection, keys, list(names))
    return [
        encode({**decode(content), "knowledgebase_name": names[homes[key]]})
        for key, content in zip(keys, items, strict=True)
    ]
