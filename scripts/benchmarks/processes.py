"""Processes that are measured: their processor time and memory, as the operating system counts them."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 60


class Failed(Exception):
    """What was measured did not do what it should. The message says what happened."""


@dataclass(frozen=True)
class Taken:
    """What one run of a command took, in seconds and megabytes."""

    wall: float
    processor: float
    memory: float


def run(command: Sequence[str], environment: Mapping[str, str]) -> Taken:
    """Run a command to its end."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=dict(environment), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise Failed(f"{' '.join(command[:5])} … exited with {process.returncode}: {errors[-500:].decode()}")
    return Taken(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


@dataclass(frozen=True)
class Server:
    """A running server. `pid` is the process that answers."""

    pid: int
    port: int

    def processor_seconds(self) -> float:
        """The processor time of all its threads so far, to the nanosecond."""
        total = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            try:
                total += int((task / "schedstat").read_text().split()[0])
            except FileNotFoundError:  # a thread that has just ended
                continue
        return total / 1e9

    def megabytes(self) -> float:
        """The memory that it holds now, beside what it maps of the database's file."""
        return self._resident(lambda file: not file.endswith(".sqlite"))

    def megabytes_with_database(self) -> float:
        """The memory that it holds now, with the pages of the database's file that it has read."""
        return self._resident(lambda file: True)

    def _resident(self, counts: Callable[[str], bool]) -> float:
        kilobytes, is_counted = 0, False
        for line in Path(f"/proc/{self.pid}/smaps").read_text().splitlines():
            name, *values = line.split(maxsplit=5)
            if not name.endswith(":"):
                is_counted = counts(values[4] if len(values) > 4 else "")
            elif name == "Rss:" and is_counted:
                kilobytes += int(values[0])
        return kilobytes / 1024


@dataclass(frozen=True)
class Answer:
    """One answer: its time, the processor time of the server in it, in milliseconds, and its length."""

    wall: float
    processor: float
    length: int


class Asker:
    """Asks a server over one connection, one request at a time."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)

    def ask(self, path: str) -> Answer:
        before = self._server.processor_seconds()
        started = time.perf_counter()
        length = len(self.body(path))
        wall = time.perf_counter() - started
        time.sleep(0.001)  # what the server does after it has answered belongs to this answer too
        return Answer(wall * 1000, (self._server.processor_seconds() - before) * 1000, length)

    def body(self, path: str) -> bytes:
        self._connection.request("GET", path)
        response = self._connection.getresponse()
        content = response.read()
        if response.status not in (200, 204):
            raise Failed(f"{path} answered {response.status}: {content[:200].decode()}")
        return content


@contextmanager
def serving(
    environment: Mapping[str, str], command: Sequence[str], path: str, core: int | None = None, port: int | None = None
) -> Iterator[Server]:
    """Start a server, `{port}` in the command being a free port, and wait until it answers `path`."""
    port = port or free_port()
    filled = [word.replace("{port}", str(port)) for word in command]
    process = subprocess.Popen(filled, env=dict(environment), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        if core is not None:
            os.sched_setaffinity(process.pid, {core})
        wait_for(port, path, process)
        yield Server(process.pid, port)
    finally:
        process.terminate()
        process.wait(PATIENCE)


def wait_for(port: int, path: str, process: subprocess.Popen[bytes]) -> None:
    """Return when a server has answered for the first time."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            connection.request("GET", path)
            connection.getresponse().read()
            connection.close()
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.005)
        else:
            return
    raise Failed(f"{' '.join(map(str, process.args))} does not answer")  # type: ignore[arg-type]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
