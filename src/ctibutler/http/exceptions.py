"""Problems in terms of HTTP: the status of each, and what a client may learn about it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ctibutler.errors import (
    Busy,
    Forbidden,
    InvalidRequest,
    NotAllowed,
    NotFound,
    Overloaded,
    Problem,
    SourceUnavailable,
    StoreTrouble,
    StoreUnavailable,
    TooMuch,
    TooSlow,
    Unauthorized,
    UnreadableFile,
)

RETRY_AFTER_SECONDS = 5


class MethodNotAllowed(Problem):
    """The path exists, but not with this method."""

    def __init__(self, method: str, allowed: tuple[str, ...]) -> None:
        super().__init__(f"`{method[:20]}` is not possible here; {', '.join(allowed)} are")
        self.allowed = allowed


class InternalError(Problem):
    """An error of ours: the request may be fine."""


class UnsupportedMediaType(Problem):
    """The body is not JSON."""


class BodyTooLarge(Problem):
    """The body is longer than any that we accept."""


HTTP_STATUS: Mapping[type[Problem], int] = {
    InvalidRequest: 400,
    UnreadableFile: 400,
    Unauthorized: 401,
    Forbidden: 403,
    NotFound: 404,
    NotAllowed: 405,
    MethodNotAllowed: 405,
    Busy: 409,
    BodyTooLarge: 413,
    TooMuch: 413,
    UnsupportedMediaType: 415,
    # Not 504: this server is no gateway (RFC 9110, 15.6.5), and less load may make the same question answerable.
    TooSlow: 503,
    Overloaded: 503,
    SourceUnavailable: 503,
    StoreUnavailable: 503,
}


TROUBLES: Mapping[StoreTrouble, str] = {
    "unreachable": "the catalogue is not available at the moment; try again later",
    "gone": "the database was deleted or replaced while the server was running; the server has to be started again",
    "full": "the disk of the catalogue is full; nothing can be added, but releases can be removed",
    "read-only": "the catalogue can only be read here",
}
"""What clients may learn about a database that cannot be used: no place and no name."""


def status_of(problem: Problem) -> int:
    """Return the HTTP status of a problem: 500 if no request should cause it."""
    return next((HTTP_STATUS[kind] for kind in type(problem).__mro__ if kind in HTTP_STATUS), 500)


def kind_of(problem: Problem) -> str:
    """Return a word for the kind of a problem: `not-found`. There are as many as there are classes of problems."""
    trouble = problem.trouble if isinstance(problem, StoreUnavailable) else ""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(problem).__name__).lower()
    return f"store-{trouble}" if trouble else name


def sentence_of(problem: Problem) -> str:
    """Return what a client may learn about a problem. What is wrong with the database or with us stays in the log."""
    status = status_of(problem)
    if status == 500:
        return "something went wrong here; the log has it under this request's X-Request-ID"
    if isinstance(problem, StoreUnavailable):
        return TROUBLES[problem.trouble]
    if status == 503 and not isinstance(problem, Overloaded | TooSlow):
        return TROUBLES["unreachable"]
    return str(problem)


def headers_of(problem: Problem) -> dict[str, str]:
    """Return the headers that belong to the status of a problem."""
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
