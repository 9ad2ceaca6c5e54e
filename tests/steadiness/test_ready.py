"""Answers that are ready before their request is read: the same as others, and never older than the request."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from tests.catalogue import POSTGRES_URL, Catalogues, catalogue_with, install
from tests.server.serving import running
from tests.steadiness.process import PATIENCE, Attacked, answer_on, attacked

HEALTH = "/api/healthcheck/"
TLP = "/api/v1/tlp/objects/"
ASKED = f"GET {TLP} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


@pytest.fixture(scope="module")
def url(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with catalogue_with(engine, tmp_path_factory.mktemp("store"), "tlp@2") as database:
        yield database.url.text


@pytest.fixture
def server(url: str, tmp_path: Path) -> Iterator[Attacked]:
    with attacked(url, tmp_path) as started:
        yield started


def test_pipelined_requests_are_answered_in_their_order(server: Attacked) -> None:
    for _ in range(3):  # the third time, the first of them alone would be ready
        paths = [TLP, HEALTH, "/nothing", TLP, TLP]
        connection = server.connect()
        connection.sendall(b"".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for path in paths))
        came, statuses = b"", list[bytes]()
        while len(statuses) < len(paths) and (received := connection.recv(65536)):
            came += received
            statuses = re.findall(rb"HTTP/1.1 (\d+) ", came)
        assert statuses == [b"200", b"204", b"404", b"200", b"200"]


def test_a_ready_answer_is_the_same_as_one_that_is_not(server: Attacked) -> None:
    headers = [
        "",
        "Accept-Encoding: gzip\r\n",
        "Accept-Encoding: zstd\r\n",
        "X-Request-ID: mine\r\n",
        "If-None-Match: *\r\n",
    ]
    tag = server.get(TLP).headers["ETag"]
    for method in ("GET", "HEAD"):
        for added in (*headers, f"If-None-Match: {tag}\r\n", "Origin: https://a.example\r\n"):
            connection, seen = server.connect(), []
            for _ in range(4):
                connection.sendall(f"{method} {TLP} HTTP/1.1\r\nHost: x\r\n{added}\r\n".encode())
                answer = answer_on(connection, method)
                assert ("X-Request-ID: mine" in added) == (answer.headers.get("X-Request-ID") == "mine")
                known = [
                    (name, value) for name, value in answer.headers.items() if name not in ("date", "x-request-id")
                ]
                seen.append((answer.status, [name for name, _ in answer.headers.items()], known, answer.body))
            assert all(one == seen[0] for one in seen), (method, added)
    # One more without `ETag` before, and all of them counted: the ready ones too.
    counted = server.get("/api/metrics/").body.decode()
    assert 'http_requests_total{method="HEAD",route="/api/v1/tlp/objects/",status="200"} 20.0' in counted
    assert 'http_requests_total{method="HEAD",route="/api/v1/tlp/objects/",status="304"} 8.0' in counted
    assert server.logged().count(f"HEAD {TLP} ") == 28


@contextmanager
def asking(port: int) -> Iterator[socket.socket]:
    """A connection on which the answer is ready."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        for _ in range(3):
            connection.sendall(ASKED)
            assert answer_on(connection).status == 200
        yield connection


def test_the_next_answer_shows_a_change(catalogues: Catalogues) -> None:
    database = catalogues.with_releases("tlp@1")
    with running(database) as server, asking(server.port) as connection:

        def tag() -> str | None:
            connection.sendall(ASKED)
            return answer_on(connection).headers["ETag"]

        first = tag()
        assert tag() == first
        install(database, "tlp@2")
        second = tag()
        assert second not in (first, None)
        assert tag() == second


@pytest.mark.server
@pytest.mark.skipif(not POSTGRES_URL, reason="no PostgreSQL (CTIBUTLER_TEST_POSTGRES_URL)")
def test_a_server_that_stops_answers_what_waits_for_the_state_of_the_catalogue(tmp_path: Path) -> None:
    with catalogue_with("postgresql", tmp_path, "tlp@2") as database, ExitStack() as stack:
        locking = stack.enter_context(psycopg.connect(database.url.text))
        server = stack.enter_context(running(database))
        connection = stack.enter_context(asking(server.port))
        locking.execute("LOCK TABLE catalogue IN ACCESS EXCLUSIVE MODE")
        connection.sendall(ASKED)

        def let_go_once_it_stops() -> None:
            while not connect_is_refused(server.port):
                time.sleep(0.01)
            locking.rollback()

        waiting = threading.Thread(target=let_go_once_it_stops)
        stack.callback(waiting.join)
        waiting.start()
        server.stop()
        answer = answer_on(connection)
        assert answer.status == 200
        assert connection.recv(1) == b""


def connect_is_refused(port: int) -> bool:
    with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=PATIENCE):
        return False
    return True
