"""Answers that are being made: a question is answered once, however many ask it meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from ctibutler.http.long_bodies import Collector, LongBody
from ctibutler.http.requests import App, RawHeaders, Request
from ctibutler.http.threads import disconnected

# Most answers are made in less time than it takes to find out that their client is gone.
_QUICK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, ready to be sent to anybody who asked for it. `refusal` is the kind of problem that it tells of."""

    status: int
    headers: RawHeaders
    body: bytes | LongBody
    refusal: str = ""


class Flights:
    """Asks an application, once for all that ask the same at the same time."""

    def __init__(self, app: App, most_plain: int) -> None:
        """Answers of more than `most_plain` bytes are compressed while they are collected."""
        self._app = app
        self._most_plain = most_plain
        self._flights: dict[Hashable, _Flight] = {}

    async def answer(self, question: Hashable, request: Request, receive: Receive) -> Answer:
        """Return the answer to a question. Making it ends when the last client who waits for it is gone.

        Raises ClientDisconnect when this one is gone, and what the application raises.
        """
        flight = self._flights.get(question)
        if flight is None:
            flight = self._flights[question] = _Flight(self._app, request, self._most_plain)
            flight.task.add_done_callback(lambda _: self._forget(question, flight))
        try:
            return await flight.wait(receive)
        finally:
            if flight.is_abandoned:
                self._forget(question, flight)

    def _forget(self, question: Hashable, flight: _Flight) -> None:
        if self._flights.get(question) is flight:
            del self._flights[question]


class _Flight:
    """One answer that is being made, in a task that belongs to nobody who waits for it."""

    def __init__(self, app: App, request: Request, most_plain: int) -> None:
        self._waiting = 0
        self._abandoned = asyncio.Event()
        self.task = asyncio.ensure_future(self._made(app, request, most_plain))
        self.task.add_done_callback(_heard)

    @property
    def is_abandoned(self) -> bool:
        """Whether everybody is gone who waited for it."""
        return self._abandoned.is_set()

    async def wait(self, receive: Receive) -> Answer:
        """Wait for the answer as long as the client does."""
        self._waiting += 1
        try:
            await asyncio.wait((self.task,), timeout=_QUICK_SECONDS)
            if not self.task.done():
                await self._wait_with_client(receive)
            return self.task.result()
        finally:
            self._waiting -= 1
            if not self._waiting and not self.task.done():
                self._abandoned.set()

    async def _wait_with_client(self, receive: Receive) -> None:
        gone = asyncio.ensure_future(disconnected(receive))
        try:
            await asyncio.wait((self.task, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
        if not self.task.done():
            raise ClientDisconnect

    async def _made(self, app: App, request: Request, most_plain: int) -> Answer:
        start: Message = {}
        body = Collector(most_plain)

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                await body.add(message.get("body", b""))

        await app(request, self._receive, collect)
        return Answer(start["status"], list(start["headers"]), body.collected(), request.refusal)

    async def _receive(self) -> Message:
        """To the application, the client is gone when all clients are."""
        await self._abandoned.wait()
        return {"type": "http.disconnect"}


def _heard(task: asyncio.Task[Answer]) -> None:
    """Take notice of how it ended, also if nobody waits for it any more."""
    if not task.cancelled():
        task.exception()
