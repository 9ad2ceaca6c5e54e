"""What went wrong, in the terms of HTTP: one status for every problem, and what may be told about it."""

from __future__ import annotations

from collections.abc import Mapping

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


class InternalError(Problem):
    """A fault of ours: the request may have been fine."""


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
    """The HTTP status of a problem; 500 for one that no request should meet."""
    return next((HTTP_STATUS[kind] for kind in type(problem).__mro__ if kind in HTTP_STATUS), 500)


def sentence_of(problem: Problem) -> str:
    """What may be told about a problem. What is wrong with the database or with us stays in the log."""
    status = status_of(problem)
    if status == 500:
        return "something went wrong here; the log has it under this request's X-Request-ID"
    if status == 503:
        return "the catalogue is not available at the moment; try again later"
    return str(problem)


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
