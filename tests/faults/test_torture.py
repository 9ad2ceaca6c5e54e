"""Whatever is killed at whatever moment, the catalogue is whole, and what was reported as done is there.

A plain run does a few rounds. `make torture ROUNDS=1000` does as many as wanted, ATT&CK Enterprise among them.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from ctibutler.catalog.checking import check
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.opening import open_catalogue
from ctibutler.errors import NotFound, StoreUnavailable
from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.links import CWE_CAPEC
from ctibutler.requesting import request_links
from tests.catalogue import Catalogues
from tests.faults.own_postgres import OwnPostgres, own_postgres
from tests.faults.processes import CONTEXT, ask_for, let_leases_run_out
from tests.shared import shared_path

ROUNDS = int(os.environ.get("CTIBUTLER_TEST_TORTURE_ROUNDS", "5"))
SEED = int(os.environ.get("CTIBUTLER_TEST_TORTURE_SEED", "0")) or random.randrange(2**32)
SMALL = ("attack-ics@17.1", "attack-ics@18.1", "capec@3.9", "atlas@4.9.0", "tlp@2", "disarm@1.6", "cwe@4.14")
LARGE = ("attack-enterprise@17.1", "attack-enterprise@18.1")
# In long runs one round in so many is about Enterprise.
LARGE_ONE_IN = 12

pytestmark = [pytest.mark.real, pytest.mark.timeout(max(600, ROUNDS * 60))]


def _command(environment: dict[str, str], arguments: list[str]) -> None:
    """Run a command of ctibutler as its own process would."""
    from ctibutler.cli.application import end_of

    os.environ.update(environment)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os._exit(end_of(HOSTED, arguments))


@dataclass(frozen=True)
class Deed:
    """Something that is killed: its command, and which sets of releases may be installed afterwards."""

    arguments: list[str]
    undone: frozenset[str]
    done: frozenset[str]


class Torture:
    """One catalogue, and what is done to it."""

    def __init__(self, url: str, folder: Path, server: OwnPostgres | None = None) -> None:
        self.url = url
        self.folder = folder
        self.server = server
        self.dice = random.Random(SEED)
        self.kills = 0
        self.server_was_killed = False
        self._seconds: dict[str, float] = {}
        self._saved: frozenset[str] | None = None
        self._environment = {
            "CTIBUTLER_DATABASE_URL": url,
            "CTIBUTLER_BUCKET": str(shared_path("kb")),
            "CTIBUTLER_DATA_DIR": str(folder),
            "CTIBUTLER_UPDATE_DAYS": "0",
        }

    def installed(self) -> frozenset[str]:
        database = Database(self.url)
        with database.read() as connection:
            rows = connection.rows("SELECT knowledge_base, label FROM release")
        database.close()
        return frozenset(f"{row.knowledge_base}@{row.label}" for row in rows)

    def run_round(self) -> None:
        """Do something, kill it at some moment, and look at what is left."""
        before = self.installed()
        deed = self._chosen(before)
        finished = self._killed(deed)
        if self.server is not None and self.server_was_killed:
            self.server.start()
        self._require_whole(deed, finished)

    def _chosen(self, before: frozenset[str]) -> Deed:
        names = LARGE if ROUNDS > 100 and self.dice.randrange(LARGE_ONE_IN) == 0 else SMALL
        missing = sorted({*names} - before)
        kind = self.dice.choice(["install", "worker", "link", "remove", "api", "backup", "copy", "restore"])
        if not before:
            kind = self.dice.choice(["install", "worker"])
        if kind in ("install", "worker"):
            name = self.dice.choice(missing or names)
            force = [] if missing else ["--force"]
            done = before | {name}
            if kind == "install":
                return Deed(["install", name, *force], before, done)
            self._with_database(lambda database: ask_for(database, *name.split("@"), force=bool(force)))
            return Deed(["worker"], before, done)
        if kind == "link":
            self._with_database(_ask_for_links)
            return Deed(["worker"], before, before)
        if kind in ("remove", "api"):
            name = self.dice.choice(sorted(before))
            return Deed([kind, name], before, before - {name})
        if kind == "restore" and self._saved is not None:
            return Deed(["restore", "--replace", str(self.folder / "saved")], before, self._saved)
        if kind == "copy":
            for old in self.folder.glob("copied*"):
                old.unlink()
            return Deed(["copy", "--to", f"sqlite:///{self.folder / 'copied'}"], before, before)
        (self.folder / "backup").unlink(missing_ok=True)
        return Deed(["backup", str(self.folder / "backup")], before, before)

    def _with_database(self, what: Callable[[Database], object]) -> None:
        database = Database(self.url)
        what(database)
        database.close()

    def _killed(self, deed: Deed) -> bool:
        """Run a deed and kill it, or the server below it. Return whether it had ended well before."""
        name = deed.arguments[0]
        port = _free_port()
        arguments = ["serve", "--port", str(port)] if name == "api" else deed.arguments
        self.server_was_killed = False
        process = CONTEXT.Process(target=_command, args=(self._environment, arguments), daemon=True)
        began = time.monotonic()
        process.start()
        caller = threading.Thread(target=_remove_over_http, args=(port, deed.arguments[-1]), daemon=True)
        if name == "api":
            _wait_for(port)
            caller.start()
            patience = 0.3 * self.dice.random()
        else:
            patience = 1.2 * self._seconds.get(name, 2.0) * self.dice.random()
        process.join(patience)
        if process.exitcode is None:
            self.kills += 1
            if self.server is not None and self.dice.random() < 0.5:
                self.server.kill()
                self.server_was_killed = True
                process.join(0.2 * self.dice.random())
            process.kill()
        elif name != "worker":
            self._seconds[name] = time.monotonic() - began
        process.join()
        if caller.is_alive():
            caller.join(30)
        code = process.exitcode
        process.close()
        assert code in (0, 1, -9), f"{deed.arguments} ended with {code}"
        return code == 0

    def _require_whole(self, deed: Deed, finished: bool) -> None:
        database = open_catalogue(self.url, HOSTED)
        findings = list(check(database, HOSTED))
        let_leases_run_out(database)
        with database.note() as connection:
            connection.run("DELETE FROM job")
        database.close()
        assert findings == [], f"seed {SEED}: {deed.arguments}"
        now = self.installed()
        allowed = {deed.done} if finished and deed.arguments[0] != "worker" else {deed.done, deed.undone}
        assert now in allowed, f"seed {SEED}: {deed.arguments}: {sorted(now)}"
        for name in ("backup", "copied"):
            self._require_whole_copy(self.folder / name, now)

    def _require_whole_copy(self, path: Path, content: frozenset[str]) -> None:
        """A backup is whole, or not there. A copy that was begun is empty, or whole."""
        if not path.exists():
            return
        try:
            copied = open_catalogue(f"sqlite:///{path}", HOSTED)
        except StoreUnavailable:
            assert path.name == "copied"
            return
        assert list(check(copied, HOSTED)) == []
        with copied.read() as connection:
            count = int(connection.value("SELECT count(*) FROM release"))
        copied.close()
        assert count in ((len(content),) if path.name == "backup" else (0, len(content)))
        if path.name == "backup":
            shutil.move(path, self.folder / "saved")
            self._saved = content
        else:
            for old in self.folder.glob("copied*"):
                old.unlink()


def _ask_for_links(database: Database) -> None:
    with suppress(NotFound):  # nothing to link from
        request_links(database, CWE_CAPEC)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError("the server does not start")


def _remove_over_http(port: int, name: str) -> None:
    kb, _, label = name.partition("@")
    with suppress(httpx2.HTTPError):
        httpx2.delete(f"http://127.0.0.1:{port}/api/v1/{kb}/versions/{label}/", timeout=30)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server), "killed postgresql"])
def torture(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Torture]:
    if request.param == "killed postgresql":
        with own_postgres() as server:
            yield Torture(server.url, tmp_path, server)
        return
    with Catalogues(request.param, tmp_path) as made:
        database = made.empty()
        database.close()
        yield Torture(database.url.text, tmp_path)


def test_a_catalogue_is_whole_whatever_is_killed(torture: Torture) -> None:
    open_catalogue(torture.url, HOSTED).close()
    for number in range(ROUNDS):
        torture.run_round()
        if ROUNDS > 20 and number % 20 == 0:
            print(f"{number + 1} rounds, {torture.kills} kills, seed {SEED}", flush=True)  # noqa: T201
    assert torture.kills > 0
