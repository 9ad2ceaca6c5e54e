"""A real server on 127.0.0.1 for tests, and catalogues filled from real releases."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import httpx2
import uvicorn

from ctibutler.app import EDGES, MakeEdge, create_app
from ctibutler.catalog.engine.database import Database
from ctibutler.cli.processes.listen import listen
from ctibutler.http.connections import UVICORN
from ctibutler.knowledge_bases import HOSTED, KnowledgeBases
from ctibutler.settings import Settings


@dataclass(frozen=True)
class Server:
    """A running server: its catalogue and a client. `stop` asks it to stop, and does not wait."""

    database: Database
    client: httpx2.Client
    port: int
    stop: Callable[[], None]

    def get(self, path: str, **headers: str) -> httpx2.Response:
        """Get a path, which may include a query."""
        return self.client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def total(self, path: str) -> int:
        """`total_results_count` of a list."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["total_results_count"])


@contextmanager
def running(
    database: Database,
    settings: Settings | None = None,
    knowledge_bases: KnowledgeBases = HOSTED,
    edges: Sequence[MakeEdge] = EDGES,
) -> Iterator[Server]:
    """A server for this catalogue, in a thread, on a free port."""
    app = create_app(settings or Settings(host="127.0.0.1"), knowledge_bases, database, edges)
    listening = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, access_log=False, **UVICORN))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    with httpx2.Client(
        base_url=f"http://127.0.0.1:{port}", timeout=60, headers={"accept-encoding": "identity"}
    ) as client:
        yield Server(database, client, port, partial(setattr, server, "should_exit", True))
    server.should_exit = True
    thread.join(10)
    listening.close()
