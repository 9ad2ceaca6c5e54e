"""The commands that keep running: up, serve, worker."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ctibutler.catalog import jobs
from ctibutler.catalog.engine.database import Database
from ctibutler.knowledge_bases import HOSTED
from ctibutler.requesting import InstallRequest, add_install
from tests.cli.command import Command

PATIENCE_SECONDS = 150.0


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answer_of(port: int, path: str, method: str = "GET", body: object = None) -> Any:
    """The answer of the API, or None if nothing listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        content = None if body is None else json.dumps(body)
        connection.request(method, path, content, {"Content-Type": "application/json"} if content else {})
        answer = connection.getresponse().read()
    except OSError:
        return None
    finally:
        connection.close()
    return json.loads(answer) if answer else {}


def eventually(condition: Callable[[], Any]) -> Any:
    """Wait until a condition is true and return its value."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)
    return found


def line_with(process: subprocess.Popen[str], text: str) -> str:
    """The next line of a process's output with this text."""
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            return line
    pytest.fail(f"it ended without saying {text!r}")


def children(process: subprocess.Popen[str]) -> dict[str, int]:
    """The ids of a process's children, by the command that each runs."""
    found = {}
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    for line in listed.splitlines():
        pid, parent, *words = line.split()
        if int(parent) == process.pid and words:
            found[words[-1]] = int(pid)
    return found


def both_children(up: subprocess.Popen[str]) -> dict[str, int]:
    """The children of `up` once both run, else none."""
    below = children(up)
    return below if below.keys() == {"serve", "worker"} else {}


def alive(pid: int) -> bool:
    """Whether a process runs. A zombie does not."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(listed.strip()) and not listed.startswith("Z")


@pytest.fixture
def started(command: Command) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts commands that keep running, and ends them after the test."""
    processes: list[subprocess.Popen[str]] = []

    def start(*words: object, **environment: str) -> subprocess.Popen[str]:
        process = command.start(*words, **environment)
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
        process.communicate()


Started = Callable[..., subprocess.Popen[str]]


def test_up_serves_installs_and_ends_on_a_signal(command: Command, started: Started) -> None:
    port = free_port()
    up = started("up", "--port", port)
    assert line_with(up, "in a browser").endswith(f"http://127.0.0.1:{port}/\n")
    assert f"http://127.0.0.1:{port}/api/v1/" in line_with(up, "API")
    assert "/help/api" in line_with(up, "documentation")
    assert str(command.folder / "data") in line_with(up, "data")
    line_with(up, "Press Ctrl-C to stop.")
    listed = answer_of(port, "/api/v1/knowledge-bases/")["knowledge_bases"]
    latest = {kb["name"]: kb["latest"] for kb in listed}
    assert (latest["tlp"], latest["location"], latest["sector"]) == ("2", "1.0", "1.0")

    # The worker keeps working: a job requested over HTTP is done.
    job = answer_of(port, "/api/v1/tlp/", "POST", {"version": "1"})
    eventually(lambda: answer_of(port, f"/api/v1/jobs/{job['id']}/")["state"] == "completed")

    below = children(up)
    assert set(below) == {"serve", "worker"}
    up.send_signal(signal.SIGTERM)
    _, errors = up.communicate(timeout=90)
    assert up.returncode == 0
    assert "Traceback" not in errors
    assert not any(map(alive, below.values()))

    # After a restart everything is still there.
    before = command.done("jobs", "--json").json["total_results_count"]
    again = started("up", "--port", "0")
    line_with(again, "Press Ctrl-C to stop.")
    again.send_signal(signal.SIGINT)
    assert again.wait(90) == 0
    assert command.done("jobs", "--json").json["total_results_count"] == before


@pytest.mark.parametrize("which", ["serve", "worker"])
def test_when_one_child_dies_the_other_ends_too(started: Started, which: str) -> None:
    up = started("up", "--port", "0")
    below = eventually(lambda: both_children(up))
    os.kill(below[which], signal.SIGKILL)
    _, errors = up.communicate(timeout=90)
    assert up.returncode == 1
    assert errors.splitlines()[-1].startswith(
        f"ctibutler: the {'API' if which == 'serve' else 'worker'} stopped unexpectedly"
    )
    assert not any(map(alive, below.values()))


def test_children_do_not_outlive_a_parent_that_was_killed(started: Started) -> None:
    up = started("up", "--port", "0")
    below = eventually(lambda: both_children(up))
    up.kill()
    eventually(lambda: not any(map(alive, below.values())))


def test_a_port_in_use_is_reported(command: Command) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for words in (["up"], ["serve"]):
            outcome = command(*words, "--port", port)
            assert outcome.code == 1
            assert f"127.0.0.1:{port}" in outcome.stderr
            assert outcome.stderr.count("\n") == 1


def test_a_server_that_others_can_reach_needs_a_key(command: Command, started: Started) -> None:
    for words in (["up"], ["serve"]):
        outcome = command(*words, "--host", "0.0.0.0", "--port", 0)
        assert outcome.code == 1
        assert "ctibutler keys add" in outcome.stderr
        assert outcome.stderr.count("\n") == 1
    command.done("keys", "add", "somebody")
    serve = started("serve", "--host", "0.0.0.0", "--port", 0)
    line_with(serve, "API on")


def test_servers_say_at_their_start_who_may_do_what(command: Command, started: Started) -> None:
    for words in (["serve"], ["up"]):
        process = started(*words, "--port", 0)
        assert "behind a proxy, set CTIBUTLER_ACCESS=keys" in line_with(process, "access")
        process.terminate()


def test_a_server_that_needs_keys_says_how_to_make_one(command: Command, started: Started) -> None:
    advice = "make one with `ctibutler keys add NAME --write`"
    for words in (["serve"], ["up"]):
        process = started(*words, "--port", 0, CTIBUTLER_ACCESS="keys")
        assert "everything needs a key" in line_with(process, "access")
        assert process.stderr is not None
        assert any(advice in line for line in process.stderr)
        process.terminate()
    command.done("keys", "add", "somebody")
    process = started("serve", "--port", 0, CTIBUTLER_ACCESS="keys")
    line_with(process, "access")
    process.terminate()
    assert advice not in process.communicate(timeout=90)[1]


def test_an_unwritable_data_folder_is_reported(command: Command) -> None:
    (command.folder / "data").write_text("in the way")
    for words in (["up"], ["serve"], ["worker"]):
        outcome = command(*words)
        assert outcome.code == 1
        assert outcome.stderr.count("\n") == 1
        assert str(command.folder / "data") in outcome.stderr


def test_up_names_releases_that_cannot_be_fetched(command: Command, started: Started) -> None:
    up = started("up", "--port", "0", CTIBUTLER_BUCKET=str(command.folder / "nowhere"))
    line_with(up, "started")
    up.terminate()
    _, errors = up.communicate(timeout=90)
    assert "nowhere" in errors
    assert "capec" in errors


def test_api_and_worker_alone_and_an_installation_beside_them(command: Command, started: Started) -> None:
    port = free_port()
    serve = started("serve", "--port", port)
    line_with(serve, f":{port}/api/v1/")
    eventually(lambda: answer_of(port, "/api/healthcheck/") is not None)
    job = answer_of(port, "/api/v1/tlp/", "POST", {"version": "2"})
    assert job["state"] == "pending"
    worker = started("worker")
    line_with(worker, "worker on")
    eventually(lambda: answer_of(port, f"/api/v1/jobs/{job['id']}/")["state"] == "completed")
    assert command.done("status", "--json").json["workers"] == 1
    command.done("install", "tlp@1")
    assert answer_of(port, "/api/v1/tlp/versions/installed/")["versions"] == ["2", "1"]
    for process in (serve, worker):
        process.send_signal(signal.SIGINT)
        assert process.wait(90) == 0
    assert command.done("status", "--json").json["workers"] == 0


def test_several_server_processes_answer(started: Started) -> None:
    port = free_port()
    serve = started("serve", "--port", port, "--workers", 2)
    line_with(serve, f":{port}/api/v1/")
    eventually(lambda: answer_of(port, "/api/v1/knowledge-bases/"))
    serve.terminate()
    assert serve.wait(90) == 0


def test_up_reports_once_why_a_release_could_not_be_installed(command: Command, started: Started) -> None:
    folder = command.folder / "bucket" / "mitre-f3-repo-data"
    folder.mkdir(parents=True)
    (folder / "version.txt").write_text("1.0\n")
    (folder / "f3-stix-v1_0.json").write_text('{"type": "bundle", "objects": [')
    environment = {"CTIBUTLER_BUCKET": str(folder.parent), "CTIBUTLER_SOURCES": "bucket"}
    up = started("up", "--port", free_port(), **environment)
    line_with(up, "knowledge bases are installed")
    up.send_signal(signal.SIGINT)
    _, errors = up.communicate(timeout=60)
    assert [line for line in errors.splitlines() if "f3-stix-v1_0.json" in line] == [
        "mitre-f3 1.0: failed: f3-stix-v1_0.json: not JSON, or cut off: Input data was truncated"
    ]


def test_a_worker_resumes_the_job_of_a_killed_one(command: Command, started: Started) -> None:
    command.done("install", "tlp@1")
    database = Database(f"sqlite:///{command.folder / 'data/ctibutler.sqlite'}")
    try:
        with database.note() as connection:
            job_id = add_install(connection, HOSTED.named("tlp"), InstallRequest("2")).id
        assert jobs.claim(database, "a worker that was killed", 0.1) is not None
    finally:
        database.close()
    started("worker")
    eventually(lambda: command.done("jobs", job_id, "--json").json["state"] == "completed")


def test_a_worker_lets_the_api_go_first(started: Started) -> None:
    for words, niceness in ((["serve", "--port", 0], 0), (["worker"], 5)):
        process = started(*words)
        assert process.stdout is not None
        assert process.stdout.readline()
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == max(os.getpriority(os.PRIO_PROCESS, 0), niceness)
        process.terminate()
