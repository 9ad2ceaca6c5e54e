"""The headers of pages: one policy everywhere, and validators where an answer depends on the catalogue alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources

import pytest

from ctibutler.pages import text
from ctibutler.pages.static_files import files
from tests.catalogue import catalogue_with
from tests.pages.conftest import read
from tests.server.serving import Server, running

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
PAGES = ("/", "/tlp/2/", "/tlp/2/objects", "/tlp/2/red", "/tlp/2/red/relations", "/tlp/2/red/stix", "/search?text=red")
OTHERS = (
    "/tlp/2/emu",
    "/tlp/9/",
    "/emu",
    "/cwe/",
    "/tlp/2/red?page=x&strict=1",
    "/tlp/",
    "/red",
    "/tlp/2/RED",
    "/a/b/c/d/e",
)


@pytest.fixture(scope="module")
def tlp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a small knowledge base."""
    folder = tmp_path_factory.mktemp("tlp")
    with catalogue_with("sqlite", folder, "tlp@1", "tlp@2") as database, running(database) as server:
        yield server


def static_of(server: Server) -> list[str]:
    """The addresses of our own files on a page."""
    return sorted(set(re.findall(r'(?:href|src)="(/static/[^"]+)"', read(server, "/").text)))


def test_every_page_has_the_policy(tlp: Server) -> None:
    for path in (*PAGES, *OTHERS, *static_of(tlp)):
        answer = read(tlp, path)
        assert answer.headers["content-security-policy"] == POLICY, path
        assert answer.headers.get_list("x-content-type-options") == ["nosniff"], path
        assert answer.headers["referrer-policy"] == "same-origin"
        assert (
            answer.headers["cross-origin-opener-policy"]
            == answer.headers["cross-origin-resource-policy"]
            == "same-origin"
        )
        if path not in ("/", "/emu", "/cwe/", "/tlp/", "/red", "/a/b/c/d/e"):
            assert "access-control-allow-origin" not in answer.headers, path


def test_pages_are_validated_and_errors_are_not_kept(tlp: Server) -> None:
    for path in PAGES:
        first = read(tlp, path)
        assert first.status_code == 200, path
        assert first.headers["cache-control"] == "no-cache"
        again = tlp.get(path, accept="text/html", if_none_match=first.headers["etag"])
        assert (again.status_code, again.content) == (304, b"")
        head = tlp.client.head(path, headers={"accept": "text/html"})
        assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", first.headers["etag"])
    for path in OTHERS:
        answer = read(tlp, path)
        assert answer.headers["cache-control"] in ("no-cache", "no-store"), path
        assert "etag" not in answer.headers


def test_no_page_has_anything_inline_or_from_elsewhere(tlp: Server) -> None:
    for path in (*PAGES, *OTHERS):
        shown = read(tlp, path).text
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", shown), path
        assert not re.search(r'(?:src|action)="(?!/)|<link[^>]*href="(?!/)', shown), path
    for name, content in files().items():
        assert not re.search(
            rb"https?:(?!//www\.w3\.org/)|(?<!:)//[a-z]|@import|innerHTML|outerHTML|document\.write|\beval\b", content
        ), name


def test_own_files_are_kept_for_ever_under_an_address_that_names_their_content(tlp: Server) -> None:
    for address in static_of(tlp):
        answer = tlp.get(address)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.content == files()[address.rpartition("/")[2]]
        older = tlp.get(re.sub(r"/static/\w+/", "/static/0123456789abcdef/", address))
        assert (older.status_code, older.headers["location"]) == (302, address)
    for name in ("emu.css", "..%2fheaders.py", "pages"):
        assert tlp.get(f"/static/x/{name}").status_code == 404


def test_weight_is_within_the_budget(tlp: Server) -> None:
    folder = static_of(tlp)[0].rpartition("/")[0]
    packed = {}
    for name in files():
        asked = tlp.client.build_request("GET", f"{folder}/{name}", headers={"accept-encoding": "gzip"})
        answer = tlp.client.send(asked, stream=True)
        packed[name] = len(b"".join(answer.iter_raw()))
    assert sum(size for name, size in packed.items() if name.endswith(".css")) < 12_000
    assert sum(size for name, size in packed.items() if name.endswith(".js")) < 20_000


def test_markup_is_made_in_two_modules_only() -> None:
    folder = resources.files(text.__package__)
    makers = {item.name for item in folder.iterdir() if item.name.endswith(".py") and "Markup(" in item.read_text()}
    assert makers <= {"text.py", "ring.py"}
    assert all("|safe" not in re.sub(r"\s", "", it.read_text()) for it in (folder / "templates").iterdir())
