"""CORS: which pages of other origins may read answers.

Starlette's middleware cannot do what the contract says: it puts its headers only on answers to requests with an `Origin`,
answers a preflight request with `200` and a text instead of `204`, and refuses one that asks for a header we do not list.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.types import Receive, Send

from ctibutler.http.requests import App, RawHeaders, Request

_EXPOSED = (
    b"access-control-expose-headers",
    b"ETag, Link, X-Total-Count, Location, Ctibutler-Ignored-Parameters",
)
_PREFLIGHT = [
    (b"access-control-allow-methods", b"GET, HEAD, POST, DELETE, OPTIONS"),
    (b"access-control-allow-headers", b"Content-Type, Authorization, API-KEY, If-None-Match"),
    (b"access-control-max-age", b"600"),
]


class Cors:
    """Adds the CORS headers to every answer of an edge that wants them, and answers preflight requests."""

    def __init__(self, app: App, origins: Sequence[str]) -> None:
        self._app = app
        self._any = "*" in origins
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)

    async def __call__(self, request: Request, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if request.policy.cors:
            headers = self._headers(request)
            if request.scope["method"] == "OPTIONS" and "access-control-request-method" in request.headers:
                await send({"type": "http.response.start", "status": 204, "headers": [*headers, *_PREFLIGHT]})
                await send({"type": "http.response.body", "body": b""})
                return
            request.answer_headers += headers
        await self._app(request, receive, send)

    def _headers(self, request: Request) -> RawHeaders:
        if self._any:
            return [(b"access-control-allow-origin", b"*"), _EXPOSED]
        origin = request.headers.get("origin")
        if origin is None or origin.lower() not in self._origins:
            return [(b"vary", b"Origin")]
        return [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin"), _EXPOSED]
