"""A made-up edge beside the REST API shares its log, cache and compression, and keeps its own conventions."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctibutler.app import EDGES
from ctibutler.catalog import access
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.opening import open_catalogue
from ctibutler.http.metrics import Metrics
from ctibutler.http.router import Router
from ctibutler.knowledge_bases import HOSTED
from ctibutler.settings import Settings
from tests.http.birds import edge as birds
from tests.server.serving import Server, running

EDGES_WITH_BIRDS = (*EDGES, birds.make_edge)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_catalogue(f"sqlite:///{tmp_path / 'c.sqlite'}", HOSTED)
    yield opened
    opened.close()


@pytest.fixture
def server(database: Database) -> Iterator[Server]:
    with running(database, edges=EDGES_WITH_BIRDS) as started:
        yield started


def test_its_routes_answer_beside_those_of_the_api(server: Server) -> None:
    answer = server.get("/birds/?call=hoo")
    assert answer.text == "owl,hoo\nreleases of TLP,0"
    assert answer.headers["content-type"].startswith("text/csv")
    assert server.get("/birds//wren").text == "tic tic tic"
    assert server.get("/v1/tlp/objects/").json()["total_results_count"] == 0


def test_its_errors_have_its_own_format_on_every_path_below_its_prefix(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    for path, status, sentence in (
        ("/birds/emu/", 404, "no bird `emu`"),
        ("/birds/a/b/c", 404, "there is nothing at `/birds/a/b/c`"),
        ("/birds/?strict=true&cal=hoo", 400, "cal: This parameter is not known here. Did you mean `call`?"),
    ):
        answer = server.get(path)
        assert (answer.status_code, answer.text) == (status, f"<error>{sentence}</error>")
        assert answer.headers["content-type"] == "application/xml"
    refused = server.client.delete("/birds/")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert refused.text.startswith("<error>")
    for path in ("/birds/dodo/", "/birds/nest/broken"):
        with caplog.at_level(logging.CRITICAL, "ctibutler.api"):
            failed = server.get(path)
        assert failed.status_code == 500
        assert failed.text.startswith("<error>something went wrong here;")
    for path in ("/api/v1/emu/", "/api/birds/", "/emu/"):
        assert server.get(path).json()["code"] == 404


def test_a_stream_is_compressed_while_it_is_sent(server: Server) -> None:
    plain = server.get("/birds/songs/")
    assert plain.text == "tic tic tic\nhoo\n" * 1000
    with server.client.stream("GET", "/birds/songs/", headers={"accept-encoding": "gzip"}) as answer:
        packed = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed) == plain.content


def test_it_shares_cache_log_and_metrics(server: Server) -> None:
    first = server.get("/birds/?call=tic&unknown=1", x_request_id="bird-1")
    assert first.headers["x-request-id"] == "bird-1"
    assert first.headers["ctibutler-ignored-parameters"] == "unknown"
    again = server.get("/birds/?call=tic", if_none_match=first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    access.add_key(server.database, "somebody")
    assert server.get("/birds/?call=tic").headers["etag"] == first.headers["etag"]
    counted = server.get("/api/metrics/").text
    assert 'http_requests_total{method="GET",route="/birds/",status="304"} 1.0' in counted


def test_it_reads_keys_by_its_own_rule(database: Database) -> None:
    key = access.add_key(database, "reader")
    with running(database, Settings(access="keys"), edges=EDGES_WITH_BIRDS) as server:
        refused = server.get("/birds/owl/")
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Basic realm="birds"')
        assert refused.text == "<error>this needs a key</error>"
        assert server.client.get("/birds/owl/", auth=("anybody", key)).text == "hoo"
        assert server.client.get("/birds/nest/", auth=("anybody", key)).status_code == 200
        assert server.get("/birds/owl/", api_key=key).status_code == 401
        assert server.client.get("/api/v1/", auth=("anybody", key)).status_code == 401
        assert server.get("/api/v1/", authorization=f"Token {key}").status_code == 200


def test_pages_of_other_origins_can_read_the_api_but_not_this_edge(server: Server) -> None:
    origin = {"origin": "https://a.example", "access-control-request-method": "GET"}
    assert "access-control-allow-origin" not in server.get("/birds/", origin="https://a.example").headers
    assert "access-control-allow-methods" not in server.client.options("/birds/", headers=origin).headers
    assert server.client.options("/api/v1/", headers=origin).headers["access-control-allow-origin"] == "*"


def test_a_mounted_application_sees_its_own_paths_and_every_method(server: Server) -> None:
    assert server.client.post("/birds/nest", content=b"egg").text == "POST / below /birds/nest: egg"
    assert server.get("/birds//nest/a%20b/c/").text == "GET /a b/c/ below /birds/nest: "
    patched = server.client.patch("/birds/nest/x", content=b"egg" * 1000, headers={"accept-encoding": "gzip"})
    assert patched.headers["content-encoding"] == "gzip"
    assert patched.text == "PATCH /x below /birds/nest: " + "egg" * 1000
    assert (patched.headers["cache-control"], len(patched.headers["x-request-id"])) == ("no-store", 32)
    head = server.client.head("/birds/nest/x")
    assert (head.status_code, head.content) == (200, b"")


def test_compression_does_not_delay_events_of_a_mounted_application(server: Server) -> None:
    answer = server.get("/birds/nest/events", accept_encoding="gzip")
    assert "content-encoding" not in answer.headers
    assert answer.text.count("tweets") == 100


def test_the_lifespan_of_an_edge_is_that_of_the_server(database: Database) -> None:
    birds.running.clear()
    with running(database, edges=EDGES_WITH_BIRDS):
        assert birds.running == ["started"]
    assert birds.running == ["started", "stopped"]


def test_two_edges_cannot_have_the_same_path() -> None:
    edge = birds.make_edge(HOSTED, Settings(), Metrics())
    with pytest.raises(ValueError, match="GET /birds/ is declared twice"):
        Router([edge, edge])
