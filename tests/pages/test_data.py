"""Releases and jobs on pages: who may change something, and what keeps others from doing it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from ctibutler.catalog import access
from ctibutler.catalog import jobs as catalog_jobs
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.job_records import JobProgress
from ctibutler.catalog.jobs import MOST_ATTEMPTS
from ctibutler.stix.times import now
from tests.catalogue import Catalogues, catalogue_with
from tests.cli.test_serving import eventually
from tests.faults.processes import ask_for, settings_of, worker_of, working
from tests.pages.clients import Browser, serving
from tests.pages.conftest import BROWSER
from tests.pages.documents import Document, check
from tests.server.serving import Server
from tests.shared import shared_path


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A catalogue with both releases of TLP."""
    with catalogue_with("sqlite", tmp_path, "tlp@1", "tlp@2") as made:
        yield made


def jobs(database: Database) -> int:
    """How many jobs there are."""
    with database.read() as connection:
        return int(connection.value("SELECT count(*) FROM job"))


def test_a_release_is_installed_and_removed_by_forms(database: Database, tmp_path: Path) -> None:
    with serving(database, tmp_path) as server:
        browser = Browser(server)
        page = browser.get("/data")
        check(Document(page.text), "/data")
        assert page.headers["cache-control"] == "no-store"
        flags = page.headers["set-cookie"].lower()
        assert "httponly" in flags and "samesite=strict" in flags  # noqa: PT018
        answer = browser.send("/data/install", {"kb": "sector", "release": "1.0", "token": browser.token()})
        assert (answer.status_code, jobs(database)) == (303, 1)
        job = browser.get(answer.headers["location"])
        check(Document(job.text), answer.headers["location"])
        assert "Install sector@1.0" in job.text
        assert '<meta http-equiv="refresh" content="3">' in job.text
        removal = browser.get("/data/remove/tlp/1")
        check(Document(removal.text), "/data/remove/tlp/1")
        token = browser.token("/data/remove/tlp/1")
        wrong = browser.send("/data/remove", {"kb": "tlp", "release": "1", "typed": "tlp@2", "token": token})
        assert wrong.status_code == 400
        assert server.get("/api/v1/tlp/versions/installed/").json()["versions"] == ["2", "1"]
        right = browser.send("/data/remove", {"kb": "tlp", "release": "1", "typed": "tlp@1", "token": token})
        assert (right.status_code, right.headers["location"]) == (303, "/data")
        assert server.get("/api/v1/tlp/versions/installed/").json()["versions"] == ["2"]
        assert browser.get("/data/remove/tlp/1").status_code == 404


def test_a_job_is_followed_to_what_it_installed(database: Database, tmp_path: Path) -> None:
    with serving(database, tmp_path) as server:
        browser = Browser(server)
        form = {"kb": "sector", "release": "1.0", "token": browser.token()}
        address = browser.send("/data/install", form).headers["location"]
        missing = browser.send("/data/install", {**form, "release": "99"}).headers["location"]
        assert "pending" in browser.get(address).text
        worker_of(database, settings_of(database.url.text, "")).run_until_idle()
        done = browser.get(address).text
        assert "completed" in done
        assert 'href="/sector/1.0/"' in done
        assert "http-equiv" not in done
        assert browser.get("/sector/1.0/").status_code == 200
        failed = browser.get(missing).text
        assert "failed" in failed
        assert re.search(r'<p class="wrong">[^<]*99', failed)
        assert "Try again" in failed


def test_a_release_is_installed_removed_and_installed_again(database: Database, tmp_path: Path) -> None:
    worker = worker_of(database, settings_of(database.url.text, ""))
    with serving(database, tmp_path) as server:
        browser = Browser(server)
        installed = "/api/v1/tlp/versions/installed/"
        remove = {"kb": "tlp", "release": "2", "typed": "tlp@2"}
        assert browser.send("/data/remove", {**remove, "token": browser.token()}).status_code == 303
        assert server.get(installed).json()["versions"] == ["1"]
        assert browser.get("/tlp/2/red").status_code == 404
        form = {"kb": "tlp", "release": "2", "token": browser.token()}
        address = browser.send("/data/install", form).headers["location"]
        worker.run_until_idle()
        assert server.get(installed).json()["versions"] == ["2", "1"]
        done = Document(browser.get(address).text)
        links = {link.href for link in done.links}
        assert {"/tlp/2/", "/tlp/2/changes?since=1"} <= links
        assert "What changed since 1" in done.words
        assert browser.get("/tlp/2/changes?since=1").status_code == 200
        # The earliest release that is there has none before it to compare with.
        assert browser.send("/data/install", {**form, "release": "1"}).status_code == 303
        worker.run_until_idle()
        assert "What changed since" not in browser.get(f"/data/jobs/{newest_job(database)}").text


def newest_job(database: Database) -> str:
    with database.read() as connection:
        return str(connection.value("SELECT job_id FROM job ORDER BY created DESC LIMIT 1"))


def test_a_job_whose_worker_died_is_not_shown_as_running(database: Database, tmp_path: Path) -> None:
    bucket = shared_path("kb")
    with serving(database, tmp_path) as server:
        browser = Browser(server)
        address = f"/data/jobs/{ask_for(database, 'attack-ics', '18.1')}"
        settings = {"sources": ("bucket",), "job_lease_seconds": 3}
        for attempt in range(MOST_ATTEMPTS):
            with working(database.url.text, str(bucket), **settings) as worker:
                eventually(lambda: now_of(server)["state"] == "processing")
                assert "<progress" in browser.get(address).text
                worker.kill()
            eventually(lambda: now_of(server)["state"] == "interrupted")
            for page in ("/data", address):
                shown = browser.get(page).text
                check(Document(shown), page)
                assert "Its worker is gone" in shown
                assert "<progress" not in shown
                assert "http-equiv" in shown, "it goes on when a worker comes"
            assert attempt < MOST_ATTEMPTS
        # The next worker does not try a fourth time.
        with working(database.url.text, str(bucket), **settings):
            eventually(lambda: now_of(server)["state"] == "failed")
        failed = browser.get(address).text
        assert "its worker died three times" in failed
        assert "Try again" in failed
        assert "http-equiv" not in failed


def now_of(server: Server) -> dict[str, Any]:
    """The newest job, as scripts of the page see it."""
    [job, *_] = server.get("/data/jobs.json").json()["jobs"]
    return dict(job)


@pytest.mark.parametrize(
    ("progress", "told"),
    [
        (JobProgress("download", 0, None), "download: 0.0 MB"),
        (JobProgress("download", 1_500_000, 38_400_000), "download: 1.5 of 38.4 MB"),
        (JobProgress("parse", 0, None), "parse"),
        (JobProgress("parse", 4610, None), "parse: 4,610 objects"),
        (JobProgress("index", 4610, 7020), "index: 4,610 of 7,020 objects"),
        (JobProgress("store", 4610, 70200), "store: 4,610 of 70,200 rows"),
        (JobProgress("derive", 0, 900), "derive: 0 of 900 relationships"),
        (JobProgress("link", 3, 9), "link: 3 of 9 links"),
    ],
)
def test_progress_is_told_in_words_and_numbers(
    database: Database, tmp_path: Path, progress: JobProgress, told: str
) -> None:
    job_id = ask_for(database, "sector", "1.0")
    with serving(database, tmp_path) as server:
        job = catalog_jobs.claim(database, "a worker", 60)
        assert job is not None
        catalog_jobs.renew(database, job, 60, progress)
        assert now_of(server) == {
            "id": job_id, "state": "processing", "told": told, "done": progress.done, "total": progress.total
        }  # fmt: skip
        assert f"<span data-stage>{told}</span>" in Browser(server).get("/data").text


def test_open_jobs_come_first_then_failed_ones_and_only_the_last_twenty(database: Database, tmp_path: Path) -> None:
    ids = [ask_for(database, "sector", f"1.{number}") for number in range(25)]
    states = {3: "failed", 20: "failed", 22: "processing", 23: "completed", 24: "completed"}
    with database.note() as connection:
        for number, job_id in enumerate(ids):
            state = states.get(number, "pending" if number == 10 else "completed")
            connection.run(
                "UPDATE job SET state = :state, errors = :errors, created = :moment, lease_until = :until,"
                " lease_length = :until WHERE job_id = :job_id",
                state=state,
                errors='["it broke"]' if state == "failed" else "[]",
                moment=1_800_000_000_000_000 + number,
                until=now() * 2,
                job_id=job_id,
            )
    with serving(database, tmp_path) as server:
        document = Document(Browser(server).get("/data").text)
        rows = [row for row in document.root.iter("li") if "data-job" in row.attrib]
        order = [(ids.index(row.attrib["data-job"]), row.attrib["data-state"]) for row in rows]
    shown = range(24, 4, -1)
    assert order[:3] == [(22, "processing"), (10, "pending"), (20, "failed")]
    assert order[3:] == [(number, "completed") for number in shown if number not in (22, 10, 20)]


def test_the_store_is_told(catalogues: Catalogues, tmp_path: Path) -> None:
    database = catalogues.with_releases("tlp@2")
    with serving(database, tmp_path) as server:
        browser = Browser(server)
        words = Document(browser.get("/data").text).words
        engine = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[catalogues.engine]
        size = re.search(r"Size([\d,.]+) MB", words)
        assert f"Engine{engine}" in words
        assert size is not None
        assert 0.1 < float(size[1].replace(",", "")) < 50
        with database.read() as connection:
            assert f"Revision{connection.value('SELECT revision FROM catalogue')}" in words
        assert "Workersnone was seen" in words
        catalog_jobs.worker_seen(database, "a worker")
        assert "Workers1 running" in Document(browser.get("/data").text).words


def test_forms_of_others_change_nothing(database: Database, tmp_path: Path) -> None:
    with serving(database, tmp_path) as server:
        browser, other = Browser(server), Browser(server)
        form = {"kb": "sector", "release": "1.0", "token": browser.token()}
        for refused in (
            browser.send("/data/install", {**form, "token": ""}),
            browser.send("/data/install", {**form, "token": other.token()}),
            other.send("/data/install", form),
            Browser(server).send("/data/install", form),
            browser.send("/data/install", form, sec_fetch_site="cross-site"),
            browser.send("/data/install", form, sec_fetch_site="same-site"),
            browser.client.post("/data/install", data=form, headers={"origin": "https://evil.example"}),
            browser.send("/data/install", form, host="evil.example"),
            browser.send("/data/remove", {**form, "kb": "tlp", "release": "1", "typed": "tlp@1", "token": "x"}),
        ):
            assert refused.status_code == 403, refused.text
            assert refused.headers["content-type"].startswith("text/html")
        assert browser.client.post("/data/install", json=form).status_code == 415
        for wrong in ({"kb": "emu"}, {"release": "<b>"}, {"release": ""}):
            assert browser.send("/data/install", {**form, **wrong}).status_code in (400, 404)
        assert jobs(database) == 0
        assert browser.send("/data/install", form, x_forwarded_for="10.0.0.1").status_code == 401


@pytest.mark.parametrize(
    ("mode", "host", "reading", "changing"),
    [
        ("auto", "127.0.0.1", 200, 303),
        ("auto", "0.0.0.0", 303, 401),
        ("read-open", "127.0.0.1", 200, 401),
        ("keys", "127.0.0.1", 303, 401),
        ("read-only", "127.0.0.1", 200, 405),
        ("open", "127.0.0.1", 200, 303),
        ("read-open", "0.0.0.0", 200, 401),
        ("keys", "0.0.0.0", 303, 401),
        ("read-only", "0.0.0.0", 200, 405),
        ("open", "0.0.0.0", 200, 303),
    ],
)
def test_access_without_a_key(
    database: Database, tmp_path: Path, mode: Any, host: str, reading: int, changing: int
) -> None:
    if host != "127.0.0.1":
        access.add_key(database, "somebody")
    with serving(database, tmp_path, access=mode, host=host) as server:
        browser = Browser(server)
        for path in ("/data", "/tlp/2/red"):
            answer = browser.get(path)
            assert answer.status_code == reading
            if reading == 303:
                assert answer.headers["location"] == f"/sign-in?{urlencode({'next': path + '/'})}"
        form = {"kb": "sector", "release": "1.0", "token": browser.token() if reading == 200 else ""}
        assert browser.send("/data/install", form).status_code == changing
        shown = browser.get("/data").text
        assert ("Install latest" in shown or "<button>Install</button>" in shown) == (changing == 303)
        if reading == 200 and changing != 303:
            assert "Nothing can be changed here" in shown


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize("mode", ["auto", "read-open", "keys", "read-only", "open"])
def test_access_with_a_sign_in(database: Database, tmp_path: Path, mode: Any, host: str) -> None:
    keys = {right: access.add_key(database, right, can_write=right == "write") for right in ("read", "write")}
    is_open = mode == "open" or (mode == "auto" and host == "127.0.0.1")
    with serving(database, tmp_path, access=mode, host=host) as server:
        for right, key in keys.items():
            browser = Browser(server)
            assert browser.sign_in(key, next="/data").headers["location"] == "/data"
            data = browser.get("/data")
            assert data.status_code == browser.get("/tlp/2/red").status_code == 200
            assert f"Signed in with the key <strong>{right}</strong>" in data.text
            may = mode != "read-only" and (is_open or right == "write")
            assert ("<button>Install</button>" in data.text) == may
            assert ("Nothing can be changed here" in data.text) == (not may)
            form = {"kb": "sector", "release": "1.0", "token": browser.token()}
            assert browser.send("/data/install", form).status_code == (
                303 if may else 405 if mode == "read-only" else 403
            )
            foreign = browser.send("/data/install", form, sec_fetch_site="cross-site")
            assert foreign.status_code in ((403,) if mode != "read-only" else (403, 405))
            assert browser.send("/sign-out", {}, sec_fetch_site="cross-site").status_code == 403
            browser.send("/sign-out", {})
            assert "Signed in with" not in browser.get("/data").text


def test_a_sign_in_opens_pages_and_never_the_api(database: Database, tmp_path: Path) -> None:
    writer, reader = access.add_key(database, "writer", can_write=True), access.add_key(database, "reader")
    with serving(database, tmp_path, access="keys") as server:
        browser = Browser(server)
        assert browser.sign_in("ctibutler_wrong").status_code == 401
        signed_in = browser.sign_in(writer, next="/tlp/2/red?x=1")
        assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/tlp/2/red?x=1")
        flags = signed_in.headers["set-cookie"].lower()
        assert all(flag in flags for flag in ("httponly", "samesite=lax", "max-age=43200", "path=/"))
        assert writer not in signed_in.headers["set-cookie"]
        for path in ("/data", "/tlp/2/red", "/tlp/2/red.json", "/tlp/2/objects.csv", "/palette.json?text=red", "/"):
            assert browser.get(path).status_code == 200, path
        for path in ("/api/v1/", "/api/v1/tlp/objects/", "/v1/tlp/objects/"):
            assert browser.get(path).status_code == 401, path
        assert browser.client.delete("/api/v1/tlp/versions/1/").status_code == 401
        assert "writer" in browser.get("/data").text
        token = browser.token()
        form = {"kb": "sector", "release": "1.0", "token": token}
        assert browser.send("/data/install", form, sec_fetch_site="cross-site").status_code == 403
        assert browser.send("/data/install", form).status_code == 303
        # Reading only: no buttons, and no right.
        other = Browser(server)
        other.sign_in(reader)
        assert "<button>Install</button>" not in other.get("/data").text
        assert other.send("/data/install", form).status_code == 403
        # Another sign-in with the same key is another one.
        again = Browser(server)
        again.sign_in(writer)
        assert again.send("/data/install", form).status_code == 403
        out = browser.send("/sign-out", {})
        assert (out.status_code, browser.get("/data").status_code) == (303, 303)
        access.remove_key(database, "writer")
        assert again.get("/data").status_code == 303


@pytest.mark.parametrize(
    "following",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "\\\\evil", "/a\nb"],
)
def test_nobody_is_led_elsewhere(database: Database, tmp_path: Path, following: str) -> None:
    key = access.add_key(database, "reader")
    with serving(database, tmp_path, access="keys") as server:
        assert Browser(server).sign_in(key, next=following).headers["location"] == "/"
        page = Browser(server).client.get("/sign-in", params={"next": following})
        assert 'name="next" value="/"' in page.text


def test_help_is_valid_and_every_example_works(everything: Server) -> None:
    for path in ("/help", "/help/components", "/help/api", "/help/api?group=attack-ics", "/sign-in"):
        answer = everything.get(path, accept=BROWSER)
        assert answer.status_code == 200
        document = Document(answer.text)
        check(document, path)
    assert everything.get("/help/api?group=emu").status_code == 404
    examples = [link.href for link in document.links if link.href.startswith("/api/")]
    document = Document(everything.get("/help/api?group=attack-ics", accept=BROWSER).text)
    examples = [link.href for link in document.links if link.href.startswith("/api/v1/attack-ics/")]
    assert len(examples) > 12
    for href in examples:
        assert everything.get(href).status_code == 200, href
