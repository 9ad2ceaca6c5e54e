"""What went wrong, as HTTP says it: one status and one shape for every error."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from ctibutler.errors import (
    Busy,
    Forbidden,
    InvalidRequest,
    NotAllowed,
    NotFound,
    Problem,
    SourceUnavailable,
    StoreUnavailable,
    Unauthorized,
)

RETRY_AFTER_SECONDS = 5


class MethodNotAllowed(Problem):
    """A known path, asked with a method that it does not have."""

    def __init__(self, method: str, allowed: tuple[str, ...]) -> None:
        super().__init__(f"`{method[:20]}` is not possible here; {', '.join(allowed)} are")
        self.allowed = allowed


class UnsupportedMediaType(Problem):
    """A body of another type than JSON."""


class BodyTooLarge(Problem):
    """A body that is longer than any we understand."""


HTTP_STATUS: Mapping[type[Problem], int] = {
    InvalidRequest: 400,
    Unauthorized: 401,
    Forbidden: 403,
    NotFound: 404,
    NotAllowed: 405,
    MethodNotAllowed: 405,
    Busy: 409,
    BodyTooLarge: 413,
    UnsupportedMediaType: 415,
    SourceUnavailable: 503,
    StoreUnavailable: 503,
}


def status_of(problem: Problem) -> int:
    """The HTTP status of a problem; 500 for one that no request should ever meet."""
    return next((HTTP_STATUS[kind] for kind in type(problem).__mro__ if kind in HTTP_STATUS), 500)


def details_of(problem: Problem) -> Mapping[str, object]:
    """The `details` of a problem: bad fields under their names, anything else as a sentence under `error`."""
    status = status_of(problem)
    if status == 503:
        return {"error": "the catalogue is not available at the moment; try again later"}
    if status == 500:
        return INTERNAL
    if isinstance(problem, InvalidRequest) and problem.details:
        return problem.details
    return {"error": str(problem), **problem.details}


def headers_of(problem: Problem) -> dict[str, str]:
    """The headers that belong to the status of a problem."""
    status = status_of(problem)
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="ctibutler"'
    elif status == 503:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if isinstance(problem, MethodNotAllowed):
        headers["Allow"] = ", ".join(problem.allowed)
    elif isinstance(problem, NotAllowed):
        headers["Allow"] = "GET, HEAD, OPTIONS"
    return headers


INTERNAL: Mapping[str, object] = {
    "error": "something went wrong here; the log has it under this request's X-Request-ID"
}


def error_body(status: int, details: Mapping[str, object]) -> bytes:
    """The one error shape: `{"code", "message", "details"}`."""
    return msgspec.json.encode({"code": status, "message": HTTPStatus(status).phrase, "details": details})
