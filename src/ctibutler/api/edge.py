"""The REST API as an edge: the routes of each knowledge base, and the routes over all of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import ctibutler
from ctibutler.api import (
    across_routes,
    between_routes,
    job_routes,
    knowledge_base_routes,
    migration_routes,
    openapi,
    path_routes,
    question_routes,
    release_routes,
    search_routes,
    service_routes,
)
from ctibutler.api.errors import write_error
from ctibutler.http.metrics import Metrics
from ctibutler.http.routing import Edge, Endpoint, Route
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.settings import Settings

PREFIX = "/api/v1/"


def make_edge(knowledge_bases: KnowledgeBases, settings: Settings, metrics: Metrics) -> Edge:
    """Return the REST API over these knowledge bases."""

    @lru_cache
    def schema() -> dict[str, object]:
        return openapi.document(routes)

    routes = all_routes(knowledge_bases, settings, metrics if settings.metrics else None, schema)
    return Edge(
        prefixes=("/api", "/api/v1"),
        routes=routes,
        write_error=write_error,
        aliases=path_aliases(knowledge_bases),
        depends_on=(
            ctibutler.__version__,
            settings.default_page_size,
            settings.max_page_size,
            settings.navigator_link,
            tuple(kb.slug for kb in knowledge_bases.all),
        ),
    )


def all_routes(
    knowledge_bases: KnowledgeBases, settings: Settings, metrics: Metrics | None, schema: service_routes.Schema
) -> list[Route]:
    """Return every route of an installation with these knowledge bases."""
    about = service_routes.endpoints(metrics, schema, with_pages=settings.pages)
    routes = [Route(endpoint, "/" + endpoint.path) for endpoint in about]
    for kb in knowledge_bases.all:
        for own in (
            knowledge_base_routes.endpoints(kb, settings),
            between_routes.endpoints(kb, settings),
            question_routes.endpoints(kb, knowledge_bases, settings),
            release_routes.endpoints(kb, settings),
            migration_routes.endpoints(kb, settings),
            path_routes.chain_endpoints(kb, knowledge_bases, settings),
        ):
            routes += [Route(endpoint, f"{PREFIX}{kb.slug}/{endpoint.path}", kb) for endpoint in own]
    shared: Iterator[Endpoint]
    for shared in (
        search_routes.endpoints(knowledge_bases, settings),
        across_routes.endpoints(knowledge_bases, settings),
        question_routes.across_endpoints(knowledge_bases, settings),
        path_routes.endpoints(knowledge_bases, settings),
        job_routes.endpoints(knowledge_bases, settings),
    ):
        routes += [Route(endpoint, PREFIX + endpoint.path) for endpoint in shared]
    return routes


def path_aliases(knowledge_bases: KnowledgeBases) -> dict[str, str]:
    """Return alias → path, for aliases of whole subtrees of paths."""
    aliases = {f"{PREFIX}{alias}": f"{PREFIX}{kb.slug}" for kb in knowledge_bases.all for alias in kb.aliases}
    links, *others = job_routes.LINK_PATHS
    aliases |= {f"{PREFIX}{other}": f"{PREFIX}{links}" for other in others}
    return {**aliases, "/v1": "/api/v1"}
