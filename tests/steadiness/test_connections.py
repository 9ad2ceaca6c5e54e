"""Connections: few enough, none for ever, and nothing but HTTP/1.1 on them."""

from __future__ import annotations

import json
import random
import resource
import select
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.catalogue import catalogue_with
from tests.steadiness.process import Attacked, answer_on, attacked

HEALTH = "/api/healthcheck/"
TLP = "/api/v1/tlp/objects/"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with catalogue_with("sqlite", tmp_path_factory.mktemp("store"), "tlp@2") as database:
        yield f"sqlite:///{database.url.name}"


@pytest.fixture
def server(url: str, tmp_path: Path) -> Iterator[Attacked]:
    """A server that soon gives up on slow clients."""
    deadlines = {f"{name}_max_seconds": 1 for name in ("head", "body", "idle", "stalled")}
    with attacked(url, tmp_path, **deadlines) as started:
        yield started


def until_closed(connection: socket.socket) -> bytes:
    """All that comes on a connection until the server closes it."""
    came = b""
    with suppress(ConnectionResetError):
        while received := connection.recv(65536):
            came += received
    return came


def sending_until_closed(connection: socket.socket, piece: bytes) -> bytes:
    """Send slowly, and return what comes until the server closes the connection."""
    came = b""
    with suppress(ConnectionResetError, BrokenPipeError):
        while True:
            connection.sendall(piece)
            if select.select([connection], [], [], 0.05)[0]:
                received = connection.recv(65536)
                if not received:
                    break
                came += received
    return came


def sent(server: Attacked, content: bytes) -> bytes:
    """What comes back for these bytes until the server closes the connection."""
    connection = server.connect()
    connection.sendall(content)
    return until_closed(connection)


# Too many, too slow.


@pytest.fixture
def many_files() -> Iterator[None]:
    """More open files for this process, where it may have them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4096:
        pytest.skip(f"this process may open {hard} files only")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4096), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
def test_silent_connections_stop_nobody(url: str, tmp_path: Path) -> None:
    with attacked(url, tmp_path, files=1024, head_max_seconds=3600, idle_max_seconds=3600) as server:
        before = server.ask(HEALTH)
        assert answer_on(before).status == 204
        silent = [server.connect() for _ in range(1100)]
        before.sendall(f"GET {TLP} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert answer_on(before).status == 200
        late = server.connect()
        answer = answer_on(late)
        assert (answer.status, answer.headers["Retry-After"], answer.headers["Connection"]) == (503, "5", "close")
        assert answer.json() == {
            "code": 503,
            "message": "Service Unavailable",
            "details": {"error": "too many connections are open; try again later"},
        }
        for connection in silent:
            connection.close()
        server.wait_until_answered(HEALTH)
        log = server.logged()
        assert "Traceback" not in log
        assert log.count("connections are open, which is the limit") == 1


def test_the_number_of_connections_can_be_set(url: str, tmp_path: Path) -> None:
    with attacked(url, tmp_path, max_connections=3) as server:
        open_ones = [server.ask(HEALTH) for _ in range(3)]
        assert [answer_on(connection).status for connection in open_ones] == [204] * 3
        assert answer_on(server.connect()).status == 503
        open_ones[0].close()
        server.wait_until_answered(HEALTH)


def test_a_silent_connection_is_closed(server: Attacked) -> None:
    assert until_closed(server.connect()) == b""


def test_an_idle_connection_is_closed(server: Attacked) -> None:
    connection = server.ask(HEALTH)
    assert answer_on(connection).status == 204
    assert until_closed(connection) == b""
    again = server.ask(TLP)
    for _ in range(3):  # once it is ready
        assert answer_on(again).status == 200
        again.sendall(f"GET {TLP} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    assert answer_on(again).status == 200
    assert until_closed(again) == b""


@pytest.mark.parametrize("earlier", [0, 1])
def test_a_head_that_drips_is_answered_with_408(server: Attacked, earlier: int) -> None:
    connection = server.connect()
    for _ in range(earlier):
        connection.sendall(f"GET {HEALTH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert answer_on(connection).status == 204
    connection.sendall(f"GET {HEALTH} HTTP/1.1\r\nX: ".encode())
    came = sending_until_closed(connection, b"x")
    assert came.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert json.loads(came.partition(b"\r\n\r\n")[2])["code"] == 408


def test_a_body_that_drips_is_answered_with_408(server: Attacked) -> None:
    connection = server.connect()
    head = b"POST /api/v1/cwe/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 90000\r\n\r\n"
    connection.sendall(head)
    assert sending_until_closed(connection, b" ").startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("framing", ["Content-Length: 100000000000", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize(("request_line", "status"), [("POST /api/v1/cwe/", 413), (f"GET {HEALTH}", 204)])
def test_a_body_without_an_end_is_not_read_for_ever(
    server: Attacked, request_line: str, framing: str, status: int
) -> None:
    connection = server.connect()
    connection.sendall(
        f"{request_line} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{framing}\r\n\r\n".encode()
    )
    piece = b" " * 65536
    piece = piece if "Length" in framing else b"10000\r\n" + piece + b"\r\n"
    came = sending_until_closed(connection, piece)
    assert came == b"" or came.startswith(f"HTTP/1.1 {status} ".encode())  # a reset may take the answer away
    assert server.get(HEALTH).status == 204


def test_a_client_that_reads_nothing_is_left(server: Attacked) -> None:
    connection = server.ask("/long/stream/")
    server.wait_until(lambda: server.begun() == {"stream": 1} and server.running() == {})
    assert until_closed(connection)


# Nothing but HTTP/1.1.


def test_a_length_beside_chunks_is_refused_and_the_connection_closed(server: Attacked) -> None:
    for framing in (
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
    ):
        head = f"POST /api/v1/cwe/ HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n"
        came = sent(server, head.encode() + b"0\r\n\r\nGET /api/healthcheck/ HTTP/1.1\r\nHost: x\r\n\r\n")
        assert came.startswith(b"HTTP/1.1 400 Bad Request\r\n"), framing
        assert came.count(b"HTTP/1.1") == 1 + came.count(b"valid HTTP/1.1"), framing
        assert b"\r\nconnection: close\r\n" in came


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (f"http://knowledge.example{TLP}", 200),
        (f"HTTP://knowledge.example:8006{TLP}?page=1", 200),
        ("http://knowledge.example", 200),
        ("http://knowledge.example?page=1", 200),
        ("http://knowledge.example/nothing/here", 404),
        ("//api//v1/tlp/objects/", 200),
        ("*", 404),
        ("/a b", 400),
        ("/\xe9", 400),
    ],
)
def test_every_form_of_a_target(server: Attacked, target: str, status: int) -> None:
    came = sent(server, f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode("latin-1"))
    assert came.startswith(f"HTTP/1.1 {status} ".encode()), came[:200]


def test_the_host_of_an_absolute_target_is_the_one_that_counts(server: Attacked) -> None:
    for target, host, status in (
        ("http://evil.example/api/v1/tlp/truncate/", "127.0.0.1", 403),
        ("http://127.0.0.1/api/v1/tlp/versions/9/", "evil.example", 404),
    ):
        head = f"DELETE {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        assert sent(server, head.encode()).startswith(f"HTTP/1.1 {status} ".encode()), target


@pytest.mark.parametrize("hosts", ["", "Host: a\r\nHost: b\r\n"])
def test_a_request_has_one_host(server: Attacked, hosts: str) -> None:
    assert sent(server, f"GET {HEALTH} HTTP/1.1\r\n{hosts}\r\n".encode()).startswith(b"HTTP/1.1 400 ")


def test_a_head_that_is_too_long_is_refused(server: Attacked) -> None:
    for long in (b"GET /" + b"x" * 70000, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70000):
        assert sent(server, long).startswith(b"HTTP/1.1 431 ")


def test_a_wish_to_upgrade_is_ignored(server: Attacked) -> None:
    for upgrade in ("websocket", "h2c"):
        head = f"GET {TLP} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: {upgrade}\r\n\r\n"
        assert sent(server, head.encode()).startswith(b"HTTP/1.1 200 ")


# Malformed everything.

METHODS = ("GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "get", "G\x00T", "", "PRI", "CONNECT", "X" * 300)
TARGETS = (
    TLP,
    HEALTH,
    "*",
    "/",
    "",
    "http://",
    "http://[::1",
    "//",
    "/%",
    "/%00",
    "/\xff",
    "/?" + "a=b&" * 2000,
    "host:80",
)
VERSIONS = ("HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "HTP/1.1", "", "HTTP/1.1 ")
HEADERS = (
    "Host: x",
    "Host: [::1].evil.example",
    "Host:",
    "Content-Length: 10",
    "Content-Length: -1",
    "Content-Length: 99999999999999999999",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip",
    "Connection: close",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Expect: 100-continue",
    "Accept-Encoding: zstd;q=x,,;",
    "Range: bytes=0-",
    "If-None-Match: ***",
    "X-Request-ID: \x7f",
    "Authorization: Bearer \xff",
    "API-KEY: ",
    " folded: yes",
    "no colon",
    ": no name",
    "Name : blank",
    "Cookie: " + "x" * 9000,
    "Content-Type: application/json",
)
BODIES = (b"", b"{}", b"0\r\n\r\n", b"5\r\nabcde\r\n0\r\n\r\n", b"zz\r\n", b"\x00" * 300, b"[" * 5000, b"\r\n\r\n\r\n")


def malformed(dice: random.Random) -> bytes:
    """One to three requests, of which little is right."""
    content = b""
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        parts = [dice.choice(METHODS), dice.choice(TARGETS), dice.choice(VERSIONS)]
        ends = dice.choice(("\r\n", "\r\n", "\r\n", "\n", "\r"))
        lines = [" ".join(parts), *dice.choices(HEADERS, k=dice.randint(0, 6)), "", ""]
        content += ends.join(lines).encode("latin-1") + dice.choice(BODIES)
    if dice.random() < 0.2:
        place = dice.randrange(len(content))
        content = content[:place] + dice.randbytes(dice.randint(1, 40)) + content[place:]
    return content[: dice.randrange(len(content))] if dice.random() < 0.2 else content


def test_nothing_that_is_sent_breaks_it(url: str, tmp_path: Path) -> None:
    dice = random.Random(15)
    with attacked(url, tmp_path) as server:
        for _ in range(60):
            connections = []
            for _ in range(10):
                connection = server.connect()
                content = malformed(dice)
                with suppress(OSError):
                    half = dice.choice((len(content), len(content), len(content) // 2))
                    connection.sendall(content[:half])
                    connection.sendall(content[half:])
                    if dice.random() < 0.4:
                        connection.shutdown(socket.SHUT_WR)
                connections.append(connection)
            for connection in connections:
                if dice.random() < 0.5:
                    connection.settimeout(0.2)
                    with suppress(OSError):
                        connection.recv(65536)
                connection.close()
            assert server.get(HEALTH).status == 204
        assert server.get(TLP).status == 200
        log = server.logged()
    assert "Traceback" not in log, log[log.index("Traceback") :][:3000]
    assert " 500 " not in log
