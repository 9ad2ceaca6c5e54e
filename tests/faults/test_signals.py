"""Processes that are told to end give back their job at once, and a lease never blocks for longer than it is long."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ctibutler.catalog import jobs
from ctibutler.catalog.engine.database import Database
from ctibutler.importing.removal import remove_release
from ctibutler.knowledge_bases import HOSTED
from ctibutler.requesting import InstallRequest, add_install
from ctibutler.stix.times import now
from tests.catalogue import install
from tests.cli.command import Command
from tests.faults.processes import ask_for, job_of
from tests.publishers.conftest import server
from tests.publishers.server import LocalServer, silence

__all__ = ["server"]

SIGNALS = pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name
)
DAY = 24 * 3600 * 1_000_000
Open = Callable[[str], Database]


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


def ask_for_pipe(database: Database, pipe: Path) -> str:
    """Request an installation that does not end: nobody writes the file that it reads."""
    os.mkfifo(pipe)
    with database.note() as connection:
        return add_install(connection, HOSTED.named("attack-ics"), InstallRequest("9.9", file=str(pipe))).id


@contextmanager
def started(command: Command, *words: object, **environment: str) -> Iterator[subprocess.Popen[str]]:
    process = command.start(*words, CTIBUTLER_UPDATE_DAYS="0", CTIBUTLER_OFFER_REFRESH_HOURS="0", **environment)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str], number: signal.Signals, *, times: int = 1) -> tuple[int, str]:
    """The exit code and errors of a process that gets this signal. Waiting in vain fails."""
    for _ in range(times):
        process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
    return process.returncode, errors


def assert_given_back(database: Database, job_id: str) -> None:
    job = job_of(database, job_id)
    assert (job.state, job.lease_holder, job.attempts) == ("pending", None, 0)
    with database.read() as connection:
        assert jobs.workers_seen_since(connection, 0) == 0
    assert jobs.claim(database, "the next one", 60) is not None


@SIGNALS
@pytest.mark.parametrize("times", [1, 2])
def test_a_worker_gives_back_its_job_at_any_signal(
    store_url: str, opened: Open, tmp_path: Path, number: signal.Signals, times: int
) -> None:
    database = opened(store_url)
    job_id = ask_for_pipe(database, tmp_path / "pipe")
    with started(Command(tmp_path, database=store_url), "worker") as worker:
        wait_for(lambda: job_of(database, job_id).state == "processing")
        code, errors = ended(worker, number, times=times)
    assert code == 0
    assert "given back" in errors
    assert_given_back(database, job_id)


def test_a_worker_gives_back_its_job_while_a_publisher_does_not_respond(
    sqlite_url: str, opened: Open, tmp_path: Path, server: LocalServer
) -> None:
    server.otherwise = silence(server)
    database = opened(sqlite_url)
    job_id = ask_for(database, "cwe", "4.14")
    patient = {"CTIBUTLER_DOWNLOAD_TIMEOUT": "600", "CTIBUTLER_PUBLISHERS_URL": server.url}
    with started(Command(tmp_path, database=sqlite_url), "worker", CTIBUTLER_SOURCES="publisher", **patient) as worker:
        wait_for(lambda: bool(server.requested))
        assert ended(worker, signal.SIGTERM)[0] == 0
    assert_given_back(database, job_id)


@SIGNALS
def test_up_gives_back_the_job_of_its_worker_at_any_signal(
    sqlite_url: str, opened: Open, tmp_path: Path, number: signal.Signals
) -> None:
    database = opened(sqlite_url)
    job_id = ask_for_pipe(database, tmp_path / "pipe")
    command = Command(tmp_path, str(tmp_path), database=sqlite_url)
    with started(command, "up", "--port", 0, CTIBUTLER_SOURCES="built-in") as up:
        wait_for(lambda: job_of(database, job_id).state == "processing")
        assert ended(up, number)[0] == 0
    assert_given_back(database, job_id)


@SIGNALS
def test_an_installation_leaves_no_job_at_any_signal(
    store_url: str, opened: Open, tmp_path: Path, number: signal.Signals
) -> None:
    database = opened(store_url)

    def states() -> list[str]:
        with database.read() as connection:
            return [job.state for job in jobs.all_jobs(connection)]

    waiting = ask_for(database, "attack-ics", "1.0")  # a job of somebody else, which the installation waits for
    assert jobs.claim(database, "another process", 600, waiting) is not None
    with started(Command(tmp_path, database=store_url), "install", "attack-ics@9.9") as installing:
        wait_for(lambda: len(states()) == 2)
        code, _ = ended(installing, number, times=2)
    assert code == 128 + number
    assert sorted(states()) == ["cancelled", "processing"]


def test_a_signal_that_is_ignored_stays_ignored(sqlite_url: str, opened: Open, tmp_path: Path) -> None:
    database = opened(sqlite_url)
    job_id = ask_for_pipe(database, tmp_path / "pipe")
    command = Command(tmp_path, database=sqlite_url)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as `nohup` does; children inherit it
    try:
        with started(command, "worker") as worker:
            wait_for(lambda: job_of(database, job_id).state == "processing")
            worker.send_signal(signal.SIGHUP)
            assert ended(worker, signal.SIGTERM)[0] == 0
    finally:
        signal.signal(signal.SIGHUP, before)
    assert_given_back(database, job_id)


# Leases.


def _claimed(database: Database, **lease: Any) -> str:
    """The id of a claimed job with these values in its row."""
    job_id = ask_for(database, "tlp", "2")
    assert jobs.claim(database, "a worker", 60) is not None
    with database.note() as connection:
        for column, value in lease.items():
            connection.run(f"UPDATE job SET {column} = :value", value=value)
    return job_id


def test_a_lease_from_a_clock_that_was_ahead_has_run_out(store_url: str, opened: Open) -> None:
    database = opened(store_url)
    install(database, "tlp@2")
    job_id = _claimed(database, lease_until=now() + DAY)
    with database.read() as connection:
        assert jobs.running_on(connection, "tlp") is None
    taken = jobs.claim(database, "another worker", 60)
    assert taken is not None
    assert (taken.id, taken.attempts) == (job_id, 2)
    with database.note() as connection:
        connection.run("UPDATE job SET lease_until = :until", until=now() + DAY)
    remove_release(database, HOSTED.named("tlp"), "2")


def test_a_lease_as_long_as_its_worker_wants_is_respected_by_others(store_url: str, opened: Open) -> None:
    database = opened(store_url)
    ask_for(database, "tlp", "2")
    assert jobs.claim(database, "a patient worker", 3600) is not None
    assert jobs.claim(database, "a worker with shorter leases", 5) is None
    with database.read() as connection:
        assert jobs.running_on(connection, "tlp") is not None


def test_a_job_whose_workers_died_three_times_fails_whatever_the_clock_was(store_url: str, opened: Open) -> None:
    database = opened(store_url)
    job_id = _claimed(database, lease_until=now() + DAY, attempts=jobs.MOST_ATTEMPTS)
    assert jobs.claim(database, "another worker", 60) is None
    assert job_of(database, job_id).errors == (jobs.DIED,)
