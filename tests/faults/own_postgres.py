"""A PostgreSQL server of a test's own, which it may kill."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

_PATIENCE = 60.0


class OwnPostgres:
    """A server in a folder of its own. `url` is its database."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._data = folder / "data"
        self._user = "postgres" if os.geteuid() == 0 else None
        self._server: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"postgresql://ctibutler@127.0.0.1:{self._port}/postgres"

    def create(self) -> None:
        """Create the server's files."""
        command: list[str | Path] = [
            self._programs / "initdb",
            "-D",
            self._data,
            "-U",
            "ctibutler",
            "--auth=trust",
            "--encoding=UTF8",
        ]
        command += ["--locale=C.UTF-8", "--no-sync"]
        subprocess.run(command, user=self._user, cwd=self._folder, check=True, capture_output=True, timeout=120)

    def start(self) -> None:
        """Start the server and wait until it answers. It recovers what it had committed."""
        command: list[str | Path] = [
            self._programs / "postgres",
            "-D",
            self._data,
            "-h",
            "127.0.0.1",
            "-p",
            str(self._port),
        ]
        command += ["-k", self._folder, "-c", "shared_buffers=64MB"]
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(command, user=self._user, cwd=self._folder, stdout=log, stderr=log)
        until = time.monotonic() + _PATIENCE
        while not self._answers():
            assert time.monotonic() < until, (self._folder / "log").read_text()[-2000:]
            if self._server.poll() is not None:  # what was killed had not let go of the memory yet
                return self.start()
            time.sleep(0.05)
        return None

    def kill(self) -> None:
        """Kill the server and all of its processes, as a machine that loses power would."""
        assert self._server is not None
        parent = str(self._server.pid)
        listed = subprocess.run(["ps", "-o", "pid=", "--ppid", parent], capture_output=True, text=True, check=False)
        self._server.kill()
        for process in map(int, listed.stdout.split()):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._server.wait()

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    """A running server, killed at the end. Skips the test if PostgreSQL is not installed here."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        pytest.skip("no PostgreSQL installed below /usr/lib/postgresql")
    folder = Path(tempfile.mkdtemp(prefix="ctibutler-postgres-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        server = OwnPostgres(found[-1].parent, folder)
        server.create()
        server.start()
        yield server
        server.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
