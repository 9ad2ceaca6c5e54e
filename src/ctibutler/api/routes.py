"""All routes: the endpoints of each knowledge base, and those over all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated

from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.routing import Match as Found
from starlette.types import Receive, Scope, Send

from ctibutler.answers.library import Library
from ctibutler.api import across_routes as everything_routes
from ctibutler.api import (
    documentation,
    job_routes,
    knowledge_base_routes,
    release_routes,
    search_routes,
    service_routes,
)
from ctibutler.http.bodies import LARGEST_BODY, BodyValues, read_body, read_fields
from ctibutler.http.context import Visit, visit_of
from ctibutler.http.metrics import Metrics
from ctibutler.http.routing import Ask, Endpoint, Route
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.settings import Settings

PREFIX = "/api/v1/"
_NO_BODY = BodyValues({}, frozenset())


def all_routes(
    knowledge_bases: KnowledgeBases, settings: Settings, metrics: Metrics | None, schema: service_routes.Schema
) -> list[Route]:
    """Every route of an installation with these knowledge bases."""
    routes = [Route(endpoint, "/" + endpoint.path) for endpoint in service_routes.endpoints(metrics, schema)]
    routes += [Route(endpoint, "/" + endpoint.path) for endpoint in documentation.endpoints()]
    for kb in knowledge_bases.all:
        for module in (knowledge_base_routes, release_routes):
            routes += [
                Route(endpoint, f"{PREFIX}{kb.slug}/{endpoint.path}", kb) for endpoint in module.endpoints(kb, settings)
            ]
    shared: Iterator[Endpoint]
    for shared in (
        search_routes.endpoints(knowledge_bases, settings),
        everything_routes.endpoints(knowledge_bases, settings),
        job_routes.endpoints(knowledge_bases, settings),
    ):
        routes += [Route(endpoint, PREFIX + endpoint.path) for endpoint in shared]
    return routes


def path_aliases(knowledge_bases: KnowledgeBases) -> dict[str, str]:
    """Further paths of whole subtrees, with the path that each stands for."""
    aliases = {f"{PREFIX}{alias}": f"{PREFIX}{kb.slug}" for kb in knowledge_bases.all for alias in kb.aliases}
    links, *others = job_routes.LINK_PATHS
    aliases |= {f"{PREFIX}{other}": f"{PREFIX}{links}" for other in others}
    return {**aliases, "/v1": "/api/v1"}


def mount(app: FastAPI, routes: Sequence[Route], library: Library, settings: Settings) -> None:
    """Make every route one of the app's, found by what the dispatcher has read from the URL already."""
    mounted: dict[str, BaseRoute] = {}
    for route in routes:
        app.add_api_route(
            route.template,
            _handler(route, library, settings),
            methods=[route.endpoint.method],
            response_model=None,
            name=route.name,
            include_in_schema=False,
        )
        mounted[_key(route)] = app.router.routes[-1]
    app.router.routes.insert(0, _Dispatched(mounted))


class _Dispatched(BaseRoute):
    """Hands a request to its route without trying one pattern after the other."""

    def __init__(self, mounted: dict[str, BaseRoute]) -> None:
        self._mounted = mounted

    def matches(self, scope: Scope) -> tuple[Found, Scope]:
        if scope["type"] != "http":
            return Found.NONE, {}
        return Found.FULL, {"path_params": dict(visit_of(scope).path)}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = scope["route"] = self._mounted[_key(visit_of(scope).route)]
        await route.handle(scope, receive, send)


def _key(route: Route) -> str:
    return f"{route.endpoint.method} {route.template}"


def _handler(route: Route, library: Library, settings: Settings) -> Callable[..., Response]:
    fields = route.endpoint.fields

    def answer(request: Request) -> Response:
        visit = visit_of(request.scope)
        return route.endpoint.handler(_ask(visit, library, settings, _NO_BODY))

    def answer_body(request: Request, content: Annotated[bytes, Depends(_whole_body)]) -> Response:
        visit = visit_of(request.scope)
        body = read_fields(fields or (), read_body(content, visit.headers.get("content-type")))
        return route.endpoint.handler(_ask(visit, library, settings, body))

    return answer if fields is None else answer_body


def _ask(visit: Visit, library: Library, settings: Settings, body: BodyValues) -> Ask:
    if visit.problem is not None or visit.values is None:
        raise visit.problem or RuntimeError("neither values nor a problem")
    return Ask(
        visit.route,
        library,
        settings,
        visit.path,
        visit.values,
        body,
        visit.headers,
        visit.media_type,
        visit.encoding,
        visit.is_head,
    )


async def _whole_body(request: Request) -> bytes:
    """The body, or so much of it that it is known to be too long."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > LARGEST_BODY:
            break
    return bytes(content)
