"""The first stop of a request: where it goes, with which parameters, and how a problem is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ctibutler.errors import InvalidRequest, NotFound, Problem
from ctibutler.http.context import Visit, begin
from ctibutler.http.context import headers_of as request_headers
from ctibutler.http.exceptions import MethodNotAllowed, details_of, error_body, headers_of, status_of
from ctibutler.http.negotiation import preferred_encoding, preferred_media_type
from ctibutler.http.parameters import Values, brief
from ctibutler.http.routing import Route, RouteTree

# URLs up to this length are remembered once they have been read.
_MEMORABLE = 512
_REMEMBERED = 8192


@dataclass(frozen=True, slots=True)
class _Read:
    """What a URL asks for."""

    routes: Mapping[str, Route]
    allowed: tuple[str, ...]
    path: Mapping[str, str]
    url: str = ""
    values: Values | None = None
    problem: InvalidRequest | None = None


class Dispatcher:
    """Reads the URL, answers what needs no handler, and turns problems of all that follows into answers."""

    def __init__(self, app: ASGIApp, tree: RouteTree) -> None:
        self._app = app
        self._tree = tree
        self._read_again = lru_cache(maxsize=_REMEMBERED)(self._read)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or say why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_head = scope["method"] == "HEAD"
        if is_head:
            scope["method"] = "GET"
            send = _without_body(send)
        try:
            await self._pass_on(scope, receive, send, is_head)
        except Problem as problem:
            await problem_response(problem)(scope, receive, send)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, is_head: bool) -> None:
        method, path, query = scope["method"], _raw_path(scope), scope["query_string"].decode("latin-1")
        read = self._read_again if len(path) + len(query) <= _MEMORABLE else self._read
        found = read(method, path, query)
        if not found.routes:
            raise NotFound(f"there is nothing at `{brief(unquote(path))}`")
        if method == "OPTIONS":
            await Response(status_code=204, headers={"Allow": ", ".join(found.allowed)})(scope, receive, send)
            return
        route = found.routes.get(method)
        if route is None:
            raise MethodNotAllowed(method, found.allowed)
        headers = request_headers(scope)
        endpoint = route.endpoint
        variant = None
        if endpoint.variants and "accept" in headers:
            variant = preferred_media_type(headers["accept"], endpoint.media_type, endpoint.variants)
        encoding = preferred_encoding(headers.get("accept-encoding", ""))
        begin(
            scope,
            Visit(route, found.path, found.url, found.values, found.problem, headers, is_head, variant, encoding),
        )
        await self._app(scope, receive, send)

    def _read(self, method: str, path: str, query: str) -> _Read:
        match = self._tree.find(path)
        route = match.routes.get(method)
        if route is None:
            return _Read(match.routes, match.allowed, match.path)
        try:
            values = route.table.read(query)
        except InvalidRequest as problem:
            return _Read(match.routes, match.allowed, match.path, problem=problem.with_traceback(None))
        shown = values.query()
        url = route.filled(match.path) + (f"?{shown}" if shown else "")
        return _Read(match.routes, match.allowed, match.path, url, values)


def problem_response(problem: Problem) -> Response:
    """A problem as the one error shape."""
    status = status_of(problem)
    return Response(error_body(status, details_of(problem)), status, headers_of(problem), "application/json")


def _raw_path(scope: Scope) -> str:
    raw: bytes | None = scope.get("raw_path")
    path: str = scope["path"] if raw is None else raw.partition(b"?")[0].decode("latin-1")
    return path.removeprefix(scope.get("root_path", ""))


def _without_body(send: Send) -> Send:
    async def only_headers(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return only_headers
