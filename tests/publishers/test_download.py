"""Downloads: complete, within limits, retried where that helps."""

from __future__ import annotations

import base64
import gzip
import hashlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler

import httpx2
import pytest
import zstandard

from ctibutler import __version__
from ctibutler.errors import InvalidRequest, MalformedFile, SourceUnavailable
from ctibutler.publishers.web.addresses import WebAddress
from ctibutler.publishers.web.download import Downloads
from ctibutler.publishers.web.failures import SourceDown
from ctibutler.publishers.web.limits import Limits
from tests.publishers.server import LocalServer, body, endless, in_turn, silence, status, trickling_headers

CONTENT = b'{"type": "bundle", "id": "bundle--1", "objects": []}'
LIMITS = Limits(silence=0.5, seconds=3.0, max_bytes=1_000_000, unpacked_max_bytes=2_000_000, retries=2)
ONCE = replace(LIMITS, retries=0)


@pytest.fixture
def downloads() -> Iterator[Downloads]:
    downloads = Downloads()
    yield downloads
    downloads.close()


def address(server: LocalServer, path: str = "file.json") -> WebAddress:
    return WebAddress.parse(server.url, "BUCKET").below(path)


def test_a_file_is_downloaded_unchanged_and_progress_is_reported(server: LocalServer, downloads: Downloads) -> None:
    server.answers["/file.json"] = body(CONTENT)
    seen: list[tuple[int, int | None]] = []
    assert downloads.get(address(server), LIMITS, lambda done, total: seen.append((done, total))) == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert server.headers[0]["User-Agent"].startswith(f"ctibutler/{__version__} ")


@pytest.mark.parametrize("code", [403, 404, 410])
def test_a_missing_file_is_requested_once(server: LocalServer, downloads: Downloads, code: int) -> None:
    server.otherwise = status(code)
    assert downloads.get(address(server), LIMITS) is None
    assert len(server.requested) == 1


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_a_temporary_failure_is_retried(server: LocalServer, downloads: Downloads, code: int) -> None:
    server.otherwise = in_turn(status(code), status(code), body(CONTENT))
    assert downloads.get(address(server), LIMITS) == CONTENT
    assert len(server.requested) == 3


def test_a_lasting_failure_is_reported_after_the_last_try(server: LocalServer, downloads: Downloads) -> None:
    server.otherwise = status(500)
    with pytest.raises(SourceDown, match=r"http://127.0.0.1:\d+/file.json answered 500 Internal Server Error$"):
        downloads.get(address(server), LIMITS)
    assert len(server.requested) == 3


@pytest.mark.parametrize(
    ("code", "message"),
    [(204, "204 No Content"), (400, "400 Bad Request"), (401, "user name or password"), (599, "599$")],
)
def test_other_statuses_are_reported_and_not_retried(
    server: LocalServer, downloads: Downloads, code: int, message: str
) -> None:
    server.otherwise = status(code)
    with pytest.raises(SourceUnavailable, match=message):
        downloads.get(address(server), LIMITS)
    assert len(server.requested) == 1


def test_retry_after_is_obeyed(server: LocalServer, downloads: Downloads) -> None:
    server.otherwise = in_turn(status(429, Retry_After="1"), body(CONTENT))
    started = time.monotonic()
    assert downloads.get(address(server), LIMITS) == CONTENT
    assert time.monotonic() - started >= 1


def test_a_long_retry_after_is_not_waited_for(server: LocalServer, downloads: Downloads) -> None:
    server.otherwise = status(429, Retry_After="86400")
    with pytest.raises(SourceDown, match="429 Too Many Requests and asks to retry in 86400 seconds"):
        downloads.get(address(server), LIMITS)
    assert len(server.requested) == 1


def test_a_refused_connection_is_reported(downloads: Downloads) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(SourceDown, match=rf"http://127.0.0.1:{port}/x cannot be reached: .*refused"):
        downloads.get(WebAddress.parse(f"http://127.0.0.1:{port}", "BUCKET").below("x"), LIMITS)


def test_a_connection_closed_without_an_answer_is_retried(server: LocalServer, downloads: Downloads) -> None:
    def hang_up(request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True

    server.otherwise = in_turn(hang_up, body(CONTENT))
    assert downloads.get(address(server), LIMITS) == CONTENT


def test_an_answer_that_is_not_http_is_reported(server: LocalServer, downloads: Downloads) -> None:
    def mail(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"220 mail.example.org ESMTP\r\n")
        request.close_connection = True

    server.otherwise = mail
    with pytest.raises(SourceDown, match="closed the connection, or does not speak HTTP"):
        downloads.get(address(server), ONCE)


def test_a_stalled_download_times_out(server: LocalServer, downloads: Downloads) -> None:
    server.otherwise = silence(server, after=b'{"type"')
    with pytest.raises(SourceDown, match=r"sent nothing for 0.5 seconds"):
        downloads.get(address(server), ONCE)


def test_a_stalled_download_is_retried(server: LocalServer, downloads: Downloads) -> None:
    server.otherwise = in_turn(silence(server, after=b'{"type"'), body(CONTENT))
    assert downloads.get(address(server), LIMITS) == CONTENT


def test_a_truncated_body_is_an_error(server: LocalServer, downloads: Downloads) -> None:
    server.otherwise = body(CONTENT, Content_Length=str(len(CONTENT) + 10))
    with pytest.raises(SourceUnavailable, match=rf"was cut off: received {len(CONTENT)} of {len(CONTENT) + 10} bytes"):
        downloads.get(address(server), LIMITS)
    assert len(server.requested) == 3


def test_a_body_that_is_truncated_once_is_complete_after_a_retry(server: LocalServer, downloads: Downloads) -> None:
    server.otherwise = in_turn(body(CONTENT, Content_Length="9999"), body(CONTENT))
    assert downloads.get(address(server), LIMITS) == CONTENT


def test_a_truncated_chunked_body_is_an_error(server: LocalServer, downloads: Downloads) -> None:
    def cut(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n')
        request.close_connection = True

    server.otherwise = cut
    with pytest.raises(SourceUnavailable, match="was cut off: received 5 of"):
        downloads.get(address(server), ONCE)


def test_a_length_beyond_the_limit_is_refused_before_the_body(server: LocalServer, downloads: Downloads) -> None:
    server.otherwise = silence(server, after=b"{", length=2_000_000)
    with pytest.raises(SourceUnavailable, match=r"larger than the limit of 1000000 bytes .*MAX_BYTES"):
        downloads.get(address(server), LIMITS)
    assert len(server.requested) == 1


def test_an_endless_body_is_refused_at_the_size_limit(server: LocalServer, downloads: Downloads) -> None:
    server.otherwise = endless(server, b"x" * 65536)
    with pytest.raises(SourceUnavailable, match="larger than the limit"):
        downloads.get(address(server), LIMITS)


@pytest.mark.parametrize("slow", ["body", "headers"])
def test_a_very_slow_answer_is_refused_at_the_time_limit(server: LocalServer, downloads: Downloads, slow: str) -> None:
    server.otherwise = endless(server, b"x", 0.05) if slow == "body" else trickling_headers(server)
    with pytest.raises(SourceDown, match="longer than 1 seconds" if slow == "body" else "did not answer within 1 s"):
        downloads.get(address(server), replace(LIMITS, seconds=1.0))
    server.otherwise = body(CONTENT)
    assert downloads.get(address(server), LIMITS) == CONTENT


def test_a_download_can_be_interrupted(server: LocalServer, downloads: Downloads) -> None:
    def stop(done: int, _: int | None) -> None:
        if done:
            raise KeyboardInterrupt

    server.otherwise = endless(server, b"x", 0.05)
    with pytest.raises(KeyboardInterrupt):
        downloads.get(address(server), LIMITS, stop)


def test_a_chain_of_redirects_is_followed(server: LocalServer, downloads: Downloads) -> None:
    server.answers = {
        "/file.json": status(302, Location="/a"),
        "/a": status(307, Location=f"{server.url}/b?key=secret"),
        "/b": body(CONTENT),
    }
    assert downloads.get(address(server), LIMITS) == CONTENT
    assert server.requested == ["/file.json", "/a", "/b?key=secret"]


def test_a_circular_redirect_is_refused(server: LocalServer, downloads: Downloads) -> None:
    server.otherwise = status(301, Location="/file.json")
    with pytest.raises(SourceDown, match="redirects more than 5 times"):
        downloads.get(address(server), LIMITS)
    assert len(server.requested) == 6


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/x", "", "http://host:port/", "\x01"])
def test_a_redirect_must_lead_to_an_http_url(server: LocalServer, downloads: Downloads, location: str) -> None:
    server.otherwise = status(302, **({"Location": location} if location else {}))
    with pytest.raises(SourceDown, match=r"redirects to (an invalid URL|something other than an http or https URL)"):
        downloads.get(address(server), LIMITS)
    assert len(server.requested) == 1


def sha256_base64(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


CHECKSUMS: dict[str, Callable[[bytes], str]] = {
    "etag": lambda content: f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"',
    "x_amz_checksum_sha256": sha256_base64,
    "x_amz_meta_sha256": lambda content: hashlib.sha256(content).hexdigest(),
    "repr_digest": lambda content: f"sha-512=:AAAA:, sha-256=:{sha256_base64(content)}:",
    "digest": lambda content: f"SHA-256={sha256_base64(content)}",
}


@pytest.mark.parametrize("header", CHECKSUMS)
def test_a_matching_checksum_is_accepted(server: LocalServer, downloads: Downloads, header: str) -> None:
    server.otherwise = body(CONTENT, 200, **{header: CHECKSUMS[header](CONTENT)})
    assert downloads.get(address(server), LIMITS) == CONTENT


@pytest.mark.parametrize("header", CHECKSUMS)
def test_a_checksum_that_does_not_match_is_an_error(server: LocalServer, downloads: Downloads, header: str) -> None:
    server.otherwise = body(CONTENT, 200, **{header: CHECKSUMS[header](b"something else")})
    with pytest.raises(
        SourceUnavailable, match=f"arrived damaged: it does not match the header {header.replace('_', '-')}"
    ):
        downloads.get(address(server), LIMITS)
    assert len(server.requested) == 3


def test_a_download_damaged_in_transit_is_retried(server: LocalServer, downloads: Downloads) -> None:
    etag = CHECKSUMS["etag"](CONTENT)
    server.otherwise = in_turn(body(CONTENT.replace(b"1", b"2"), ETag=etag), body(CONTENT, ETag=etag))
    assert downloads.get(address(server), LIMITS) == CONTENT


@pytest.mark.parametrize(
    "headers",
    [
        {"ETag": '"d41d8cd98f00b204e9800998ecf8427e-3"'},
        {"ETag": 'W/"d41d8cd98f00b204e9800998ecf8427e"'},
        {"ETag": '"d41d8cd98f00b204e9800998ecf8427e"', "x_amz_server_side_encryption": "aws:kms"},
        {"x_amz_checksum_sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=-2"},
        {"Digest": "MD5=1B2M2Y8AsgTpgAmY7PhCfg==, sha-256=!"},
    ],
)
def test_headers_that_only_look_like_a_checksum_are_ignored(
    server: LocalServer, downloads: Downloads, headers: dict[str, str]
) -> None:
    server.otherwise = body(CONTENT, 200, **headers)
    assert downloads.get(address(server), LIMITS) == CONTENT


def test_a_compressed_body_is_decompressed(server: LocalServer, downloads: Downloads) -> None:
    server.answers["/file.json"] = body(gzip.compress(CONTENT), Content_Encoding="gzip", ETag=f'"{"0" * 32}"')
    server.answers["/other.json"] = body(zstandard.compress(CONTENT), Content_Encoding="zstd")
    assert downloads.get(address(server), LIMITS) == CONTENT
    assert downloads.get(address(server, "other.json"), LIMITS) == CONTENT
    assert server.headers[0]["Accept-Encoding"] == "gzip, zstd"


def test_a_truncated_compressed_body_is_an_error(server: LocalServer, downloads: Downloads) -> None:
    server.otherwise = body(gzip.compress(CONTENT)[:-9], Content_Encoding="gzip")
    with pytest.raises(MalformedFile, match=r"file.json: the compressed file is cut off"):
        downloads.get(address(server), LIMITS)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_compression_bomb_is_refused(server: LocalServer, downloads: Downloads, encoding: str) -> None:
    bomb = gzip.compress(bytes(50_000_000)) if encoding == "gzip" else zstandard.compress(bytes(500_000_000))
    server.otherwise = body(bomb, Content_Encoding=encoding)
    with pytest.raises(MalformedFile, match="larger than the limit of 2000000 bytes"):
        downloads.get(address(server), LIMITS)


def test_an_encoding_that_was_not_requested_is_an_error(server: LocalServer, downloads: Downloads) -> None:
    server.otherwise = body(CONTENT, Content_Encoding="br")
    with pytest.raises(SourceUnavailable, match="an encoding that was not requested: br"):
        downloads.get(address(server), LIMITS)


def test_one_connection_is_reused_for_several_files(server: LocalServer, downloads: Downloads) -> None:
    ports = set()

    def answer(request: BaseHTTPRequestHandler) -> None:
        ports.add(request.client_address)
        body(CONTENT)(request)

    server.otherwise = answer
    for _ in range(3):
        downloads.get(address(server), LIMITS)
    assert len(ports) == 1


SECRETS = ("jane", "p%40ss", "p@ss", "sesame", "amFuZTpwQHNz")


def test_secrets_are_sent_to_the_server_only(
    server: LocalServer, downloads: Downloads, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.otherwise = status(500)
    keyed = WebAddress.parse(f"http://jane:p%40ss@127.0.0.1:{server.port}/kb/?key=sesame#part", "BUCKET").below(
        "x.json"
    )
    with pytest.raises(SourceDown) as failure:
        downloads.get(keyed, LIMITS)
    assert server.requested[0] == "/kb/x.json?key=sesame"
    assert server.headers[0]["Authorization"] == "Basic amFuZTpwQHNz"
    assert str(keyed) == f"http://127.0.0.1:{server.port}/kb/x.json"
    for secret in SECRETS:
        for text in (str(failure.value), repr(failure.value), repr(keyed), caplog.text):
            assert secret not in text
    assert "x.json: attempt 3 of 3" in caplog.text


def test_a_password_is_not_sent_to_the_target_of_a_redirect(server: LocalServer, downloads: Downloads) -> None:
    with LocalServer().running() as other:
        other.otherwise = body(CONTENT)
        server.otherwise = status(302, Location=f"http://joe:other@127.0.0.1:{other.port}/there")
        keyed = WebAddress.parse(f"http://jane:pass@127.0.0.1:{server.port}", "BUCKET").below("x.json")
        assert downloads.get(keyed, LIMITS) == CONTENT
        assert "Authorization" in server.headers[0]
        assert "Authorization" not in other.headers[0]


@pytest.mark.parametrize("text", ["ftp://jane:pass@host/", "http://", "http://jane:pa:ss/word@host:x/", "https:///kb"])
def test_an_invalid_url_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(InvalidRequest) as failure:
        WebAddress.parse(text, "CTIBUTLER_BUCKET")
    assert "CTIBUTLER_BUCKET" in str(failure.value)
    assert "pa" not in str(failure.value)


def test_the_environments_proxy_is_honoured(
    server: LocalServer, downloads: Downloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    server.otherwise = body(CONTENT)
    assert downloads.get(WebAddress.parse("http://bucket.invalid/kb", "BUCKET").below("x"), LIMITS) == CONTENT
    assert server.requested == ["http://bucket.invalid/kb/x"]


def test_a_proxy_that_is_not_a_url_is_reported(downloads: Downloads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "gopher://joe:secret@host")
    with pytest.raises(SourceDown, match="the proxy URL in the environment is not valid"):
        downloads.get(WebAddress.parse("http://127.0.0.1:1/", "BUCKET"), LIMITS)


def test_nothing_is_left_running(server: LocalServer, downloads: Downloads) -> None:
    server.otherwise = endless(server, b"x", 0.05)
    with pytest.raises(SourceDown):
        downloads.get(address(server), replace(LIMITS, seconds=0.3))
    server.stop.set()
    deadline = time.monotonic() + 3
    while any(thread.name == "ctibutler-download" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_library_speaks_http_2_where_it_is_offered(downloads: Downloads) -> None:
    httpx2.Client(http2=True).close()  # fails when the package for it is missing
