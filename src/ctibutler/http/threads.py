"""The threads that answer requests: quick questions, a few slow ones, changes, and what monitoring asks.

Any thread would do for quick questions. But a few questions that take seconds would soon hold all threads of one pool, and the
memory of all their answers at once. So a question begins in a lane. When it turns out to be slow it leaves the lane for one of
a few places, or is stopped if there is none. Nobody has to know beforehand which questions are slow.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, TypeVar

from starlette.types import Receive

from ctibutler.catalog.engine.dialect import Engine
from ctibutler.catalog.engine.stopping import Work, current
from ctibutler.errors import Abandoned, Overloaded, Problem, TooSlow

Result = TypeVar("Result")
Kind = Literal["read", "change", "monitoring"]
"""What a thread is for. Reads can be stopped and have a deadline; monitoring waits for neither reads nor changes."""

# On SQLite, more threads than this only wait for each other. PostgreSQL works on other processors, and is waited for.
LANES: dict[Engine, int] = {"sqlite": 8, "postgresql": 14}
CHANGING, MONITORING = 8, 3
# A question is slow once its thread has used this much processor time, or so much time has passed, in seconds.
SLOW_WORK, SLOW_WAIT = 0.25, 2.0
_LOOK_EVERY = 0.05


class Threads:
    """The threads of one server process. `run` is for its event loop."""

    def __init__(self, engine: Engine, slow_reads: int, read_seconds: float) -> None:
        """At most `slow_reads` slow questions are answered at a time, and none for longer than `read_seconds`."""
        self._lanes = asyncio.Semaphore(LANES[engine])
        self._slow_places = slow_reads
        self._seconds = read_seconds
        self._reading = ThreadPoolExecutor(LANES[engine] + slow_reads, "read")
        self._others = {
            "change": ThreadPoolExecutor(CHANGING, "change"),
            "monitoring": ThreadPoolExecutor(MONITORING, "monitoring"),
        }
        self._stopping = ThreadPoolExecutor(1, "stop")
        self._works: set[Work] = set()
        self._is_closed = False

    async def run(self, kind: Kind, receive: Receive, function: Callable[[], Result]) -> Result:
        """Return what the function returns. It runs in a thread; `receive` says when the client is gone.

        Raises what it raises; Abandoned once this is closed; and for reads Overloaded, TooSlow, Abandoned. Then the thread
        soon stops too.
        """
        if self._is_closed:
            raise _ends()
        if kind == "read":
            return await self._read(receive, function)
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._others[kind], context.run, function)

    def close(self) -> None:
        """Stop what is read, and begin nothing more."""
        self._is_closed = True
        for work in tuple(self._works):
            work.stop(_ends())
        for pool in (self._reading, self._stopping, *self._others.values()):
            pool.shutdown(wait=False)

    async def _read(self, receive: Receive, function: Callable[[], Result]) -> Result:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._seconds
        client = _Client(receive)
        try:
            await self._take_lane(client, deadline)
            thread, place = _Thread(), _Place(self._lanes.release)
            if self._is_closed:  # meanwhile
                place.leave()
                raise _ends()
            self._works.add(thread.work)
            future = loop.run_in_executor(self._reading, thread.run, function)
            # The thread holds its place until it has really ended.
            future.add_done_callback(lambda _: self._ended(thread, place))
            try:
                return await self._result(future, thread, place, client, deadline)
            except BaseException as failure:
                self._stop(future, thread, failure)
                raise
        finally:
            client.forget()

    async def _take_lane(self, client: _Client, deadline: float) -> None:
        if not self._lanes.locked():
            await self._lanes.acquire()
            return
        taking = asyncio.ensure_future(self._lanes.acquire())
        try:
            await client.wait_for(taking, deadline)
        except BaseException:
            if not taking.cancel() and not taking.cancelled():
                self._lanes.release()
            raise
        if not taking.done():
            taking.cancel()
            raise Overloaded("too many questions are being answered; try again later")

    async def _result(
        self, future: asyncio.Future[Result], thread: _Thread, place: _Place, client: _Client, deadline: float
    ) -> Result:
        wait = _LOOK_EVERY
        while not thread.is_slow:
            await asyncio.wait((future,), timeout=wait)
            if future.done():
                return future.result()
            wait = thread.least_wait
        if not self._slow_places:
            raise Overloaded("too many questions that take long are being answered; try again later")
        self._slow_places -= 1
        place.change(self._leave_slow_place)
        await client.wait_for(future, deadline)
        if not future.done():
            raise TooSlow(f"this takes longer than {self._seconds:g} seconds; ask for less, or try again later")
        return future.result()

    def _stop(self, future: asyncio.Future[Result], thread: _Thread, failure: BaseException) -> None:
        """Stop a thread that has not ended."""
        if future.done():
            return
        future.add_done_callback(_heard)
        if self._is_closed:  # then it has been stopped already
            return
        reason = failure if isinstance(failure, Problem) else Abandoned("nobody waits for the answer")
        # Elsewhere than in the event loop: on PostgreSQL, stopping is a question to the server.
        self._stopping.submit(thread.work.stop, reason)

    def _leave_slow_place(self) -> None:
        self._slow_places += 1

    def _ended(self, thread: _Thread, place: _Place) -> None:
        self._works.discard(thread.work)
        place.leave()


class _Client:
    """Whoever waits for an answer."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._gone: asyncio.Future[None] | None = None

    async def wait_for(self, future: asyncio.Future[Any], deadline: float) -> None:
        """Wait until the future is done or the deadline has passed.

        Raises Abandoned when the client goes away before.
        """
        if self._gone is None:
            self._gone = asyncio.ensure_future(disconnected(self._receive))
        left = deadline - asyncio.get_running_loop().time()
        await asyncio.wait((future, self._gone), timeout=max(0.0, left), return_when=asyncio.FIRST_COMPLETED)
        if self._gone.done() and not future.done():
            raise Abandoned("the client is gone")

    def forget(self) -> None:
        """Look no longer."""
        if self._gone is not None:
            self._gone.cancel()


class _Place:
    """What a thread occupies: given back once."""

    def __init__(self, leave: Callable[[], None]) -> None:
        self.leave = leave

    def change(self, leave: Callable[[], None]) -> None:
        """Leave this place for another one."""
        self.leave()
        self.leave = leave


class _Thread:
    """One question in its thread, and how long it has taken."""

    def __init__(self) -> None:
        self.work = Work()
        self._begun = 0.0
        self._clock: int | None = None
        self._used_before = 0.0

    def run(self, function: Callable[[], Result]) -> Result:
        """Call the function, in the thread."""
        self._begun = time.monotonic()
        if hasattr(time, "pthread_getcpuclockid"):  # not on macOS and Windows
            clock = time.pthread_getcpuclockid(threading.get_ident())
            self._used_before = time.clock_gettime(clock)
            self._clock = clock
        token = current.set(self.work)
        try:
            return function()
        finally:
            current.reset(token)

    @property
    def is_slow(self) -> bool:
        """Whether it has taken too long for a quick question."""
        return self._used >= SLOW_WORK or self._waited >= SLOW_WAIT

    @property
    def least_wait(self) -> float:
        """The seconds after which it can be slow at the earliest."""
        return max(_LOOK_EVERY, min(SLOW_WORK - self._used, SLOW_WAIT - self._waited))

    @property
    def _used(self) -> float:
        # Where a thread's processor time cannot be read, the time that has passed stands for it.
        return self._waited if self._clock is None else time.clock_gettime(self._clock) - self._used_before

    @property
    def _waited(self) -> float:
        return time.monotonic() - self._begun if self._begun else 0.0


async def disconnected(receive: Receive) -> None:
    """Return when the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _ends() -> Abandoned:
    return Abandoned("the server ends")


def _heard(future: asyncio.Future[Any]) -> None:
    """Take notice of how a question ended that nobody waits for."""
    if not future.cancelled():
        future.exception()
