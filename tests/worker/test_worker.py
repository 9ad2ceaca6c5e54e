"""Jobs: who runs them, how they end, and what they leave behind."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ctibutler.catalog import jobs, releases
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.job_records import LinkJob
from ctibutler.errors import Busy
from ctibutler.importing.removal import remove_release
from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.links import mode_named
from ctibutler.requesting import InstallRequest, add_install, request_links
from ctibutler.stix.times import now
from ctibutler.worker.loop import Worker
from tests.faults.processes import ask_for, job_of, let_leases_run_out, settings_of, worker_of
from tests.faults.small import small_bundle, small_bundle_bytes
from tests.faults.stores import content, orphans
from tests.publishers.server import LocalServer

DAY = 24 * 3600 * 1_000_000


def a_worker(database: Database, **others: object) -> Worker:
    return worker_of(database, settings_of(database.url.text, "", **others))


def ask_for_file(database: Database, path: Path, label: str = "9.9", kb: str = "attack-ics") -> str:
    with database.note() as connection:
        return add_install(connection, HOSTED.named(kb), InstallRequest(label, file=str(path))).id


def ask_for_links(database: Database, mode: str, version: str | None = None) -> str:
    wanted = mode_named(mode)
    assert wanted is not None
    return request_links(database, wanted, version).id


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


@contextmanager
def under_way(database: Database, worker: Worker, pipe: Path) -> Iterator[tuple[str, Callable[[bytes], None]]]:
    """A job of attack-ics that reads its file from a pipe: it goes on when it gets the rest of the file."""
    os.mkfifo(pipe)
    job_id = ask_for_file(database, pipe)
    thread = threading.Thread(target=worker.run_next, daemon=True)
    thread.start()
    with pipe.open("wb") as file:  # returns once the worker has opened it too

        def go_on(rest: bytes) -> None:
            if not file.closed:
                file.write(rest)
                file.close()
            thread.join(60)
            assert not thread.is_alive()

        yield job_id, go_on
    thread.join(60)


def _with_wrong_time() -> bytes:
    bundle = small_bundle()
    bundle["objects"][11]["created"] = "yesterday"
    return json.dumps(bundle).encode()


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (b"", "not JSON, or cut off"),
        (small_bundle_bytes()[:9000], "not JSON, or cut off"),
        (
            b'{"type":"bundle","objects":[{"type":"tool"}]}',
            "objects[0].id: expected `tool--` and a UUID, found nothing",
        ),
        (_with_wrong_time(), "objects[11].created: expected a timestamp, found 'yesterday'"),
    ],
    ids=["empty", "cut off", "without id", "wrong time"],
)
def test_a_failed_job_gives_the_reason_and_changes_nothing(
    store: Database, tmp_path: Path, broken: bytes, sentence: str
) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_bytes(small_bundle_bytes())
    bad.write_bytes(broken)
    worker = a_worker(store)
    ask_for_file(store, good, "8.0")
    worker.run_until_idle()
    before = content(store)
    job_id = ask_for_file(store, bad)
    worker.run_until_idle()
    ended = job_of(store, job_id)
    assert (ended.state, ended.attempts) == ("failed", 1)
    assert ended.completed is not None
    assert sentence in ended.errors[0]
    assert ended.errors[0].startswith("bad.json: ")
    assert content(store) == before


def test_details_beside_a_file_are_installed_or_fail_the_job(store: Database, tmp_path: Path) -> None:
    weakness = {
        "type": "weakness",
        "id": "weakness--00000000-0000-4000-8000-000000000001",
        "name": "One",
        "external_references": [{"source_name": "cwe", "external_id": "CWE-1"}],
    }
    file, beside = tmp_path / "mine.json", tmp_path / "cwe-details-v9_9.json"
    file.write_text(json.dumps({"type": "bundle", "objects": [weakness]}))
    beside.write_text(json.dumps({weakness["id"]: {"status": "Draft"}}))
    worker = a_worker(store)
    assert job_of(store, _installed(store, worker, file)).state == "completed"
    before = content(store)
    assert [detail for _, _, detail in before["details"]] == [b'{"status":"Draft"}']
    beside.write_text(json.dumps([weakness]))
    ended = job_of(store, _installed(store, worker, file))
    assert (ended.state, ended.attempts) == ("failed", 1)
    assert ended.errors == ("cwe-details-v9_9.json: expected an object that maps STIX ids to details",)
    assert content(store) == before


def _installed(store: Database, worker: Worker, file: Path) -> str:
    job_id = ask_for_file(store, file, kb="cwe")
    worker.run_until_idle()
    return job_id


def test_a_job_for_a_release_that_no_source_has_fails_with_a_clear_message(store: Database) -> None:
    job_id = ask_for(store, "tlp", "77")
    a_worker(store).run_until_idle()
    ended = job_of(store, job_id)
    assert ended.state == "failed"
    assert ended.errors[0].startswith("tlp 77: no source has this release")
    assert "Traceback" not in ended.errors[0]


def test_a_long_error_message_is_cut(store: Database, tmp_path: Path) -> None:
    missing = tmp_path / ("x" * 200) / ("y" * 200) / ("z" * 200) / ("w" * 200) / ("v" * 200) / ("u" * 200)
    job_id = ask_for_file(store, missing)
    a_worker(store).run_until_idle()
    assert len(job_of(store, job_id).errors[0]) <= 1024


def test_the_lease_of_a_running_job_is_renewed(store: Database, tmp_path: Path) -> None:
    worker, other = a_worker(store, job_lease_seconds=1.5), a_worker(store, job_lease_seconds=1.5)
    with under_way(store, worker, tmp_path / "pipe") as (job_id, go_on):
        until = time.monotonic() + 3
        while time.monotonic() < until:
            assert other.run_next() is False
            time.sleep(0.05)
        go_on(small_bundle_bytes())
    ended = job_of(store, job_id)
    assert (ended.state, ended.attempts) == ("completed", 1)


def test_one_job_per_knowledge_base_runs_at_a_time(store: Database, tmp_path: Path) -> None:
    worker, other = a_worker(store), a_worker(store)
    with under_way(store, worker, tmp_path / "pipe") as (job_id, go_on):
        after = ask_for_file(store, tmp_path / "none", "9.8")
        elsewhere = ask_for(store, "tlp", "2")
        assert other.run_next() is True
        assert job_of(store, elsewhere).state == "completed"
        assert other.run_next() is False
        for wanted in (after, job_id):
            with pytest.raises(Busy, match=f"job {wanted} cannot run here: job {job_id} of another process holds it"):
                other.run_job(wanted)
        assert job_of(store, after).state == "pending"
        go_on(small_bundle_bytes())
    assert other.run_next() is True
    assert job_of(store, after).state == "failed"


def test_a_release_cannot_be_removed_while_a_job_writes_it(store: Database, tmp_path: Path) -> None:
    worker = a_worker(store)
    good = tmp_path / "good.json"
    good.write_bytes(small_bundle_bytes())
    ask_for_file(store, good)
    worker.run_until_idle()
    with under_way(store, worker, tmp_path / "pipe") as (job_id, go_on):
        with pytest.raises(Busy, match=f"job {job_id} is writing attack-ics"):
            remove_release(store, HOSTED.named("attack-ics"), "9.9")
        go_on(small_bundle_bytes())
    remove_release(store, HOSTED.named("attack-ics"), "9.9")
    assert not orphans(store)


def test_the_work_of_a_worker_whose_job_was_taken_over_is_rolled_back(store: Database, tmp_path: Path) -> None:
    slow, quick = a_worker(store, job_lease_seconds=60), a_worker(store, job_lease_seconds=60)
    pipe = tmp_path / "pipe"
    with under_way(store, slow, pipe) as (job_id, go_on):
        first = job_of(store, job_id).lease_holder
        pipe.rename(tmp_path / "pipe of the slow one")
        pipe.write_bytes(small_bundle_bytes())
        let_leases_run_out(store)
        assert quick.run_next() is True
        done, after = job_of(store, job_id), content(store)
        assert (done.state, done.attempts) == ("completed", 2)
        assert done.lease_holder != first
        go_on(json.dumps({"type": "bundle", "objects": small_bundle()["objects"][:3]}).encode())
    assert content(store) == after
    assert job_of(store, job_id) == done


def test_a_slow_worker_cannot_fail_a_job_that_another_has_taken_over(store: Database, tmp_path: Path) -> None:
    slow = a_worker(store, job_lease_seconds=60)
    with under_way(store, slow, tmp_path / "pipe") as (job_id, go_on):
        with store.note() as connection:
            connection.run("UPDATE job SET lease_holder = 'another' WHERE job_id = :job_id", job_id=job_id)
        go_on(b"not a bundle")
    assert job_of(store, job_id).state == "processing"


def test_a_job_requested_twice_changes_nothing_the_second_time(store: Database, tmp_path: Path) -> None:
    good = tmp_path / "good.json"
    good.write_bytes(small_bundle_bytes())
    worker = a_worker(store)
    ids = [ask_for_file(store, good)]
    worker.run_until_idle()
    with store.read() as connection:
        revision = releases.revision(connection)
    ids.append(ask_for_file(store, good))
    worker.run_until_idle()
    with store.read() as connection:
        assert releases.revision(connection) == revision
    assert [job_of(store, job_id).state for job_id in ids] == ["completed", "completed"]


def _capec_and_cwe(tmp_path: Path) -> tuple[Path, Path]:
    times = {"spec_version": "2.1", "created": "2020-01-01T00:00:00Z", "modified": "2020-01-01T00:00:00Z"}
    pattern = {
        "type": "attack-pattern",
        "id": "attack-pattern--00000000-0000-4000-8000-000000000001",
        **times,
        "name": "Brute Force",
        "external_references": [{"source_name": "capec", "external_id": "CAPEC-112"}],
    }
    weakness = {
        "type": "weakness",
        "id": "weakness--00000000-0000-4000-8000-000000000002",
        **times,
        "name": "Weak",
        "external_references": [
            {"source_name": "cwe", "external_id": "CWE-521"},
            {"source_name": "capec", "external_id": "CAPEC-112"},
        ],
    }
    paths = tmp_path / "capec.json", tmp_path / "cwe.json"
    for path, only in zip(paths, (pattern, weakness), strict=True):
        path.write_text(json.dumps({"type": "bundle", "objects": [only]}))
    return paths


@pytest.mark.parametrize("first", ["capec", "cwe"])
def test_links_are_made_after_the_second_of_both_sides_is_installed(
    store: Database, tmp_path: Path, first: str
) -> None:
    capec, cwe = _capec_and_cwe(tmp_path)
    worker = a_worker(store)
    for kb, path in sorted([("capec", capec), ("cwe", cwe)], key=lambda pair: pair[0] != first):
        ask_for_file(store, path, "1.0", kb)
        worker.run_until_idle()
    with store.read() as connection:
        made = [job for job in jobs.all_jobs(connection) if isinstance(job, LinkJob)]
    assert [(job.variant, job.state) for job in made] == [("cwe-capec", "completed")]
    # The link itself, and the relationships to its creator and its two markings.
    assert len(content(store)["links"]) == 4
    assert not orphans(store)


def test_automatic_links_can_be_switched_off(store: Database, tmp_path: Path) -> None:
    capec, cwe = _capec_and_cwe(tmp_path)
    worker = a_worker(store, auto_link=False)
    ask_for_file(store, capec, "1.0", "capec")
    ask_for_file(store, cwe, "1.0", "cwe")
    worker.run_until_idle()
    with store.read() as connection:
        assert {job.type for job in jobs.all_jobs(connection)} == {"capec-update", "cwe-update"}
    assert content(store)["links"] == []


def test_a_job_makes_no_links_to_a_knowledge_base_that_is_not_installed_and_says_why(
    store: Database, tmp_path: Path
) -> None:
    capec, _ = _capec_and_cwe(tmp_path)
    worker = a_worker(store)
    ask_for_file(store, capec, "1.0", "capec")
    worker.run_until_idle()
    before = content(store)
    job_id = ask_for_links(store, "capec-attack")
    worker.run_until_idle()
    ended = job_of(store, job_id)
    assert ended.state == "completed"
    assert ended.errors == ("capec-attack: no links created, because attack-enterprise is not installed",)
    assert content(store) == before


def test_a_job_for_links_from_a_release_that_is_not_installed_fails(store: Database, tmp_path: Path) -> None:
    capec, _ = _capec_and_cwe(tmp_path)
    worker = a_worker(store)
    ask_for_file(store, capec, "1.0", "capec")
    worker.run_until_idle()
    before = content(store)
    job_id = ask_for_links(store, "capec-attack", "3.3")
    worker.run_until_idle()
    ended = job_of(store, job_id)
    assert (ended.state, ended.errors) == ("failed", ("capec-attack needs capec 3.3, which is not installed",))
    assert content(store) == before


def test_every_stage_of_a_job_reaches_its_total(store: Database, tmp_path: Path, server: LocalServer) -> None:
    capec, cwe = _capec_and_cwe(tmp_path)
    folder = tmp_path / "cwe2stix-manual-output"
    folder.mkdir()
    (folder / "version.txt").write_text("1.0\n")
    cwe.rename(folder / "cwe-bundle-v1_0.json")
    server.serve_folder(tmp_path)
    worker = worker_of(store, settings_of(store.url.text, server.url))
    ask_for_file(store, capec, "1.0", "capec")
    worker.run_until_idle()
    reports: list[tuple[str, int, int | None]] = []
    for job_id in (ask_for(store, "cwe", "1.0"), ask_for_links(store, "cwe-capec")):
        ended = worker.run_job(job_id, lambda *far: reports.append(far))
        assert (ended.state, ended.errors) == ("completed", ())
    last = {stage: (done, total) for stage, done, total in reports}
    assert list(last) == ["download", "parse", "index", "store", "derive", "link"]
    assert {stage: far for stage, far in last.items() if far[0] != far[1]} == {}
    assert last["download"] == ((folder / "cwe-bundle-v1_0.json").stat().st_size,) * 2
    assert last["link"] == (1, 1)
    for stage, done, total in reports:
        assert stage in ("download", "parse") or done <= (total or 0)


def test_released_jobs_can_be_claimed_as_if_they_were_new(store: Database) -> None:
    job_id = ask_for(store, "tlp", "2")
    for _ in range(jobs.MOST_ATTEMPTS + 1):
        claimed = jobs.claim(store, "one", 60)
        assert claimed is not None
        with store.note() as connection:
            jobs.give_back(connection, "one")
    assert job_of(store, job_id).state == "pending"
    a_worker(store).run_until_idle()
    ended = job_of(store, job_id)
    assert (ended.state, ended.attempts) == ("completed", 1)


def test_a_job_that_has_ended_or_belongs_to_another_worker_is_not_cancelled(store: Database) -> None:
    running, ended = ask_for(store, "tlp", "1"), ask_for(store, "location", "1.0")
    claimed = jobs.claim(store, "one", 60, running)
    assert claimed is not None
    a_worker(store).run_until_idle()
    with store.note() as connection:
        assert not jobs.cancel(connection, replace(claimed, lease_holder="other"), "not wanted")
        assert not jobs.cancel(connection, job_of(store, ended), "not wanted")
        assert jobs.cancel(connection, claimed, "not wanted")
    assert [job_of(store, job_id).state for job_id in (running, ended)] == ["cancelled", "completed"]


def run_until(worker: Worker, condition: Callable[[], bool]) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,), daemon=True)
    thread.start()
    try:
        wait_for(condition)
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()


def test_ended_jobs_are_kept_for_the_configured_time(store: Database) -> None:
    old, new, waiting = (ask_for(store, "tlp", label) for label in ("1", "2", "1"))
    kept_for_ever, kept_a_week = a_worker(store), a_worker(store, job_retention_days=7)
    assert kept_for_ever.run_next()
    assert kept_for_ever.run_next()
    with store.note() as connection:
        connection.run("UPDATE job SET completed = :then WHERE job_id = :job_id", then=now() - 8 * DAY, job_id=old)
        connection.run("UPDATE job SET completed = :then WHERE job_id = :job_id", then=now() - 6 * DAY, job_id=new)
        connection.run("UPDATE job SET created = :then", then=now() - 9 * DAY)

    def ids() -> set[str]:
        with store.read() as connection:
            return {job.id for job in jobs.all_jobs(connection)}

    run_until(kept_for_ever, lambda: job_of(store, waiting).state == "completed")
    assert ids() == {old, new, waiting}
    run_until(kept_a_week, lambda: old not in ids())
    assert ids() == {new, waiting}


def test_a_worker_is_registered_while_it_runs_and_killed_ones_are_forgotten_eventually(store: Database) -> None:
    def known() -> list[str]:
        with store.read() as connection:
            return [row.worker_id for row in connection.rows("SELECT worker_id FROM worker")]

    with store.note() as connection:
        connection.insert("worker", ("worker_id", "seen_at"), [("killed", now() - 2 * DAY)])
    run_until(a_worker(store), lambda: len(known()) == 1 and known() != ["killed"])
    assert known() == []
