"""The release that an address names: the views below it get its scope; other writings of it lead to the canonical one."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from ctibutler.answers import releases
from ctibutler.http.requests import Request
from ctibutler.knowledge_bases import release_labels
from ctibutler.pages.templating import Frame, OtherRelease, Scope, page, redirect, short_title

View = Callable[[Request, Scope], Response]


def in_release(address: Callable[[Request, str], str], view: View) -> Callable[[Request], Response]:
    """Return a handler that finds the release which `place` in the path names. `address` makes the address of this page in a
    release."""

    def handle(request: Request) -> Response:
        asked = request.path["place"]
        installed = releases.installed(request.library, request.kb).labels
        if not installed:
            return nothing_installed(request)
        if asked.lower() == "latest":
            return redirect(_with_query(request, address(request, installed[0])))
        wanted = release_labels.sort_key(asked)
        label = next((known for known in installed if release_labels.sort_key(known) == wanted), None)
        if label is None:
            return not_installed(request, asked, installed)
        if label != asked:
            return redirect(_with_query(request, address(request, label)), 301)
        others = [OtherRelease(known, address(request, known)) for known in installed]
        return view(request, Scope(request.kb, label, installed[0], others))

    return handle


def nothing_installed(request: Request) -> Response:
    """Return the page of a knowledge base without any release."""
    frame = Frame(request.kb.title, f"/{request.kb.slug}/")
    return page("empty.html", frame, 404, kb=request.kb, available=releases.available(request.library, request.kb))


def not_installed(request: Request, asked: str, installed: list[str]) -> Response:
    """Return the page of a release that is not installed."""
    frame = Frame(f"{request.kb.title} {asked}", f"/{request.kb.slug}/")
    return page("not_installed.html", frame, 404, kb=request.kb, asked=asked[:100], installed=installed)


def _with_query(request: Request, address: str) -> str:
    query = request.values.query()
    return f"{address}?{query}" if query else address


def title_of(scope: Scope, what: str) -> str:
    """Return the title of a page in a release."""
    return f"{what} · {short_title(scope.kb)} {scope.label}"
