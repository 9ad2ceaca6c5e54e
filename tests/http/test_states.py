"""Requests that arrive together share a query of the catalogue's state; none gets an answer that is older than itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ctibutler.catalog.state import CatalogState, Watch
from ctibutler.errors import StoreUnavailable
from ctibutler.http.states import States


def in_its_own_thread(scenario: Coroutine[Any, Any, None]) -> None:
    """Run it where no other test has left an event loop running."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, scenario).result()


class SlowWatch:
    """A watch whose every query waits for a permit. It stands for a database server that is far away."""

    is_quick = False

    def __init__(self) -> None:
        self.revision = 1
        self.queries = 0
        self.begun = threading.Semaphore(0)
        self.permits = threading.Semaphore(0)
        self.failure: Exception | None = None

    def current(self) -> CatalogState:
        """The state at the beginning of the query."""
        self.queries += 1
        stamp = str(self.revision)
        self.begun.release()
        self.permits.acquire()
        if self.failure is not None:
            raise self.failure
        return CatalogState(stamp, ())


def asking(states: States) -> asyncio.Task[CatalogState]:
    request: Any = SimpleNamespace(catalog_state=None)
    return asyncio.ensure_future(states.of(request))


async def begun(watch: SlowWatch) -> None:
    await asyncio.to_thread(watch.begun.acquire)


def test_who_arrives_during_a_query_waits_for_the_next_one_with_all_others() -> None:
    async def scenario() -> None:
        watch = SlowWatch()
        states = States(cast("Watch", watch))
        early = asking(states)
        await begun(watch)
        watch.revision = 2  # changed after the query had read
        late = [asking(states) for _ in range(100)]
        watch.permits.release()
        assert (await early).stamp == "1"
        await begun(watch)
        watch.permits.release()
        assert {state.stamp for state in await asyncio.gather(*late)} == {"2"}
        assert watch.queries == 2

    in_its_own_thread(scenario())


def test_a_failure_reaches_those_that_waited_for_it_alone() -> None:
    async def scenario() -> None:
        watch = SlowWatch()
        states = States(cast("Watch", watch))
        watch.failure = StoreUnavailable("gone")
        first = asking(states)
        await begun(watch)
        second = asking(states)
        watch.permits.release()
        with pytest.raises(StoreUnavailable):
            await first
        await begun(watch)
        watch.failure = None
        watch.permits.release()
        assert (await second).stamp == "1"

    in_its_own_thread(scenario())


def test_a_client_that_goes_away_takes_the_answer_from_nobody() -> None:
    async def scenario() -> None:
        watch = SlowWatch()
        states = States(cast("Watch", watch))
        gone, stays = asking(states), asking(states)
        await begun(watch)
        gone.cancel()
        watch.permits.release()
        assert (await stays).stamp == "1"
        assert gone.cancelled()
        assert watch.queries == 1

    in_its_own_thread(scenario())
