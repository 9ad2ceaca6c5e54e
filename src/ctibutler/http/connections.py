"""HTTP/1.1 connections: how many there are, and how long each may take for what it does.

uvicorn speaks the protocol and httptools parses it. uvicorn has a deadline for idle connections alone, and when there are more
connections than the process may open files, it logs a traceback for each and accepts no other. Granian would give a trivial
answer in half the time and has a deadline for heads, but none for bodies, and no place for answers that are ready, which need
less time than that.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Iterable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from ctibutler.catalog.state import CatalogState
from ctibutler.errors import StoreUnavailable
from ctibutler.http.exceptions import RETRY_AFTER_SECONDS
from ctibutler.http.ready import ReadyAnswers
from ctibutler.http.requests import HEAD
from ctibutler.settings import Settings

if sys.platform != "win32":
    import resource

logger = logging.getLogger("ctibutler.api")

BACKLOG = 64
"""How many connections are accepted in one go, before any of them is counted."""

LARGEST_HEAD = 64 * 1024
# Files of the process that are not connections: the database's, those of libraries, and what is accepted at once.
_OTHER_FILES = 2 * BACKLOG + 160
_WITHOUT_LIMIT = 8192
_LOOK_EVERY = 1.0
_TELL_EVERY = 60.0
# How long a client that was answered may go on sending a body that nobody reads.
_LINGER_SECONDS = 2.0


class Connections:
    """All connections of one server process: their limits, and who exceeds them."""

    def __init__(self, settings: Settings, ready: ReadyAnswers) -> None:
        self.limit = settings.max_connections or _most_connections()
        self.head_seconds = settings.head_max_seconds
        self.body_seconds = settings.body_max_seconds
        self.idle_seconds = settings.idle_max_seconds
        self.stalled_seconds = settings.stalled_max_seconds
        self.ready = ready
        self._open: set[Connection] = set()
        self._looking: asyncio.TimerHandle | None = None
        self._refused = 0
        self._told = float("-inf")

    def add(self, connection: Connection) -> bool:
        """Count a connection. Return False if there is no place for it."""
        if len(self._open) >= self.limit:
            self._refused += 1
            self._tell(connection.loop.time())
            return False
        self._open.add(connection)
        if self._looking is None:
            self._looking = connection.loop.call_later(_LOOK_EVERY, self._look, connection.loop)
        return True

    def remove(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        self._open.discard(connection)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close whoever takes too long. One timer looks at all, so that a request costs none."""
        moment = loop.time()
        for connection in tuple(self._open):
            connection.look(moment)
        self._looking = loop.call_later(_LOOK_EVERY, self._look, loop) if self._open else None

    def _tell(self, moment: float) -> None:
        """Log that connections are refused: once a minute, not each time."""
        if moment - self._told < _TELL_EVERY:
            return
        self._told = moment
        logger.warning(
            "%d connections are open, which is the limit: %d more refused (CTIBUTLER_MAX_CONNECTIONS, ulimit -n)",
            len(self._open),
            self._refused,
        )
        self._refused = 0


class Connection(HttpToolsProtocol):
    """One connection, with deadlines, and with answers that are ready before the request is read."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._shared: Connections = self.app.connections
        # When it began what it does now, in the loop's time.
        self._since = self.loop.time()
        self._stalled_since: float | None = None
        self._closing_since: float | None = None
        self._is_counted = False
        # Between two requests; before the first, a client has said nothing yet.
        self._is_between = True
        self._has_begun = False
        self._is_in_head = False
        self._head_size = self._unfinished = 0
        self._hosts = 0
        # How many requests the bytes that are being parsed have ended.
        self._completed = 0
        # Whether a request waits for the state of the catalogue, and whether the connection ends after it.
        self._is_held = self._ends = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, or refuse if there are too many."""
        self._is_counted = self._shared.add(self)
        if not self._is_counted:
            transport.write(_refusal(503, "too many connections are open; try again later"))
            transport.abort() if transport.get_write_buffer_size() else transport.close()
            self.transport = transport
            return
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        if self._is_counted:
            self._shared.remove(self)
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Answer at once what is ready, and parse everything else."""
        if not self._is_counted or self.transport.is_closing():
            return
        is_first = self._is_between and self._is_answered
        if is_first and not self.access_log and data in self._shared.ready and self._has_answered(data):
            return
        self._parse(data, is_first)

    def _has_answered(self, data: bytes) -> bool:
        """Answer what is ready, now or as soon as the state of the catalogue is known. Return False if it is not."""
        begun = time.perf_counter()
        try:
            state = self._shared.ready.state()
        except StoreUnavailable:
            return False
        if isinstance(state, CatalogState):
            return self._write_ready(data, state, begun)
        self._is_held = True
        self.flow.pause_reading()
        state.add_done_callback(partial(self._go_on, data, begun))
        return True

    def _go_on(self, data: bytes, begun: float, query: asyncio.Task[CatalogState]) -> None:
        """Answer the request that was held until the state of the catalogue was known."""
        self._is_held = False
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        failed = query.cancelled() or query.exception() is not None
        if failed or not self._write_ready(data, query.result(), begun):
            self._parse(data, is_first=True)
        if self._ends:
            self.shutdown()

    def _write_ready(self, data: bytes, state: CatalogState, begun: float) -> bool:
        answer = self._shared.ready.answer(data, state, self.client, self.server_state.default_headers, begun)
        if answer is None:
            return False
        self.transport.write(answer)
        self._since, self._has_begun = self.loop.time(), False
        return True

    def _parse(self, data: bytes, is_first: bool) -> None:
        self._completed = 0
        if not self._has_begun:
            self._since, self._has_begun = self.loop.time(), True
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # A server may ignore the wish (RFC 9110, 7.8). What follows may not be HTTP any more.
            self.cycle.keep_alive = False
        except httptools.HttpParserError:
            self._refuse_request()
            return
        # httptools holds back a header until it is complete.
        self._unfinished = 0 if self._completed or not self._is_in_head else self._unfinished + len(data)
        if self._unfinished > LARGEST_HEAD:
            self._refuse_request()
        elif is_first and self._completed == 1 and self._is_between and self.cycle.keep_alive and not self.cycle.body:
            # On a connection at rest, the same bytes are the same request, and no other. Nothing has been answered yet.
            self.scope["extensions"] = {HEAD: {"head": data}}

    def on_message_begin(self) -> None:
        """Begin to read a head."""
        self._is_between, self._is_in_head, self._head_size, self._hosts = False, True, 0, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Collect the target."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header."""
        self._count(len(name) + len(value) + 4)
        if name.lower() == b"host":
            self._hosts += 1
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start answering.

        Raises ValueError, which httptools turns into an error of the request.
        """
        version, method = self.parser.get_http_version(), self.parser.get_method().decode("ascii")
        if self._hosts > 1 or (not self._hosts and version == "1.1"):
            raise ValueError("a request has one Host (RFC 9112, 3.2)")
        raw_path, _, query = self._origin_form().partition(b"?")
        if not all(0x21 <= byte <= 0x7E for byte in self.url):
            raise ValueError("a target is made of visible characters (RFC 9112, 3.2)")
        text = raw_path.decode("ascii")
        self.scope |= {
            "method": method,
            "http_version": version,
            "path": self.root_path + (unquote(text) if "%" in text else text),
            "raw_path": self.root_path.encode("ascii") + raw_path,
            "query_string": query,
        }
        keeps_alive = version == "1.1" and self.parser.should_keep_alive() and not self.parser.should_upgrade()
        earlier = self.cycle
        self.cycle = RequestResponseCycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=keeps_alive,
            on_response=self.on_response_complete,
        )
        self._since, self._is_in_head = self.loop.time(), False
        if earlier is None or earlier.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def on_message_complete(self) -> None:
        """A request is read."""
        super().on_message_complete()
        self._is_between, self._has_begun, self._head_size = True, False, 0
        self._completed += 1

    def on_response_complete(self) -> None:
        """Go on to the next request."""
        self.server_state.total_requests += 1
        self._since = self.loop.time()
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)

    def shutdown(self) -> None:
        """End after what is being answered: the server stops."""
        if self._is_held:
            self._ends = True
        else:
            super().shutdown()

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        self._stalled_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client has read."""
        self._stalled_since = None
        super().resume_writing()

    def look(self, moment: float) -> None:
        """Close the connection if it takes too long for what it does."""
        shared, waited = self._shared, moment - self._since
        if self.transport.is_closing():
            self._closing_since = self._closing_since or moment
            if moment - self._closing_since > shared.stalled_seconds:
                self.transport.abort()
        elif self._stalled_since is not None:
            if moment - self._stalled_since > shared.stalled_seconds:
                self.transport.abort()
        elif self._is_held:
            return
        elif not self._is_answered:
            if self.cycle.more_body and waited > shared.body_seconds:
                self._time_out("the body took too long")
        elif not self._is_between and self._is_reading_body:
            if waited > _LINGER_SECONDS:
                self.transport.close()
        elif self._has_begun:
            if waited > shared.head_seconds:
                self._time_out("the head of the request took too long")
        elif waited > (shared.head_seconds if self.cycle is None else shared.idle_seconds):
            self.transport.close()

    @property
    def _is_answered(self) -> bool:
        """Whether no request waits for its answer."""
        return (self.cycle is None or self.cycle.response_complete) and not self.pipeline

    @property
    def _is_reading_body(self) -> bool:
        return self.cycle is not None and self.cycle.scope is self.scope and self.cycle.more_body

    def _count(self, size: int) -> None:
        self._head_size += size
        if self._head_size > LARGEST_HEAD:
            raise ValueError("the head is too large")

    def _origin_form(self) -> bytes:
        """The target without scheme and authority. If it has an authority, that is the host (RFC 9112, 3.2.2)."""
        scheme, separator, rest = self.url.partition(b"://")
        if self.url.startswith(b"/") or not separator or scheme.lower() not in (b"http", b"https"):
            return self.url
        end = min((place for place in map(rest.find, (b"/", b"?")) if place >= 0), default=len(rest))
        authority, target = rest[:end], rest[end:]
        self.headers[:] = [(name, authority if name == b"host" else value) for name, value in self.headers]
        return target if target.startswith(b"/") else b"/" + target

    def _refuse_request(self) -> None:
        if max(self._head_size, self._unfinished) > LARGEST_HEAD:
            self._give_up(431, f"the head of the request is longer than {LARGEST_HEAD} bytes")
        else:
            self._give_up(400, "this is not a valid HTTP/1.1 request")

    def _time_out(self, sentence: str) -> None:
        self._give_up(408, sentence)

    def _give_up(self, status: int, sentence: str) -> None:
        """Close the connection, and say why unless an answer is on its way."""
        if self._is_answered or not (self.pipeline or self.cycle.response_started):
            self.transport.write(_refusal(status, sentence))
        if not self._is_answered:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()


UVICORN: Mapping[str, Any] = {
    "http": Connection,
    "backlog": BACKLOG,
    "ws": "none",
    "log_config": None,
    "server_header": False,
    "proxy_headers": False,  # who came through a proxy is not taken for somebody else
    "timeout_graceful_shutdown": 10,
}
"""What uvicorn has to be told to serve the application."""


def _refusal(status: int, sentence: str) -> bytes:
    """A whole answer, after which the connection is closed."""
    phrase = HTTPStatus(status).phrase
    body = msgspec.json.encode({"code": status, "message": phrase, "details": {"error": sentence}})
    lines: Iterable[str] = (
        f"HTTP/1.1 {status} {phrase}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        "cache-control: no-store",
        *((f"retry-after: {RETRY_AFTER_SECONDS}",) if status == 503 else ()),
        "connection: close",
        "",
        "",
    )
    return "\r\n".join(lines).encode("ascii") + body


def _most_connections() -> int:
    """As many as the limit on open files leaves, beside other files."""
    if sys.platform != "win32":
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY:
            return min(_WITHOUT_LIMIT, max(soft - _OTHER_FILES, soft // 2))
    return _WITHOUT_LIMIT
