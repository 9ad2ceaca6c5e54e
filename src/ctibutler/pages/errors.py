"""Errors at the addresses of pages: a page for people; for programs, the error format of the API."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from ctibutler.errors import NotFound, Problem, Unauthorized
from ctibutler.http.exceptions import headers_of, sentence_of, status_of
from ctibutler.http.negotiation import prefers_html
from ctibutler.http.requests import ErrorWriter, Request
from ctibutler.pages.templating import Frame, page, redirect


def error_writer(for_programs: ErrorWriter) -> ErrorWriter:
    """Return what writes an error as HTML for whoever prefers HTML, and as `for_programs` does for all others."""

    def write(request: Request, problem: Problem) -> Response:
        is_reading = request.scope["method"] in ("GET", "HEAD")
        if isinstance(problem, Unauthorized) and is_reading and prefers_html(request.headers.get("accept", "")):
            asked = request.target.canonical or request.url or "/"
            return redirect(f"/sign-in?{urlencode({'next': asked})}", 303)
        if not prefers_html(request.headers.get("accept", "")):
            response = for_programs(request, problem)
            response.headers.update(_vary(request))
            return response
        status = status_of(problem)
        shown = page(
            "error.html",
            Frame(HTTPStatus(status).phrase, request.url or "/"),
            status,
            status=status,
            sentence=sentence_of(problem),
            details=problem.details if status < 500 else {},
            request_id=request.request_id if status >= 500 else "",
        )
        shown.headers.update({**headers_of(problem), **_vary(request)})
        return shown

    return write


def not_found(request: Request, sentence: str, name: str, frame: Frame, **context: Any) -> Response:
    """Return a page that says what is not there, and what is instead.

    Raises NotFound with the sentence for a client that does not prefer HTML.
    """
    if request.media_type is None:
        raise NotFound(sentence)
    return page(name, frame, 404, **context)


def _vary(request: Request) -> dict[str, str]:
    """What is said about `Accept` where the route has not said it."""
    return {} if request.policy.variants else {"Vary": "Accept"}
