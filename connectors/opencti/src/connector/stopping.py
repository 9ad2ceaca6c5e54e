"""A clean end on SIGTERM: pycti has no handler, so without one the process dies in the middle of a batch."""

import os
import signal
import sys
import threading
from types import FrameType

PATIENCE = 8.0
"""Seconds for the work to be closed and the state to be kept; container engines kill after ten."""


class Stopped(BaseException):
    """Someone asked the process to end.

    Not an `Exception`: it must pass through code that survives everything, such as a loop that repeats for ever
    because the queue is full.
    """


def raise_on_sigterm() -> None:
    """Raise Stopped in the main thread on SIGTERM and Ctrl-C, and end the process if that takes too long."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)


def _stop(number: int, frame: FrameType | None) -> None:
    for again in (signal.SIGTERM, signal.SIGINT):
        signal.signal(again, signal.SIG_IGN)
    watchdog = threading.Timer(PATIENCE, _end)
    watchdog.daemon = True
    watchdog.start()
    raise Stopped


def _end() -> None:
    sys.stderr.flush()
    os._exit(0)
