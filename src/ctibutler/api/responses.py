"""Answers as responses: their JSON, and the headers that belong to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from math import ceil
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.pages import Page, PageRequest
from ctibutler.forms.json_form import page_as_json, record_as_json
from ctibutler.http.routing import Ask

JSON = "application/json"
STIX = "application/stix+json;version=2.1"


def page(ask: Ask, found: Page[Any], key: str, facts: Mapping[str, object] | None = None) -> Response:
    """A page of a list under its key, with links to the other pages. `facts` are further fields of the envelope."""
    headers = {"Link": _links(ask, found.request, found.total), "X-Total-Count": str(found.total)}
    return Response(page_as_json(found, key, facts), media_type=JSON, headers=headers)


def one_object(found: ObjectView, page_size: int, **beside: bytes | None) -> Response:
    """The page that holds a single object. `beside` are further lists of one item each, null where there is none."""
    head = b'{"page_size":%d,"page_number":1,"page_results_count":1,"total_results_count":1,"objects":['
    lists = b"".join(b',"%s":[%s]' % (name.encode(), item or b"null") for name, item in beside.items())
    return Response(head % page_size + found.content + b"]" + lists + b"}", media_type=JSON)


def json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A record as JSON."""
    return Response(record_as_json(value), status, media_type=JSON, headers=dict(headers or {}))


def no_content() -> Response:
    """Done, and nothing to say."""
    return Response(status_code=204)


def stream(chunks: Iterator[bytes], media_type: str, headers: Mapping[str, str], is_head: bool) -> Response:
    """A body that is made while it is sent, in threads, and no longer than the client is there.

    With `is_head` nothing is made: only the headers count.
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
    """The header that makes a browser save the answer under this name."""
    plain = "".join(char if char.isascii() and (char.isalnum() or char in "._-+") else "_" for char in name)
    return {"Content-Disposition": f'attachment; filename="{plain}"'}


def _links(ask: Ask, request: PageRequest, total: int) -> str:
    last = max(1, ceil(total / request.size))
    pages = {"first": 1, "last": last}
    if request.number > 1:
        pages["prev"] = min(request.number - 1, last)
    if request.number < last:
        pages["next"] = request.number + 1
    links = []
    for relation, number in pages.items():
        query = ask.values.query(page=number)
        links.append(f'<{ask.url}{"?" + query if query else ""}>; rel="{relation}"')
    return ", ".join(links)


def joined(fields: Mapping[str, object], key: str, items: Iterable[bytes]) -> Response:
    """Fields of ours and a list of ready JSON under its key."""
    head = msgspec.json.encode(fields)[:-1] + b',"' + key.encode() + b'":['
    return Response(b"".join((head, b",".join(items), b"]}")), media_type=JSON)
