"""Sources that stall, break off, lie, send garbage or redirect for ever fail their job with a reason, and change nothing."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import zstandard

from ctibutler.catalog.checking import check
from ctibutler.catalog.engine.database import Database
from ctibutler.knowledge_bases import HOSTED
from tests.faults.processes import ask_for, job_of, settings_of, worker_of
from tests.faults.small import small_bundle_bytes
from tests.faults.stores import content
from tests.faults.test_safety import imported
from tests.publishers.conftest import no_surroundings, server
from tests.publishers.server import Answer, LocalServer, body, endless, in_turn, silence, status

__all__ = ["no_surroundings", "server"]

WHOLE = small_bundle_bytes()
PACKED = zstandard.compress(WHOLE)
REDIRECTS = 100

FAULTS: dict[str, Callable[[LocalServer], Answer]] = {
    "nothing is answered": lambda server: silence(server),
    "it stalls in the middle": lambda server: silence(server, after=WHOLE[:500], length=len(WHOLE)),
    "it breaks off": lambda _: body(WHOLE[:500], content_length=str(len(WHOLE))),
    "it is shorter than it says": lambda _: body(WHOLE, content_length=str(len(WHOLE) + 10)),
    "it is longer than it says": lambda _: body(WHOLE, content_length=str(len(WHOLE) - 10)),
    "it never ends": lambda server: endless(server, b'{"type": "bundle", ' * 1000),
    "it is garbage": lambda _: body(bytes(range(256)) * 100),
    "it is a page": lambda _: body(b"<!DOCTYPE html><title>Sign in</title>"),
    "it is half a bundle": lambda _: body(WHOLE[: len(WHOLE) // 2]),
    "it is empty": lambda _: body(b""),
    "it is another kind of JSON": lambda _: body(json.dumps([1, 2, 3]).encode()),
    "it is compressed and breaks off": lambda _: body(PACKED[: len(PACKED) // 2], content_encoding="zstd"),
    "it redirects to itself": lambda _: status(302, location="/again"),
    "it redirects for ever": lambda _: in_turn(*(status(302, location=f"/{number}") for number in range(REDIRECTS))),
    "it redirects nowhere": lambda _: status(302, location="http://127.0.0.1:1/"),
    "it redirects to a file": lambda _: status(302, location="file:///etc/passwd"),
    "it fails": lambda _: status(500),
    "it is overloaded": lambda _: status(503, retry_after="86400"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_source_with_a_fault_fails_its_job_and_changes_nothing(
    sqlite_url: str, opened: Callable[[str], Database], server: LocalServer, fault: str
) -> None:
    store = opened(sqlite_url)
    imported(store, WHOLE, label="7.0")
    before = content(store)
    server.otherwise = FAULTS[fault](server)
    # It is listed, so that the file itself is asked for.
    server.answers["/mitre-attack-ics-repo-data/version.txt"] = body(b"8.0\n")
    job_id = ask_for(store, "attack-ics", "8.0")
    settings = settings_of(
        sqlite_url,
        server.url,
        download_timeout=0.5,
        download_max_seconds=2,
        download_retries=1,
        bundle_max_bytes=2_000_000,
    )
    worker_of(store, settings).run_until_idle()
    job = job_of(store, job_id)
    assert job.state == "failed"
    assert job.errors
    assert any("mitre-attack-ics-repo-data/ics-attack" in path for path in server.requested)
    assert content(store) == before
    assert list(check(store, HOSTED)) == []
