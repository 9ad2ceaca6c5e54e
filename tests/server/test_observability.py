"""Metrics, the log and request ids answer the questions of whoever runs a server."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ctibutler.catalog import jobs
from ctibutler.catalog.access import add_key
from ctibutler.catalog.engine.database import Database
from ctibutler.settings import Settings
from tests.catalogue import catalogue_with
from tests.cli.command import Command
from tests.cli.test_serving import answer_of, eventually, free_port, line_with
from tests.faults.processes import ask_for
from tests.server.serving import Server, running

DOCS = Path(__file__).parents[2] / "docs"
WORD = re.compile(r"\b(?:http|ctibutler|process)_[a-z_]+\b")
ONLY_WITH_A_STANDBY = {"ctibutler_standby_used", "ctibutler_standby_lag_seconds"}

Samples = dict[str, dict[tuple[tuple[str, str], ...], float]]


def samples(text: str) -> Samples:
    """The numbers in an answer, by name and labels."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def measured(server: Server) -> Samples:
    return samples(server.get("/api/metrics/").text)


def test_metrics_say_what_is_slow_by_route_and_knowledge_base(small: Server) -> None:
    small.get("/api/v1/tlp/objects/")
    small.get("/api/v1/search/?text=red")
    counts = measured(small)["http_request_duration_seconds_count"]
    assert counts[("kb", "tlp"), ("route", "/api/v1/tlp/objects/")] == 1
    assert counts[("kb", ""), ("route", "/api/v1/search/")] == 1


def test_metrics_say_what_is_refused_and_why(small: Server) -> None:
    small.get("/nowhere")
    small.get("/api/v1/tlp/objects/nothing/")
    small.get("/api/v1/tlp/objects/?strict=true&nonsense=1")
    small.client.post("/api/v1/tlp/", headers={"x-forwarded-for": "192.0.2.1"}, json={"version": "2"})
    small.client.patch("/api/v1/tlp/objects/")
    refused = measured(small)["ctibutler_refusals_total"]
    assert refused == {
        (("reason", "not-found"), ("status", "404")): 2,
        (("reason", "invalid-request"), ("status", "400")): 1,
        (("reason", "unauthorized"), ("status", "401")): 1,
        (("reason", "method-not-allowed"), ("status", "405")): 1,
    }


def test_metrics_say_what_the_cache_does(small: Server) -> None:
    first = small.get("/api/v1/tlp/objects/")
    small.get("/api/v1/tlp/objects/")
    small.get("/api/v1/tlp/objects/", if_none_match=first.headers["etag"])
    found = measured(small)
    assert {dict(labels)["result"]: count for labels, count in found["ctibutler_cache_requests_total"].items()} == {
        "miss": 1,
        "hit": 1,
        "validated": 1,
    }
    assert found["ctibutler_cache_bytes"][()] > len(first.content)


def test_metrics_say_how_jobs_and_releases_are(small: Server) -> None:
    ask_for(small.database, "location", "1.0")
    job_id = ask_for(small.database, "tlp", "2")
    job = jobs.claim(small.database, "a worker", 60, job_id)
    assert job is not None
    before = measured(small)
    pending, running_now = (
        (("state", state), ("type", f"{kb}-update")) for state, kb in (("pending", "location"), ("processing", "tlp"))
    )
    assert (before["ctibutler_jobs"][pending], before["ctibutler_jobs"][running_now]) == (1, 1)
    assert before["ctibutler_job_oldest_seconds"][pending] >= before["ctibutler_job_oldest_seconds"][running_now]
    with small.database.note() as connection:
        jobs.complete(connection, job)
        connection.run("UPDATE job SET created = completed - 5000000 WHERE job_id = :job_id", job_id=job_id)
    after = measured(small)
    assert after["ctibutler_job_seconds"][("state", "completed"), ("type", "tlp-update")] == 5
    assert after["ctibutler_releases"] == {(("kb", "tlp"),): 2, (("kb", "location"),): 1}
    assert after["ctibutler_objects"][("kb", "tlp"), ("version", "2")] > 0
    assert after["ctibutler_last_import_timestamp_seconds"][(("kb", "tlp"),)] > 1e9
    assert after["ctibutler_catalogue_revision"][()] >= 3
    assert after["ctibutler_workers"][()] == 0


def test_metrics_say_how_connections_are_used(small: Server) -> None:
    small.get("/api/v1/tlp/objects/")
    found = measured(small)
    by_state = {dict(labels)["state"]: count for labels, count in found["ctibutler_pool_connections"].items()}
    assert by_state["possible"] > 0
    assert sum(found["ctibutler_pool_waits_total"].values()) == 0
    pool = small.database._primary.of("read")
    held = [pool.connection() for _ in range(pool.report.most)]
    for one in held:
        one.__enter__()
    assert pool.report.in_use == pool.report.most
    held.pop().__exit__(None, None, None)
    for one in held:
        one.__exit__(None, None, None)
    assert (pool.report.in_use, pool.report.waits) == (0, 0)


def test_what_was_refused_while_the_database_was_gone_is_counted(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    with catalogue_with("sqlite", folder, "tlp@2") as database, running(database) as server:
        assert "ctibutler_refusals_total" not in measured(server)
        folder.rename(tmp_path / "elsewhere")
        assert server.get("/api/v1/tlp/objects/?page=2").status_code == 503
        assert server.get("/api/metrics/").status_code == 503
        (tmp_path / "elsewhere").rename(folder)
        refused = measured(server)["ctibutler_refusals_total"]
    assert refused == {(("reason", "store-gone"), ("status", "503")): 2}


def test_no_request_makes_a_new_label(small: Server) -> None:
    for number in range(30):
        small.client.request(f"X{number}", f"/nowhere/{number}")
        small.get(f"/api/v1/tlp/objects/unknown-{number}/?a{number}=1")
    found = measured(small)
    assert len(found["http_requests_total"]) <= 4
    assert len(found["ctibutler_refusals_total"]) <= 2


def test_several_processes_count_together(tmp_path: Path) -> None:
    command, port = Command(tmp_path), free_port()
    command.done("install", "tlp@2")
    serve = command.start("serve", "--port", port, "--workers", 2)
    try:
        line_with(serve, "API on")
        eventually(lambda: answer_of(port, "/api/healthcheck/") is not None)
        asked = 20
        for _ in range(asked):
            answer_of(port, "/api/v1/tlp/objects/")
        counted = _metrics_of(port)["http_request_duration_seconds_count"]
        assert counted[("kb", "tlp"), ("route", "/api/v1/tlp/objects/")] == asked
    finally:
        serve.terminate()
        serve.communicate(timeout=90)


def _metrics_of(port: int) -> Samples:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/api/metrics/")
    text = connection.getresponse().read().decode()
    connection.close()
    return samples(text)


# The dashboard and the page.


def expressions(panel: Any) -> Iterator[str]:
    """Every expression in a part of the dashboard."""
    if isinstance(panel, dict):
        for key, value in panel.items():
            if key in ("expr", "definition"):
                yield value
            else:
                yield from expressions(value)
    elif isinstance(panel, list):
        for part in panel:
            yield from expressions(part)


@pytest.fixture
def names(small: Server) -> set[str]:
    """The name of every metric of a server that has answered, refused and counted jobs."""
    ask_for(small.database, "tlp", "2")
    done = jobs.claim(small.database, "a worker", 60)
    assert done is not None
    with small.database.note() as connection:
        jobs.complete(connection, done)
    ask_for(small.database, "tlp", "1")
    small.get("/api/v1/tlp/objects/")
    small.get("/nowhere")
    return set(measured(small)) | ONLY_WITH_A_STANDBY


def test_the_dashboard_asks_only_for_metrics_that_exist(names: set[str]) -> None:
    dashboard = json.loads((DOCS / "grafana-dashboard.json").read_text())
    asked = [word for expression in expressions(dashboard) for word in WORD.findall(expression)]
    assert len(asked) > 25
    assert set(asked) <= names
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    own = {name for name in names if name.startswith("ctibutler_")}
    assert own - set(asked) == set(), "every number of ours is shown"


def test_the_page_names_every_metric_and_no_other(names: set[str]) -> None:
    page = (DOCS / "observability.md").read_text()
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}
    named = {word for word in WORD.findall(page) if not word.endswith("_")}
    assert named <= names | families
    assert {name for name in families if not name.startswith("process_")} <= named


# Request ids and the log.


@pytest.mark.parametrize("sent", ["abc-123", "4bf92f3577b34da6:1/2", "x" * 128])
def test_a_well_formed_request_id_is_kept(small: Server, sent: str) -> None:
    assert small.get("/nowhere", x_request_id=sent).headers["x-request-id"] == sent


@pytest.mark.parametrize("sent", ["", "a b", "x" * 129, 'a"b', "<script>"])
def test_any_other_request_id_is_replaced(small: Server, sent: str) -> None:
    made = small.get("/nowhere", x_request_id=sent).headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", made)


def test_the_log_has_what_the_metrics_count(small: Server, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "ctibutler.api"):
        small.get("/api/v1/tlp/objects/", x_request_id="one")
        small.get("/api/v1/tlp/objects/nothing/", x_request_id="two")
        # A line is written after the client has its answer, but before the next request on the connection is read.
        small.get("/api/healthcheck/")
    logged = {record.fields["request_id"]: record.fields for record in caplog.records if hasattr(record, "fields")}
    assert (logged["one"]["cache"], logged["one"]["status"]) == ("miss", 200)
    assert (logged["two"]["refusal"], logged["two"]["status"]) == ("not-found", 404)


def test_an_error_of_ours_carries_the_request_id_and_others_keep_their_shape(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with catalogue_with("sqlite", tmp_path, "tlp@2") as database, running(database) as server:
        plain = server.get("/nowhere", x_request_id="mine").json()
        assert plain["details"].keys() == {"error"}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ctibutler.answers.monitoring.worker_is_there", lambda _: 1 / 0)
            answer = server.get("/api/readiness/", x_request_id="mine")
    assert (answer.status_code, answer.headers["x-request-id"]) == (500, "mine")
    assert answer.json()["details"]["request_id"] == "mine"
    assert any("request mine failed" in record.getMessage() for record in caplog.records)


def test_a_worker_logs_its_jobs_as_fields(tmp_path: Path) -> None:
    command = Command(tmp_path)
    command.done("install", "tlp@1")
    database = Database(f"sqlite:///{tmp_path / 'data/ctibutler.sqlite'}")
    job_id = ask_for(database, "tlp", "2")
    database.close()
    worker = command.start("worker", CTIBUTLER_LOG_FORMAT="json", CTIBUTLER_UPDATE_DAYS="0")
    try:
        assert worker.stderr is not None
        lines: list[dict[str, Any]] = []
        while len(lines) < 2:
            line = json.loads(worker.stderr.readline())
            lines += [line] if line.get("job") == job_id else []
    finally:
        worker.terminate()
        worker.communicate(timeout=60)
    assert [(line["type"], line["knowledge_base"]) for line in lines] == [("tlp-update", "tlp")] * 2
    assert "seconds" in lines[1]


def test_metrics_need_a_key_where_reading_does(tmp_path: Path) -> None:
    with catalogue_with("sqlite", tmp_path, "tlp@2") as database:
        key = add_key(database, "prometheus")
        with running(database, Settings(access="keys")) as server:
            assert server.get("/api/metrics/").status_code == 401
            assert server.get("/api/metrics/", authorization=f"Bearer {key}").status_code == 200
