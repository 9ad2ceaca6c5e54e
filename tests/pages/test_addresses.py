"""Every page has one canonical address, and programs get what they got before there were pages."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx2
import pytest

from ctibutler.app import EDGES
from ctibutler.catalog.engine.database import Database
from ctibutler.knowledge_bases import ALL
from ctibutler.pages.addresses import PAGE_WORDS, ROOT_WORDS
from ctibutler.settings import Settings
from tests.catalogue import catalogue_with, install, made_content
from tests.server.serving import Server, running

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
RELEASES = (
    "tlp@1",
    "tlp@2",
    "location@1.0",
    "sector@1.0",
    "disarm@1.6",
    "mitre-f3@1.1",
    "attack-ics@17.1",
    "attack-ics@18.1",
)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The smaller knowledge bases, ICS twice, and a release of Mobile with an id that DISARM has too."""
    technique = {
        "type": "attack-pattern", "spec_version": "2.1", "id": "attack-pattern--0b5a0e5f-5f0c-4b0e-8d5c-6c1d2b3a4e5f",
        "created": "2020-01-01T00:00:00.000Z", "modified": "2020-01-01T00:00:00.000Z", "name": "Made up",
        "external_references": [{"source_name": "mitre-attack", "external_id": "T0086"}],
    }  # fmt: skip
    with catalogue_with("sqlite", tmp_path_factory.mktemp("pages"), *RELEASES) as made:
        install(made, "attack-mobile@1.0", made_content([technique]))
        yield made


@pytest.fixture(scope="module")
def server(database: Database) -> Iterator[Server]:
    """A server with pages."""
    with running(database) as started:
        yield started


def read(server: Server, path: str) -> httpx2.Response:
    """Return what a browser gets."""
    return server.get(path, accept=BROWSER)


@pytest.mark.parametrize(
    ("accept", "is_html"),
    [
        (BROWSER, True),
        ("text/html", True),
        ("text/html, application/json", True),
        ("text/html;q=0.9, application/json;q=0.9", True),
        ("*/*", False),
        (None, False),
        ("application/json", False),
        ("application/json, text/html;q=0.9", False),
        ("text/*", False),
    ],
)
def test_accept_decides_at_the_root(server: Server, accept: str | None, is_html: bool) -> None:
    request = server.client.build_request("GET", "/")
    if accept is None:
        del request.headers["accept"]
    else:
        request.headers["accept"] = accept
    answer = server.client.send(request)
    assert answer.headers["content-type"].partition(";")[0] == ("text/html" if is_html else "application/json")
    assert "accept" in {name.strip().lower() for name in answer.headers["vary"].split(",")}
    if not is_html:
        assert answer.content == server.get("/api/v1/").content


def test_programs_get_what_they_got_without_pages(database: Database, server: Server) -> None:
    paths = ("/", "/api/v1/", "/v1/tlp/objects/", "/emu", "/emu/1/2", "/api/v1/emu/", "/api/v1/tlp/versions/9/objects/")
    with running(database, Settings(host="127.0.0.1", pages=False)) as without:
        for path in paths:
            before, now = without.get(path), server.get(path)
            # The index names the page about the API where there is one.
            content = now.content.replace(b'"/api/schema/swagger-ui/"', b'"/api/schema/"')
            assert (now.status_code, content) == (before.status_code, before.content)
            assert now.headers["content-type"] == before.headers["content-type"]
            assert now.headers["access-control-allow-origin"] == "*"
        refused = without.get("/tlp/2/", accept=BROWSER)
        assert (refused.status_code, refused.json()["code"]) == (404, 404)
    with running(database, edges=EDGES[:1]) as alone:
        assert alone.get("/api/schema/").content == server.get("/api/schema/").content
    assert server.get("/index.json", accept=BROWSER).content == server.get("/api/v1/").content


@pytest.mark.parametrize(
    ("written", "status", "address"),
    [
        ("/T0886", 302, "/attack-ics/18.1/T0886"),
        ("/t0886", 302, "/attack-ics/18.1/T0886"),
        ("/attack-ics", 302, "/attack-ics/18.1/"),
        ("/attack-ics/t0886", 302, "/attack-ics/18.1/T0886"),
        ("/attack-ics/T0886.json", 302, "/attack-ics/18.1/T0886.json"),
        ("/attack-ics/latest/t0886", 302, "/attack-ics/18.1/T0886"),
        ("/attack-ics/latest/objects?name=x", 302, "/attack-ics/18.1/objects?name=x"),
        ("/attack-ics/17.1/t0886", 301, "/attack-ics/17.1/T0886"),
        ("/attack-ics/v17_1/t0886", 301, "/attack-ics/17.1/T0886"),
        ("/attack-ics/v17_1/t0886.md", 301, "/attack-ics/17.1/T0886.md"),
        ("/attack-ics/v17_1/", 301, "/attack-ics/17.1/"),
        ("/attack-ics/17.1/t0886/relations?page=2", 301, "/attack-ics/17.1/T0886/relations?page=2"),
        ("/f3/v1_1/f1001", 301, "/mitre-f3/1.1/F1001"),
        ("/f3/1.1/f1001.csv", 301, "/mitre-f3/1.1/F1001.csv"),
        ("/mitre-fraud/1.1/objects", 301, "/mitre-f3/1.1/objects"),
        ("/f3/latest/F1001", 302, "/mitre-f3/1.1/F1001"),
        ("/F3/", 301, "/mitre-f3/"),
        ("/locations/", 302, "/location/1.0/"),
    ],
)
def test_other_writings_lead_to_the_canonical_address_at_once(
    server: Server, written: str, status: int, address: str
) -> None:
    answer = read(server, written)
    assert (answer.status_code, answer.headers.get("location")) == (status, address)
    assert answer.headers["cache-control"] == "no-cache"
    reached = read(server, address)
    assert reached.status_code == 200 or address == "/mitre-f3/"


def test_a_slash_at_the_end_makes_no_difference(server: Server) -> None:
    with_slash, without = read(server, "/attack-ics/17.1/T0886/"), read(server, "/attack-ics/17.1/T0886")
    assert with_slash.content == without.content
    assert '<link rel="canonical" href="/attack-ics/17.1/T0886">' in without.text


def test_an_id_of_several_knowledge_bases_asks_which_is_meant(server: Server) -> None:
    answer = read(server, "/T0086")
    assert answer.status_code == 200
    assert set(re.findall(r'href="(/[^"]*/T0086)"', answer.text)) == {"/attack-mobile/1.0/T0086", "/disarm/1.6/T0086"}
    assert read(server, "/T0086.001").headers["location"] == "/disarm/1.6/T0086.001"


def test_what_is_not_there_is_a_page_for_people_and_an_error_for_programs(server: Server) -> None:
    for path, words in (
        ("/emu-of-the-south", "Nothing here is called emu-of-the-south"),
        ("/attack-ics/17.1/T9999", "T9999 is not in ATT&amp;CK ICS 17.1"),
        ("/attack-ics/3.0/T0886", "ATT&amp;CK ICS 3.0 is not installed"),
        ("/cwe/", "No release of CWE is installed"),
        ("/attack-ics/17.1/T0886/emu", "Not Found"),
        ("/attack-ics/17.1/T0886?page=x&strict=true", "Bad Request"),
    ):
        shown = read(server, path)
        assert shown.status_code in (404, 400), path
        assert shown.headers["content-type"].startswith("text/html")
        assert words in shown.text
        told = server.get(path)
        assert (told.status_code, told.json()["code"]) == (shown.status_code, shown.status_code)
        assert {"code", "message", "details"} == set(told.json())


def test_no_word_of_an_address_is_the_name_or_id_of_anything(database: Database) -> None:
    names = {name for kb in ALL for name in kb.names} | {kb.family for kb in ALL if kb.family}
    assert not names & set(ROOT_WORDS)
    with database.read() as connection:
        ids = {
            row[0].lower()
            for row in connection.rows("SELECT DISTINCT external_id FROM object WHERE external_id IS NOT NULL")
        }
    assert len(ids) > 1000
    assert not ids & {*PAGE_WORDS, *ROOT_WORDS}
