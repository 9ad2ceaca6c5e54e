"""The answer cache: an answer depends only on the state of the catalogue and the URL, and so do its validators.

No library keeps answers by that state, and by content encoding: what is kept here is ready to be sent.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b

from starlette.types import Message, Receive, Send

from ctibutler.catalog.state import CatalogState
from ctibutler.http.flights import Answer, Flights
from ctibutler.http.long_bodies import LongBody
from ctibutler.http.requests import App, RawHeaders, Request
from ctibutler.http.states import States
from ctibutler.http.validators import matches

# URL, media type, content encoding.
_Key = tuple[str, str | None, str]
# Roughly the bytes that an entry takes besides its URL and body.
_OVERHEAD = 1024
# An answer that would take more than one part in this many is not kept.
_LARGEST_PART = 8
# Answers of no more bytes are never compressed while they are collected.
_SMALLEST_LONG = 1024 * 1024


class AnswerCache:
    """Answers repeated requests from memory, until the catalogue changes."""

    def __init__(self, app: App, states: States, size: int, max_age: int | None, depends_on: Sequence[object]) -> None:
        """`size` is in bytes. `depends_on` is what else answers depend on: settings, the version of the program."""
        self._app = app
        self._flights = Flights(app, max(size // _LARGEST_PART, _SMALLEST_LONG))
        self._states = states
        self._size = size
        self._max_age = max_age
        self._fingerprint = repr(tuple(depends_on))
        self._stamp: str | None = None
        self._ready: OrderedDict[_Key, Answer] = OrderedDict()
        self._used = 0

    async def __call__(self, request: Request, receive: Receive, send: Send) -> None:
        """Answer from memory, or pass the request on and keep the answer."""
        if not request.policy.cached:
            await self._app(request, receive, _uncached(send))
            return
        state = await self._states.of(request)
        key = (request.target.canonical, request.media_type, request.encoding)
        tag = self._tag(state, request)
        validators: RawHeaders = [(b"etag", tag.encode()), (b"cache-control", self._cache_control(request))]
        asked = request.headers.get("if-none-match")
        if asked is not None and asked.strip() != "*" and matches(asked, tag):
            request.cache_result = "validated"
            await _not_modified(send, request, validators)
            return
        answer = self._find(state.stamp, key)
        request.cache_result = "miss" if answer is None else "hit"
        if answer is None:
            answer = await self._flights.answer((state.stamp, *key), request, receive)
            self._keep(state.stamp, key, answer)
        if answer.status != 200:
            validators, request.refusal = [], answer.refusal
        elif asked is not None and asked.strip() == "*":  # any answer matches
            await _not_modified(send, request, validators)
            return
        headers = [*answer.headers, *validators]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await _send_body(send, answer.body)

    def _keep(self, stamp: str, key: _Key, answer: Answer) -> None:
        """Store an answer that was made while the catalogue had this stamp, if it can be reused."""
        if isinstance(answer.body, LongBody):  # too long
            return
        cost = _cost(key, answer.body)
        if answer.status != 200 or stamp != self._stamp or key in self._ready or cost > self._size // _LARGEST_PART:
            return
        self._ready[key] = answer
        self._used += cost
        while self._used > self._size:
            oldest, removed = self._ready.popitem(last=False)
            self._used -= _cost(oldest, removed.body)

    @property
    def used(self) -> int:
        """The bytes that the stored answers take."""
        return self._used

    def _find(self, stamp: str, key: _Key) -> Answer | None:
        if stamp != self._stamp:
            self._stamp, self._used = stamp, 0
            self._ready.clear()
        ready = self._ready.get(key)
        if ready is not None:
            self._ready.move_to_end(key)
        return ready

    def _tag(self, state: CatalogState, request: Request) -> str:
        text = "\n".join((self._fingerprint, state.stamp, request.target.canonical, request.media_type or ""))
        return f'W/"{blake2b(text.encode("utf-8", "replace"), digest_size=12).hexdigest()}"'

    def _cache_control(self, request: Request) -> bytes:
        if self._max_age is None:
            return b"private, no-cache" if request.is_private else b"no-cache"
        if request.is_private:
            return b"private, max-age=%d" % self._max_age
        return b"public, max-age=%d, s-maxage=%d" % (self._max_age, self._max_age)


async def _send_body(send: Send, body: bytes | LongBody) -> None:
    if isinstance(body, LongBody):
        for piece in body:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        body = b""
    await send({"type": "http.response.body", "body": body})


def _cost(key: _Key, body: bytes | LongBody) -> int:
    return len(key[0]) + len(body) + _OVERHEAD


async def _not_modified(send: Send, request: Request, validators: RawHeaders) -> None:
    headers = [*validators, (b"vary", request.policy.vary.encode())]
    await send({"type": "http.response.start", "status": 304, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _uncached(send: Send) -> Send:
    async def with_no_store(message: Message) -> None:
        if message["type"] == "http.response.start" and all(name != b"cache-control" for name, _ in message["headers"]):
            message = {**message, "headers": [*message["headers"], (b"cache-control", b"no-store")]}
        await send(message)

    return with_no_store
