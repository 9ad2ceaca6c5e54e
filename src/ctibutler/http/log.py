"""Every request has an id, is counted, and leaves a line in the log."""

from __future__ import annotations

import logging
import os
import re
import time

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ctibutler.http.context import find_visit
from ctibutler.http.exceptions import INTERNAL, error_body
from ctibutler.http.metrics import UNKNOWN_ROUTE, Metrics

LOGGER = "ctibutler.api"
_SAFE_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
_LONGEST_URL = 500
# As nginx says it: nobody is there any more to be answered.
_CLIENT_GONE = 499

logger = logging.getLogger(LOGGER)


class RequestLog:
    """The outermost layer: whatever happens within, there is one answer, one count and one line."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, method, status = time.perf_counter(), scope["method"], 0
        request_id = _request_id(scope)

        async def with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [
                    *message.get("headers", ()),
                    (b"x-request-id", request_id),
                    (b"x-content-type-options", b"nosniff"),
                ]
                message = {**message, "headers": headers}
            await send(message)

        try:
            await self._app(scope, receive, with_id)
        except ClientDisconnect:
            status = status or _CLIENT_GONE
        except Exception:
            logger.exception("request %s failed", request_id.decode())
            if not status:
                await _send_internal_error(with_id, with_body=method != "HEAD")
        seconds = time.perf_counter() - start
        visit = find_visit(scope)
        self._metrics.observe(method, UNKNOWN_ROUTE if visit is None else visit.route.template, status, seconds)
        if logger.isEnabledFor(logging.INFO):
            _log(scope, method, status, seconds, request_id)


def _log(scope: Scope, method: str, status: int, seconds: float, request_id: bytes) -> None:
    # Path and query hold no secrets: keys come in headers, and headers are never logged.
    query = scope["query_string"].decode("latin-1")
    url = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1") + (f"?{query}" if query else "")
    fields = {
        "method": method,
        "url": url[:_LONGEST_URL],
        "status": status,
        "milliseconds": round(seconds * 1000, 2),
        "request_id": request_id.decode(),
        "client": (scope.get("client") or ("",))[0],
    }
    logger.info("%s %s %s %.1f ms", method, fields["url"], status, seconds * 1000, extra={"fields": fields})


def _request_id(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SAFE_ID.fullmatch(value):
            return bytes(value)
    return os.urandom(16).hex().encode()


async def _send_internal_error(send: Send, with_body: bool) -> None:
    body = error_body(500, INTERNAL)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body if with_body else b""})
