"""The HTTP application: layers in front of FastAPI, outermost last."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

import ctibutler
from ctibutler.answers.library import Library
from ctibutler.api import openapi
from ctibutler.api.routes import all_routes, mount, path_aliases
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.schema import open_catalogue
from ctibutler.catalog.state import Watch
from ctibutler.errors import Problem
from ctibutler.http.access import Gate, refuse_to_start_without_key
from ctibutler.http.cache import AnswerCache
from ctibutler.http.compression import Compression
from ctibutler.http.cors import Cors
from ctibutler.http.dispatch import Dispatcher, problem_response
from ctibutler.http.exceptions import INTERNAL, error_body
from ctibutler.http.log import RequestLog
from ctibutler.http.metrics import Metrics
from ctibutler.http.routing import RouteTree
from ctibutler.knowledge_bases import HOSTED, KnowledgeBases
from ctibutler.logs import set_up_logs
from ctibutler.settings import Settings, load_settings


def create_app(
    settings: Settings, knowledge_bases: KnowledgeBases = HOSTED, database: Database | None = None
) -> ASGIApp:
    """The application of one process. It opens the catalogue, and closes it at the end, unless it is given one.

    Raises StoreUnavailable, and InvalidRequest when access by key is asked for and there is no key.
    """
    catalogue = database or open_catalogue(settings.url, knowledge_bases)
    refuse_to_start_without_key(settings, catalogue)
    watch = Watch(catalogue)
    metrics = Metrics(catalogue)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        watch.close()
        if database is None:
            catalogue.close()

    api = FastAPI(
        title="ctibutler",
        version=ctibutler.__version__,
        openapi_url=None,
        lifespan=lifespan,
        exception_handlers={Problem: _problem, HTTPException: _http_error, Exception: _internal_error},
    )

    @lru_cache
    def schema() -> dict[str, object]:
        return openapi.document(routes)

    routes = all_routes(knowledge_bases, settings, metrics if settings.metrics else None, schema)
    mount(api, routes, Library(catalogue, knowledge_bases), settings)
    tree = RouteTree(routes, path_aliases(knowledge_bases))

    app: ASGIApp = Compression(api)
    fingerprint = (
        ctibutler.__version__,
        settings.default_page_size,
        settings.max_page_size,
        settings.navigator_link,
        tuple(kb.slug for kb in knowledge_bases.all),
    )
    app = AnswerCache(app, watch, settings.answer_cache_bytes, settings.cache_max_age, fingerprint)
    app = Gate(app, settings, catalogue, watch)
    app = Dispatcher(app, tree)
    app = RequestLog(app, metrics)
    return Cors(app, settings.cors_origins)


def from_environment() -> ASGIApp:
    """The application as environment variables describe it: what uvicorn's worker processes call."""
    settings = load_settings()
    if not logging.getLogger().handlers:  # a process of its own, beside others
        set_up_logs(settings)
    return create_app(settings)


async def _problem(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return problem_response(problem)


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    body = error_body(error.status_code, {"error": str(error.detail)})
    return Response(body, error.status_code, dict(error.headers or {}), "application/json")


async def _internal_error(_: Request, __: Exception) -> Response:
    return Response(error_body(500, INTERNAL), 500, {"Cache-Control": "no-store"}, "application/json")
