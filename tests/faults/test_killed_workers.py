"""Workers killed at any moment of an import, and readers that never see half of one."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ctibutler.catalog import jobs
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.opening import open_catalogue
from ctibutler.catalog.text_hits import matching_keys
from ctibutler.importing.removal import truncate
from ctibutler.knowledge_bases import HOSTED
from tests.faults.processes import (
    ask_for,
    job_of,
    let_leases_run_out,
    settings_of,
    unended,
    watched,
    worker_of,
    working,
)
from tests.faults.stores import Content, content, difference, orphans
from tests.shared import shared_path

RELEASES = [("attack-ics", "17.1"), ("capec", "3.9"), ("attack-ics", "18.1"), ("cwe", "4.14")]
WORD = "network"
PATIENCE = 120.0


@pytest.fixture(scope="module")
def bucket() -> str:
    """The folder of real releases."""
    return str(shared_path("kb"))


class Undisturbed:
    """The content of a store after undisturbed imports, and what readers may see of it."""

    def __init__(self, database: Database) -> None:
        self.content: Content = content(database)
        with database.read() as connection:
            keys = matching_keys(connection, WORD)
            self.counts = {
                f"{row.knowledge_base} {row.label}": (row.members, row.of_word)
                for row in connection.rows(
                    f"""
                    SELECT knowledge_base, label, count(*) AS members,
                           sum(CASE WHEN object_key IN {connection.in_list("keys")} THEN 1 ELSE 0 END) AS of_word
                      FROM release JOIN member ON member.release_key = release.release_key
                     GROUP BY knowledge_base, label
                    """,
                    keys=keys,
                )
            }


@contextmanager
def _catalogue(url: str) -> Iterator[Database]:
    database = open_catalogue(url, HOSTED)
    try:
        yield database
    finally:
        database.close()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, bucket: str) -> Undisturbed:
    """The store to compare with: the same releases and links, made by a worker that was not killed."""
    with _catalogue(f"sqlite:///{tmp_path_factory.mktemp('undisturbed') / 'store.sqlite'}") as database:
        for kb, label in RELEASES:
            ask_for(database, kb, label)
        worker_of(database, settings_of(database.url.text, bucket)).run_until_idle()
        with database.read() as connection:
            assert {job.state for job in jobs.all_jobs(connection)} == {"completed"}
        found = Undisturbed(database)
        assert found.content["links"]
        assert not orphans(database)
    return found


def wait_for(condition: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, f"waited in vain: {what}"
        time.sleep(0.005)


def without_texts(found: Content) -> Content:
    """Leave out text indexes, which each engine stores differently. Readers compare what they find."""
    return {name: rows for name, rows in found.items() if name != "texts"}


def _killed_all_the_time(url: str, bucket: str, undisturbed: Undisturbed, seconds: float, dice: random.Random) -> int:
    """Import everything repeatedly with workers that are killed; returns how many died during a job."""
    deaths = 0
    until = time.monotonic() + seconds
    with _catalogue(url) as database:
        while True:
            with watched(url, undisturbed.counts, WORD) as looks:
                deaths += _one_round(database, url, bucket, undisturbed, dice)
            assert min(looks) > 0
            if time.monotonic() > until:
                return deaths
            for kb in HOSTED.all:
                if kb.slug in {slug for slug, _ in RELEASES}:
                    with database.note() as connection:
                        connection.run("DELETE FROM job")  # readers expect the release of a completed job
                    truncate(database, kb)
            assert not orphans(database)
            empty = content(database)
            assert [name for name, rows in empty.items() if rows] == []


def _one_round(database: Database, url: str, bucket: str, undisturbed: Undisturbed, dice: random.Random) -> int:
    deaths = 0
    for kb, label in RELEASES:
        ask_for(database, kb, label)
    while waiting := unended(database):
        # The first two workers of a job die. The third may live, as there is no fourth attempt.
        doomed = all(job.attempts < jobs.MOST_ATTEMPTS - 1 for job in waiting)
        with working(url, bucket, job_lease_seconds=30) as process:
            if not doomed:
                third = max(waiting, key=lambda job: job.attempts)
                wait_for(lambda job=third: job_of(database, job.id).completed is not None, "the third worker")  # type: ignore[misc]
            else:
                wait_for(
                    lambda: any(job.state == "processing" for job in unended(database)) or not unended(database),
                    "a claim",
                )
                time.sleep(dice.choice([0.02, 0.2, 0.6, 1.2]) * dice.random())
            process.kill()
        let_leases_run_out(database)
        deaths += any(job.state == "processing" for job in unended(database))
        assert not orphans(database)
    with database.read() as connection:
        ended = jobs.all_jobs(connection)
    assert [(job.type, job.errors) for job in ended if job.state != "completed"] == []
    assert all(job.attempts <= jobs.MOST_ATTEMPTS for job in ended)
    assert difference(without_texts(content(database)), without_texts(undisturbed.content)) == ""
    if database.engine == "sqlite":
        assert difference(content(database), undisturbed.content) == ""
        with database.read() as connection:
            assert connection.value("PRAGMA integrity_check") == "ok"
    return deaths


@pytest.mark.real
def test_imports_by_killed_workers_end_as_if_nothing_had_happened(
    store_url: str, bucket: str, undisturbed: Undisturbed
) -> None:
    assert _killed_all_the_time(store_url, bucket, undisturbed, 15, random.Random()) > 0


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_imports_by_workers_killed_for_minutes_end_as_if_nothing_had_happened(
    store_url: str, bucket: str, undisturbed: Undisturbed
) -> None:
    assert _killed_all_the_time(store_url, bucket, undisturbed, 300, random.Random()) > 20


@pytest.mark.real
def test_another_worker_resumes_a_job_once_the_lease_of_the_killed_one_has_expired(store_url: str, bucket: str) -> None:
    with _catalogue(store_url) as database:
        job_id = ask_for(database, "attack-ics", "18.1")
        with working(store_url, bucket, job_lease_seconds=3) as first:
            wait_for(lambda: job_of(database, job_id).state == "processing", "a claim")
            first.kill()
            first.join()
        dead = job_of(database, job_id)
        assert (dead.state, dead.attempts) == ("processing", 1)
        with working(store_url, bucket, job_lease_seconds=3):
            wait_for(lambda: job_of(database, job_id).completed is not None, "the second worker")
        ended = job_of(database, job_id)
        assert (ended.state, ended.attempts, list(ended.errors)) == ("completed", 2, [])
        assert ended.lease_holder != dead.lease_holder


@pytest.mark.real
def test_a_job_whose_workers_died_three_times_fails_with_a_message(store_url: str, bucket: str) -> None:
    with _catalogue(store_url) as database:
        empty = content(database)
        job_id = ask_for(database, "attack-mobile", "18.1")
        for attempt in (1, 2, 3):
            with working(store_url, bucket, job_lease_seconds=30) as process:
                wait_for(lambda expected=attempt: job_of(database, job_id).attempts == expected, "a claim")  # type: ignore[misc]
                process.kill()
            assert job_of(database, job_id).state == "processing"
            let_leases_run_out(database)
        with working(store_url, bucket, job_lease_seconds=30):
            wait_for(lambda: job_of(database, job_id).completed is not None, "its end")
        ended = job_of(database, job_id)
        assert (ended.state, ended.attempts, list(ended.errors)) == ("failed", 3, ["its worker died three times"])
        assert content(database) == empty


@pytest.mark.real
def test_a_worker_told_to_stop_finishes_its_job_and_starts_no_other(store_url: str, bucket: str) -> None:
    with _catalogue(store_url) as database:
        first = ask_for(database, "attack-ics", "18.1")
        second = ask_for(database, "attack-ics", "17.1")
        with working(store_url, bucket) as process:
            wait_for(lambda: job_of(database, first).state != "pending", "a claim")
            process.terminate()
            process.join(PATIENCE)
            assert process.exitcode == 0
        assert job_of(database, first).state == "completed"
        assert job_of(database, second).state == "pending"
        with database.read() as connection:
            assert jobs.workers_seen_since(connection, 0) == 0


@pytest.mark.real
def test_two_workers_share_the_jobs_and_run_none_twice(store_url: str, bucket: str) -> None:
    wanted = [("attack-ics", "17.1"), ("tlp", "2"), ("attack-ics", "18.1"), ("tlp", "1"), ("location", "1.0")]
    with _catalogue(store_url) as database:
        ids = [ask_for(database, kb, label) for kb, label in wanted]
        together: set[tuple[str, ...]] = set()
        with working(store_url, bucket), working(store_url, bucket), working(store_url, bucket):

            def all_ended() -> bool:
                with database.read() as connection:
                    now_running = [job for job in jobs.all_jobs(connection) if job.state == "processing"]
                together.add(tuple(sorted(str(job.knowledge_base) for job in now_running)))
                return not unended(database)

            wait_for(all_ended, "all jobs")
        ended = [job_of(database, job_id) for job_id in ids]
        assert [(job.state, job.attempts, list(job.errors)) for job in ended] == [("completed", 1, [])] * len(wanted)
        assert all(len(set(names)) == len(names) for names in together), "two jobs of one knowledge base at once"
        for kb in ("attack-ics", "tlp"):
            own = [job for job in ended if job.knowledge_base == kb]
            assert [job.id for job in sorted(own, key=lambda job: job.completed or 0)] == [job.id for job in own]
        assert not orphans(database)


@pytest.mark.real
@pytest.mark.server
def test_jobs_of_several_knowledge_bases_run_at_once_on_postgresql(postgresql_url: str, bucket: str) -> None:
    with _catalogue(postgresql_url) as database:
        for kb, label in (("attack-mobile", "18.1"), ("cwe", "4.14")):
            ask_for(database, kb, label)
        most = 0
        with working(postgresql_url, bucket), working(postgresql_url, bucket):

            def all_ended() -> bool:
                nonlocal most
                waiting = unended(database)
                most = max(most, sum(job.state == "processing" for job in waiting))
                return not waiting

            wait_for(all_ended, "both jobs")
        assert most == 2


@pytest.mark.real
def test_readers_can_read_during_an_import(sqlite_url: str, bucket: str, tmp_path: Path) -> None:
    """Reads are counted while the writing transaction is open: readers see the state before the import."""

    from ctibutler.importing.releases import import_release
    from ctibutler.knowledge_bases.release_files import ReleaseFile
    from tests.shared import read_shared

    raw = read_shared("kb/mitre-attack-ics-repo-data/ics-attack-18_1.json.zst")
    file = ReleaseFile.of_bundle("attack-ics", "18.1", raw, source="file", location="x", file_name="ics.json")
    with _catalogue(sqlite_url) as database, _catalogue(sqlite_url) as other:
        answered = []

        def read_while_open(_: object) -> None:
            for _number in range(200):
                with other.read() as reading:
                    answered.append(reading.value("SELECT count(*) FROM release"))

        import_release(database, HOSTED.named("attack-ics"), file, finish=read_while_open)
        assert answered == [0] * 200
        with other.read() as reading:
            assert reading.value("SELECT count(*) FROM release") == 1
