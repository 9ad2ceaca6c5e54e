"""Asking a server: what is asked, how long, how often, and what is said when it fails."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stamina
from connector.knowledge_bases import BY_SLUG
from ctibutler_client.api_client import ApiClient, ServerAddress, api_roots
from ctibutler_client.errors import (
    BrokenResponse,
    Forbidden,
    NotFound,
    ServerError,
    Unauthorized,
    Unavailable,
)
from ctibutler_client.release_reader import ReleaseReader
from ctibutler_client.releases import sort_out
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from tests.platform import kb
from tests.platform.older_api import OlderApi, cuts, fails, stalls

INSTALLED = "cwe/versions/installed/"

Start = Callable[..., OlderApi]


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[OlderApi] = []

    def begin(*releases: str, **more: Any) -> OlderApi:
        running.append(
            OlderApi(
                {name: [version] for name, version in (r.split("@") for r in releases)},
                **more,
            )
        )
        return running[-1]

    yield begin
    for server in running:
        server.stop()


def client(server: OlderApi | str, **more: Any) -> ApiClient:
    url = server if isinstance(server, str) else server.url
    return ApiClient(ServerAddress(url, **{"timeout": 5, "retries": 2, **more}))


@pytest.fixture(autouse=True)
def no_pauses() -> Iterator[None]:
    """Retries as configured, but without waiting."""
    stamina.set_testing(True, attempts=100, cap=True)
    yield
    stamina.set_testing(False)


@pytest.fixture
def pauses() -> Iterator[list[float]]:
    """The pauses that the client planned."""
    planned: list[float] = []

    def note(details: RetryDetails) -> None:
        planned.append(details.wait_for)

    set_on_retry_hooks([note])
    yield planned
    set_on_retry_hooks(None)


@pytest.mark.parametrize(
    ("url", "roots"),
    [
        ("https://h/", ("https://h/v1/", "https://h/api/v1/")),
        ("https://h", ("https://h/v1/", "https://h/api/v1/")),
        ("https://h/v1", ("https://h/v1/", "https://h/api/v1/")),
        ("https://h/api/", ("https://h/api/v1/",)),
        ("https://h/api/v1/", ("https://h/api/v1/",)),
        ("http://h:8006/deep/er/api", ("http://h:8006/deep/er/api/v1/",)),
        ("http://h/proxy/", ("http://h/proxy/v1/", "http://h/proxy/api/v1/")),
    ],
)
def test_the_base_url_is_taken_in_any_form(url: str, roots: tuple[str, ...]) -> None:
    assert api_roots(url) == roots


def test_a_server_that_answers_below_api_only_is_found_once(start: Start) -> None:
    server = start("cwe@4.14", prefixes=("/api/v1/",))
    asking = client(server)
    assert asking.get(INSTALLED)["versions"] == ["4.14"]
    assert asking.get(INSTALLED)["versions"] == ["4.14"]
    assert [path.split("/cwe")[0] for path in server.requests] == [
        "/v1",
        "/api/v1",
        "/api/v1",
    ]


def test_the_key_is_sent_if_there_is_one(start: Start) -> None:
    server = start("cwe@4.14", key="secret")
    assert client(server, api_key="secret").get(INSTALLED)
    with pytest.raises(
        Unauthorized, match=r"authentication failed .401.: set CTIBUTLER_API_KEY"
    ):
        client(server).get(INSTALLED)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("status", "kind", "asked"),
    [
        (401, Unauthorized, 1),
        (403, Forbidden, 1),
        (404, NotFound, 2),
        (400, ServerError, 1),
        (302, ServerError, 1),
    ],
)
def test_a_permanent_error_is_not_retried(
    start: Start, status: int, kind: type[Exception], asked: int
) -> None:
    server = start("cwe@4.14")
    server.misbehaviour = fails(status)
    with pytest.raises(kind, match=str(status) if status != 302 else "redirects"):
        client(server).get(INSTALLED)
    assert len(server.requests) == asked


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_temporary_error_is_retried(start: Start, status: int) -> None:
    server = start("cwe@4.14")
    server.misbehaviour = fails(status, times=2)
    assert client(server).get(INSTALLED)["versions"] == ["4.14"]
    server.misbehaviour = fails(status)
    with pytest.raises(Unavailable, match=rf"{status}.*played by a test"):
        client(server).get(INSTALLED)


def test_the_pause_is_what_the_server_asks_for(
    start: Start, pauses: list[float]
) -> None:
    stamina.set_testing(False)
    server = start("cwe@4.14")
    server.misbehaviour = fails(429, times=1, headers={"Retry-After": "0"})
    assert client(server).get(INSTALLED)
    assert pauses == [0.0]


def test_a_server_that_stalls_is_given_up_after_the_retries(start: Start) -> None:
    server = start("cwe@4.14")
    server.misbehaviour = stalls()
    with pytest.raises((Unavailable, BrokenResponse)):
        client(server, timeout=0.3, retries=1).get(INSTALLED)
    assert len(server.requests) == 2


def test_a_cut_off_response_is_retried(start: Start) -> None:
    server = start("cwe@4.14")
    server.misbehaviour = cuts(times=1)
    assert client(server).get(INSTALLED)["versions"] == ["4.14"]
    server.misbehaviour = cuts()
    with pytest.raises(BrokenResponse, match="cut"):
        client(server).get(INSTALLED)


def test_an_unreachable_server_is_named() -> None:
    with pytest.raises(Unavailable, match=r"http://127.0.0.1:9: no connection"):
        client("http://127.0.0.1:9/", retries=0).get(INSTALLED)


@pytest.mark.real
def test_a_short_page_ends_the_run(start: Start) -> None:
    server = start("cwe@4.14")
    server.short_page = True
    with pytest.raises(BrokenResponse, match="page 1 is short: 49 of 1331 items"):
        ReleaseReader(client(server)).read(BY_SLUG["cwe"], "4.14")


@pytest.mark.real
@pytest.mark.parametrize(
    "slug",
    [
        "attack-ics",
        "capec",
        "cwe",
        "disarm",
        "atlas",
        "mitre-f3",
        "location",
        "sector",
        "d3fend",
    ],
)
def test_page_by_page_gives_what_the_whole_release_gives(
    start: Start, slug: str
) -> None:
    from connector.converter_to_stix import convert
    from connector.release_index import Options

    version = {
        "attack-ics": "18.1",
        "capec": "3.9",
        "cwe": "4.14",
        "disarm": "1.6",
        "atlas": "5.6.0",
    }.get(slug)
    version = version or {"mitre-f3": "1.1", "d3fend": "1.2.0"}.get(slug, "1.0")
    server = start(f"{slug}@{version}")
    paged = ReleaseReader(client(server)).read(BY_SLUG[slug], version)
    whole = sort_out(slug, version, kb.objects(slug, version))
    results = [convert(release, BY_SLUG[slug], Options()) for release in (paged, whole)]
    assert results[0].digests == results[1].digests
    if slug == "capec":  # docs/opencti.md: some 1,500
        assert 1_450 < len(server.requests) < 1_550


def test_derived_relationships_are_recognized() -> None:
    marked = ["marking-definition--2e51a631-99d8-52a5-95a6-8314d3f4fbf3"]
    technique, tactic = "attack-pattern--1", "x-mitre-tactic--2"

    def relation(number: int, source: str, target: str, **more: Any) -> dict[str, Any]:
        return {
            "type": "relationship",
            "id": f"relationship--{number}",
            "source_ref": source,
            "target_ref": target,
            **more,
        }

    note = [{"source_name": "stix2arango", "description": "embedded-relationship"}]
    release = sort_out(
        "cwe",
        "4.14",
        [
            relation(1, technique, technique),
            relation(1, technique, technique),
            relation(1, technique, "attack-pattern--9"),
            relation(2, technique, "identity--1", external_references=note),
            relation(3, technique, tactic, object_marking_refs=marked),
            relation(4, technique, "attack-pattern--3", object_marking_refs=marked),
            relation(5, "relationship--4", "identity--1", object_marking_refs=marked),
        ],
    )
    assert [item["id"] for item in release.objects] == [
        "relationship--1",
        "relationship--1",
    ]
    assert [item["id"] for item in release.links] == ["relationship--4"]
