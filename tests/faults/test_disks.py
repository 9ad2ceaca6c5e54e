"""Disks that are full, folders that vanish, files that may only be read, and places that are no database."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.engine.urls import DatabaseUrl
from tests.catalogue import POSTGRES_URL, catalogue_with, install
from tests.cli.command import Command, Outcome
from tests.faults.processes import ask_for
from tests.faults.stores import content, orphans
from tests.server.serving import Server, running

Open = Callable[[str], Database]
SMALL = ("tlp@1", "tlp@2", "location@1.0")
READINESS, OBJECTS = "/api/readiness/", "/api/v1/tlp/objects/"


def refused(server: Server, method: str, path: str, sentence: str, body: object = None) -> None:
    answer = server.client.request(method, path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (503, 503)
    assert sentence in answer.json()["details"]["error"]
    assert answer.headers["retry-after"]


def unready(server: Server, reason: str) -> None:
    answer = server.get(READINESS)
    assert answer.status_code == 503
    assert answer.json()["status"] == "unavailable"
    assert reason in answer.json()["reason"]
    assert "sqlite" not in answer.text, "no place and no name"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Server]:
    """A server on SQLite, in a folder of its own."""
    folder = tmp_path / "data"
    folder.mkdir()
    with catalogue_with("sqlite", folder, *SMALL) as database, running(database) as server:
        assert server.get(READINESS).json()["status"] == "ready"
        assert server.get(OBJECTS).status_code == 200
        yield server


# A folder that vanishes.


def test_a_server_whose_folder_was_deleted_says_so_and_changes_nothing(served: Server, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "data")
    unready(served, "deleted or replaced")
    refused(served, "POST", "/api/v1/tlp/", "deleted or replaced", {"version": "1"})
    refused(served, "DELETE", "/api/v1/tlp/truncate/", "deleted or replaced")
    refused(served, "GET", f"{OBJECTS}?page_size=3", "deleted or replaced")
    assert served.get("/api/healthcheck/").status_code == 204
    assert not (tmp_path / "data").exists(), "no new database is made in its place"


def test_a_server_does_not_take_another_file_for_its_database(served: Server, tmp_path: Path) -> None:
    [path] = (tmp_path / "data").glob("*.sqlite")
    path.rename(tmp_path / "elsewhere")
    unready(served, "deleted or replaced")
    refused(served, "DELETE", "/api/v1/tlp/truncate/", "deleted or replaced")
    assert not path.exists()
    path.write_bytes(b"")
    unready(served, "deleted or replaced")
    path.unlink()
    (tmp_path / "elsewhere").rename(path)
    assert served.get(READINESS).status_code == 200, "it is back"
    assert served.total(OBJECTS) == 5


def test_a_worker_whose_folder_was_deleted_says_so(tmp_path: Path) -> None:
    command = Command(tmp_path)
    command.done("install", "tlp@1")
    worker = command.start("worker")
    try:
        assert worker.stdout is not None
        assert "worker on" in worker.stdout.readline()
        shutil.rmtree(tmp_path / "data")
        assert worker.stderr is not None
        assert any("deleted or replaced while it was open" in line for line in worker.stderr)
    finally:
        worker.terminate()
        worker.communicate(timeout=60)


# A disk that is full.


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[Path]:
    """A disk of this size; skips the test where none can be mounted."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "none", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a disk can only be mounted by root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Fill a disk to the last byte."""
    path = folder / "rubbish"
    with path.open("ab", buffering=0) as file:
        for size in (1024 * 1024, 4096, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue
    assert shutil.disk_usage(folder).free < 4096
    return path


def on_small_disk(tmp_path: Path, disk: Path) -> Command:
    return replace(Command(tmp_path), database=f"sqlite:///{disk}/store.sqlite")


def test_a_full_disk_is_reported_and_releases_can_be_removed(tmp_path: Path, opened: Open) -> None:
    with small_disk(tmp_path / "disk", 64) as disk:
        command = on_small_disk(tmp_path, disk)
        with running(opened(command.database)) as server:
            for name in SMALL:
                install(server.database, name)
            rubbish = fill(disk)
            unready(server, "full")
            assert server.total(OBJECTS) == 5, "what is there can be read"
            before = content(server.database)
            outcome = command("install", "sector")
            assert outcome.code == 1
            assert "full" in outcome.stderr
            assert "Traceback" not in outcome.stderr
            assert content(server.database) == before
            answer = server.client.delete("/api/v1/tlp/versions/1/")
            assert answer.status_code == 204, answer.text
            assert server.get("/api/v1/tlp/versions/installed/").json()["versions"] == ["2"]
            assert "removed" in command.done("remove", "location@1.0").stdout
            assert not orphans(server.database)
            rubbish.unlink()
            assert server.get(READINESS).status_code == 200
            command.done("install", "sector")


def test_a_command_can_remove_a_release_that_fills_the_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 64) as disk:
        command = on_small_disk(tmp_path, disk)
        command.done("install", "location", "tlp@all")
        fill(disk)
        assert command.done("status", "--json").json["jobs"]["completed"] == 3
        assert "removed" in command.done("remove", "location@1.0").stdout
        assert "location" not in command("list", "location").stdout
        assert command("list", "location").code == 1


def test_a_failed_installation_on_a_full_disk_leaves_no_job_that_runs(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 64) as disk:
        command = on_small_disk(tmp_path, disk)
        command.done("install", "tlp@all")
        fill(disk)
        assert command("install", "location").code == 1
        (disk / "rubbish").unlink()
        assert command.done("status", "--json").json["jobs"]["processing"] == 0
        command.done("install", "location")


def test_the_reserve_never_fills_a_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 8) as disk:
        command = on_small_disk(tmp_path, disk)
        command.done("install", "tlp@1")
        assert not (disk / "store.sqlite-reserve").exists()


# Permissions.


def test_only_the_owner_can_read_a_new_database(tmp_path: Path, opened: Open) -> None:
    before = os.umask(0)
    try:
        database = opened(f"sqlite:///{tmp_path}/new/store.sqlite")
        install(database, "tlp@2")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").iterdir()}
        assert modes == {f"store.sqlite{end}": 0o600 for end in ("", "-wal", "-shm", "-reserve")}
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    finally:
        os.umask(before)


class Obedient(Command):
    """The command, run by somebody who has to respect permissions: root without its privilege to ignore them."""

    def words(self, *arguments: object) -> list[str]:
        """The words of the command line."""
        plain = super().words(*arguments)
        if os.geteuid():
            return plain
        return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", *plain]

    def run(self, *arguments: object) -> Outcome:
        process = self.start(*arguments)
        stdout, stderr = process.communicate(timeout=120)
        assert "Traceback" not in stderr
        return Outcome(process.returncode, stdout, stderr)


@contextmanager
def read_only(folder: Path, how: str) -> Iterator[None]:
    """Make a data folder one that can only be read."""
    path = folder / "ctibutler.sqlite"
    if how == "mount":
        place = str(folder)
        mounts = (["mount", "--bind", place, place], ["mount", "-o", "remount,ro,bind", place])
        if os.geteuid() or any(subprocess.run(mount, capture_output=True).returncode for mount in mounts):
            pytest.skip("only root can mount")
    elif not os.geteuid() and shutil.which("setpriv") is None:
        pytest.skip("root ignores permissions, and there is no setpriv to change that")
    elif how == "file":
        path.chmod(0o400)
    else:
        folder.chmod(0o500)
    try:
        yield
    finally:
        if how == "mount":
            subprocess.run(["umount", "--lazy", folder], check=True)
        folder.chmod(0o700)
        path.chmod(0o600)


@pytest.mark.parametrize("how", ["file", "folder", "mount"])
def test_a_catalogue_that_can_only_be_read_is_read(tmp_path: Path, how: str) -> None:
    Command(tmp_path).done("install", "tlp@1")
    command = Obedient(tmp_path)
    with read_only(tmp_path / "data", how):
        for words in (["get", "tlp:red", "--json"], ["list", "tlp"], ["status"], ["versions", "tlp"]):
            outcome = command.run(*words)
            assert outcome.code == 0, (words, outcome.stderr)
        for words in (["install", "tlp@2"], ["remove", "tlp@1"], ["keys", "add", "somebody"]):
            outcome = command.run(*words)
            assert outcome.code == 1
            assert outcome.stderr.count("\n") == 1
            assert "readonly" in outcome.stderr
        _assert_served(command)
    Command(tmp_path).done("install", "tlp@2")


def _assert_served(command: Command) -> None:
    from tests.cli.test_serving import answer_of, eventually, free_port

    port = free_port()
    serve = command.start("serve", "--port", port)
    try:
        eventually(lambda: answer_of(port, "/api/healthcheck/") is not None)
        assert answer_of(port, OBJECTS)["total_results_count"] > 0
        assert answer_of(port, READINESS)["status"] == "ready"
        refusal = answer_of(port, "/api/v1/tlp/", "POST", {"version": "2"})
        assert (refusal["code"], refusal["details"]) == (503, {"error": "the catalogue can only be read here"})
    finally:
        serve.terminate()
        serve.communicate(timeout=60)


def test_a_reader_sees_what_the_owner_of_a_catalogue_changes(tmp_path: Path) -> None:
    """A reader who may write nothing takes the file for unchangeable until it changes."""
    from ctibutler.catalog.engine import sqlite

    path = tmp_path / "store.sqlite"
    owner = Database(f"sqlite:///{path}")
    Command(tmp_path, database=f"sqlite:///{path}").done("install", "tlp@1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite, "_is_unchangeable", lambda place: not sqlite._has_log(place))
        reader = Database(f"sqlite:///{path}")
        count = "SELECT count(*) FROM release"
        with reader.read() as connection:
            assert connection.value(count) == 1
        patch.undo()
        Command(tmp_path, database=f"sqlite:///{path}").done("install", "tlp@2")
        patch.setattr(sqlite, "_is_unchangeable", lambda place: not sqlite._has_log(place))
        with reader.read() as connection:
            assert connection.value(count) == 2
    reader.close()
    owner.close()


# Places that are no database.


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://u@no-such-host.invalid/x", "no-such-host.invalid"),
        ("postgresql://u@127.0.0.1:1/x", "Connection refused"),
        ("oracle://u@127.0.0.1/x", "`oracle` is neither sqlite nor postgresql"),
        ("nonsense", "expected a URL such as sqlite:///"),
        ("sqlite://", "SQLite needs a file"),
        ("sqlite://host/x", "SQLite needs a file"),
        ("sqlite:///{folder}", "is a folder"),
        ("sqlite:///{folder}/text", "file is not a database"),
        ("sqlite:///{folder}/text/x", "the folder cannot be created"),
    ],
)
def test_a_database_url_that_leads_nowhere_is_one_clear_line(tmp_path: Path, url: str, said: str) -> None:
    (tmp_path / "text").write_text("no database " * 100)
    outcome = replace(Command(tmp_path), database=url.format(folder=tmp_path))("status")
    assert outcome.code in (1, 2)
    assert said in outcome.stderr
    assert outcome.stderr.count("\n") == 1


@pytest.mark.server
def test_a_database_that_the_server_does_not_have_is_one_clear_line(tmp_path: Path) -> None:
    if not POSTGRES_URL:
        pytest.skip("no PostgreSQL (CTIBUTLER_TEST_POSTGRES_URL, as `scripts/services postgres` prints it)")
    there = DatabaseUrl.parse(POSTGRES_URL)
    stranger = replace(there, server=f"nobody-29:wrong@{there.server.rpartition('@')[2]}")
    for url, said in ((there.with_name("nothing_29"), "nothing_29"), (stranger, "nobody-29")):
        outcome = replace(Command(tmp_path), database=url.text)("status")
        assert outcome.code == 1
        assert said in outcome.stderr
        assert "wrong" not in outcome.stderr
        assert outcome.stderr.count("\n") == 1


def test_ask_for_and_readers_share_one_file(store_url: str, opened: Open) -> None:
    first, second = opened(store_url), opened(store_url)
    job_id = ask_for(first, "tlp", "2")
    with second.read() as connection:
        assert connection.value("SELECT job_id FROM job") == job_id
