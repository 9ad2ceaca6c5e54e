"""Sign-ins at pages: what they open, and what ends them for everybody who has the cookie."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ctibutler.catalog import access, sign_ins
from ctibutler.catalog.engine.database import Database
from ctibutler.stix.times import now
from tests.catalogue import Catalogues
from tests.cli.test_serving import eventually
from tests.pages.clients import Browser, serving
from tests.pages.documents import Document, check

HOUR = 3_600_000_000
PAGES = ("/data", "/tlp/2/red", "/tlp/2/red.json", "/tlp/2/objects.csv", "/palette.json?text=red", "/")


@pytest.fixture
def database(catalogues: Catalogues) -> Database:
    """A catalogue with a release of TLP, on each engine."""
    return catalogues.with_releases("tlp@2")


def let_pass(database: Database, microseconds: int) -> None:
    """Make all that happened to sign-ins look older."""
    with database.note() as connection:
        connection.run(
            "UPDATE sign_in SET created = created - :passed, last_used = last_used - :passed", passed=microseconds
        )


def last_use(database: Database) -> int:
    with database.read() as connection:
        return int(connection.value("SELECT max(last_used) FROM sign_in"))


def stolen(browser: Browser, thief: Browser) -> Browser:
    """A browser with the cookies of another one."""
    thief.client.cookies.update(browser.client.cookies)
    return thief


def test_signing_out_ends_every_copy_of_the_cookie(database: Database, tmp_path: Path) -> None:
    key = access.add_key(database, "reader")
    with serving(database, tmp_path, access="keys") as server:
        browser, other = Browser(server), Browser(server)
        browser.sign_in(key)
        other.sign_in(key)
        thief = stolen(browser, Browser(server))
        assert [thief.get(path).status_code for path in PAGES] == [200] * len(PAGES)
        out = browser.send("/sign-out", {})
        assert (out.status_code, out.headers["location"]) == (303, "/")
        assert not browser.client.cookies
        assert [thief.get(path).status_code for path in PAGES] == [303] * len(PAGES)
        assert other.get("/data").status_code == 200, "another sign-in of the same key goes on"
        assert other.client.cookies["ctibutler-sign-in"] not in str(sorted(_stored(database)))


def _stored(database: Database) -> list[str]:
    with database.read() as connection:
        return [row.hash for row in connection.rows("SELECT hash FROM sign_in")]


def test_removing_the_key_ends_its_sign_ins(database: Database, tmp_path: Path) -> None:
    reader, writer = access.add_key(database, "reader"), access.add_key(database, "writer")
    with serving(database, tmp_path, access="keys") as server:
        first, second, other = Browser(server), Browser(server), Browser(server)
        first.sign_in(reader)
        second.sign_in(reader)
        other.sign_in(writer)
        access.remove_key(database, "reader")
        access.add_key(database, "reader")
        assert [browser.get("/tlp/2/red").status_code for browser in (first, second, other)] == [303, 303, 200]


def test_a_sign_in_ends_when_nobody_uses_it_and_every_page_is_a_use(database: Database, tmp_path: Path) -> None:
    key = access.add_key(database, "reader")
    with serving(database, tmp_path, access="keys") as server:
        browser = Browser(server)
        browser.sign_in(key)
        assert "set-cookie" not in browser.get("/tlp/2/red").headers, "a use of this minute is no news"
        let_pass(database, 11 * HOUR)
        before = last_use(database)
        seen = browser.get("/tlp/2/red")
        assert seen.status_code == 200
        assert "max-age=43200" in seen.headers["set-cookie"].lower(), "the browser keeps it as long as we do"
        assert seen.headers["cache-control"].startswith("private")
        eventually(lambda: last_use(database) > before)
        assert now() - last_use(database) < HOUR
        let_pass(database, 12 * HOUR)
        for path in PAGES:
            answer = browser.get(path)
            assert (answer.status_code, answer.headers["location"][:9]) == (303, "/sign-in?")


def test_where_anybody_may_read_a_renewed_cookie_is_kept_out_of_shared_caches(
    database: Database, tmp_path: Path
) -> None:
    key = access.add_key(database, "reader")
    with serving(database, tmp_path, access="read-open", cache_max_age=60) as server:
        browser = Browser(server)
        assert browser.get("/tlp/2/red").headers["cache-control"] == "public, max-age=60, s-maxage=60"
        browser.sign_in(key)
        let_pass(database, HOUR)
        renewed = browser.get("/tlp/2/red")
        assert "set-cookie" in renewed.headers
        assert renewed.headers["cache-control"] == "private, max-age=60"
        let_pass(database, 13 * HOUR)
        ended = browser.get("/tlp/2/red")
        assert (ended.status_code, "set-cookie" in ended.headers) == (200, False)


@pytest.mark.parametrize("mode", ["auto", "read-open", "keys", "read-only", "open"])
def test_in_no_mode_does_the_cookie_do_anything_at_the_api(database: Database, tmp_path: Path, mode: Any) -> None:
    key = access.add_key(database, "writer", can_write=True)
    with serving(database, tmp_path, access=mode) as server:
        browser = Browser(server)
        browser.sign_in(key)
        for method, path in (
            ("GET", "/api/v1/tlp/objects/"),
            ("GET", "/v1/tlp/objects/"),
            ("POST", "/api/v1/tlp/"),
            ("DELETE", "/api/v1/tlp/versions/99/"),
            ("GET", "/api/metrics/"),
        ):
            with_it = browser.client.request(method, path, headers={"sec-fetch-site": "cross-site"})
            without = server.client.request(method, path, headers={"sec-fetch-site": "cross-site"})
            assert with_it.status_code == without.status_code, (method, path)
            assert "set-cookie" not in with_it.headers


def test_https_has_a_cookie_of_its_own_and_keeps_it(database: Database, tmp_path: Path) -> None:
    key = access.add_key(database, "reader")
    with serving(database, tmp_path, access="keys") as server:
        https = {"x-forwarded-proto": "https"}
        client = Browser(server).client
        begun = client.post("/sign-in", data={"key": key}, headers=https).headers["set-cookie"]
        let_pass(database, HOUR)
        # This client keeps no cookie that is `Secure`: it does not know of the proxy.
        sent = {**https, "cookie": begun.partition(";")[0]}
        renewed = client.get("/tlp/2/red", headers=sent).headers["set-cookie"]
        for cookie in (begun, renewed):
            assert cookie.startswith("__Host-ctibutler-sign-in=")
            assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
            assert "Domain" not in cookie
        ended = client.post("/sign-out", headers=sent).headers.get_list("set-cookie")
        assert any(it.startswith("__Host-ctibutler-sign-in=;") and "; Secure" in it for it in ended)


def test_the_log_tells_no_secret_of_a_sign_in(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = access.add_key(database, "reader")
    with caplog.at_level(logging.DEBUG), serving(database, tmp_path, access="keys") as server:
        browser = Browser(server)
        browser.sign_in(key, next="/tlp/2/red")
        secret = browser.client.cookies["ctibutler-sign-in"]
        token = browser.token()
        browser.get("/tlp/2/red")
        browser.send("/data/install", {"kb": "tlp", "release": "1", "token": token})
        browser.send("/sign-out", {})
        browser.client.get("/data", headers={"cookie": f"ctibutler-sign-in={secret}"})
    own = [record for record in caplog.records if not record.name.startswith(("httpx2", "httpcore2"))]
    logged = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in own)
    assert "/sign-in" in logged
    assert not [word for word in (key, secret, *filter(None, [token])) if word in logged]


@contextmanager
def read_only(catalogues: Catalogues, database: Database, folder: Path) -> Iterator[Database]:
    """The same catalogue where nobody can write it. Skips the test where that cannot be arranged."""
    if catalogues.engine == "postgresql":
        with database.note() as connection:
            connection.run(f"ALTER DATABASE {database.url.name} SET default_transaction_read_only = on")
        yield catalogues.again(database)
        return
    database.close()
    place = str(folder)
    mounts = (["mount", "--bind", place, place], ["mount", "-o", "remount,ro,bind", place])
    if os.geteuid() or any(subprocess.run(mount, capture_output=True).returncode for mount in mounts):
        pytest.skip("only root can mount")
    try:
        yield catalogues.again(database)
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def test_where_nothing_can_be_written_nobody_signs_in_and_whoever_is_signed_in_reads_on(
    catalogues: Catalogues, database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = access.add_key(database, "reader")
    secret = sign_ins.add(database, access.keys(database)[0], now() - HOUR)
    with (
        read_only(catalogues, database, tmp_path) as unwritable,
        serving(unwritable, tmp_path, access="keys") as server,
    ):
        browser = Browser(server)
        refused = browser.sign_in(key, next="/tlp/2/red")
        assert refused.status_code == 503
        assert "set-cookie" not in refused.headers
        check(Document(refused.text), "/sign-in")
        assert (
            "Nobody can sign in at the moment, because the database of this server cannot be written." in refused.text
        )
        assert 'value="/tlp/2/red"' in refused.text
        browser.client.cookies.set("ctibutler-sign-in", secret, domain="127.0.0.1")
        assert [browser.get(path).status_code for path in PAGES] == [200] * len(PAGES)
        eventually(lambda: [it for it in caplog.records if "could not be recorded" in it.getMessage()])
        out = browser.send("/sign-out", {})
        assert out.status_code == 503
        assert "This browser has forgotten the sign-in" in out.text
        assert not browser.client.cookies, "this browser at least"
        assert server.get("/api/v1/tlp/objects/", api_key=key).status_code == 200
    assert len([it for it in caplog.records if "could not be recorded" in it.getMessage()]) == 1
