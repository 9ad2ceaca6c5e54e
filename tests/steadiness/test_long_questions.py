"""Questions that take long: one thread for each, few at a time, none for ever, and never in the way of monitoring."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalogue import catalogue_with
from tests.steadiness.process import Attacked, answer_on, attacked

HEALTH, READINESS, METRICS = "/api/healthcheck/", "/api/readiness/", "/api/metrics/"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    with catalogue_with(request.param, tmp_path, "tlp@2") as database:
        yield str(database.url.for_libpq if database.engine == "postgresql" else f"sqlite:///{database.url.name}")


@pytest.fixture
def server(url: str, tmp_path: Path) -> Iterator[Attacked]:
    with attacked(url, tmp_path, slow_reads=2, read_max_seconds=3600) as started:
        yield started


def test_a_question_is_answered_once_however_many_ask_it_at_the_same_time(server: Attacked, tmp_path: Path) -> None:
    file = tmp_path / "appears"
    connections = [server.ask(f"/long/until/?name=x&file={file}") for _ in range(20)]
    server.wait_until(lambda: server.running() == {"x": 1})
    file.touch()
    answers = [answer_on(connection) for connection in connections]
    assert [(answer.status, answer.body) for answer in answers] == [(200, b"1")] * 20
    assert len({answer.headers["X-Request-ID"] for answer in answers}) == 20
    assert server.begun() == {"x": 1}


@pytest.mark.parametrize("path", ["query", "queries", "uncached"])
def test_a_question_ends_when_its_client_is_gone(server: Attacked, path: str) -> None:
    connection = server.ask(f"/long/{path}/?name=x")
    server.wait_until(lambda: server.running() == {"x": 1})
    connection.close()
    server.wait_until(lambda: server.running() == {})
    assert "Traceback" not in server.logged()


def test_a_question_goes_on_as_long_as_anybody_waits_for_it(server: Attacked, tmp_path: Path) -> None:
    file = tmp_path / "appears"
    path = f"/long/until/?name=x&file={file}"
    first = server.ask(path)
    server.wait_until(lambda: server.running() == {"x": 1})
    others = [server.ask(path) for _ in range(3)]
    assert server.running() == {"x": 1}  # asked after them, so that they wait by now
    first.close()
    others.pop().close()
    gone = server.ask("/long/query/?name=y")
    server.wait_until(lambda: server.running() == {"x": 1, "y": 1})
    gone.close()
    server.wait_until(lambda: server.running() == {"x": 1})
    file.touch()
    answers = [answer_on(other) for other in others]
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].body == answers[1].body


def test_a_stream_ends_when_its_client_is_gone(server: Attacked) -> None:
    with server.ask("/long/stream/") as connection:
        assert connection.recv(1000)
        server.wait_until(lambda: server.running() == {"stream": 1})
    server.wait_until(lambda: server.running() == {})
    assert "Traceback" not in server.logged()


def test_a_few_long_questions_are_answered_at_a_time_and_monitoring_never_waits(server: Attacked) -> None:
    connections = [server.ask(f"/long/query/?name={number}") for number in range(45)]
    assert server.get(HEALTH).status == 204
    assert server.get(READINESS).json()["status"] == "ready"
    assert server.get(METRICS).status == 200
    assert server.get("/api/v1/tlp/objects/").status == 200
    server.wait_until(lambda: sum(server.begun().values()) == 45 and sum(server.running().values()) == 2)
    going = [connection for connection in connections if server.running().get(str(connections.index(connection)))]
    refused = [answer_on(connection) for connection in connections if connection not in going]
    assert {answer.status for answer in refused} == {503}
    assert refused[0].headers["Retry-After"] == "5"
    assert refused[0].headers["Cache-Control"] == "no-store"
    assert refused[0].json() == {
        "code": 503,
        "message": "Service Unavailable",
        "details": {"error": "too many questions that take long are being answered; try again later"},
    }
    for connection in going:
        connection.close()
    server.wait_until(lambda: server.running() == {})
    assert "Traceback" not in server.logged()


@pytest.mark.parametrize("path", ["query", "queries", "uncached"])
def test_a_question_has_a_deadline_at_which_it_stops(url: str, tmp_path: Path, path: str) -> None:
    with attacked(url, tmp_path, read_max_seconds=0.5) as server:
        answer = server.get(f"/long/{path}/?name=x")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert answer.json()["details"] == {
            "error": "this takes longer than 0.5 seconds; ask for less, or try again later"
        }
        server.wait_until(lambda: server.running() == {})
        assert server.get("/api/v1/tlp/objects/").status == 200
