"""Workers check for newer releases, one check for all of them, and install these beside the older ones."""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from ctibutler import updates
from ctibutler.answers.library import Library
from ctibutler.answers.updates import last_check
from ctibutler.catalog import jobs, offers, releases, update_checks
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.job_records import Job
from ctibutler.importing.offers import refresh_offers
from ctibutler.knowledge_bases import HOSTED
from ctibutler.publishers.sources.offers import Sources
from ctibutler.publishers.sources.source import OfferReport
from ctibutler.requesting import InstallRequest, add_install
from ctibutler.settings import Settings
from ctibutler.stix.times import now
from ctibutler.worker.housekeeping import keep_house
from ctibutler.worker.loop import Worker
from tests.answers.walking import as_json
from tests.faults.processes import settings_of
from tests.publishers import publishers
from tests.publishers.server import LocalServer, status

DAY = 24 * 3600 * 1_000_000
FOLDERS = {
    "mitre-f3": ("mitre-f3-repo-data", "f3-stix-v{}.json"),
    "disarm": ("disarm2stix-manual-output", "disarm-bundle-v{}.json"),
}


def publish(bucket: Path, slug: str, label: str) -> None:
    """Put a small release into the bucket."""
    folder, name = FOLDERS[slug]
    place = bucket / folder
    place.mkdir(parents=True, exist_ok=True)
    tactic = {
        "type": "x-mitre-tactic",
        "id": "x-mitre-tactic--2d6c0b3a-7d1e-4c0e-9a51-5a2b9f2a5b11",
        "name": f"Tactic of {label}",
        "x_mitre_shortname": "tactic",
    }
    technique = {
        "type": "attack-pattern",
        "id": "attack-pattern--2d6c0b3a-7d1e-4c0e-9a51-5a2b9f2a5b12",
        "name": "Technique",
    }
    bundle = {"type": "bundle", "id": "bundle--0a6d1d4e-51c2-4a55-8a5e-1f0a7c6b9d02", "objects": [tactic, technique]}
    (place / name.format(label.replace(".", "_"))).write_text(json.dumps(bundle))
    versions = place / "version.txt"
    versions.write_text((versions.read_text() if versions.exists() else "") + label + "\n")


@dataclass(frozen=True)
class Place:
    """The environment of a worker: its housekeeping between jobs, and its jobs."""

    library: Library
    settings: Settings
    sources: Sources

    @property
    def worker(self) -> Worker:
        return Worker(self.library.database, HOSTED, self.settings, self.sources)

    def keep_house(self) -> None:
        keep_house(self.library, self.settings, self.sources)

    def look(self) -> updates.Looked | None:
        return updates.look(self.library, self.sources, 7)

    def refresh_offers(self) -> OfferReport:
        return refresh_offers(self.library.database, HOSTED, self.sources)


def place(store: Database, bucket: object, **settings: object) -> Place:
    changed = settings_of(store.url.text, str(bucket), **{"update_days": 7, **settings})
    return Place(Library(store, HOSTED), changed, Sources(changed))


def install(store: Database, bucket: Path, slug: str, label: str) -> None:
    with store.note() as connection:
        add_install(connection, HOSTED.named(slug), InstallRequest(label))
    place(store, bucket).worker.run_until_idle()


def installed(store: Database, slug: str) -> list[str]:
    with store.read() as connection:
        return [release.label for release in releases.installed(connection, slug)]


def every_job(store: Database) -> list[Job]:
    with store.read() as connection:
        return jobs.all_jobs(connection)


def as_if_it_was(store: Database, ago: int) -> None:
    """Make the last check look this many microseconds old."""
    with store.note() as connection:
        connection.run("UPDATE update_check SET started_at = :m, ended_at = :m", m=now() - ago)


def test_a_newer_release_is_installed_beside_the_older_one(
    store: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    publish(tmp_path, "mitre-f3", "1.0")
    install(store, tmp_path, "mitre-f3", "1.0")
    publish(tmp_path, "mitre-f3", "1.1")
    publish(tmp_path, "disarm", "1.6")
    caplog.set_level(logging.INFO)
    found = place(store, tmp_path)
    found.keep_house()
    found.worker.run_until_idle()
    assert installed(store, "mitre-f3") == ["1.1", "1.0"]
    assert installed(store, "disarm") == [], "knowledge bases that are not installed are not updated"
    job_id = every_job(store)[-1].id
    assert f"mitre-f3 1.1 is newer than 1.0: job {job_id} installs it" in caplog.text
    check = as_json(last_check(Library(store, HOSTED), 7))
    assert check["checked_at"] is not None
    assert check["newer"] == [
        {
            "knowledge_base": "mitre-f3",
            "installed": "1.0",
            "version": "1.1",
            "source": "bucket",
            "location": str(tmp_path / "mitre-f3-repo-data" / "f3-stix-v1_1.json"),
            "job_id": job_id,
            "job_state": "completed",
        }
    ]


def test_the_check_is_made_once_per_interval(store: Database, tmp_path: Path) -> None:
    publish(tmp_path, "mitre-f3", "1.0")
    install(store, tmp_path, "mitre-f3", "1.0")
    found = place(store, tmp_path)
    found.keep_house()
    with store.read() as connection:
        assert update_checks.last(connection).report.problems, "folders of other knowledge bases are missing"
    publish(tmp_path, "mitre-f3", "1.1")
    for ago in (0, 6 * DAY):
        as_if_it_was(store, ago)
        found.keep_house()
        assert len(every_job(store)) == 1
    as_if_it_was(store, 7 * DAY)
    found.keep_house()
    assert len(every_job(store)) == 2


def test_a_check_without_an_answer_from_a_source_is_repeated_after_a_day(store: Database, tmp_path: Path) -> None:
    bucket = tmp_path / "bucket"
    publish(bucket, "mitre-f3", "1.0")
    install(store, bucket, "mitre-f3", "1.0")
    found = place(store, bucket)
    bucket.rename(tmp_path / "asleep")
    found.keep_house()
    (tmp_path / "asleep").rename(bucket)
    publish(bucket, "mitre-f3", "1.1")
    as_if_it_was(store, DAY - 60_000_000)
    found.keep_house()
    assert len(every_job(store)) == 1
    as_if_it_was(store, DAY)
    found.keep_house()
    assert len(every_job(store)) == 2


def test_the_check_can_be_switched_off(store: Database, tmp_path: Path) -> None:
    publish(tmp_path, "mitre-f3", "1.0")
    install(store, tmp_path, "mitre-f3", "1.0")
    publish(tmp_path, "mitre-f3", "1.1")
    place(store, tmp_path, update_days=0).keep_house()
    assert len(every_job(store)) == 1
    assert last_check(Library(store, HOSTED), 0).checked_at is None


def test_several_workers_make_one_check(store: Database, server: LocalServer) -> None:
    server.otherwise = status(404)
    places = [place(store, server.url, offer_refresh_hours=1000) for _ in range(4)]
    started = threading.Barrier(len(places))
    looked = []

    def look(one: Place) -> None:
        started.wait()
        found = one.look()
        looked.append(found is not None)

    threads = [threading.Thread(target=look, args=(one,)) for one in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(looked) == [False, False, False, True]
    assert len(server.requested) == len(set(server.requested)) == len(HOSTED.all)


def test_sources_without_releases_are_not_requested_again_and_again(
    store: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "ctibutler.worker")
    found = place(store, tmp_path / "none", sources="bucket", update_days=0)
    with store.read() as connection:
        revision = releases.revision(connection)
    for _ in range(3):
        found.keep_house()
    assert caplog.text.count("does not exist (") == 1
    with store.read() as connection:
        assert releases.revision(connection) == revision, "nothing changed, and answers stay good"


def test_a_check_is_repeated_if_its_worker_died(store: Database, tmp_path: Path) -> None:
    publish(tmp_path, "mitre-f3", "1.0")
    install(store, tmp_path, "mitre-f3", "1.0")
    publish(tmp_path, "mitre-f3", "1.1")
    with store.note() as connection:
        connection.run("UPDATE update_check SET started_at = :m", m=now() - update_checks.STALE + 60_000_000)
    place(store, tmp_path).keep_house()
    assert len(every_job(store)) == 1, "another worker is at it"
    with store.note() as connection:
        connection.run("UPDATE update_check SET started_at = :m", m=now() - update_checks.STALE - 1)
    place(store, tmp_path).keep_house()
    assert len(every_job(store)) == 2


def test_a_release_that_already_has_a_job_does_not_get_another(store: Database, tmp_path: Path) -> None:
    publish(tmp_path, "mitre-f3", "1.0")
    install(store, tmp_path, "mitre-f3", "1.0")
    publish(tmp_path, "mitre-f3", "1.1")
    with store.note() as connection:
        waiting = add_install(connection, HOSTED.named("mitre-f3"), InstallRequest("1.1")).id
    looked = place(store, tmp_path).look()
    assert looked is not None
    assert looked.job_ids == [waiting]


def test_a_preview_is_not_installed_automatically(store: Database, tmp_path: Path) -> None:
    publish(tmp_path, "mitre-f3", "1.0")
    install(store, tmp_path, "mitre-f3", "1.0")
    publish(tmp_path, "mitre-f3", "2.0-beta")
    found = place(store, tmp_path)
    found.keep_house()
    found.worker.run_until_idle()
    assert installed(store, "mitre-f3") == ["1.0"]
    publish(tmp_path, "mitre-f3", "1.1")
    as_if_it_was(store, 7 * DAY)
    found.keep_house()
    found.worker.run_until_idle()
    assert installed(store, "mitre-f3") == ["1.1", "1.0"]


def test_an_older_or_equal_release_is_not_an_update(store: Database, tmp_path: Path) -> None:
    publish(tmp_path, "mitre-f3", "1.0")
    publish(tmp_path, "mitre-f3", "1.1")
    install(store, tmp_path, "mitre-f3", "1.1")
    looked = place(store, tmp_path).look()
    assert looked is not None
    assert looked.job_ids == []


def test_the_last_known_offers_of_a_silent_source_are_kept(
    store: Database, server: LocalServer, tmp_path: Path
) -> None:
    server.serve_folder(tmp_path)
    publish(tmp_path, "mitre-f3", "1.0")
    found = place(store, server.url, download_retries=0)
    found.refresh_offers()
    server.otherwise = status(503)
    assert found.refresh_offers().problems
    with store.read() as connection:
        kept = connection.rows("SELECT knowledge_base, label FROM offer WHERE source = 'bucket'")
    assert [tuple(row) for row in kept] == [("mitre-f3", "1.0")]


def test_a_failed_job_is_requested_again_after_a_day(store: Database, tmp_path: Path) -> None:
    publish(tmp_path, "mitre-f3", "1.0")
    install(store, tmp_path, "mitre-f3", "1.0")
    publish(tmp_path, "mitre-f3", "1.1")
    broken = tmp_path / "mitre-f3-repo-data" / "f3-stix-v1_1.json"
    whole = broken.read_text()
    broken.write_text(whole[:50])
    found = place(store, tmp_path)
    found.keep_house()
    found.worker.run_until_idle()
    assert every_job(store)[-1].state == "failed"
    broken.write_text(whole)
    as_if_it_was(store, DAY)
    found.keep_house()
    found.worker.run_until_idle()
    assert installed(store, "mitre-f3") == ["1.1", "1.0"]


def test_offers_of_sources_are_refreshed_in_one_place(store: Database, server: LocalServer) -> None:
    server.otherwise = status(404)
    places = [place(store, server.url, update_days=0, offer_refresh_hours=24) for _ in range(3)]
    for one in (*places, *places):
        one.keep_house()
    assert len(server.requested) == len(HOSTED.all)


def test_offers_are_not_refreshed_if_that_is_switched_off(store: Database, server: LocalServer) -> None:
    place(store, server.url, update_days=0, offer_refresh_hours=0).keep_house()
    assert server.requested == []


def test_a_release_that_a_source_stops_listing_stays_on_offer_for_now(store: Database) -> None:
    def stored(label: str) -> offers.StoredOffer:
        return offers.StoredOffer("cwe", label, "publisher", f"https://example.org/{label}", None)

    offers.replace(store, [stored("4.16"), stored("4.17")])
    offers.replace(store, [stored("4.18")], silent={("publisher", "cwe")})
    with store.read() as connection:
        assert [offer.label for offer in offers.of_knowledge_base(connection, "cwe")] == ["4.18", "4.17", "4.16"]
    offers.replace(store, [stored("4.18")])
    with store.read() as connection:
        assert [offer.label for offer in offers.of_knowledge_base(connection, "cwe")] == ["4.18"]


def test_an_unexpected_error_in_housekeeping_does_not_end_the_worker(
    store: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(updates, "look", broken)
    publish(tmp_path, "mitre-f3", "1.0")
    with store.note() as connection:
        add_install(connection, HOSTED.named("mitre-f3"), InstallRequest("1.0"))
    found, stop = place(store, tmp_path), threading.Event()
    logging.getLogger("ctibutler.worker").setLevel(logging.NOTSET)
    thread = threading.Thread(target=found.worker.run, args=(stop,))
    thread.start()
    until = time.monotonic() + 30
    while not installed(store, "mitre-f3") and time.monotonic() < until:
        time.sleep(0.05)
    stop.set()
    thread.join(30)
    assert installed(store, "mitre-f3") == ["1.0"]
    assert "housekeeping failed" in caplog.text


def test_a_place_that_a_publisher_has_left_is_logged_once_and_shown(
    store: Database, server: LocalServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    name = "center-for-threat-informed-defense/fight-fraud-framework"
    bundle = {"type": "bundle", "objects": [{"type": "x-mitre-collection", "name": "F3", "x_mitre_version": "1.1"}]}
    publishers.serve(
        server,
        {
            f"{publishers.F3}/f3-stix.json": bundle,
            f"{publishers.API}/repos/{name}": {"full_name": name, "archived": True},
        },
    )
    settings = {"publishers_url": server.url, "sources": "publisher", "data_dir": tmp_path, "download_retries": 0}
    for turn in (1, 2):
        caplog.clear()
        place(store, "", **settings).keep_house()
        warned = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        archived = [text for text in warned if "archived" in text]
        silent = [text for text in warned if "mitre/cti" in text and "repos" not in text]
        assert archived == ([f"publisher: github.com/{name} is archived (mitre-f3)"] if turn == 1 else [])
        assert bool(silent) == (turn == 1), "a list that is not there is no news the second time"
        as_if_it_was(store, 8 * DAY)
    [fraud] = [item for item in as_json(last_check(Library(store, HOSTED), 7))["sources"] if item["newest"] == "1.1"]
    assert fraud == {
        "knowledge_base": "mitre-f3",
        "source": "publisher",
        "location": f"https://github.com/{name}",
        "newest": "1.1",
        "released": None,
        "answers": True,
        "frozen": False,
        "problems": [f"github.com/{name} is archived"],
    }
