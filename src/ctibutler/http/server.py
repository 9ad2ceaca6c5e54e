"""The ASGI application: it reads every request once and passes it through the layers that all edges share.

CORS → log → errors → access → answer cache → compression → the edge's route or mounted application.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.routing import Router as Lifespan
from starlette.types import Message, Receive, Scope, Send

from ctibutler.answers.library import Library
from ctibutler.catalog.state import Watch
from ctibutler.errors import Problem
from ctibutler.http.authentication import Authentication
from ctibutler.http.cache import AnswerCache
from ctibutler.http.compression import Compression
from ctibutler.http.connections import Connections
from ctibutler.http.cors import Cors
from ctibutler.http.kept_streams import KeptStreams
from ctibutler.http.log import RequestLog
from ctibutler.http.metrics import Gauge, Metrics
from ctibutler.http.negotiation import preferred_encoding, preferred_media_type
from ctibutler.http.ready import ReadyAnswers
from ctibutler.http.requests import HEAD, App, Request, headers_of
from ctibutler.http.router import Router
from ctibutler.http.routing import Edge, EnterLifespan
from ctibutler.http.states import States
from ctibutler.http.threads import Threads
from ctibutler.settings import Settings

# The part of the answer cache's memory that kept streams may take on top of it.
_PART_OF_STREAMS = 4


class Server:
    """The ASGI application over these edges."""

    def __init__(
        self,
        edges: Sequence[Edge],
        library: Library,
        settings: Settings,
        watch: Watch,
        metrics: Metrics,
        lifespan: EnterLifespan,
    ) -> None:
        """`lifespan` is entered before those of the edges, and left after them."""
        self._lifespans = [lifespan, *(edge.lifespan for edge in edges if edge.lifespan is not None)]
        self._library = library
        self._settings = settings
        self._threads = Threads(library.database.engine, settings.slow_reads, settings.read_max_seconds)
        self._kept_streams = KeptStreams(settings.answer_cache_bytes // _PART_OF_STREAMS)
        self._router = Router(edges)
        self._lifespan = Lifespan(lifespan=self._run_edges)
        depends_on = [value for edge in edges for value in edge.depends_on]
        states = States(watch)
        app: App = Compression(_answer)
        app = cache = AnswerCache(app, states, settings.answer_cache_bytes, settings.cache_max_age, depends_on)
        metrics.add(lambda: Gauge("ctibutler_cache_bytes", "Memory that cached answers take.", (), [((), cache.used)]))
        authentication = Authentication(app, settings, library.database, states)
        log = RequestLog(_Errors(authentication), metrics)
        self._app = Cors(log, settings.cors_origins)
        self._ready = ReadyAnswers(states, log, authentication, settings.answer_cache_bytes)
        self.connections = Connections(settings, self._ready)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or start and stop with the server."""
        if scope["type"] != "http":
            await self._lifespan(scope, receive, send)
            return
        request = self._read(scope)
        await self._app(request, receive, _Sender(request, send, self._ready))

    def _read(self, scope: Scope) -> Request:
        target = self._router.resolve(scope["method"], _raw_path(scope), scope["query_string"].decode("latin-1"))
        headers, policy = headers_of(scope), target.policy
        variant = None
        if policy.variants and "accept" in headers:
            variant = preferred_media_type(headers["accept"], policy.media_type, policy.variants, even=policy.even)
        return Request(
            target=target,
            policy=policy,
            library=self._library,
            settings=self._settings,
            threads=self._threads,
            resolve=self._router.resolve,
            kept_streams=self._kept_streams,
            scope=scope,
            headers=headers,
            is_head=scope["method"] == "HEAD",
            media_type=variant,
            encoding=preferred_encoding(headers.get("accept-encoding", "")),
            answer_headers=list(target.headers),
        )

    @asynccontextmanager
    async def _run_edges(self, _: object) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for enter in self._lifespans:
                await stack.enter_async_context(enter())
            stack.callback(self._threads.close)
            yield


class _Errors:
    """Answers with the problem that a layer raised, in the error format of the edge.

    Where the answer has begun, nothing more can be said: the problem goes on, and the answer breaks off.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, request: Request, receive: Receive, send: Send) -> None:
        has_begun = False

        async def noting(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(request, receive, noting)
        except Problem as problem:
            if has_begun:
                raise
            await request.policy.write_error(request, problem)(request.scope, receive, send)


class _Sender:
    """Adds the headers that layers have for the answer, and leaves the body out for `HEAD`."""

    def __init__(self, request: Request, send: Send, ready: ReadyAnswers) -> None:
        self._request = request
        self._send = send
        self._ready = ready
        self._start: Message = {}

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *self._request.answer_headers]}
            self._start = message
        elif message["type"] == "http.response.body":
            if self._request.is_head:
                message = {**message, "body": b""}
            is_ready = self._request.cache_result in ("hit", "validated") and not self._request.is_signed_in
            if is_ready and HEAD in self._request.scope.get("extensions", ()):
                self._ready.keep(self._request, self._start, message["body"])
        await self._send(message)


async def _answer(request: Request, receive: Receive, send: Send) -> None:
    await request.target.app(request, receive, send)


def _raw_path(scope: Scope) -> str:
    raw: bytes | None = scope.get("raw_path")
    path: str = scope["path"] if raw is None else raw.partition(b"?")[0].decode("latin-1")
    return path.removeprefix(scope.get("root_path", ""))
