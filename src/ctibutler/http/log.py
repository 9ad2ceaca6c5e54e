"""The log: every request gets an id, is counted, and leaves a line."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Container
from urllib.parse import unquote_plus

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from ctibutler.catalog.access import without_keys
from ctibutler.errors import Problem
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
        start, status = time.perf_counter(), 0
        request_id = _request_id(request)
        request.request_id = request_id.decode()
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
        except Problem as problem:
            logger.warning("request %s broke off: %s", request_id.decode(), problem)
        except Exception:
            logger.exception("request %s failed", request_id.decode())
            if not status:
                answer = request.policy.write_error(request, InternalError("not handled"))
                await answer(request.scope, receive, with_status)
        self.note(request, url_of(request), request.scope.get("client"), status, start, request_id)

    def note(
        self,
        request: Request,
        url: str,
        client: tuple[str, int] | None,
        status: int,
        begun: float,
        request_id: bytes,
    ) -> None:
        """Count a request and log it. `begun` is when it came, by `time.perf_counter`."""
        seconds, method = time.perf_counter() - begun, request.scope["method"]
        self._metrics.observe(request, method, status, seconds)
        if logger.isEnabledFor(logging.INFO):
            fields = {
                "method": method,
                "url": url,
                "status": status,
                "milliseconds": round(seconds * 1000, 2),
                "request_id": request_id.decode(),
                "client": (client or ("",))[0],
                **({"cache": request.cache_result} if request.cache_result else {}),
                **({"refusal": request.refusal} if request.refusal else {}),
            }
            # `logger.info` would look for the line of code that logs: a third of what a ready answer costs.
            said = (method, url, status, seconds * 1000)
            record = logger.makeRecord(
                LOGGER, logging.INFO, "", 0, "%s %s %s %.1f ms", said, None, extra={"fields": fields}
            )
            logger.handle(record)


def url_of(request: Request) -> str:
    """Return the URL of a request as it is logged."""
    return _url(request.scope, request.policy.parameters())[:_LONGEST_URL]


def new_request_id() -> bytes:
    """Return an id for a request that came without one."""
    return os.urandom(16).hex().encode()


def _url(scope: Scope, known: Container[str]) -> str:
    """The URL without secrets: headers are never logged, but clients also send keys in places where we expect none.

    The value of a parameter that the route does not know is left out (`?api_key=`), and so is whatever looks like a key.
    """
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    parts = [_parameter(part, known) for part in query[:_LONGEST_URL].split("&")]
    return without_keys(f"{path[:_LONGEST_URL]}?{'&'.join(parts)}" if query else path[:_LONGEST_URL])


def _parameter(part: str, known: Container[str]) -> str:
    name, is_set, value = part.partition("=")
    if unquote_plus(name) in known or not value:
        return part
    return f"{name}{is_set}***"


def _request_id(request: Request) -> bytes:
    sent = request.headers.get("x-request-id", "").encode("latin-1")
    return sent if _SAFE_ID.fullmatch(sent) else new_request_id()
