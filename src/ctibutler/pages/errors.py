"""Errors at the addresses of pages: a page for people; for programs, the error format of the API."""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import Response

from ctibutler.errors import Problem
from ctibutler.http.exceptions import headers_of, sentence_of, status_of
from ctibutler.http.negotiation import prefers_html
from ctibutler.http.requests import ErrorWriter, Request
from ctibutler.pages.templating import Frame, page, with_accept


def error_writer(for_programs: ErrorWriter) -> ErrorWriter:
    """Return what writes an error as HTML for whoever prefers HTML, and as `for_programs` does for all others."""

    def write(request: Request, problem: Problem) -> Response:
        if not prefers_html(with_accept(request)):
            response = for_programs(request, problem)
            response.headers["Vary"] = "Accept"
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
        shown.headers.update({**headers_of(problem), "Vary": "Accept"})
        return shown

    return write
