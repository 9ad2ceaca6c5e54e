"""A standby of PostgreSQL that answers reads: whether it can be used right now, and how far it is behind."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Literal

from ctibutler.errors import StoreUnavailable

StandbyState = Literal["used", "behind", "lost"]

PROBE_SECONDS = 1.0
# A probe that takes longer than this stands for a standby that is cut off.
_SILENCE_SECONDS = 5.0
_LONGEST_HISTORY = 3600

logger = logging.getLogger("ctibutler.database")


class Standby:
    """Watches a standby, once it is asked for.

    Positions in the write-ahead log are numbers that grow. The standby is used as soon as it has replayed all that the primary
    had written when the watch began, and as long as nothing that it lacks is older than `most_seconds`. While the primary
    does not answer, a standby that does is used: there is nothing newer to be had.
    """

    def __init__(self, written: Callable[[], int], replayed: Callable[[], int], most_seconds: float) -> None:
        """`written` asks the primary for its position, `replayed` the standby. Both raise StoreUnavailable."""
        self._written = written
        self._replayed = replayed
        self._most_seconds = most_seconds
        self._state: StandbyState = "behind"
        self._has_caught_up = False
        self._probed = 0.0
        # Positions of the primary that the standby has not reached, with the moments when they were seen.
        self._awaited: deque[tuple[float, int]] = deque(maxlen=_LONGEST_HISTORY)
        self._starting = threading.Lock()
        self._closed = threading.Event()
        self._watcher: threading.Thread | None = None

    @property
    def state(self) -> StandbyState:
        """Whether reads go to the standby; if not, why."""
        self._start()
        is_silent = time.monotonic() - self._probed > _SILENCE_SECONDS
        return "lost" if is_silent else self._state

    @property
    def lag_seconds(self) -> float:
        """The age of the oldest change that was seen on the primary and is missing on the standby."""
        try:
            return time.monotonic() - self._awaited[0][0]
        except IndexError:
            return 0.0

    def lose(self, reason: object) -> None:
        """Stop using the standby until it answers again."""
        self._become("lost", reason)

    def probe(self) -> None:
        """Compare the positions of the two."""
        moment = time.monotonic()
        try:
            written = self._written()
        except StoreUnavailable:
            pass
        else:
            if not self._awaited or self._awaited[-1][1] != written:
                self._awaited.append((moment, written))
        try:
            replayed = self._replayed()
        except StoreUnavailable as failure:
            self._become("lost", failure)
        else:
            self._compare(replayed)
        self._probed = time.monotonic()

    def close(self) -> None:
        """Stop watching."""
        self._closed.set()
        if self._watcher is not None:
            self._watcher.join()

    def _compare(self, replayed: int) -> None:
        while self._awaited and self._awaited[0][1] <= replayed:
            self._awaited.popleft()
            self._has_caught_up = True
        if not self._has_caught_up:
            self._become("behind", "it has not replayed yet what was there when this process started")
        elif self.lag_seconds > self._most_seconds:
            self._become("behind", f"changes of {self.lag_seconds:.0f} seconds ago are missing")
        else:
            self._become("used", "")

    def _become(self, state: StandbyState, reason: object) -> None:
        if state == self._state:
            return
        self._state = state
        if state == "used":
            logger.info("reads go to the standby")
        else:
            logger.warning("reads go to the primary, because the standby is %s: %s", state, reason)

    def _start(self) -> None:
        if self._watcher is not None:
            return
        with self._starting:
            if self._watcher is None and not self._closed.is_set():
                self.probe()
                self._watcher = threading.Thread(target=self._watch, name="standby", daemon=True)
                self._watcher.start()

    def _watch(self) -> None:
        while not self._closed.wait(PROBE_SECONDS):
            self.probe()
