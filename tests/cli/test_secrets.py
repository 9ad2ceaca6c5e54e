"""No secret of a setting or a request is in anything that is printed, logged, answered or stored."""

from __future__ import annotations

import http.client
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from ctibutler.catalog.access import add_key, without_keys
from ctibutler.catalog.opening import open_catalogue
from ctibutler.knowledge_bases import HOSTED
from tests.cli.command import Command
from tests.cli.test_serving import answer_of, eventually, free_port, line_with

CANARY = "CaNaRy-29"
NOBODY = "127.0.0.1:1"

DATABASES = [
    f"postgresql://me:{CANARY}@{NOBODY}/x",
    f"postgresql+psycopg://me:{CANARY}@{NOBODY}/x?sslmode=disable",
    f"postgresql://me@{NOBODY}/x?password={CANARY}",
    f"postgresql://me@{NOBODY}/x?PASSWORD={CANARY}",
    f"postgresql://me@{NOBODY}/x?p%61ssword={CANARY}",
    f"postgresql://me@{NOBODY}/x?sslpassword={CANARY}&sslkey=/{CANARY}",
    f"postgresql://me@{NOBODY}/x?{CANARY}",
    f"postgresql://me:se/{CANARY}@{NOBODY}/x",
    f"postgresql://me:12/{CANARY}@{NOBODY}/x",
    f"postgresql://me:se?{CANARY}@{NOBODY}/x",
    f"postgresql://me:se#{CANARY}@{NOBODY}/x",
    f"postgresql://me:{CANARY}/x",
    f"postgresql://me:{CANARY}@[::1/x",
    f"postgresql://me:%zz{CANARY}@{NOBODY}/x",
    f"mysql://me:{CANARY}@{NOBODY}/x",
    f"sqlite://me:{CANARY}@{NOBODY}/x",
    f"host=127.0.0.1 port=1 user=me password={CANARY}",
]
BUCKETS = [
    f"http://me:{CANARY}@{NOBODY}/kb",
    f"http://{CANARY}@{NOBODY}/kb?key={CANARY}#{CANARY}",
    f"http://me:{CANARY}@[::1/kb",
    f"s3://me:{CANARY}@{NOBODY}/kb",
    f"http://me:{CANARY}@/kb",
]
PROXIES = [
    f"http://me:{CANARY}@{NOBODY}",
    f"ftp://me:{CANARY}@{NOBODY}",
    f"http://me:{CANARY}@[::1",
    f"socks5://me:{CANARY}@{NOBODY}",
]
# What makes a failure quick.
HASTY = {"CTIBUTLER_DOWNLOAD_RETRIES": "0", "CTIBUTLER_DOWNLOAD_TIMEOUT": "2", "CTIBUTLER_LOG_LEVEL": "debug"}


def in_all_variables(proxy: str) -> dict[str, str]:
    return dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"), proxy)


@pytest.mark.parametrize("url", DATABASES)
def test_no_command_shows_a_secret_of_the_database_url(command: Command, url: str) -> None:
    for words in (["status"], ["jobs"], ["keys", "list"], ["get", "T1059"]):
        outcome = command(*words, CTIBUTLER_DATABASE_URL=url)
        assert outcome.code
        assert outcome.stderr.count("\n") == 1
        assert CANARY not in outcome.stdout + outcome.stderr


@pytest.mark.parametrize("url", [DATABASES[0], DATABASES[4], DATABASES[7]])
@pytest.mark.parametrize("words", [["serve"], ["up"], ["worker"], ["install", "tlp"]], ids=lambda words: words[0])
def test_no_server_shows_a_secret_of_the_database_url(command: Command, url: str, words: list[str]) -> None:
    outcome = command(*words, CTIBUTLER_DATABASE_URL=url, **HASTY)
    assert outcome.code
    assert outcome.stderr.count("\n") == 1
    assert CANARY not in outcome.stdout + outcome.stderr


@pytest.mark.parametrize("setting", ["CTIBUTLER_BUCKET", "CTIBUTLER_PUBLISHERS_URL", "CTIBUTLER_SOURCES", "--source"])
@pytest.mark.parametrize("place", BUCKETS)
def test_no_command_shows_a_secret_of_a_place_of_releases(command: Command, place: str, setting: str) -> None:
    given = {} if setting == "--source" else {setting: place}
    source = ["--source", place] if setting == "--source" else []
    for words in (["status"], ["sources", "cwe"], ["versions", "cwe", "--refresh"], ["install", "cwe@4.14", *source]):
        sources = {} if setting == "CTIBUTLER_SOURCES" else {"CTIBUTLER_SOURCES": "publisher,bucket"}
        outcome = command(*words, **{**sources, **HASTY, **given})
        assert CANARY not in outcome.stdout + outcome.stderr
    _assert_nothing_is_stored(command.folder)


@pytest.mark.parametrize("proxy", PROXIES)
def test_no_command_shows_a_secret_of_a_proxy(command: Command, proxy: str) -> None:
    far = {"CTIBUTLER_BUCKET": "http://bucket.invalid/kb", "CTIBUTLER_SOURCES": "bucket,publisher"}
    for words in (["sources", "cwe"], ["install", "cwe@4.14"]):
        outcome = command(*words, **in_all_variables(proxy), **far, **HASTY)
        assert CANARY not in outcome.stdout + outcome.stderr
    _assert_nothing_is_stored(command.folder)


@contextmanager
def _up(command: Command, port: int, **environment: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """`up`, and what it printed, once it has ended."""
    up = command.start("up", "--port", port, **environment)
    printed: list[str] = []
    try:
        assert up.stdout is not None
        for line in up.stdout:
            printed.append(line)
            if "knowledge bases are installed" in line:
                break
        yield up, printed
    finally:
        up.send_signal(signal.SIGINT)
        printed += up.communicate(timeout=60)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_up_shows_logs_answers_and_stores_no_secret(command: Command, log_format: str) -> None:
    port = free_port()
    place = f"http://me:{CANARY}@{NOBODY}/kb?key={CANARY}"
    environment = {
        **HASTY,
        **in_all_variables(PROXIES[0]),
        "CTIBUTLER_BUCKET": place,
        "CTIBUTLER_PUBLISHERS_URL": place,
        "CTIBUTLER_SOURCES": "bucket,publisher,built-in",
        "CTIBUTLER_LOG_FORMAT": log_format,
    }
    with _up(command, port, **environment) as (_, printed):
        job = answer_of(port, "/api/v1/cwe/", "POST", {"version": "4.14"})
        eventually(lambda: answer_of(port, f"/api/v1/jobs/{job['id']}/")["state"] == "failed")
        answered = [_answer(port, *sent) for sent in _requests_with_a_canary()]
        answered += [_answer(port, "GET", path, {}) for path in ("/api/v1/jobs/", "/api/v1/updates/", "/api/metrics/")]
    assert len(answered) > 30
    assert all(CANARY not in answer for answer in answered)
    assert "127.0.0.1:1/kb" in "".join(printed)
    assert "api_key=***" in "".join(printed)
    assert CANARY not in "".join(printed)
    _assert_nothing_is_stored(command.folder)


def _requests_with_a_canary() -> Iterator[tuple[str, str, dict[str, str]]]:
    paths = ("/api/v1/tlp/objects/", "/api/v1/nothing/", "/api/v1/jobs/", "/api/v1/search/?text=red", "/api/metrics/")
    headers = (
        {"Authorization": f"Bearer {CANARY}"},
        {"Authorization": f"Basic {CANARY}"},
        {"API-KEY": CANARY},
        {"Cookie": f"session={CANARY}"},
        {"Referer": f"http://127.0.0.1/?api_key={CANARY}"},
    )
    for path in paths:
        for header in headers:
            yield "GET", path, header
        for name in ("api_key", "key", "access_token", "API-KEY", quote("päss"), "a%3Db"):
            joined = "&" if "?" in path else "?"
            yield "GET", f"{path}{joined}page=1&{name}={CANARY}", {}
            yield "HEAD", f"{path}{joined}{name}={CANARY}", {}
            yield "GET", f"{path}{joined}strict=true&{name}={CANARY}", {}
            yield "DELETE", f"{path}{joined}{name}={CANARY}&page=x", {}


def _answer(port: int, method: str, path: str, headers: dict[str, str]) -> str:
    """The status, headers and body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return f"{answer.status} {answer.getheaders()} {answer.read().decode()}"
    finally:
        connection.close()


def _assert_nothing_is_stored(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes(), path


def test_a_key_of_ours_is_logged_in_no_place_of_a_request(command: Command, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    database = open_catalogue(url, HOSTED)
    key = add_key(database, "somebody", can_write=True)
    database.close()
    secret = key.removeprefix("ctibutler_")
    port = free_port()
    serve = replace(command, database=url).start("serve", "--port", port, CTIBUTLER_LOG_LEVEL="debug")
    line_with(serve, "API on")
    eventually(lambda: answer_of(port, "/api/healthcheck/") is not None)
    places = (
        f"/api/v1/{key}/",
        f"/{quote(key).replace('_', '%5F')}",
        f"/api/v1/tlp/objects/{key}/",
        f"/api/v1/search/?text={key}",
        f"/api/v1/search/?text=a+{key}+b&api_key={key}",
    )
    for place in places:
        assert _answer(port, "GET", place, {"Authorization": f"Token {key}"})
    serve.terminate()
    printed = "".join(serve.communicate(timeout=60))
    assert printed.count("ctibutler_***") == len(places)
    assert secret not in printed


def test_what_only_resembles_a_key_is_logged_as_it_is() -> None:
    assert without_keys("/api/v1/?text=ctibutler_docs") == "/api/v1/?text=ctibutler_docs"
