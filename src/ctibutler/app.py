"""The HTTP application: the catalogue, and the edges over it. A new edge is a folder, and a line here."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

from starlette.types import ASGIApp

from ctibutler.answers.library import Library
from ctibutler.api import edge as api
from ctibutler.api.errors import write_error
from ctibutler.catalog.adjacency import MOST_BYTES, Adjacencies
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.opening import open_catalogue
from ctibutler.catalog.state import Watch
from ctibutler.http.access import refuse_to_start_without_key
from ctibutler.http.metrics import Metrics
from ctibutler.http.routing import Edge
from ctibutler.http.server import Server
from ctibutler.knowledge_bases import HOSTED, KnowledgeBases
from ctibutler.logs import set_up_logs
from ctibutler.pages import edge as pages
from ctibutler.settings import Settings, load_settings

MakeEdge = Callable[[KnowledgeBases, Settings, Metrics], Edge]

EDGES: tuple[MakeEdge, ...] = (api.make_edge, partial(pages.make_edge, for_programs=write_error))
"""The first one answers the paths that belong to none."""


def create_app(
    settings: Settings,
    knowledge_bases: KnowledgeBases = HOSTED,
    database: Database | None = None,
    edges: Sequence[MakeEdge] = EDGES,
) -> ASGIApp:
    """The application of one process. It opens the catalogue and closes it at the end, unless one is passed in.

    Raises StoreUnavailable, and InvalidRequest when access needs a key and there is none.
    """
    catalogue = database or open_catalogue(settings.url, knowledge_bases)
    try:
        refuse_to_start_without_key(settings, catalogue)
        if settings.database_read_url is not None:
            catalogue.read_from(settings.database_read_url, settings.database_read_lag)
    except BaseException:
        if database is None:
            catalogue.close()
        raise
    watch = Watch(catalogue)
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        yield
        watch.close()
        if database is None:
            catalogue.close()

    made = [make(knowledge_bases, settings, metrics) for make in edges]
    library = Library(catalogue, knowledge_bases, adjacencies=Adjacencies(MOST_BYTES))
    return Server(made, library, settings, watch, metrics, lifespan)


def from_environment() -> ASGIApp:
    """The application as environment variables describe it: what uvicorn's worker processes call."""
    if multiprocessing.parent_process() is not None:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    settings = load_settings()
    if not logging.getLogger().handlers:  # a process of its own, beside others
        set_up_logs(settings)
    return create_app(settings)


def _end_with_parent() -> None:
    """End this process when the one that supervises it is gone: it would keep the port."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
