"""Compression of answers, as the client prefers.

Starlette's middleware knows no zstd, takes no account of q-values, and would compress what the cache holds with every answer.
"""

from __future__ import annotations

import zlib
from typing import Protocol

import zstandard
from starlette.concurrency import run_in_threadpool
from starlette.types import Message, Receive, Send

from ctibutler.http.negotiation import IDENTITY
from ctibutler.http.requests import App, RawHeaders, Request

SMALLEST = 1024
_GZIP_LEVEL, _GZIP_WINDOW = 4, 31
_ZSTD_LEVEL = 3
# More than this takes long enough to be done in a thread.
_LONG = 64 * 1024
_COMPRESSIBLE = frozenset(
    (b"application/json", b"application/javascript", b"application/vnd.oai.openapi", b"application/xml")
)
# Its events are to arrive one by one: a compressor would hold them back.
_EVENTS = b"text/event-stream"


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class Compression:
    """Compresses bodies of more than a KiB, and streams."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, request: Request, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        await self._app(request, receive, _Sender(send, request))


class _Sender:
    """Sends one answer, compressed or not."""

    def __init__(self, send: Send, request: Request) -> None:
        self._send = send
        self._request = request
        self._start: Message | None = None
        self._compressor: _Compressor | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        elif self._start is not None:
            await self._first(self._start, message)
        else:
            await self._further(message)

    async def _first(self, start: Message, message: Message) -> None:
        self._start = None
        headers: RawHeaders = list(start.get("headers", ()))
        is_whole = not message.get("more_body", False) and not self._request.policy.streams
        encoding = self._request.encoding
        if _is_compressible(headers):
            headers.append((b"vary", self._request.policy.vary.encode()))
        else:
            encoding = IDENTITY
        size = len(message.get("body", b""))
        if encoding == IDENTITY or start["status"] in (204, 304) or (is_whole and size <= SMALLEST):
            await self._send({**start, "headers": headers})
            await self._send(message)
            return
        headers = [(name, value) for name, value in headers if name != b"content-length"]
        headers.append((b"content-encoding", encoding.encode()))
        self._compressor = _compressor(encoding)
        if is_whole:
            body = await self._compressed(message.get("body", b""), last=True)
            headers.append((b"content-length", str(len(body)).encode()))
            await self._send({**start, "headers": headers})
            await self._send({**message, "body": body})
            return
        await self._send({**start, "headers": headers})
        await self._further(message)

    async def _further(self, message: Message) -> None:
        if self._compressor is not None:
            last = not message.get("more_body", False)
            body = await self._compressed(message.get("body", b""), last)
            if not body and not last:
                return
            message = {**message, "body": body}
        await self._send(message)

    async def _compressed(self, body: bytes, last: bool) -> bytes:
        if len(body) > _LONG:
            return await run_in_threadpool(self._compressed_now, body, last)
        return self._compressed_now(body, last)

    def _compressed_now(self, body: bytes, last: bool) -> bytes:
        compressor = self._compressor
        assert compressor is not None
        return compressor.compress(body) + (compressor.flush() if last else b"")


def _is_compressible(headers: RawHeaders) -> bool:
    """Whether an answer with these headers would get smaller: it is text, and not compressed already."""
    names = dict(headers)
    kind = names.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if b"content-encoding" in names or kind == _EVENTS:
        return False
    return kind in _COMPRESSIBLE or kind.startswith(b"text/") or kind.endswith((b"+json", b"+xml"))


def _compressor(encoding: str) -> _Compressor:
    if encoding == "zstd":
        return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compressobj()
    return zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
