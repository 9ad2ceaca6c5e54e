"""Databases that are full, locked, damaged, foreign or busy: the data stays intact, and the problem is reported."""

from __future__ import annotations

import json
import random
import resource
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ctibutler.catalog import jobs, releases
from ctibutler.catalog.checking import check
from ctibutler.catalog.engine import sqlite
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.engine.migrations import CURRENT
from ctibutler.catalog.engine.sqlite import SAFE_SQLITE
from ctibutler.catalog.opening import open_catalogue
from ctibutler.errors import StoreUnavailable
from ctibutler.importing.releases import import_release
from ctibutler.importing.removal import truncate
from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.release_files import ReleaseFile
from tests.faults.processes import (
    CONTEXT,
    ask_for,
    job_of,
    let_leases_run_out,
    running,
    settings_of,
    unended,
    worker_of,
    working,
)
from tests.faults.small import small_bundle_bytes
from tests.faults.stores import content, orphans

Open = Callable[[str], Database]


def imported(database: Database, raw: bytes, kb: str = "attack-ics", label: str = "8.0") -> None:
    file = ReleaseFile.of_bundle(kb, label, raw, source="file", location="x", file_name="x.json")
    import_release(database, HOSTED.named(kb), file)


def many_tools(count: int, seed: int) -> bytes:
    """A bundle with enough made-up tools to train a dictionary."""
    dice = random.Random(seed)
    words = ["".join(dice.choices("abcdefghijklmnop", k=dice.randint(3, 9))) for _ in range(300)]
    tools = [
        {
            "type": "tool",
            "id": f"tool--00000000-0000-4000-8000-{seed:04}{number:08}",
            "name": " ".join(dice.choices(words, k=3)),
            "description": " ".join(dice.choices(words, k=60)),
        }
        for number in range(count)
    ]
    return json.dumps({"type": "bundle", "objects": tools}).encode()


def unusable(open_it: Callable[[], Any]) -> str:
    with pytest.raises(StoreUnavailable) as raised:
        open_it()
    message = str(raised.value)
    assert "\n" not in message
    assert "Traceback" not in message
    return message


# Databases that cannot be opened.


def test_a_database_of_a_later_version_is_left_unchanged_and_reported(store_url: str) -> None:
    database = open_catalogue(store_url, HOSTED)
    with database.write() as connection:
        connection.run("UPDATE alembic_version SET version_num = 'z999'")
    database.close()
    assert "written by a later version of ctibutler" in unusable(lambda: open_catalogue(store_url, HOSTED))
    again = Database(store_url)
    with again.write() as connection:
        assert connection.value("SELECT version_num FROM alembic_version") == "z999"
        connection.run("UPDATE alembic_version SET version_num = :current", current=CURRENT)
    again.close()
    open_catalogue(store_url, HOSTED).close()


@pytest.mark.parametrize(
    "what", [b"PK\x03\x04 no database at all" * 500, b"\x00" * 5000, b"SQLite format 3\x00" + b"x" * 9000]
)
def test_a_file_that_is_not_a_database_is_left_unchanged_and_reported(tmp_path: Path, what: bytes) -> None:
    path = tmp_path / "report.docx"
    path.write_bytes(what)
    message = unusable(lambda: open_catalogue(f"sqlite:///{path}", HOSTED))
    assert str(path) in message
    assert "not a database" in message
    assert path.read_bytes() == what


def test_a_damaged_database_is_reported_as_damaged(tmp_path: Path, sqlite_url: str, opened: Open) -> None:
    database = open_catalogue(sqlite_url, HOSTED)
    imported(database, many_tools(400, 1))
    database.close()
    path = tmp_path / "store.sqlite"
    whole = path.read_bytes()
    path.write_bytes(whole[: 8192 * 2] + b"\xa5" * (len(whole) - 8192 * 2))
    damaged = Database(sqlite_url)
    assert "malformed" in unusable(lambda: content(damaged))
    damaged.close()


def test_the_message_about_a_folder_that_cannot_be_made_or_opened_names_it(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert f"{file}: the folder cannot be created" in unusable(
        lambda: open_catalogue(f"sqlite:///{file}/store.sqlite", HOSTED)
    )
    folder = tmp_path / "folder"
    folder.mkdir()
    assert str(folder) in unusable(lambda: open_catalogue(f"sqlite:///{folder}", HOSTED))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://somebody:pass-word-1@127.0.0.1:1/nothing",
        "postgresql://somebody@127.0.0.1:1/nothing?password=pass-word-1",
        "postgresql://somebody@127.0.0.1:1/nothing?sslpassword=pass-word-1",
    ],
)
def test_the_message_about_an_unusable_url_does_not_show_the_password(url: str) -> None:
    message = unusable(lambda: open_catalogue(url, HOSTED))
    assert "pass-word-1" not in message


def test_a_version_of_sqlite_that_can_damage_databases_is_refused(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sqlite3.sqlite_version_info >= SAFE_SQLITE:
        pytest.skip(f"the standard library's SQLite {sqlite3.sqlite_version} is new enough")
    monkeypatch.setattr(sqlite, "sqlite_module", sqlite3)
    message = unusable(lambda: open_catalogue(sqlite_url, HOSTED))
    assert message.startswith(f"SQLite {sqlite3.sqlite_version} can damage a database that two processes use")
    assert "install the package pysqlite3, or set CTIBUTLER_DATABASE_URL" in message


def test_a_database_that_stays_locked_is_reported(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 1)
    database = open_catalogue(sqlite_url, HOSTED)
    imported(database, small_bundle_bytes())
    before = content(database)
    holder: sqlite3.Connection = database.driver.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert "database is locked" in unusable(lambda: imported(database, many_tools(10, 1), label="9.9"))
    assert "database is locked" in unusable(lambda: ask_for(database, "tlp", "2"))
    assert content(database) == before, "reading still works"
    holder.execute("ROLLBACK")
    holder.close()
    imported(database, many_tools(10, 1), label="9.9")
    database.close()


# A disk that is full.


def _one_job_with_little_room(url: str, room: int, results: Any) -> None:
    """Run one job in a process that cannot write files larger than this."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    database = Database(url)
    try:
        worker_of(database, settings_of(url, "", job_lease_seconds=30)).run_next()
    except StoreUnavailable as failure:
        results.put(str(failure))
    else:
        results.put("no failure")


def test_a_full_disk_is_reported_and_the_store_is_unchanged(tmp_path: Path, sqlite_url: str, opened: Open) -> None:
    database = opened(sqlite_url)
    imported(database, small_bundle_bytes())
    large = tmp_path / "large.json"
    large.write_bytes(many_tools(3000, 1))
    from ctibutler.requesting import InstallRequest, add_install

    with database.note() as connection:
        job_id = add_install(connection, HOSTED.named("attack-ics"), InstallRequest("9.9", file=str(large))).id
    before = content(database)
    for attempt in (1, 2, 3):
        results = CONTEXT.SimpleQueue()
        with running(_one_job_with_little_room, sqlite_url, 1_500_000, results) as process:
            sentence = results.get()
            process.join(60)
            assert process.exitcode == 0
        results.close()
        assert sentence.startswith("sqlite:///")
        assert "the database cannot be used: " in sentence
        assert "full" in sentence or "I/O" in sentence
        assert content(database) == before
        assert job_of(database, job_id).attempts == attempt
        let_leases_run_out(database)
    ended = job_of(database, job_id)
    assert (ended.state, list(ended.errors)) == ("failed", [sentence])
    with database.read() as connection:
        assert connection.value("PRAGMA integrity_check") == "ok"
    imported(database, large.read_bytes(), label="9.9")
    assert list(check(database, HOSTED)) == []


# A database with many users.


def _open_at_once(url: str, start: Any, results: Any) -> None:
    start.wait(60)
    try:
        open_catalogue(url, HOSTED).close()
    except Exception as failure:
        results.put(repr(failure))
    else:
        results.put("")


def test_several_processes_can_create_one_database_at_the_same_moment(bare_url: str) -> None:
    start, results = CONTEXT.Event(), CONTEXT.SimpleQueue()
    processes = [CONTEXT.Process(target=_open_at_once, args=(bare_url, start, results), daemon=True) for _ in range(4)]
    for process in processes:
        process.start()
    start.set()
    assert [results.get() for _ in processes] == [""] * 4
    for process in processes:
        process.join(60)
        process.close()
    results.close()
    database = open_catalogue(bare_url, HOSTED)
    with database.read() as connection:
        assert connection.value("SELECT count(*) FROM catalogue") == 1
    assert list(check(database, HOSTED)) == []
    database.close()


def _ask_and_read(url: str, seconds: float, results: Any) -> None:
    """Read everything, request jobs and remove releases for some seconds, in a process of its own."""
    from ctibutler.errors import Busy, NotFound
    from ctibutler.importing.removal import remove_release

    database, dice = Database(url), random.Random()
    until, wrong, looks = time.monotonic() + seconds, "", 0
    try:
        while time.monotonic() < until:
            kb, label = dice.choice([("tlp", "1"), ("tlp", "2"), ("location", "1.0"), ("sector", "1.0")])
            if len(unended(database)) < 4:
                ask_for(database, kb, label, force=dice.random() < 0.5)
            with suppress(Busy, NotFound):
                remove_release(database, HOSTED.named(kb), dice.choice(["1", "1.0", "2"]))
            content(database)
            looks += 1
    except Exception as failure:
        wrong = repr(failure)
    database.close()
    results.put((looks, wrong))


def test_a_store_stays_intact_while_many_processes_read_and_write(store_url: str, opened: Open) -> None:
    database = opened(store_url)
    results = CONTEXT.SimpleQueue()
    with working(store_url, ""), working(store_url, ""):
        processes = [
            CONTEXT.Process(target=_ask_and_read, args=(store_url, 3.0, results), daemon=True) for _ in range(3)
        ]
        for process in processes:
            process.start()
        reports = [results.get() for _ in processes]
        for process in processes:
            process.join(60)
            process.close()
        results.close()
        until = time.monotonic() + 60
        while unended(database):
            assert time.monotonic() < until
            time.sleep(0.05)
    assert [wrong for _, wrong in reports] == ["", "", ""]
    assert all(looks > 0 for looks, _ in reports)
    assert list(check(database, HOSTED)) == []
    with database.read() as connection:
        assert {(job.state, *job.errors) for job in jobs.all_jobs(connection)} == {("completed",)}
        if database.engine == "sqlite":
            assert connection.value("PRAGMA integrity_check") == "ok"


def test_two_processes_can_import_into_one_knowledge_base_at_once(store_url: str, opened: Open) -> None:
    database = opened(store_url)
    results = CONTEXT.SimpleQueue()
    processes = [
        CONTEXT.Process(target=_import_some, args=(store_url, seed, results), daemon=True) for seed in range(1, 4)
    ]
    for process in processes:
        process.start()
    assert [results.get() for _ in processes] == [""] * 3
    for process in processes:
        process.join(60)
        process.close()
    results.close()
    assert not orphans(database)
    with database.read() as connection:
        assert [release.label for release in releases.installed(connection)] == ["3", "2", "1"]
        assert connection.value("SELECT count(*) FROM object") == 3 * 80


def _import_some(url: str, seed: int, results: Any) -> None:
    database = Database(url)
    try:
        imported(database, many_tools(80, seed), label=str(seed))
    except Exception as failure:
        results.put(repr(failure))
    else:
        results.put("")
    database.close()


def test_an_open_reader_can_read_objects_installed_after_everything_was_removed(store_url: str, opened: Open) -> None:
    """Bodies are packed with a dictionary that readers cache: they must not mistake the next one for it."""
    writer, reader = opened(store_url), opened(store_url)
    imported(writer, many_tools(200, 1), "attack-ics")
    first = content(reader)["bodies"]
    truncate(writer, HOSTED.named("attack-ics"))
    imported(writer, many_tools(200, 2), "attack-mobile")
    second = content(reader)["bodies"]
    assert len(first) == len(second) == 200
    assert all(b"tool--00000000-0000-4000-8000-0002" in body for _, body in second)
    truncate(writer, HOSTED.named("attack-mobile"))
    assert not orphans(writer)
