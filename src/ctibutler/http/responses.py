"""Responses that any edge may send: nothing, a stream, a file to save."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse


def no_content() -> Response:
    """Return an empty response: the request succeeded, and there is nothing to return."""
    return Response(status_code=204)


def stream(chunks: Iterator[bytes], media_type: str, headers: Mapping[str, str], is_head: bool) -> Response:
    """Return a response whose body is made in threads while it is sent, until the client goes away.

    For HEAD (`is_head`), no chunk is made.
    """
    return StreamingResponse(_in_threads(iter(()) if is_head else chunks), media_type=media_type, headers=dict(headers))


async def _in_threads(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    try:
        while (chunk := await run_in_threadpool(next, chunks, None)) is not None:
            yield chunk
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()


def attachment(name: str) -> dict[str, str]:
    """Return the header that makes browsers save the body under this name."""
    plain = "".join(char if char.isascii() and (char.isalnum() or char in "._-+") else "_" for char in name)
    return {"Content-Disposition": f'attachment; filename="{plain}"'}
