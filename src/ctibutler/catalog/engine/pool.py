"""Connections that are open and idle, to be used again.

psycopg_pool would serve PostgreSQL, as fast as this. But it opens connections in threads of its own and keeps trying: where
the server refuses, whoever asks waits for the whole timeout and learns no reason, instead of both at once. SQLite needs a pool
in any case, since its connections cost as much to set up.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ctibutler.catalog.engine.dialect import Dialect
from ctibutler.errors import StoreUnavailable

# PostgreSQL allows 100 connections in total by default.
MOST = {"sqlite": 72, "postgresql": 32}
# Opening one takes PostgreSQL longer than most questions, so all of them are kept for a while. Each of SQLite's has a cache.
KEPT = {"sqlite": 8, "postgresql": 32}
KEPT_SECONDS = 60
PATIENCE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class PoolReport:
    """How a pool is used: connections lent, idle and possible, and how often and how long threads have waited for one."""

    in_use: int
    idle: int
    most: int
    waits: int
    waited_seconds: float


class Pool:
    """Lends connections to threads. It opens one when none is idle, and keeps some that are idle open for a while."""

    def __init__(self, dialect: Dialect, most: int | None = None) -> None:
        self._dialect = dialect
        self._most = most or MOST[dialect.name]
        self._free = threading.BoundedSemaphore(self._most)
        # The one that was used last is lent first, so the others grow old.
        self._idle: deque[tuple[float, Any]] = deque()
        self._closings = 0
        self._counting = threading.Lock()
        self._in_use, self._waits, self._waited_seconds = 0, 0, 0.0

    @contextmanager
    def connection(self) -> Iterator[Any]:
        """A connection for the length of the block, without a transaction at its beginning.

        A transaction that is open at its end is rolled back. Raises StoreUnavailable when none becomes free in time.
        """
        if not self._acquire():
            raise StoreUnavailable(f"all {self._most} connections to the database are in use")
        try:
            closings = self._closings
            raw = self._idle_one() or self._dialect.connect()
            try:
                yield raw
            finally:
                self._return(raw, closings)
        finally:
            with self._counting:
                self._in_use -= 1
            self._free.release()

    @property
    def report(self) -> PoolReport:
        """How the pool is used."""
        return PoolReport(self._in_use, len(self._idle), self._most, self._waits, self._waited_seconds)

    def _acquire(self) -> bool:
        """Take a place among the connections, and count it; wait for one if all are taken."""
        began = None
        if not self._free.acquire(blocking=False):
            began = time.monotonic()
            if not self._free.acquire(timeout=PATIENCE_SECONDS):
                return False
        with self._counting:
            self._in_use += 1
            if began is not None:
                self._waits += 1
                self._waited_seconds += time.monotonic() - began
        return True

    def close(self) -> None:
        """Close the idle connections now, those in use when they come back. The pool opens new ones if it is asked."""
        self._closings += 1
        while self._idle:
            self._idle.pop()[1].close()

    def _idle_one(self) -> Any:
        while self._idle:
            try:
                _, raw = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if self._dialect.is_alive(raw):
                return raw
            raw.close()
        return None

    def _return(self, raw: Any, closings: int) -> None:
        if self._is_clean(raw) and closings == self._closings and len(self._idle) < KEPT[self._dialect.name]:
            self._idle.append((time.monotonic(), raw))
        else:
            raw.close()
        self._close_old_ones()

    def _close_old_ones(self) -> None:
        while self._idle and self._idle[0][0] < time.monotonic() - KEPT_SECONDS:
            try:
                _, raw = self._idle.popleft()
            except IndexError:  # another thread was faster
                break
            raw.close()

    def _is_clean(self, raw: Any) -> bool:
        try:
            self._dialect.roll_back(raw)
        except self._dialect.driver.Error:
            return False
        return not getattr(raw, "closed", False)
