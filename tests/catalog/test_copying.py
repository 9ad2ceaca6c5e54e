"""Backups, restores and copies contain everything, on either engine, and are whole or not there."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ctibutler.catalog import backups, copying, jobs, releases
from ctibutler.catalog.access import keys
from ctibutler.catalog.checking import check
from ctibutler.catalog.copying import copy
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.engine.migrations import bring_up_to_date
from ctibutler.catalog.tables import TABLES
from ctibutler.errors import Busy, NotFound, Problem, StoreUnavailable
from ctibutler.importing.removal import remove_release
from ctibutler.knowledge_bases import HOSTED
from ctibutler.requesting import InstallRequest, add_install
from tests.catalog.test_checking import WEAKNESSES, fill
from tests.catalogue import Catalogues, install, made_content
from tests.faults.stores import content, difference

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.server)]


@pytest.fixture
def full(catalogues: Catalogues) -> Database:
    database = catalogues.empty()
    fill(database)
    claimed = jobs.claim(database, "nobody", -1)
    assert claimed is not None
    with database.note() as connection:
        jobs.complete(connection, claimed)
    return database


@pytest.fixture(params=ENGINES)
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty catalogue, on each engine in turn."""
    with Catalogues(request.param, tmp_path) as made:
        yield made.empty()


def assert_same(one: Database, two: Database) -> None:
    assert list(check(two, HOSTED)) == []
    with one.read() as first, two.read() as second:
        for table in TABLES:
            # Keys of words and dictionaries may change. `content`, below, compares what they stand for.
            if (
                table.travels
                and table.name != "dictionary"
                and not {"word", "dictionary"} & {*table.refers_to.values()}
            ):
                order = f"SELECT * FROM {table.name} ORDER BY {', '.join(table.key)}"
                assert [row._asdict() for row in first.rows(order)] == [row._asdict() for row in second.rows(order)]
    ours, theirs = content(one), content(two)
    if one.engine != two.engine:
        del ours["texts"]
    assert difference(theirs, ours) == ""


def test_a_copy_has_everything_on_either_engine(full: Database, other: Database) -> None:
    report = copy(full, other)
    assert report.rows["release"] == 4
    assert report.rows["job"] == 1
    assert keys(other) == keys(full)
    assert_same(full, other)


def test_a_restored_backup_has_everything_on_either_engine(full: Database, other: Database, tmp_path: Path) -> None:
    path = tmp_path / "backup"
    backups.back_up(full, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in tmp_path.iterdir() if "backup" in found.name] == ["backup"]
    backups.restore(path, other, HOSTED)
    assert_same(full, other)


def test_a_catalogue_that_is_not_empty_is_replaced_only_when_asked(full: Database, catalogues: Catalogues) -> None:
    other = catalogues.empty()
    install(other, "cwe@4.12", made_content(WEAKNESSES[10:65]))
    install(other, "tlp@1")
    before = content(other)
    with pytest.raises(Problem, match="is not empty; --replace"):
        copy(full, other)
    assert difference(content(other), before) == ""
    copy(full, other, replace=True)
    assert_same(full, other)


def test_servers_that_use_a_catalogue_notice_that_it_was_replaced(full: Database, catalogues: Catalogues) -> None:
    other = catalogues.empty()
    install(other, "tlp@1")
    install(other, "cwe@4.12", made_content(WEAKNESSES[10:65]))
    # A server has read words and dictionaries of the old content, which it keeps by their keys.
    with other.read() as connection:
        before, word = releases.revision(connection), connection.key("weakness")
        rows = connection.rows("SELECT dictionary_key, content FROM body")
        assert all(connection.content(row.dictionary_key, row.content) for row in rows)
    server = catalogues.again(other)
    with server.read() as connection:
        assert connection.key("weakness") == word
        assert all(connection.content(row.dictionary_key, row.content) for row in rows)
    copy(full, other, replace=True)
    with server.read() as connection:
        assert releases.revision(connection) > before
    assert list(check(server, HOSTED)) == []
    # Keys of dictionaries that come later are new as well.
    install(
        server,
        "atlas@1",
        made_content(
            [{**weakness, "type": "x", "id": f"x--{number}"} for number, weakness in enumerate(WEAKNESSES[:-1])]
        ),
    )
    assert list(check(other, HOSTED)) == []


def test_a_catalogue_in_which_a_job_runs_is_not_replaced(full: Database, catalogues: Catalogues) -> None:
    other = catalogues.empty()
    with other.note() as connection:
        add_install(connection, HOSTED.named("tlp"), InstallRequest("1"))
    assert jobs.claim(other, "worker", 60) is not None
    with pytest.raises(Busy, match="is running in"):
        copy(full, other, replace=True)


def test_a_copy_that_fails_leaves_nothing(full: Database, other: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    before = content(other)
    for failing in ("_written", "_copy_table", "_add_words"):
        with monkeypatch.context() as patch:
            patch.setattr(copying, failing, lambda *_: (_ for _ in ()).throw(OSError("no")))
            with pytest.raises(OSError, match="no"):
                copy(full, other)
        assert difference(content(other), before) == ""
        assert list(check(other, HOSTED)) == []
    copy(full, other)


def test_what_was_written_is_compared_with_what_was_read(
    full: Database, catalogues: Catalogues, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose_one(connection: Connection, table: str, columns: Sequence[str], rows: list[tuple[object, ...]]) -> None:
        insert(connection, table, columns, rows[1:] if table == "field" else rows)

    insert = Connection.insert
    monkeypatch.setattr(Connection, "insert", lose_one)
    other = catalogues.empty()
    with pytest.raises(StoreUnavailable, match="the rows of field are not those that were copied"):
        copy(full, other)
    assert not any(content(other).values())


def test_a_backup_that_fails_leaves_no_file(full: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    monkeypatch.setattr(backups, "copy", lambda *_, **__: (_ for _ in ()).throw(OSError("no")))
    with pytest.raises(OSError, match="no"):
        backups.back_up(full, folder / "one")
    assert list(folder.iterdir()) == []


def test_a_file_that_exists_is_not_overwritten(full: Database, tmp_path: Path) -> None:
    path = tmp_path / "backup"
    path.write_text("precious")
    with pytest.raises(Problem, match="already exists"):
        backups.back_up(full, path)
    assert path.read_text() == "precious"
    with pytest.raises(Problem, match="is not a folder"):
        backups.back_up(full, tmp_path / "missing" / "backup")


def test_what_is_not_a_backup_is_refused(other: Database, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no such file"):
        backups.restore(tmp_path / "missing", other, HOSTED)
    (tmp_path / "text").write_text("text")
    with pytest.raises(StoreUnavailable):
        backups.restore(tmp_path / "text", other, HOSTED)
    (tmp_path / "empty").touch()
    with pytest.raises(StoreUnavailable, match="not a backup of ctibutler"):
        backups.restore(tmp_path / "empty", other, HOSTED)
    assert list(check(other, HOSTED)) == []


def test_a_backup_of_an_earlier_version_is_restored_and_stays_as_it_is(other: Database, tmp_path: Path) -> None:
    path = tmp_path / "old"
    old = Database(f"sqlite:///{path}")
    bring_up_to_date(old, {}, "a003")
    with old.note() as connection:
        connection.run("INSERT INTO api_key (name, hash, can_write, created) VALUES ('old', 'x', 0, 1)")
    old.close()
    before = path.read_bytes()
    backups.restore(path, other, HOSTED)
    assert [key.name for key in keys(other)] == ["old"]
    assert path.read_bytes() == before


def test_a_backup_from_a_folder_that_cannot_be_written_is_restored(
    full: Database, other: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "medium"
    folder.mkdir()
    backups.back_up(full, folder / "backup")
    (folder / "backup").chmod(0o400)
    folder.chmod(0o500)
    try:
        backups.restore(folder / "backup", other, HOSTED)
    finally:
        folder.chmod(0o700)
    assert_same(full, other)


def test_backups_made_while_releases_come_and_go_are_whole(catalogues: Catalogues, tmp_path: Path) -> None:
    database = catalogues.empty()
    fill(database)
    stop = threading.Event()
    failures: list[BaseException] = []

    def change() -> None:
        own = catalogues.again(database)
        try:
            while not stop.is_set():
                install(own, "cwe@4.15", made_content(WEAKNESSES[5:]))
                remove_release(own, HOSTED.named("cwe"), "4.15")
        except BaseException as failure:  # reported below
            failures.append(failure)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for number in range(3):
            path = tmp_path / f"backup{number}"
            backups.back_up(database, path)
            made = Database(f"sqlite:///{path}", read_only=True)
            assert list(check(made, HOSTED)) == []
            made.close()
    finally:
        stop.set()
        thread.join()
    assert failures == []
