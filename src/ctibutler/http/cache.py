"""Ready answers: an answer is a function of the catalogue's state and the URL, and so are its validators."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ctibutler.catalog.state import Sight, Watch
from ctibutler.http.context import Visit, visit_of
from ctibutler.http.validators import matches

Headers = list[tuple[bytes, bytes]]
# URL, media type, content encoding.
_Key = tuple[str, str | None, str]
# What an entry takes besides its URL and body, roughly.
_OVERHEAD = 1024
# An answer that would take more than this part of the memory is not kept.
_LARGEST_PART = 8


@dataclass(frozen=True, slots=True)
class _Ready:
    headers: Headers
    body: bytes


class AnswerCache:
    """Answers from memory what was answered before, as long as the catalogue stands as it did."""

    def __init__(
        self, app: ASGIApp, watch: Watch, size: int, max_age: int | None, fingerprint: Sequence[object]
    ) -> None:
        """`size` is in bytes; `fingerprint` holds whatever else answers depend on: settings, the program's version."""
        self._app = app
        self._watch = watch
        self._size = size
        self._max_age = max_age
        self._fingerprint = repr(tuple(fingerprint))
        self._stamp: str | None = None
        self._ready: OrderedDict[_Key, _Ready] = OrderedDict()
        self._used = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from memory, or pass the request on and remember the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = visit_of(scope)
        if not visit.route.endpoint.cached or visit.problem is not None:
            await self._app(scope, receive, _uncached(send))
            return
        sight = await look(self._watch, visit)
        key = (visit.url, visit.media_type, visit.encoding)
        tag = self._tag(sight, visit)
        validators: Headers = [(b"etag", tag.encode()), (b"cache-control", self._cache_control(visit))]
        asked = visit.headers.get("if-none-match")
        if asked is not None and asked.strip() != "*" and matches(asked, tag):
            await _not_modified(send, visit, validators)
            return
        ready = self._find(sight.stamp, key)
        if ready is None:
            await self._app(scope, receive, _Recorder(self, send, visit, sight.stamp, key, validators))
        elif asked is not None and matches(asked, tag):
            await _not_modified(send, visit, validators)
        else:
            await send({"type": "http.response.start", "status": 200, "headers": [*ready.headers, *validators]})
            await send({"type": "http.response.body", "body": ready.body})

    def keep(self, stamp: str, key: _Key, headers: Headers, body: bytes) -> None:
        """Remember an answer that was made while the catalogue had this stamp."""
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
        """The largest answer that is kept, in bytes."""
        return self._size // _LARGEST_PART

    def _find(self, stamp: str, key: _Key) -> _Ready | None:
        if stamp != self._stamp:
            self._stamp, self._used = stamp, 0
            self._ready.clear()
        ready = self._ready.get(key)
        if ready is not None:
            self._ready.move_to_end(key)
        return ready

    def _tag(self, sight: Sight, visit: Visit) -> str:
        text = "\n".join((self._fingerprint, sight.stamp, visit.url, visit.media_type or ""))
        return f'W/"{blake2b(text.encode("utf-8", "replace"), digest_size=12).hexdigest()}"'

    def _cache_control(self, visit: Visit) -> bytes:
        if self._max_age is None:
            return b"private, no-cache" if visit.is_private else b"no-cache"
        if visit.is_private:
            return b"private, max-age=%d" % self._max_age
        return b"public, max-age=%d, s-maxage=%d" % (self._max_age, self._max_age)


class _Recorder:
    """Sends an answer on, and keeps it when it is one to keep."""

    def __init__(
        self,
        cache: AnswerCache,
        send: Send,
        visit: Visit,
        stamp: str,
        key: _Key,
        validators: Headers,
    ) -> None:
        self._cache = cache
        self._send = send
        self._visit = visit
        self._stamp = stamp
        self._key = key
        self._validators = validators
        self._headers: Headers | None = None
        self._body: list[bytes] = []
        self._length = 0
        self._is_silent = False

    async def __call__(self, message: Message) -> None:
        if self._is_silent:
            return
        if message["type"] == "http.response.start":
            if message["status"] == 200:
                if self._visit.headers.get("if-none-match", "").strip() == "*":
                    self._is_silent = True
                    await _not_modified(self._send, self._visit, self._validators)
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


async def look(watch: Watch, visit: Visit) -> Sight:
    """The catalogue as this visit sees it, looked at once."""
    if visit.sight is None:
        visit.sight = watch.look() if watch.is_quick else await run_in_threadpool(watch.look)
    return visit.sight


async def _not_modified(send: Send, visit: Visit, validators: Headers) -> None:
    headers = [*validators, (b"vary", visit.vary.encode())]
    await send({"type": "http.response.start", "status": 304, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _uncached(send: Send) -> Send:
    async def with_no_store(message: Message) -> None:
        if message["type"] == "http.response.start" and all(name != b"cache-control" for name, _ in message["headers"]):
            message = {**message, "headers": [*message["headers"], (b"cache-control", b"no-store")]}
        await send(message)

    return with_no_store
