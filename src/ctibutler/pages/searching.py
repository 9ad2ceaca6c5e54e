"""The page of results of a search."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.responses import Response

from ctibutler.answers.beginnings import formerly_called
from ctibutler.answers.facets import facets_of
from ctibutler.answers.looking_up import near_anywhere
from ctibutler.answers.search import SearchQuery, search_in_place
from ctibutler.http.forwarding import answer_at
from ctibutler.http.requests import Request
from ctibutler.knowledge_bases.kinds import kind_of
from ctibutler.pages.paging import pager
from ctibutler.pages.rows import Rows
from ctibutler.pages.templating import Frame, forms_of, page, short_title
from ctibutler.pages.text import excerpt
from ctibutler.stix.markup import plain_text
from ctibutler.stix.objects import text

_MOST_FORMER = 10


def results(request: Request) -> Response:
    """Return the page of results."""
    values, library = request.values, request.library
    written = (values.text("text") or "").strip()
    frame = Frame(f"Search: {written[:100]}" if written else "Search", "/search", text=written)
    if not written:
        return page(
            "search.html",
            frame,
            written="",
            rows=[],
            former=[],
            found=None,
            bases=(),
            facets=[],
            near=[],
            values=values,
            pager=None,
        )
    dead = values.flag("dead")
    query = SearchQuery(
        text=written,
        types=values.csv("types"),
        knowledge_bases=values.csv("knowledge_bases"),
        include_revoked=dead,
        include_deprecated=dead,
        page=values.page(),
    )
    found = search_in_place(library, query)
    former = formerly_called(library, written, _MOST_FORMER) if found.request.number == 1 else []
    rows = Rows(library, [*found.items, *(it.view for it in former)])
    near = near_anywhere(library, written) if not found.total else []
    frame = Frame(
        frame.title, f"/search?{values.query()}", None, forms_of("/search", ".json", ".csv", query=values.query()),
        text=written,
    )  # fmt: skip
    return page(
        "search.html",
        frame,
        written=written,
        rows=[
            rows.row(view, excerpt(plain_text(text(view.properties, "description") or ""), written))
            for view in found.items
        ],
        former=[rows.row(it.view, note=f"called {it.former} until {it.until}") for it in former],
        found=found,
        bases=library.knowledge_bases.all,
        facets=_facets(request, query) if found.total else [],
        near=near,
        values=values,
        pager=pager(request, "/search", found.request.number, found.request.size, found.total),
    )


@dataclass(frozen=True)
class Facet:
    """A narrowing of the results: how many are left, and the address. `is_chosen`: it is in use, and the address ends it."""

    title: str
    count: int
    address: str
    is_chosen: bool


def _facets(request: Request, query: SearchQuery) -> list[tuple[str, list[Facet]]]:
    """The hits by knowledge base and by type."""
    library, values = request.library, request.values
    counted = facets_of(library, query)
    titles = {kb.slug: short_title(kb) for kb in library.knowledge_bases.all}

    def made(name: str, counts: Mapping[str, int], titled: Callable[[str], str]) -> list[Facet]:
        chosen = values.csv(name) or []
        return [
            Facet(
                titled(word),
                count,
                f"/search?{values.query(**{name: None if word in chosen else [word], 'page': None})}",
                word in chosen,
            )
            for word, count in counts.items()
        ]

    return [
        ("Knowledge base", made("knowledge_bases", counted.knowledge_bases, lambda slug: titles[slug])),
        ("Type", made("types", counted.types, lambda stix_type: kind_of(None, stix_type))),
    ]


def as_api(request: Request) -> Response:
    """Return the API's answer to the same search."""
    return _as_api(request, "")


def as_api_csv(request: Request) -> Response:
    """Return all results as CSV."""
    return _as_api(request, "&format=csv")


def _as_api(request: Request, form: str) -> Response:
    query = request.values.query()
    dead = "&include_revoked=true&include_deprecated=true" if request.values.flag("dead") else ""
    order = "&sort=relevance_descending" if request.values.text("text") else ""
    return answer_at(request, "/api/v1/search/", f"{query}{dead}{order}{form}")
