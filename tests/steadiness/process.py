"""A server with the edge of endless questions, in a process of its own: `python -m tests.steadiness.process`."""

from __future__ import annotations

import http.client
import json
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# Long enough for any machine: no test waits for it unless it fails.
PATIENCE = 120.0


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Attacked:
    """A server in its process. `connections` are closed at the end."""

    port: int
    pid: int
    log: Path
    connections: list[socket.socket] = field(default_factory=list)

    def connect(self) -> socket.socket:
        """A connection to it."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        self.connections.append(connection)
        return connection

    def ask(self, path: str) -> socket.socket:
        """Send a request, and return the connection without reading the answer."""
        connection = self.connect()
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        return connection

    def get(self, path: str) -> Answer:
        """Ask, on a connection of its own, and wait for the answer."""
        with self.ask(path) as connection:
            return answer_on(connection)

    def running(self) -> dict[str, int]:
        """How many threads are at work on each endless question."""
        found: dict[str, int] = self.get("/long/state/").json()[1]
        return found

    def begun(self) -> dict[str, int]:
        """How often each endless question was begun."""
        found: dict[str, int] = self.get("/long/state/").json()[0]
        return found

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"it never came to that; {self.running()} is running"
            time.sleep(0.02)

    def wait_until_answered(self, path: str) -> None:
        """Wait until a request finds a place among the connections."""
        self.wait_until(lambda: self.get(path).status != 503)

    def logged(self) -> str:
        """What it has logged."""
        return self.log.read_text("utf-8", "replace")


def answer_on(connection: socket.socket, method: str = "GET") -> Answer:
    """The answer that comes on a connection."""
    response = http.client.HTTPResponse(connection, method=method)
    response.begin()
    return Answer(response.status, response.headers, response.read())


@contextmanager
def attacked(database_url: str, folder: Path, *, files: int | None = None, **settings: object) -> Iterator[Attacked]:
    """A server in a process of its own, which may have only so many open files."""
    variables = {f"CTIBUTLER_{name.upper()}": str(value) for name, value in settings.items()}
    environment = {**os.environ, "CTIBUTLER_DATABASE_URL": database_url, **variables}
    log = folder / "log"

    def limit_files() -> None:
        if files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.steadiness.process"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=written,
            preexec_fn=limit_files,
        )
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            assert port, log.read_text()
            server = Attacked(int(port), process.pid, log)
            yield server
            assert process.poll() is None, log.read_text()[-2000:]
            for connection in server.connections:
                connection.close()
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def main() -> None:
    """Serve until killed. Prints the port."""
    import uvicorn

    from ctibutler.app import EDGES, create_app
    from ctibutler.cli.processes.listen import listen
    from ctibutler.http.connections import UVICORN
    from ctibutler.logs import set_up_logs
    from ctibutler.settings import load_settings
    from tests.steadiness import edge

    settings = load_settings()
    set_up_logs(settings)
    listening = listen("127.0.0.1", 0)
    listening.listen()
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    app = create_app(settings, edges=(*EDGES, edge.make_edge))
    config = uvicorn.Config(app, access_log=False, **UVICORN)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
