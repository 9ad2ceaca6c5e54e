"""An edge with questions that never end by themselves, and the server process that has it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import msgspec
from starlette.responses import Response

from ctibutler.api.errors import write_error
from ctibutler.catalog.engine.connection import Connection
from ctibutler.http.metrics import Metrics
from ctibutler.http.parameters import Parameter
from ctibutler.http.requests import Request
from ctibutler.http.responses import stream
from ctibutler.http.routing import Edge, Endpoint, Route
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.settings import Settings

_lock = threading.Lock()
begun: Counter[str] = Counter()
"""How often each question was begun."""
running: Counter[str] = Counter()
"""How many threads are at work on each question."""


def make_edge(knowledge_bases: KnowledgeBases, settings: Settings, metrics: Metrics) -> Edge:
    """The edge, as the application makes it."""
    name, file = Parameter("name", "text", ""), Parameter("file", "text", "")
    endpoints = (
        Endpoint("GET", "query/", _asking(_long_query), "", "", (name,), cached=True),
        Endpoint("GET", "queries/", _asking(_many_queries), "", "", (name,), cached=True),
        Endpoint("GET", "uncached/", _asking(_long_query), "", "", (name,)),
        Endpoint("GET", "until/", _until, "", "", (name, file), cached=True),
        Endpoint("GET", "stream/", _endless, "", "", streams=True, media_type="text/plain"),
        Endpoint("GET", "state/", _state, "", "", for_monitoring=True),
    )
    return Edge(
        prefixes=("/long",),
        routes=[Route(endpoint, f"/long/{endpoint.path}") for endpoint in endpoints],
        write_error=write_error,
    )


def _asking(ask: Callable[[Connection], object]) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        with _counted(request.values.text("name") or ""), request.library.database.read() as connection:
            ask(connection)
        return Response("[]", media_type="application/json")

    return answer


def _long_query(connection: Connection) -> None:
    """One query without an end."""
    connection.value(
        connection.by_engine(
            sqlite="""
            WITH RECURSIVE number(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM number WHERE value > 0)
            SELECT count(*) FROM number
            """,
            postgresql="SELECT CAST(pg_sleep(100000) AS text)",
        )
    )


def _many_queries(connection: Connection) -> None:
    """Short queries without an end."""
    while True:
        connection.value("SELECT 1")


def _until(request: Request) -> Response:
    """Wait for a file to appear. Return how often this was begun."""
    name = request.values.text("name") or ""
    with _counted(name), request.library.database.read() as connection:
        while not Path(request.values.text("file") or "").exists():
            connection.check()
            sleep(0.01)
        return Response(str(begun[name]), media_type="application/json")


def _endless(request: Request) -> Response:
    def lines() -> Iterator[bytes]:
        with _counted("stream"):
            while True:
                yield b"x" * 65536

    return stream(request, lines(), "text/plain", {})


def _state(_: Request) -> Response:
    with _lock:
        return Response(msgspec.json.encode([begun, +running]), media_type="application/json")


@contextmanager
def _counted(name: str) -> Iterator[None]:
    with _lock:
        begun[name] += 1
        running[name] += 1
    try:
        yield
    finally:
        with _lock:
            running[name] -= 1
