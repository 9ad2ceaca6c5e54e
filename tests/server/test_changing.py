"""Requests that change something (install, link, remove), and that answers reflect the change at once."""

from __future__ import annotations

import sys
from pathlib import Path
from subprocess import run
from typing import Any

import psycopg
import pytest

from ctibutler.catalog import access, jobs
from ctibutler.importing import removal
from ctibutler.knowledge_bases import HOSTED
from ctibutler.settings import Settings
from tests.catalogue import catalogue_with, install
from tests.server.serving import Server, running

pytestmark = pytest.mark.real


def test_a_request_for_a_release_creates_a_job(small: Server) -> None:
    answer = small.client.post("/api/v1/attack-enterprise/", json={"version": "16_0", "force": True, "other": 1})
    job = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/jobs/{job['id']}/"
    assert (job["type"], job["state"], job["errors"], job["completion_time"]) == ("attack-update", "pending", [], None)
    assert job["parameters"] == {
        "version": "16_0",
        "ignore_embedded_relationships": False,
        "ignore_embedded_relationships_sro": False,
        "ignore_embedded_relationships_smo": False,
        "matrix": "enterprise",
    }
    assert small.get(answer.headers["location"]).json() == job
    number = small.client.post("/v1/cwes", content=b'{"version": 4.10}', headers={"content-type": "application/json"})
    assert number.json()["parameters"]["version"] == "4.10"


def test_older_ways_to_request_jobs_still_work(small: Server) -> None:
    job = small.client.post("/api/v1/capec/", json={"version": "3.9"}).json()
    assert small.client.post("/api/v1/jobs", content=b"whatever").json()["jobs"] == [job]
    for path in (f"/api/v1/jobs/{job['id']}", f"/api/v1/arango_cti_processor/jobs/{job['id']}/"):
        assert small.get(path).json() == job
    assert small.client.post(f"/api/v1/arango_cti_processor/jobs/{job['id']}/").json() == job


def test_jobs_can_be_filtered_by_type_variant_and_state(small: Server) -> None:
    for kb in ("attack-ics", "attack-mobile", "cwe"):
        small.client.post(f"/api/v1/{kb}/", json={"version": "1"})
    small.client.post("/api/v1/links/cwe-capec/")
    for query, count in (
        ("types=attack-update", 2),
        ("types=attack-update--ics", 1),
        ("types=arango-cti-processor", 1),
        ("types=arango-cti-processor--cwe-capec,cwe-update", 2),
        ("state=pending", 4),
        ("state=failed", 0),
        ("sort=datetime_start_ascending&page_size=2", 4),
    ):
        assert small.total(f"/api/v1/jobs/?{query}") == count


def test_links_can_be_requested_with_or_without_a_body(small: Server) -> None:
    for path in ("arango-cti-processor", "arango_cti_processor", "links"):
        answer = small.client.post(f"/api/v1/{path}/capec-attack/")
        assert answer.status_code == 201
        assert answer.json()["type"] == "arango-cti-processor"
        assert answer.json()["parameters"]["mode"] == "capec-attack"
    body = {"version": "3.9", "ignore_embedded_relationships": True, "modified_min": "2024-01-01T00:00:00Z"}
    parameters = small.client.post("/api/v1/links/capec-attack/", json=body).json()["parameters"]
    assert body.items() <= parameters.items()
    wrong = small.client.post("/api/v1/links/capec-attack/", json={"created_min": "soon"})
    assert (wrong.status_code, set(wrong.json()["details"])) == (400, {"created_min"})


def test_after_removing_the_latest_release_the_next_one_is_answered(small: Server) -> None:
    before = small.get("/api/v1/tlp/objects/")
    assert before.json()["total_results_count"] == 5
    removed = small.client.delete("/api/v1/tlp/versions/v2")
    assert (removed.status_code, removed.content) == (204, b"")
    after = small.get("/api/v1/tlp/objects/", if_none_match=before.headers["etag"])
    assert (after.status_code, after.json()["total_results_count"]) == (200, 4)
    assert small.get("/api/v1/tlp/versions/installed/").json() == {"latest": "1", "versions": ["1"]}
    assert small.client.delete("/api/v1/tlp/versions/2/").status_code == 404


def test_a_knowledge_base_can_be_emptied_even_twice(small: Server) -> None:
    for _ in range(2):
        assert small.client.delete("/api/v1/locations/truncate").status_code == 204
        assert small.total("/api/v1/location/objects/") == 0
    assert small.get("/api/v1/location/versions/installed/").json() == {"latest": None, "versions": []}
    assert small.get("/api/v1/location/objects/US/").status_code == 404


def test_nothing_is_removed_while_a_job_is_writing_it(small: Server) -> None:
    small.client.post("/api/v1/tlp/", json={"version": "2"})
    jobs.claim(small.database, "somebody", lease_seconds=60)
    for path in ("versions/2/", "truncate/"):
        answer = small.client.delete(f"/api/v1/tlp/{path}")
        assert (answer.status_code, answer.json()["message"]) == (409, "Conflict")


def test_the_next_request_sees_an_import_of_another_process(small: Server) -> None:
    path = "/api/v1/sector/objects/"
    assert [small.total(path), small.total(path)] == [0, 0]
    code = (
        "import sys; from tests.catalogue import install; from ctibutler.catalog.opening import open_catalogue;"
        "from ctibutler.knowledge_bases import HOSTED; install(open_catalogue(sys.argv[1], HOSTED), 'sector@1.0')"
    )
    run(
        [sys.executable, "-c", code, small.database.url.text],
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert small.total(path) == 70
    with running(small.database) as second:
        assert second.total(path) == 70
        removal.truncate(small.database, HOSTED.named("sector"))
        assert (small.total(path), second.total(path)) == (0, 0)


def test_answers_are_cached_until_the_catalogue_changes(small: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    begin = small.database._transaction

    def counted(*arguments: Any) -> object:
        reads.append(arguments[0])
        return begin(*arguments)

    path = "/api/v1/tlp/objects/?name=clear"
    first = small.get(path)
    monkeypatch.setattr(small.database, "_transaction", counted)
    assert small.get("/v1/tlps/?page=0&name=clear").content == first.content
    checks = 0 if small.database.engine == "sqlite" else 1
    assert len(reads) == checks, "on PostgreSQL a query checks whether the catalogue has changed"
    install(small.database, "sector@1.0")
    reads.clear()
    assert small.get(path).content == first.content
    assert len(reads) > checks


def test_an_unavailable_store_is_reported_without_its_name(tmp_path: Path) -> None:
    with catalogue_with("postgresql", tmp_path, "tlp@2") as database, running(database) as server:
        assert server.total("/api/v1/tlp/objects/") == 5
        name, admin = database.url.name, database.url.with_name("ctibutler").text
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        for path in ("/api/v1/tlp/objects/", "/api/v1/tlp/versions/2/bundle/", "/api/v1/jobs/", "/api/metrics/"):
            answer = server.get(path)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5"), path
            assert str(name) not in answer.text
            assert answer.json()["code"] == 503
        ready = server.get("/api/readiness/")
        assert (ready.status_code, ready.json()["checks"]["store"]) == (503, "unavailable")
        assert server.get("/api/healthcheck/").status_code == 204
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        assert server.total("/api/v1/tlp/objects/") == 5


KEYED = [("keys", 401, 401), ("read-open", 200, 401), ("read-only", 200, 405), ("open", 200, 201)]


@pytest.mark.parametrize(("mode", "reading", "changing"), KEYED)
def test_modes_of_access_over_http(tmp_path: Path, mode: str, reading: int, changing: int) -> None:
    with catalogue_with("sqlite", tmp_path, "tlp@2") as database:
        reader, writer = access.add_key(database, "reader"), access.add_key(database, "writer", can_write=True)
        with running(database, Settings(access=mode)) as server:  # type: ignore[arg-type]

            def status(method: str, path: str, **headers: str) -> int:
                sent = {name.replace("_", "-"): value for name, value in headers.items()}
                return server.client.request(
                    method, path, headers=sent, json={"version": "2"} if method == "POST" else None
                ).status_code

            assert status("GET", "/api/v1/tlp/objects/") == reading
            assert status("GET", "/api/metrics/") == reading
            assert status("POST", "/api/v1/jobs/") == reading
            assert status("POST", "/api/v1/tlp/") == changing
            for path in ("/api/healthcheck/", "/api/readiness/", "/api/schema/", "/api/schema/swagger-ui/"):
                assert status("GET", path) < 300
            assert status("GET", "/api/v1/tlp/objects/", api_key=reader) == 200
            assert status("GET", "/api/v1/tlp/objects/", authorization=f"Bearer {reader}") == 200
            if changing == 401:
                assert status("POST", "/api/v1/tlp/", api_key=reader) == 403
                assert status("POST", "/api/v1/tlp/", api_key=writer) == 201
                assert status("POST", "/api/v1/tlp/", api_key=writer, origin="https://a.example") == 201
                access.remove_key(database, "writer")
                assert status("POST", "/api/v1/tlp/", api_key=writer) == 401
            if reading == 401:
                answer = server.get("/api/v1/tlp/objects/", api_key=reader)
                assert answer.headers["cache-control"] == "private, no-cache"
                refused = server.get("/api/v1/tlp/objects/", if_none_match=answer.headers["etag"])
                assert refused.status_code == 401
                assert refused.headers["www-authenticate"].startswith("Bearer")
            assert status("POST", "/api/v1/tlp/", origin="https://a.example") in (401, 403, 405)


def test_the_last_use_of_a_key_is_recorded(tmp_path: Path) -> None:
    with catalogue_with("sqlite", tmp_path) as database:
        secret = access.add_key(database, "reader")
        with running(database, Settings(access="keys")) as server:
            for _ in range(3):
                assert server.get("/", api_key=secret).status_code == 200
        assert access.keys(database)[0].last_used is not None


def test_pages_of_other_origins_cannot_change_anything_on_this_machine(small: Server) -> None:
    for headers in (
        {"origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"host": "evil.example"},
        {"host": f"evil.example:{small.port}", "origin": f"http://evil.example:{small.port}"},
    ):
        for method, path in (
            ("POST", "/api/v1/tlp/"),
            ("DELETE", "/api/v1/tlp/truncate/"),
            ("POST", "/api/v1/links/cwe-capec/"),
        ):
            answer = small.client.request(method, path, headers=headers)
            assert answer.status_code == 403, (headers, path)
    forwarded = small.client.delete("/api/v1/tlp/truncate/", headers={"x-forwarded-for": "203.0.113.7"})
    assert forwarded.status_code == 401
    assert small.get("/api/v1/tlp/objects/", x_forwarded_for="203.0.113.7").status_code == 401
    assert small.total("/api/v1/tlp/objects/") == 5
    assert small.total("/api/v1/jobs/") == 0


def test_settings_affect_answers(tmp_path: Path) -> None:
    with catalogue_with("sqlite", tmp_path, "tlp@2") as database:
        settings = Settings(
            default_page_size=2,
            max_page_size=3,
            cors_origins=("https://a.example",),
            cache_max_age=60,
            metrics=False,
            answer_cache_bytes=0,
        )
        with running(database, settings) as server:
            for requested, effective in (("", 2), ("9", 3)):
                assert (
                    server.get(f"/api/v1/tlp/objects/?page_size={requested}").json()["page_results_count"] == effective
                )
            answer = server.get("/api/v1/tlp/objects/", origin="https://a.example")
            assert answer.headers["access-control-allow-origin"] == "https://a.example"
            assert "Origin" in answer.headers["vary"]
            assert answer.headers["cache-control"] == "public, max-age=60, s-maxage=60"
            other = server.get("/api/v1/tlp/objects/", origin="https://b.example")
            assert "access-control-allow-origin" not in other.headers
            assert "Origin" in other.headers["vary"]
            assert server.get("/api/metrics/").status_code == 404
