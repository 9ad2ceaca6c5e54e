"""The state of the catalogue for every request: never older than the request, and queried once for all that wait for it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from ctibutler.catalog.state import CatalogState, Watch
from ctibutler.http.requests import Request


class States:
    """Gives requests the current state of the catalogue.

    Where that takes a query, one query runs at a time. A request that arrives while it runs does not take its answer, which
    may be older than the request: it waits for the next one, together with all others that have arrived since.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        # A thread of its own: it never waits for the threads that answer long questions.
        self._thread = ThreadPoolExecutor(1, "state")
        self._running: asyncio.Task[CatalogState] | None = None
        self._next: asyncio.Task[CatalogState] | None = None

    async def of(self, request: Request) -> CatalogState:
        """Return the state that all layers answer this request from.

        Raises StoreUnavailable.
        """
        if request.catalog_state is None:
            state = self.now()
            # A client that goes away ends its own wait, not that of the others.
            request.catalog_state = state if isinstance(state, CatalogState) else await asyncio.shield(state)
        return request.catalog_state

    def now(self) -> CatalogState | asyncio.Task[CatalogState]:
        """Return the state for a request that has just arrived, or the query that finds it, which others wait for too.

        Raises StoreUnavailable; the query may do so as well.
        """
        if self._watch.is_quick:
            return self._watch.current()
        if self._next is None:
            self._next = asyncio.create_task(self._query_after(self._running))
            self._next.add_done_callback(_retrieve)
        return self._next

    async def _query_after(self, before: asyncio.Task[CatalogState] | None) -> CatalogState:
        if before is not None:
            await asyncio.wait([before])
        self._running, self._next = self._next, None
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._watch.current)


def _retrieve(task: asyncio.Task[CatalogState]) -> None:
    """Look at the failure: asyncio logs one that nobody has seen, even if everyone who asked has gone away."""
    if not task.cancelled():
        task.exception()
