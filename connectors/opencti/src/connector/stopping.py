"""A clean exit on SIGTERM. pycti has no handler, so the process would die in the middle of a batch."""

import os
import signal
import sys
import threading
from types import FrameType

PATIENCE = 8.0
"""Seconds to close the work and store the state. Container engines kill after ten."""


class Stopped(BaseException):
    """The process was asked to stop.

    Not an `Exception`, because pycti catches those: its loop on a full queue, for example, repeats forever.
    """


def raise_on_sigterm() -> None:
    """Raise Stopped in the main thread on SIGTERM and Ctrl-C. Exit if stopping takes too long."""
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
