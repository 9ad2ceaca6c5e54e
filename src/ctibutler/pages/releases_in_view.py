"""The release that an address names: the views below it get its scope; other writings of it lead to the canonical one."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from ctibutler.answers import releases
from ctibutler.answers.naming import brief
from ctibutler.http.requests import Request
from ctibutler.knowledge_bases import release_labels
from ctibutler.pages.errors import not_found
from ctibutler.pages.templating import Frame, OtherRelease, Scope, redirect, short_title

View = Callable[[Request, Scope], Response]


def in_release(
    address: Callable[[Request, str], str], view: View, canonical: Callable[[Request, str], str] | None = None
) -> Callable[[Request], Response]:
    """Return a handler that finds the release which `place` in the path names. `address` makes the address of this page in a
    release; `canonical` the one that redirects lead to, where that takes more to find out."""
    target = canonical or address

    def handle(request: Request) -> Response:
        asked = request.path["place"]
        files = releases.read_from(request.library, request.kb)
        installed = list(files)
        if not installed:
            return nothing_installed(request)
        if asked.lower() == "latest":
            return redirect(with_query(request, target(request, installed[0])))
        wanted = release_labels.sort_key(asked)
        label = next((known for known in installed if release_labels.sort_key(known) == wanted), None)
        if label is None:
            return not_installed(request, asked, installed)
        if label != asked or by_alias(request):
            return redirect(with_query(request, target(request, label)), 301)
        others = [OtherRelease(known, address(request, known)) for known in installed]
        return view(request, Scope(request.kb, label, installed[0], others, files[label]))

    return handle


def nothing_installed(request: Request) -> Response:
    """Return the page of a knowledge base without any release."""
    frame = Frame(request.kb.title, f"/{request.kb.slug}/")
    available = releases.available(request.library, request.kb)
    sentence = f"no release of {request.kb.slug} is installed"
    return not_found(request, sentence, "empty.html", frame, kb=request.kb, available=available)


def not_installed(request: Request, asked: str, installed: list[str]) -> Response:
    """Return the page of a release that is not installed."""
    frame = Frame(f"{request.kb.title} {asked}", f"/{request.kb.slug}/")
    sentence = f"no release `{brief(asked)}` of {request.kb.slug} is installed"
    return not_found(
        request, sentence, "not_installed.html", frame, kb=request.kb, asked=asked[:100], installed=installed
    )


def by_alias(request: Request) -> bool:
    """Return whether the address has another name of the knowledge base than its own."""
    return not request.url.startswith(f"/{request.kb.slug}/")


def with_query(request: Request, address: str) -> str:
    """Return an address with the parameters of this request."""
    query = request.values.query()
    return f"{address}?{query}" if query else address


def title_of(scope: Scope, what: str) -> str:
    """Return the title of a page in a release."""
    return f"{what} · {short_title(scope.kb)} {scope.label}"
