"""Processes of our own, started together and ended together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

LIFELINE = "CTIBUTLER_LIFELINE"
_ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
_GRACE_SECONDS = 20.0
_POLL_SECONDS = 0.1


class Stopped(BaseException):
    """Somebody asked this process to end, by a signal. Not an error, and not to be caught as one."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.exit_code = 128 + signal_number


@dataclass
class Child:
    """A process of ours and its name for people."""

    name: str
    process: subprocess.Popen[bytes]


class Children:
    """Children that end with this process, even when it is killed: each holds one end of a pipe that breaks."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """`tell` is given what children write on standard error, line by line."""
        self._tell = tell
        self._children: list[Child] = []
        self._readers: list[threading.Thread] = []

    def start(self, name: str, arguments: Sequence[str]) -> Child:
        """Start a command of ours."""
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "ctibutler", *arguments],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, LIFELINE: "1"},
            # Ctrl-C on a terminal reaches a whole process group; children hear of it from us.
            process_group=0 if os.name == "posix" else None,
        )
        if process.stderr is not None:
            reader = threading.Thread(target=_pass_on, args=(process.stderr, self._tell), daemon=True)
            reader.start()
            self._readers.append(reader)
        child = Child(name, process)
        self._children.append(child)
        return child

    def ended(self) -> Child | None:
        """A child that has ended though nobody asked it to, or None."""
        return next((child for child in self._children if child.process.poll() is not None), None)

    def stop(self) -> None:
        """Terminate all children, and kill those that take too long."""
        for child in self._children:
            if child.process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    child.process.terminate()
        deadline = time.monotonic() + _GRACE_SECONDS
        for child in self._children:
            try:
                child.process.wait(max(0.0, deadline - time.monotonic()))
            except (subprocess.TimeoutExpired, KeyboardInterrupt, Stopped):
                deadline = 0.0  # long enough, or asked a second time
                child.process.kill()
                child.process.wait()
        for reader in self._readers:
            reader.join(1.0)


def has_parent() -> bool:
    """Whether this process is a child of another one of ours."""
    return LIFELINE in os.environ


def end_with_parent() -> None:
    """In a child: end this process when the one that started it is gone."""
    if not has_parent():
        return

    def wait() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


@contextlib.contextmanager
def stopped_by_signals(*, once: bool = False) -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP raise Stopped inside, in the main thread.

    With `once`, only the first does: later ones must not interrupt what is tidied up on its way out.
    """

    def stop(number: int, _frame: object) -> None:
        if once:
            for each in signals:
                signal.signal(each, signal.SIG_IGN)
        raise Stopped(number)

    # A signal that is ignored already stays so: `nohup` ignores SIGHUP.
    signals = [number for number in _ENDING if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in signals}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def wait_for(condition: Callable[[], bool], check: Callable[[], None], seconds: float) -> bool:
    """Wait until the condition holds. Return False if it does not in time. `check` is called while waiting."""
    deadline = time.monotonic() + seconds
    while not condition():
        check()
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _pass_on(stream: IO[bytes], tell: Callable[[str], None]) -> None:
    for line in stream:
        tell(line.decode("utf-8", "replace").rstrip("\n"))
