"""Stopping the questions of one thread from another one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ctibutler.errors import Problem

current: ContextVar[Work | None] = ContextVar("current", default=None)
"""The work that belongs to the transactions of this thread, if somebody may want to stop it."""


class Work:
    """What one thread does for one request. Once it is stopped, its query is interrupted and it can ask no further one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._interrupts: list[Callable[[], None]] = []
        self._reason: Problem | None = None

    @property
    def is_stopped(self) -> bool:
        """Whether somebody stopped it."""
        return self._reason is not None

    def stop(self, reason: Problem) -> None:
        """Interrupt what runs now. The thread sees `reason` as an exception. This may wait for the database's server."""
        with self._lock:
            self._reason = self._reason or reason
            for interrupt in self._interrupts:
                interrupt()

    def check(self) -> None:
        """Raise the reason if this was stopped."""
        if self._reason is not None:
            raise self._reason

    @contextmanager
    def interrupted_by(self, interrupt: Callable[[], None]) -> Iterator[None]:
        """Within the block, `stop` calls `interrupt`, and never after it: the connection may then be somebody else's."""
        with self._lock:
            self._interrupts.append(interrupt)
        try:
            yield
        finally:
            with self._lock:
                self._interrupts.remove(interrupt)
