"""The first page, and what an id or a word at the root leads to."""

from __future__ import annotations

from starlette.responses import Response

from ctibutler.answers import releases
from ctibutler.answers.looking_up import near_anywhere, places_of
from ctibutler.http.forwarding import answer_at
from ctibutler.http.parameters import brief
from ctibutler.http.requests import Request
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.pages import addresses
from ctibutler.pages.errors import not_found
from ctibutler.pages.lately import told_lately
from ctibutler.pages.rows import Rows
from ctibutler.pages.templating import Frame, page, redirect


def home(request: Request) -> Response:
    """Return the first page, or the index of the API to whoever does not ask for HTML."""
    if request.media_type is None:
        return index(request)
    hosted = releases.knowledge_base_list(request.library)
    shown = [(request.library.knowledge_bases.named(it.slug), it) for it in hosted]
    frame = Frame("ctibutler", addresses.HOME)
    return page(
        "home.html",
        frame,
        lately=told_lately(request.library) if any(it.latest for _, it in shown) else [],
        newer={kb.slug: label for kb, it in shown if it.latest and (label := _newer(request, kb, it.latest))},
        hosted=[pair for pair in shown if pair[1].latest],
        empty=[kb for kb, it in shown if not it.latest],
    )


def _newer(request: Request, kb: KnowledgeBase, latest: str) -> str | None:
    """The newest release that is available, if it is newer than what is installed. A preview is none."""
    here = release_labels.sort_key(latest)
    labels = (it.label for it in releases.available(request.library, kb) if not it.installed)
    return next((it for it in labels if release_labels.sort_key(it) > here and not release_labels.is_preview(it)), None)


def index(request: Request) -> Response:
    """Return the index of the API."""
    return answer_at(request, "/api/v1/")


def resolve(request: Request) -> Response:
    """Lead to the object of this id, in the latest release of its knowledge base; or ask which one is meant."""
    written = request.path["word"]
    named = [kb for kb in request.library.knowledge_bases.all if written.casefold() in kb.names]
    if named:
        return redirect(f"/{named[0].slug}/", 301)
    places = places_of(request.library, written)
    rows = Rows(request.library, [place.view for place in places])
    if len(places) == 1 and places[0].by_id:
        return redirect(rows.address_of(places[0].view))
    frame = Frame(written[:100], addresses.HOME, text=written[:200])
    found = [rows.row(place.view) for place in places]
    if found:
        return page("choose.html", frame, written=written[:100], rows=found, near=[])
    near = near_anywhere(request.library, written)
    sentence = f"there is nothing at `{brief('/' + written)}`"
    return not_found(request, sentence, "choose.html", frame, written=written[:100], rows=[], near=near)
