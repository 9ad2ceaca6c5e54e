"""The error format of the REST API: `{"code", "message", "details"}`."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.responses import Response

from ctibutler.errors import Hidden, InvalidRequest, Problem
from ctibutler.http.exceptions import headers_of, sentence_of, status_of
from ctibutler.http.requests import Request


def write_error(_: Request, problem: Problem) -> Response:
    """Return a problem in the error format of the REST API, whatever the request prefers."""
    return problem_response(problem)


def problem_response(problem: Problem) -> Response:
    """Return a problem in the error format of the REST API."""
    status = status_of(problem)
    body = {"code": status, "message": HTTPStatus(status).phrase, "details": _details(problem, status)}
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
