"""Responses that any edge may send: nothing, a stream, a file to save."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from functools import partial

from starlette.responses import Response, StreamingResponse
from starlette.types import Message

from ctibutler.http.requests import Request
from ctibutler.http.threads import Threads


def no_content() -> Response:
    """Return an empty response: the request succeeded, and there is nothing to return."""
    return Response(status_code=204)


def stream(request: Request, chunks: Iterator[bytes], media_type: str, headers: Mapping[str, str]) -> Response:
    """Return a response whose body is made in threads while it is sent, until the client goes away.

    The first chunk is made now: what goes wrong there is an error, not a broken answer. For HEAD, no chunk is made, unless
    the answer is cached: there, that to HEAD is that of GET without its body. The deadline of reads is that of each chunk: a
    slow client may take its time.
    """
    made = iter(()) if request.is_head and not request.policy.cached else _begun(chunks)
    return StreamingResponse(_in_threads(request.threads, made), media_type=media_type, headers=dict(headers))


def kept_stream(
    request: Request, key: str, chunks: Iterator[bytes], media_type: str, headers: Mapping[str, str]
) -> Response:
    """Return a response like `stream`, of chunks that are always the same under this key: they are made once, and kept."""
    if request.encoding != "zstd":
        return stream(request, request.kept_streams.plain(key, chunks), media_type, headers)
    encoded = {**headers, "Content-Encoding": "zstd", "Vary": request.policy.vary}
    return stream(request, request.kept_streams.packed(key, chunks), media_type, encoded)


def _begun(chunks: Iterator[bytes]) -> Iterator[bytes]:
    first = next(chunks, b"")

    def all_chunks() -> Iterator[bytes]:
        yield first
        yield from chunks

    return all_chunks()


async def _in_threads(threads: Threads, chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    following = partial(next, chunks, None)
    try:
        while (chunk := await threads.run("read", _is_there, following)) is not None:
            yield chunk
    finally:
        # A thread that is just being stopped may still be in it. It is closed when that is done with it.
        close = getattr(chunks, "close", None)
        if close is not None:
            with suppress(ValueError):
                close()


async def _is_there() -> Message:
    """Nobody goes away: whoever sends the stream ends it when its client does."""
    await asyncio.Event().wait()
    raise AssertionError("an event that nobody sets")


def attachment(name: str) -> dict[str, str]:
    """Return the header that makes browsers save the body under this name."""
    plain = "".join(char if char.isascii() and (char.isalnum() or char in "._-+") else "_" for char in name)
    return {"Content-Disposition": f'attachment; filename="{plain}"'}
