"""Answers that are ready before their request is read.

Most clients send the same bytes whenever they ask the same. So an answer from the cache is kept a second time, under the bytes
of the head of its request, which hold the method, the URL, what the client accepts and has, and its key. Looking it up takes
the place of parsing, routing, checking access and choosing a form: all of them depend on those bytes and on the state of the
catalogue, and on nothing else. That state is asked for every time, as for any request; where that takes
a query, all requests that wait share it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from starlette.types import Message

from ctibutler.catalog.state import CatalogState
from ctibutler.http.authentication import Authentication
from ctibutler.http.log import RequestLog, new_request_id, url_of
from ctibutler.http.requests import HEAD, RawHeaders, Request
from ctibutler.http.states import States

_LARGEST_HEAD = 4096
_LARGEST_BODY = 64 * 1024
# Roughly the bytes that an entry takes besides its head and its body.
_OVERHEAD = 4096
# The part of the answer cache's memory that this may take on top of it.
_PART = 8
_REQUEST_ID = b"x-request-id"
# What the cache answers with.
_STATUS_LINES = {200: b"HTTP/1.1 200 OK\r\n", 304: b"HTTP/1.1 304 Not Modified\r\n"}


@dataclass(frozen=True, slots=True)
class _Ready:
    """An answer: what comes before the headers of the moment, and after them. `request_id` is that of the client, if any."""

    request: Request
    status: int
    url: str
    before_id: bytes
    request_id: bytes | None
    after_id: bytes

    @property
    def size(self) -> int:
        """The bytes that it takes."""
        return len(self.before_id) + len(self.after_id) + _OVERHEAD


class ReadyAnswers:
    """Answers by the head of their request, as long as the catalogue does not change."""

    def __init__(self, states: States, log: RequestLog, authentication: Authentication, cache_bytes: int) -> None:
        self._states = states
        self._log = log
        self._authentication = authentication
        self._size = cache_bytes // _PART
        self._used = 0
        self._state: CatalogState | None = None
        self._ready: OrderedDict[bytes, _Ready] = OrderedDict()

    def __contains__(self, head: bytes) -> bool:
        """Whether there is an answer to a request with this head, if the catalogue has not changed since it was kept."""
        return head in self._ready

    def state(self) -> CatalogState | asyncio.Task[CatalogState]:
        """Return the state of the catalogue for a request that has just arrived, or the query that finds it.

        Raises StoreUnavailable; the query may do so as well.
        """
        return self._states.now()

    def answer(
        self,
        head: bytes,
        state: CatalogState,
        client: tuple[str, int] | None,
        moment: RawHeaders,
        begun: float,
    ) -> bytes | None:
        """Return the whole answer to a request with this head, or None if the catalogue is in another state.

        `moment` are the server's own headers. `begun` is when the request arrived, in seconds of `perf_counter`.
        """
        ready = self._ready.get(head)
        if ready is None or not self._is_valid(state):
            return None
        request = ready.request
        if request.key is not None:
            self._authentication.record_use(request.key)
        request_id = ready.request_id or new_request_id()
        self._log.note(request, ready.url, client, ready.status, begun, request_id)
        now = b"".join([b"%b: %b\r\n" % header for header in moment])
        return b"".join((_STATUS_LINES[ready.status], now, ready.before_id, request_id, ready.after_id))

    def keep(self, request: Request, start: Message, body: bytes) -> None:
        """Store an answer that was sent from the cache."""
        head = request.scope["extensions"][HEAD]["head"]
        state = request.catalog_state
        if start["status"] == 200 and all(name != b"content-length" for name, _ in start["headers"]):
            return
        if state is None or len(head) > _LARGEST_HEAD or len(body) > _LARGEST_BODY or head in self._ready:
            return
        if not self._is_valid(state):
            self._state, self._used = state, 0
            self._ready.clear()
        headers = start["headers"]
        place = next(index for index, (name, _) in enumerate(headers) if name == _REQUEST_ID)
        sent = request.headers.get("x-request-id", "").encode("latin-1")
        ready = _Ready(
            request=request,
            status=start["status"],
            url=url_of(request),
            before_id=_lines(headers[:place]) + _REQUEST_ID + b": ",
            request_id=sent if sent == headers[place][1] else None,
            after_id=b"\r\n" + _lines(headers[place + 1 :]) + b"\r\n" + body,
        )
        self._ready[head] = ready
        self._used += ready.size + len(head)
        while self._used > self._size:
            oldest, removed = self._ready.popitem(last=False)
            self._used -= removed.size + len(oldest)

    def _is_valid(self, state: CatalogState) -> bool:
        if state is not self._state and state == self._state:
            self._state = state  # another process wrote something that changes no answer
        return state is self._state


def _lines(headers: RawHeaders) -> bytes:
    return b"".join([name + b": " + value + b"\r\n" for name, value in headers])
