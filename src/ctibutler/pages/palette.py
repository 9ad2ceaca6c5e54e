"""The palette: a few rows for what was typed so far, those of the open release first."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from starlette.responses import Response

from ctibutler.answers import releases
from ctibutler.answers.beginnings import Beginning, beginning_with, formerly_called
from ctibutler.answers.looking_up import places_of, successors
from ctibutler.answers.pages import PageRequest
from ctibutler.answers.search import SearchQuery, search_in_place
from ctibutler.http.parameters import Parameter
from ctibutler.http.requests import Request
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.pages.headers import PAGE_HEADERS
from ctibutler.pages.page_words import pages_called
from ctibutler.pages.rows import Rows
from ctibutler.pages.templating import short_title

PARAMETERS = (
    Parameter("text", "text", "What was typed."),
    Parameter("kb", "text", "The knowledge base of the open page."),
    Parameter("release", "text", "The release of the open page."),
)
_MOST, _MOST_OF_GROUP, _MOST_FORMER = 12, 8, 3
_Release = tuple[KnowledgeBase, str]


class PaletteRow(msgspec.Struct, frozen=True):
    """An object or a page in the palette. `why` says why it is there, where its id and name do not."""

    shape: str
    id: str
    name: str
    why: str
    address: str
    scope: str
    kind: str
    status: str


class PaletteGroup(msgspec.Struct, frozen=True):
    """Rows that are there for the same reason."""

    title: str
    rows: list[PaletteRow]


def palette(request: Request) -> Response:
    """Return the rows for what was typed so far: ids, names and aliases, names that objects had, words in texts, then pages."""
    written = (request.values.text("text") or "").strip()
    made = _groups(request, written, _open(request)) if written else []
    return Response(msgspec.json.encode({"groups": made}), 200, dict(PAGE_HEADERS), "application/json")


def _open(request: Request) -> _Release | None:
    """The release of the page that the palette is opened on, if it is installed."""
    slug, label = request.values.text("kb"), request.values.text("release")
    for kb in request.library.knowledge_bases.all:
        if kb.slug == slug and label in releases.installed(request.library, kb).labels:
            return kb, label or ""
    return None


def _groups(request: Request, written: str, here: _Release | None) -> list[PaletteGroup]:
    library = request.library
    named = [Beginning(place.view) for place in places_of(library, written)]
    named += beginning_with(library, written, _MOST_OF_GROUP)
    former = formerly_called(library, written, _MOST_FORMER)
    pages = [
        PaletteRow("other", "", one.title, "", one.address, one.scope, "Page", "live")
        for one in pages_called(library, written, here)
    ]
    found = [
        ("Ids, names and aliases", named),
        ("Former names", former),
        ("In descriptions", _search(request, written, None, anywhere=not (named or former or pages))),
    ]
    if here is not None:
        title = f"In {short_title(here[0])} {here[1]}"
        own = beginning_with(library, written, _MOST_OF_GROUP, here)
        own += formerly_called(library, written, _MOST_FORMER, here)
        found[:0] = [(title, own or _search(request, written, here)[:_MOST_FORMER])]
    rows = Rows(library, [it.view for _, group in found for it in group], (here[0].slug, here[1]) if here else None)
    seen, left, groups = set[str](), _MOST - len(pages), list[PaletteGroup]()
    for title, group in found:
        made = list(_rows(request, rows, group, seen, min(left, _MOST_OF_GROUP)))
        left -= len(made)
        groups += [PaletteGroup(title, made)] if made else []
    return [*groups, PaletteGroup("Pages", pages)] if pages else groups


def _search(request: Request, written: str, here: _Release | None, *, anywhere: bool = False) -> list[Beginning]:
    # Thousands of texts have a word that begins with one letter.
    text = " ".join(word for word in written.split() if len(word) > 1)
    if not text:
        return []
    query = SearchQuery(text=text, anywhere=anywhere, page=PageRequest(1, _MOST))
    return [Beginning(view) for view in search_in_place(request.library, query, here).items]


def _rows(request: Request, rows: Rows, group: Iterable[Beginning], seen: set[str], most: int) -> Iterable[PaletteRow]:
    for it in group:
        row = rows.row(it.view)
        if most and row.address and row.address not in seen:
            seen.add(row.address)
            most -= 1
            yield PaletteRow(
                row.shape, row.id, row.name, _why(request, it), row.address, row.elsewhere, row.kind, row.status
            )


def _why(request: Request, found: Beginning) -> str:
    if found.former is not None:
        return f"called {found.former} until {found.until}"
    if found.alias is not None:
        return f"also known as {found.alias}"
    if found.view.is_revoked:
        heirs = successors(request.library, found.view)
        return f"revoked, now {heirs[-1].external_id or heirs[-1].name}" if heirs else "revoked"
    return "deprecated" if found.view.is_deprecated else ""
