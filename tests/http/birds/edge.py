"""The edge: three routes, a mounted application, its own format of errors and its own header for keys."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from ctibutler.answers import releases
from ctibutler.errors import NotFound, Problem
from ctibutler.http.access import AccessRule, Client
from ctibutler.http.exceptions import headers_of, sentence_of, status_of
from ctibutler.http.metrics import Metrics
from ctibutler.http.parameters import Parameter
from ctibutler.http.requests import Request
from ctibutler.http.routing import Edge, Endpoint, Mount, Route
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.settings import Settings

BIRDS = {"wren": "tic tic tic", "owl": "hoo"}
running: list[str] = []
"""What the lifespan of the edge says happened."""


def make_edge(knowledge_bases: KnowledgeBases, settings: Settings, metrics: Metrics) -> Edge:
    """The edge, as the application makes it."""
    endpoints = (
        Endpoint("GET", "", _list, "", "", (Parameter("call", "text", ""),), media_type="text/csv", cached=True),
        Endpoint("GET", "{name}/", _one, "", "", media_type="text/plain"),
        Endpoint("GET", "songs/", _songs, "", "", media_type="text/plain", streams=True),
    )
    return Edge(
        prefixes=("/birds",),
        routes=[Route(endpoint, f"/birds/{endpoint.path}") for endpoint in endpoints],
        mounts=(Mount("/birds/nest", _nest),),
        write_error=_write_error,
        access=AccessRule(identify=_identify),
        cors=False,
        lifespan=_lifespan,
    )


def _list(request: Request) -> Response:
    call = request.values.text("call") or ""
    [tlp] = [kb for kb in request.library.knowledge_bases.all if kb.slug == "tlp"]
    lines = [f"{name},{song}" for name, song in BIRDS.items() if call in song]
    lines.append(f"releases of TLP,{len(releases.installed(request.library, tlp).labels)}")
    return Response("\n".join(lines), media_type="text/csv")


def _one(request: Request) -> Response:
    name = request.path["name"]
    if name == "dodo":
        raise RuntimeError("extinct, and nobody expected to be asked")
    if name not in BIRDS:
        raise NotFound(f"no bird `{name}`")
    return Response(BIRDS[name], media_type="text/plain")


def _songs(_: Request) -> Response:
    def sing() -> Iterator[bytes]:
        for _ in range(1000):
            yield from (f"{song}\n".encode() for song in BIRDS.values())

    return StreamingResponse(sing(), media_type="text/plain")


async def _nest(scope: Scope, receive: Receive, send: Send) -> None:
    """A plain ASGI application: says where it is, echoes a body, sends events one by one, or fails."""
    below = scope["path"].removeprefix(scope["root_path"])
    if below == "/broken":
        raise RuntimeError("fell out of the tree")
    if below == "/events":
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for number in range(100):
            await send({"type": "http.response.body", "body": b"data: %d tweets\n\n" % number, "more_body": True})
        await send({"type": "http.response.body"})
        return
    body = (await receive()).get("body", b"")
    text = f"{scope['method']} {below} below {scope['root_path']}: ".encode() + body
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": text})


@asynccontextmanager
async def _lifespan() -> AsyncIterator[None]:
    running.append("started")
    yield
    running.append("stopped")


def _write_error(_: Request, problem: Problem) -> Response:
    headers = headers_of(problem)
    if "WWW-Authenticate" in headers:
        headers["WWW-Authenticate"] = 'Basic realm="birds"'
    return Response(f"<error>{sentence_of(problem)}</error>", status_of(problem), headers, "application/xml")


def _identify(headers: Mapping[str, str]) -> Client:
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    key = b64decode(credentials).decode().partition(":")[2] if scheme == "Basic" else None
    return replace(Client.of(headers), key=key)
