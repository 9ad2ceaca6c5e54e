"""Answers of another route: a URL that has the same answer as one of another edge takes it from there."""

from __future__ import annotations

from dataclasses import replace

from starlette.responses import Response

from ctibutler.errors import NotFound
from ctibutler.http.requests import Request, Target
from ctibutler.http.routing import Method


def answer_at(request: Request, path: str, query: str = "", method: Method = "GET") -> Response:
    """Return what the route at this path answers, with its usual media type. It runs in the thread that asks, which has checked
    access.

    Raises the problem that the route raises, and NotFound if there is none.
    """
    target = request.resolve(method, path, query)
    if target.handler is None:
        raise NotFound(f"there is nothing at `{path[:100]}`")
    inner = replace(request, target=target, policy=target.policy, media_type=None, answer_headers=[])
    return target.handler(inner)


def forwards_to(request: Request, path: str, query: str = "") -> Target | None:
    """Return the target whose answer a URL has, if it takes it from another route. That route answers nothing.

    Raises the problem that comes before.
    """
    outer = request.resolve("GET", path, query)
    if outer.handler is None or outer.policy.right == "write":
        return None

    def resolve(method: str, path: str, query: str) -> Target:
        return replace(request.resolve(method, path, query), handler=stop)

    def stop(inner: Request) -> Response:
        raise _Reached(inner.target)

    asked = replace(request, target=outer, policy=outer.policy, media_type=None, answer_headers=[], resolve=resolve)
    try:
        outer.handler(asked)
    except _Reached as reached:
        return reached.target
    return None


class _Reached(Exception):
    def __init__(self, target: Target) -> None:
        super().__init__()
        self.target = target
