"""Files that were downloaded before and have not changed are not sent again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx2
import pytest

from ctibutler.errors import SourceUnavailable
from ctibutler.publishers.web.addresses import WebAddress
from ctibutler.publishers.web.download import Downloads
from ctibutler.publishers.web.download_cache import DownloadCache
from ctibutler.publishers.web.limits import Limits
from tests.publishers.server import Answer, LocalServer, body, status

LIMITS = Limits(silence=2, seconds=5, max_bytes=10_000_000, unpacked_max_bytes=10_000_000, retries=0)
FILE = os.urandom(5000)
URL = "https://example.org/file.json"


@pytest.fixture
def cache(tmp_path: Path) -> DownloadCache:
    return DownloadCache(tmp_path / "downloads", 1_000_000)


@pytest.fixture
def downloads(cache: DownloadCache) -> Iterator[Downloads]:
    made = Downloads(cache)
    yield made
    made.close()


def versioned(content: bytes, **validators: str) -> Answer:
    """Answer 304 to requests that already have this content, as servers do."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        same_tag = validators.get("etag") and request.headers.get("If-None-Match") == validators["etag"]
        same_time = (
            "etag" not in validators
            and request.headers.get("If-Modified-Since") == validators.get("last_modified")
            and "last_modified" in validators
        )
        (status(304) if same_tag or same_time else body(content, 200, **validators))(request)

    return answer


def address(server: LocalServer, path: str = "/file.json") -> WebAddress:
    return WebAddress.parse(server.url + path, "TEST")


@pytest.mark.parametrize(
    "validators", [{"etag": '"one"'}, {"last_modified": "Thu, 13 Nov 2025 14:00:00 GMT"}, {"etag": 'W/"two"'}]
)
def test_an_unchanged_file_is_not_sent_again(
    server: LocalServer, downloads: Downloads, validators: dict[str, str]
) -> None:
    server.answers["/file.json"] = versioned(FILE, **validators)
    assert downloads.get(address(server), LIMITS) == FILE
    server.answers["/file.json"] = versioned(b"nothing of this is sent", **validators)
    assert downloads.get(address(server), LIMITS) == FILE
    assert len(server.requested) == 2


def test_a_changed_file_replaces_the_cached_one(server: LocalServer, downloads: Downloads) -> None:
    server.answers["/file.json"] = versioned(FILE, etag='"one"')
    downloads.get(address(server), LIMITS)
    server.answers["/file.json"] = versioned(b"newer", etag='"two"')
    assert downloads.get(address(server), LIMITS) == b"newer"
    server.answers["/file.json"] = versioned(b"never sent", etag='"two"')
    assert downloads.get(address(server), LIMITS) == b"newer"


def test_a_file_without_a_validator_is_not_cached(
    server: LocalServer, downloads: Downloads, cache: DownloadCache
) -> None:
    server.answers["/file.json"] = body(FILE)
    downloads.get(address(server), LIMITS)
    assert cache.get(address(server).shown) is None


def test_a_validator_that_cannot_be_sent_back_is_ignored(server: LocalServer, downloads: Downloads) -> None:
    server.answers["/file.json"] = body(FILE, etag='"\xe9"')
    assert downloads.get(address(server), LIMITS) == FILE
    assert downloads.get(address(server), LIMITS) == FILE


def test_a_cached_file_is_used_even_if_its_access_time_cannot_be_written(
    cache: DownloadCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.put(URL, {"etag": '"one"'}, FILE)

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "utime", refuse)
    assert cache.get(URL) is not None


def test_urls_that_differ_in_their_query_are_cached_separately(server: LocalServer, downloads: Downloads) -> None:
    server.answers["/list"] = versioned(b"first page", etag='"one"')
    assert downloads.get(address(server, "/list?page=1"), LIMITS) == b"first page"
    server.answers["/list"] = versioned(b"second page", etag='"one"')
    assert downloads.get(address(server, "/list?page=2"), LIMITS) == b"second page"


@pytest.mark.parametrize("harm", ["cut", "changed", "not ours", "unreadable head", "no text", "a size beyond all"])
def test_a_damaged_cached_file_is_ignored(cache: DownloadCache, tmp_path: Path, harm: str) -> None:
    cache.put(URL, {"etag": '"one"'}, FILE)
    [path] = (tmp_path / "downloads").glob("*.download")
    content = path.read_bytes()
    head, _, packed = content.partition(b"\n")
    path.write_bytes(
        {
            "cut": content[:-20],
            "changed": head.replace(sha256(FILE).hexdigest()[:8].encode(), b"00000000") + b"\n" + packed,
            "not ours": b"<html>",
            "unreadable head": b'{"etag": 1}\n' + packed,
            "no text": head.replace(b"one", b"\xff") + b"\n" + packed,
            "a size beyond all": head.replace(b'"size":', b'"size":9' + 20 * b"9") + b"\n" + packed,
        }[harm]
    )
    assert cache.get(URL) is None


def test_a_truncated_download_is_not_cached(server: LocalServer, downloads: Downloads, cache: DownloadCache) -> None:
    server.answers["/file.json"] = body(FILE, etag='"one"', content_length="6000")
    with pytest.raises(SourceUnavailable, match="cut off"):
        downloads.get(address(server), LIMITS)
    assert cache.get(address(server).shown) is None


def test_the_cache_stays_within_its_size_and_drops_the_least_recently_used_file(tmp_path: Path) -> None:
    small = DownloadCache(tmp_path, 12_000)
    for number in range(3):
        small.put(f"{URL}?{number}", {"etag": '"one"'}, os.urandom(5000))
        for path in tmp_path.glob("*.download"):
            os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 10))
        small.get(f"{URL}?0")
    assert small.get(f"{URL}?0") is not None
    assert small.get(f"{URL}?1") is None
    assert small.get(f"{URL}?2") is not None
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 12_000


def test_a_file_larger_than_the_cache_does_not_displace_others(tmp_path: Path) -> None:
    small = DownloadCache(tmp_path, 6_000)
    small.put(URL, {"etag": '"one"'}, FILE)
    small.put(f"{URL}?large", {"etag": '"one"'}, os.urandom(9000))
    assert small.get(URL) is not None
    assert small.get(f"{URL}?large") is None


def test_a_folder_that_cannot_be_written_is_not_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = DownloadCache(tmp_path / "file", 1_000_000)
    cache.put(URL, {"etag": '"one"'}, FILE)
    assert cache.get(URL) is None


def test_cached_files_do_not_reveal_their_url(cache: DownloadCache, tmp_path: Path) -> None:
    cache.put("https://example.org/file?key=SECRET", {"etag": '"one"'}, b"content")
    [path] = (tmp_path / "downloads").iterdir()
    assert b"SECRET" not in path.read_bytes()
    assert "SECRET" not in path.name


def test_a_304_answer_to_an_unconditional_request_is_refused(server: LocalServer, downloads: Downloads) -> None:
    server.answers["/file.json"] = status(304)
    with pytest.raises(SourceUnavailable, match="304"):
        downloads.get(address(server), LIMITS)


@pytest.mark.parametrize(
    "elsewhere", ["http://localhost:{port}/file", "http://127.0.0.1:1/file", "http://127.0.0.1/file"]
)
def test_a_redirect_to_another_host_or_port_is_not_followed(
    server: LocalServer, downloads: Downloads, elsewhere: str
) -> None:
    server.answers["/file.json"] = status(302, location=elsewhere.format(port=server.port))
    own = WebAddress(f"{server.url}/file.json", hosts=frozenset({f"127.0.0.1:{server.port}"}))
    with pytest.raises(SourceUnavailable, match="redirects to another server"):
        downloads.get(own, LIMITS)


def test_a_redirect_within_the_publishers_own_host_is_followed(server: LocalServer, downloads: Downloads) -> None:
    own = WebAddress(f"{server.url}/file.json", hosts=frozenset({f"127.0.0.1:{server.port}"}))
    server.answers["/file.json"] = status(302, location="/there")
    server.answers["/there"] = body(FILE)
    assert downloads.get(own, LIMITS) == FILE


def test_requests_identify_ctibutler(server: LocalServer, downloads: Downloads) -> None:
    server.answers["/file.json"] = body(FILE)
    downloads.get(address(server), LIMITS)
    assert server.headers[0]["User-Agent"].startswith("ctibutler/")
    assert "+https://" in server.headers[0]["User-Agent"]


@pytest.mark.parametrize(
    ("target", "allowed"),
    [
        ("https://cwe.mitre.org/data", True),
        ("https://cwe.mitre.org:443/data", True),
        ("https://cwe.mitre.org:8443/data", False),
        ("https://cwe.mitre.org.example.org/data", False),
    ],
)
def test_the_default_port_may_be_left_out(target: str, allowed: bool) -> None:
    address = WebAddress.at_hosts("https://cwe.mitre.org/index.html", frozenset({"cwe.mitre.org"}))
    assert address.may_lead_to(httpx2.URL(target)) is allowed


def test_a_mirror_of_the_publishers_may_not_redirect_to_another_port_either() -> None:
    stand_in = WebAddress.parse("http://mirror.example.org:8080/publishers", "TEST")
    address = stand_in.standing_for("https://cwe.mitre.org/data")
    assert address.may_lead_to(httpx2.URL("http://mirror.example.org:8080/elsewhere"))
    assert not address.may_lead_to(httpx2.URL("http://mirror.example.org/elsewhere"))


def test_redirects_to_other_hosts_of_the_publishers_go_to_their_mirror() -> None:
    stand_in = WebAddress.parse("http://mirror.example.org:8080/publishers?key=secret", "TEST")
    address = stand_in.standing_for("https://github.com/file", frozenset({"github.com", "assets.example.net"}))
    target = address.redirected(httpx2.URL("https://assets.example.net/1/2?sig=a"))
    assert str(target) == "http://mirror.example.org:8080/publishers/assets.example.net/1/2?sig=a&key=secret"
    assert address.may_lead_to(target)
    for elsewhere in ("https://example.org/1", "http://assets.example.net/1", "https://assets.example.net:8443/1"):
        assert str(address.redirected(httpx2.URL(elsewhere))) == elsewhere
        assert not address.may_lead_to(httpx2.URL(elsewhere))
