"""The error format of the REST API: `{"code", "message", "details"}`."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.responses import Response

from ctibutler.errors import Hidden, InvalidRequest, Problem
from ctibutler.http.exceptions import headers_of, sentence_of, status_of
from ctibutler.http.requests import Request


def write_error(request: Request, problem: Problem) -> Response:
    """Return a problem in the error format of the REST API, whatever the request prefers.

    An error of ours also carries the id under which the log has it.
    """
    status = status_of(problem)
    details = {**_details(problem, status), **({"request_id": request.request_id} if status == 500 else {})}
    return problem_response(problem, details)


def problem_response(problem: Problem, details: Mapping[str, object] | None = None) -> Response:
    """Return a problem in the error format of the REST API."""
    status = status_of(problem)
    shown = _details(problem, status) if details is None else details
    body = {"code": status, "message": HTTPStatus(status).phrase, "details": shown}
    return Response(msgspec.json.encode(body), status, headers_of(problem), "application/json")


def _details(problem: Problem, status: int) -> Mapping[str, object]:
    """Bad fields under their names. Anything else is a sentence under `error`, with further facts beside it."""
    if isinstance(problem, InvalidRequest) and problem.details:
        return problem.details
    facts = problem.details if status < 500 else {}
    return {"error": _sentence(problem), **facts}


def _sentence(problem: Problem) -> str:
    """The sentence about a problem. If a parameter shows what is hidden, the sentence names it."""
    sentence = sentence_of(problem)
    if isinstance(problem, Hidden):
        return f"{sentence}; pass include_{problem.state}=true to see it"
    return sentence
