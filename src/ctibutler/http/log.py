"""The log: every request gets an id, is counted, and leaves a line."""

from __future__ import annotations

import logging
import os
import re
import time

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from ctibutler.http.exceptions import InternalError
from ctibutler.http.metrics import Metrics
from ctibutler.http.requests import App, Request

LOGGER = "ctibutler.api"
_SAFE_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
_LONGEST_URL = 500
# The status that nginx logs when the client closed the connection before it got an answer.
_CLIENT_GONE = 499

logger = logging.getLogger(LOGGER)


class RequestLog:
    """Makes sure that every request gets one answer, one count and one line, whatever happens in the other layers."""

    def __init__(self, app: App, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, request: Request, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        start, method, status = time.perf_counter(), request.scope["method"], 0
        request_id = _request_id(request)
        request.answer_headers += ((b"x-request-id", request_id), (b"x-content-type-options", b"nosniff"))

        async def with_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(request, receive, with_status)
        except ClientDisconnect:
            status = status or _CLIENT_GONE
        except Exception:
            logger.exception("request %s failed", request_id.decode())
            if not status:
                answer = request.policy.write_error(request, InternalError("not handled"))
                await answer(request.scope, receive, with_status)
        seconds = time.perf_counter() - start
        self._metrics.observe(method, request.policy.route, status, seconds)
        if logger.isEnabledFor(logging.INFO):
            _log(request.scope, method, status, seconds, request_id)


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


def _request_id(request: Request) -> bytes:
    sent = request.headers.get("x-request-id", "").encode("latin-1")
    return sent if _SAFE_ID.fullmatch(sent) else os.urandom(16).hex().encode()
