"""Workers and readers in processes of their own that can be killed."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any

from ctibutler.catalog import jobs, releases
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.job_records import InstallJob, Job
from ctibutler.knowledge_bases import HOSTED
from ctibutler.publishers.sources.offers import Sources
from ctibutler.requesting import InstallRequest, add_install
from ctibutler.settings import Settings
from ctibutler.stix.times import now
from ctibutler.worker.loop import Worker
from tests.configured import settings_with

# A fork server with every module loaded: a worker starts in milliseconds and inherits no thread from the tests.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["ctibutler.worker.loop", "psycopg", "pysqlite3"])


def settings_of(url: str, bucket: str, **others: Any) -> Settings:
    """The settings of a worker of these tests."""
    given = {"offer_refresh_hours": 1000, "update_days": 0, **others}
    return settings_with(database_url=url, bucket=bucket, **given)


def worker_of(database: Database, settings: Settings) -> Worker:
    """A worker with the sources that its settings name."""
    return Worker(database, HOSTED, settings, Sources(settings))


def _work(url: str, bucket: str, others: Mapping[str, Any]) -> None:
    logging.disable(logging.CRITICAL)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    worker_of(Database(url), settings_of(url, bucket, **others)).run(stop)


@contextmanager
def working(url: str, bucket: str, **others: Any) -> Iterator[BaseProcess]:
    """A worker process, killed at the end if it still runs."""
    with running(_work, url, bucket, others) as process:
        yield process


@contextmanager
def running(target: Any, *arguments: Any) -> Iterator[BaseProcess]:
    """A process, killed at the end if it still runs."""
    process = CONTEXT.Process(target=target, args=arguments, daemon=True)
    process.start()
    try:
        yield process
    finally:
        if process.is_alive():
            process.kill()
        process.join()
        process.close()


def ask_for(database: Database, kb: str, label: str, *, force: bool = False) -> str:
    """Request a job that installs a release; returns its id."""
    with database.note() as connection:
        return add_install(connection, HOSTED.named(kb), InstallRequest(label, force=force)).id


def job_of(database: Database, job_id: str) -> Job:
    """The current state of a job."""
    with database.read() as connection:
        job = jobs.find(connection, job_id)
    assert job is not None
    return job


def let_leases_run_out(database: Database) -> None:
    """Make every lease look expired."""
    with database.note() as connection:
        connection.run("UPDATE job SET lease_until = :moment WHERE state = 'processing'", moment=now() - 1)


def unended(database: Database) -> list[Job]:
    """The jobs that have not ended."""
    with database.read() as connection:
        return [job for job in jobs.all_jobs(connection) if job.completed is None]


def watch(url: str, expected: Mapping[str, tuple[int, int]], word: str, stop: Any, results: Any) -> None:
    """Reads over and over, and says the first thing that no reader should ever see; "" when all was well.

    `expected` names by knowledge base and release how many members it has, and how many of them hold `word`.
    """
    database = Database(url)
    rounds, revision, wrong = 0, 0, ""
    while not wrong and not stop.is_set():
        with database.read() as connection:
            wrong, revision = _seen_wrong(connection, expected, word, revision)
        rounds += 1
    database.close()
    results.put((rounds, wrong))


def _seen_wrong(connection: Any, expected: Mapping[str, tuple[int, int]], word: str, before: int) -> tuple[str, int]:
    from ctibutler.catalog.text_hits import matching_keys

    revision = releases.revision(connection)
    if revision < before:
        return f"the revision went from {before} to {revision}", revision
    installed = releases.installed(connection)
    for kb in {release.knowledge_base for release in installed}:
        own = [release for release in installed if release.knowledge_base == kb]
        if [release.latest for release in own] != [True] + [False] * (len(own) - 1):
            return f"{kb}: latest is {[(release.label, release.latest) for release in own]}", revision
    keys = matching_keys(connection, word)
    for release in installed:
        name = f"{release.knowledge_base} {release.label}"
        members = connection.value("SELECT count(*) FROM member WHERE release_key = :key", key=release.key)
        whole = connection.value(
            "SELECT count(*) FROM member JOIN object ON object.object_key = member.object_key"
            " JOIN body ON body.object_key = member.object_key WHERE release_key = :key",
            key=release.key,
        )
        of_word = connection.value(
            f"SELECT count(*) FROM member WHERE release_key = :key AND object_key IN {connection.in_list('keys')}",
            key=release.key,
            keys=keys,
        )
        if (members, whole, of_word) != (expected[name][0], *expected[name]):
            return f"{name}: {members} members, {whole} of them whole, {of_word} with `{word}`", revision
        if sum(release.facts["counts_by_type"].values()) != members:
            return f"{name}: facts count otherwise than {members}", revision
    links = connection.value(
        "SELECT count(*) FROM link WHERE set_key NOT IN (SELECT set_key FROM link_set)"
        " OR source_release NOT IN (SELECT release_key FROM release)"
    )
    if links:
        return f"{links} links of no release", revision
    there = {(release.knowledge_base, release.sort_key) for release in installed}
    for job in jobs.all_jobs(connection):
        is_done = isinstance(job, InstallJob) and job.state == "completed"
        if is_done and (job.knowledge_base, job.sort_key) not in there:
            return f"{job.knowledge_base} {job.parameters.version}: completed, and not to be seen", revision
    return "", revision


@contextmanager
def watched(url: str, expected: Mapping[str, tuple[int, int]], word: str, readers: int = 1) -> Iterator[list[int]]:
    """Reading processes beside whatever goes on; at the end it is asserted that none saw anything wrong.

    Gives a list that holds at the end how often each has looked.
    """
    stop, results = CONTEXT.Event(), CONTEXT.SimpleQueue()
    processes: Sequence[BaseProcess] = [
        CONTEXT.Process(target=watch, args=(url, expected, word, stop, results), daemon=True) for _ in range(readers)
    ]
    for process in processes:
        process.start()
    looks: list[int] = []
    try:
        yield looks
    finally:
        stop.set()
        for process in processes:
            process.join(60)
        codes = [process.exitcode for process in processes]
        for process in processes:
            process.kill()
            process.join()
            process.close()
    assert codes == [0] * readers
    reports = [results.get() for _ in processes]
    results.close()
    assert [wrong for _, wrong in reports if wrong] == []
    looks += [rounds for rounds, _ in reports]
