"""Search over the latest release of every knowledge base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ctibutler.answers.knowledge_base_names import with_knowledge_base
from ctibutler.answers.library import Library
from ctibutler.answers.naming import installed_release
from ctibutler.answers.object_view import ObjectView, views
from ctibutler.answers.pages import WHOLE, Page, PageRequest, Sort
from ctibutler.catalog import objects, releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import Release
from ctibutler.catalog.selections import Selection
from ctibutler.catalog.text import MOST_WORDS as MOST_WORDS
from ctibutler.errors import InvalidRequest
from ctibutler.knowledge_bases.declaration import KnowledgeBase

RELEVANCE = "relevance"
"""The key of the order by relevance."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What to look for, and where. A list that is None is no filter.

    `show_knowledge_base` adds the knowledge base to each hit. `sort` is the order of `search`; that of
    `search_by_relevance` is its own. If the words are in no name and no description, `anywhere` looks for them in whole
    objects, which takes a second the first time.
    """

    text: str | None = None
    types: Sequence[str] | None = None
    knowledge_bases: Sequence[str] | None = None
    include_revoked: bool = False
    include_deprecated: bool = False
    show_knowledge_base: bool = False
    anywhere: bool = True
    sort: Sort = Sort("modified", descending=True)
    page: PageRequest = PageRequest()


def search(library: Library, query: SearchQuery) -> Page[ObjectView]:
    """Return the objects that match, each once for every knowledge base that it is in. Without a text, all objects match."""
    with library.database.read() as connection:
        among = searched_releases(library, connection, query)
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
    text = _text_to_rank_by(query)
    from ctibutler.answers.relevance import ranked  # loads numpy

    with library.database.read() as connection:
        among = searched_releases(library, connection, query)
        shown = ranked(library, connection, _selection(query, among), text, query.page, anywhere=query.anywhere)
        return shown.with_items(_hits(connection, shown.items, query, among))


def search_in_place(
    library: Library, query: SearchQuery, release: tuple[KnowledgeBase, str] | None = None
) -> Page[ObjectView]:
    """Return what `search_by_relevance` does, each object with its knowledge base and release; from one release, if it is
    given, instead of the latest ones.

    Raises InvalidRequest without a text, NotFound if the release is not installed.
    """
    text = _text_to_rank_by(query)
    from ctibutler.answers.relevance import ranked  # loads numpy

    with library.database.read() as connection:
        searched = (
            searched_releases(library, connection, query)
            if release is None
            else [installed_release(connection, *release)]
        )
        among = {it.key: it for it in searched}
        shown = ranked(
            library, connection, _selection(query, list(among.values())), text, query.page, anywhere=query.anywhere
        )
        release_of = objects.releases_of(connection, shown.items, list(among))
        contents = objects.contents(connection, shown.items)
        places = [among[release_of[key]] for key in shown.items]
        bases = [library.knowledge_bases.named(place.knowledge_base) for place in places]
        found = zip(contents, bases, places, strict=True)
        return shown.with_items([ObjectView(content, kb, place.label) for content, kb, place in found])


def hit_keys(library: Library, connection: Connection, query: SearchQuery, among: Sequence[Release]) -> Sequence[int]:
    """Return the keys of all objects that match, in the order of the list.

    Raises InvalidRequest for an order by relevance without a text.
    """
    selection = _selection(query, among)
    if query.sort.key == RELEVANCE:
        from ctibutler.answers.relevance import ranked  # loads numpy

        text = _text_to_rank_by(query)
        return ranked(library, connection, selection, text, WHOLE, anywhere=query.anywhere).items
    return objects.select_all(connection, selection, sort=query.sort.key, descending=query.sort.descending)


def searched_releases(library: Library, connection: Connection, query: SearchQuery) -> list[Release]:
    """Return the latest release of every knowledge base that is searched."""
    hosted = library.knowledge_bases
    wanted = hosted.all if query.knowledge_bases is None else hosted.selected(query.knowledge_bases)
    return releases.latest(connection, [kb.slug for kb in wanted])


def _text_to_rank_by(query: SearchQuery) -> str:
    if not (query.text or "").strip():
        raise InvalidRequest.of("sort", "`relevance_descending` needs a `text`.")
    return query.text or ""


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
