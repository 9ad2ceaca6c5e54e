"""Threads that answer questions, when the server ends."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.types import Message

from ctibutler.catalog.engine.stopping import current
from ctibutler.errors import Abandoned
from ctibutler.http.threads import Kind, Threads


def in_its_own_thread(scenario: Coroutine[Any, Any, None]) -> None:
    """Run it where no other test has left an event loop running."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, scenario).result()


async def _stays() -> Message:
    await asyncio.Event().wait()
    raise AssertionError("an event that nobody sets")


def _until_stopped(begun: threading.Event, stopped: queue.Queue[str]) -> Callable[[], None]:
    def ask() -> None:
        work = current.get()
        assert work is not None
        begun.set()
        try:
            while True:
                work.check()
        except Abandoned as reason:
            stopped.put(str(reason))
            raise

    return ask


def test_a_question_that_is_under_way_when_the_server_ends_is_stopped() -> None:
    begun, stopped = threading.Event(), queue.Queue[str]()

    async def ends() -> None:
        threads = Threads("sqlite", slow_reads=1, read_seconds=60)
        asking = asyncio.ensure_future(threads.run("read", _stays, _until_stopped(begun, stopped)))
        await asyncio.to_thread(begun.wait)
        # As uvicorn does it: requests that are too late are cancelled, and the application ends before they notice.
        asking.cancel()
        threads.close()
        with pytest.raises(asyncio.CancelledError):
            await asking

    in_its_own_thread(ends())
    assert stopped.get(timeout=60) == "the server ends"


@pytest.mark.parametrize("kind", ["read", "change", "monitoring"])
def test_no_question_begins_once_the_server_has_ended(kind: Kind) -> None:
    async def asks() -> None:
        threads = Threads("sqlite", slow_reads=1, read_seconds=60)
        threads.close()
        with pytest.raises(Abandoned):
            await threads.run(kind, _stays, lambda: None)

    in_its_own_thread(asks())
