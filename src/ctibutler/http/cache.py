"""The answer cache: an answer depends only on the state of the catalogue and the URL, and so do its validators.

No library keeps answers by that state, and by content encoding: what is kept here is ready to be sent.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from starlette.types import Message, Receive, Send

from ctibutler.catalog.state import CatalogState
from ctibutler.http.requests import App, RawHeaders, Request
from ctibutler.http.states import States
from ctibutler.http.validators import matches

# URL, media type, content encoding.
_Key = tuple[str, str | None, str]
# Roughly the bytes that an entry takes besides its URL and body.
_OVERHEAD = 1024
# An answer that would take more than one part in this many is not kept.
_LARGEST_PART = 8


@dataclass(frozen=True, slots=True)
class _Ready:
    headers: RawHeaders
    body: bytes


class AnswerCache:
    """Answers repeated requests from memory, until the catalogue changes."""

    def __init__(self, app: App, states: States, size: int, max_age: int | None, depends_on: Sequence[object]) -> None:
        """`size` is in bytes. `depends_on` is what else answers depend on: settings, the version of the program."""
        self._app = app
        self._states = states
        self._size = size
        self._max_age = max_age
        self._fingerprint = repr(tuple(depends_on))
        self._stamp: str | None = None
        self._ready: OrderedDict[_Key, _Ready] = OrderedDict()
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
            await _not_modified(send, request, validators)
            return
        ready = self._find(state.stamp, key)
        if ready is None:
            await self._app(request, receive, _Recorder(self, send, request, state.stamp, key, validators))
        elif asked is not None and matches(asked, tag):
            await _not_modified(send, request, validators)
        else:
            await send({"type": "http.response.start", "status": 200, "headers": [*ready.headers, *validators]})
            await send({"type": "http.response.body", "body": ready.body})

    def keep(self, stamp: str, key: _Key, headers: RawHeaders, body: bytes) -> None:
        """Store an answer that was made while the catalogue had this stamp."""
        cost = _cost(key, body)
        if stamp != self._stamp or key in self._ready or cost > self.largest:
            return
        self._ready[key] = _Ready(headers, body)
        self._used += cost
        while self._used > self._size:
            oldest, ready = self._ready.popitem(last=False)
            self._used -= _cost(oldest, ready.body)

    @property
    def largest(self) -> int:
        """The size of the largest answer that is stored, in bytes."""
        return self._size // _LARGEST_PART

    def _find(self, stamp: str, key: _Key) -> _Ready | None:
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


class _Recorder:
    """Sends an answer on, and stores it if it can be reused."""

    def __init__(
        self,
        cache: AnswerCache,
        send: Send,
        request: Request,
        stamp: str,
        key: _Key,
        validators: RawHeaders,
    ) -> None:
        self._cache = cache
        self._send = send
        self._request = request
        self._stamp = stamp
        self._key = key
        self._validators = validators
        self._headers: RawHeaders | None = None
        self._body: list[bytes] = []
        self._length = 0
        self._is_silent = False

    async def __call__(self, message: Message) -> None:
        if self._is_silent:
            return
        if message["type"] == "http.response.start":
            if message["status"] == 200:
                if self._request.headers.get("if-none-match", "").strip() == "*":
                    self._is_silent = True
                    await _not_modified(self._send, self._request, self._validators)
                    return
                self._headers = list(message["headers"])
                message = {**message, "headers": [*self._headers, *self._validators]}
        elif self._headers is not None:
            self._record(message.get("body", b""), is_last=not message.get("more_body", False))
        await self._send(message)

    def _record(self, body: bytes, is_last: bool) -> None:
        self._length += len(body)
        if self._length > self._cache.largest:
            self._headers, self._body = None, []
            return
        self._body.append(body)
        if is_last and self._headers is not None:
            self._cache.keep(self._stamp, self._key, self._headers, b"".join(self._body))


def _cost(key: _Key, body: bytes) -> int:
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
