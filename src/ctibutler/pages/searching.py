"""Search: the page of results, and the rows of the palette."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from ctibutler.answers.looking_up import near_anywhere, places_of
from ctibutler.answers.pages import PageRequest
from ctibutler.answers.search import SearchQuery, search_in_place
from ctibutler.http.forwarding import answer_at
from ctibutler.http.parameters import Parameter
from ctibutler.http.requests import Request
from ctibutler.pages.paging import pager
from ctibutler.pages.rows import Rows
from ctibutler.pages.templating import Frame, forms_of, page

PALETTE_ROWS = 12
PALETTE_PARAMETERS = (Parameter("text", "text", "What was typed."),)


def results(request: Request) -> Response:
    """Return the page of results."""
    values, library = request.values, request.library
    written = (values.text("text") or "").strip()
    frame = Frame(f"Search: {written[:100]}" if written else "Search", "/search", text=written)
    if not written:
        return page("search.html", frame, written="", rows=[], found=None, near=[], values=values, pager=None)
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
    rows = Rows(library, found.items)
    near = near_anywhere(library, written) if not found.total else []
    frame = Frame(
        frame.title, f"/search?{values.query()}", None, forms_of("/search", ".json", ".csv", query=values.query()),
        text=written,
    )  # fmt: skip
    return page(
        "search.html",
        frame,
        written=written,
        rows=[rows.row(view) for view in found.items],
        found=found,
        near=near,
        values=values,
        pager=pager(request, "/search", found.request.number, found.request.size, found.total),
    )


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


def palette(request: Request) -> Response:
    """Return the rows for what was typed so far: objects that it names, then those that it is found in."""
    written = (request.values.text("text") or "").strip()
    if not written:
        return _json([])
    library = request.library
    named = [place.view for place in places_of(library, written)]
    query = SearchQuery(text=written, page=PageRequest(1, PALETTE_ROWS))
    found = search_in_place(library, query).items
    rows = Rows(library, [*named, *found])
    seen, groups = set[str](), []
    for title, views in (("Ids and names", named), ("Found in names and texts", found)):
        made = []
        for view in views:
            row = rows.row(view)
            if row.address and row.address not in seen and len(seen) < PALETTE_ROWS:
                seen.add(row.address)
                made.append(
                    {
                        "shape": row.shape, "id": row.id, "name": row.name, "address": row.address,
                        "scope": row.elsewhere, "kind": row.kind, "status": row.status,
                    }
                )  # fmt: skip
        if made:
            groups.append({"title": title, "rows": made})
    return _json(groups)


def _json(groups: list[dict[str, Any]]) -> Response:
    return Response(msgspec.json.encode({"groups": groups}), media_type="application/json")
