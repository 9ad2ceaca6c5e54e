"""Releases from publishers, on the command line: installed, shown with their origin, mirrored, updated."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.cli.command import Command
from tests.publishers import publishers
from tests.publishers.publishers import API, ATTACK, CAPEC, D3FEND, F3, serve
from tests.publishers.server import LocalServer, status
from tests.shared import read_shared

DATA = Path(__file__).parents[1] / "publishers" / "data"
COLLECTION = {
    "type": "x-mitre-collection",
    "spec_version": "2.1",
    "id": "x-mitre-collection--90c00720-636b-4485-b342-8751d232bf09",
    "name": "F3",
}
TACTIC = {
    "type": "x-mitre-tactic",
    "spec_version": "2.1",
    "id": "x-mitre-tactic--5569339b-94c2-49ee-afb3-2222936582c8",
    "created": "2026-04-08T19:02:39.032Z",
    "modified": "2026-04-08T19:02:39.032Z",
    "name": "Positioning",
    "x_mitre_shortname": "positioning",
    "external_references": [{"source_name": "mitre-f3", "external_id": "FA0001"}],
}
TECHNIQUE = {
    **TACTIC,
    "type": "attack-pattern",
    "id": "attack-pattern--5569339b-94c2-49ee-afb3-2222936582c8",
    "external_references": [{"source_name": "mitre-f3", "external_id": "F1001"}],
}


def fraud(version: str, *, techniques: Sequence[dict[str, Any]] = (TECHNIQUE,)) -> dict[str, Any]:
    tactic = {**TACTIC, "description": f"As of {version}."}
    return publishers.bundle({**COLLECTION, "x_mitre_version": version}, tactic, *techniques)


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer().running() as local:
        yield local


@pytest.fixture
def at(server: LocalServer) -> dict[str, str]:
    """The environment of an installation that reaches the publishers at this server."""
    return {
        "CTIBUTLER_PUBLISHERS_URL": server.url,
        "CTIBUTLER_SOURCES": "publisher,builtin",
        "CTIBUTLER_DOWNLOAD_RETRIES": "0",
    }


def serve_small(server: LocalServer) -> None:
    serve(
        server,
        {
            f"{F3}/f3-stix.json": fraud("1.1"),
            f"{D3FEND}/api/version.json": {"version": "1.2.0"},
            f"{D3FEND}/ontologies/d3fend/1.2.0/d3fend.json": (DATA / "d3fend-1.2.0-excerpt.json").read_bytes(),
        },
    )


def test_install_and_versions_show_where_a_release_came_from(
    command: Command, server: LocalServer, at: dict[str, str]
) -> None:
    serve_small(server)
    output = command.done("install", "d3fend", "mitre-f3", **at).stdout
    assert re.search(r"^d3fend 1\.2\.0: installed from publisher: \d+ objects$", output, re.MULTILINE)
    found = command.done("versions", "d3fend", "--json", **at).json["d3fend"]["releases"]
    [release] = found
    origin = release["origin"]
    assert origin["source"] == "publisher"
    assert origin["location"] == "https://d3fend.mitre.org/ontologies/d3fend/1.2.0/d3fend.json"
    assert (origin["converter"], origin["converter_version"]) == ("d3fend-json", 1)
    assert origin["sha256"] == sha256((DATA / "d3fend-1.2.0-excerpt.json").read_bytes()).hexdigest()
    assert (
        abs(time.time() - time.mktime(time.strptime(origin["fetched_at"][:19], "%Y-%m-%dT%H:%M:%S")) + time.timezone)
        < 600
    )
    table = command.done("versions", "d3fend", **at).stdout
    assert "d3fend-json 1" in table
    assert origin["sha256"] in table


def test_nothing_is_downloaded_twice(command: Command, server: LocalServer, at: dict[str, str]) -> None:
    serve_small(server)
    command.done("install", "d3fend", **at)
    sent_first = [
        h.get("If-None-Match")
        for path, h in zip(server.requested, server.headers, strict=True)
        if path.endswith("d3fend.json")
    ]
    assert sent_first == [None]
    output = command.done("install", "d3fend", **at).stdout
    assert "was installed already, nothing changed" in output
    conditions = [
        h.get("If-None-Match")
        for path, h in zip(server.requested, server.headers, strict=True)
        if path.endswith("d3fend.json")
    ]
    assert conditions[1:]
    assert all(conditions[1:])


@pytest.mark.parametrize("source", ["builtin", "built-in", "snapshot", "publisher"])
def test_a_single_source_can_be_chosen(command: Command, server: LocalServer, at: dict[str, str], source: str) -> None:
    serve(server, {f"{F3}/f3-stix.json": fraud("1.1")})
    outcome = command("install", "mitre-f3", "--source", source, **at)
    if source == "publisher":
        assert outcome.code == 0
        assert "installed from publisher" in outcome.stdout
    else:
        assert outcome.code == 1
        assert outcome.stderr.strip() == "ctibutler: mitre-f3: no source has a release"


def test_a_bucket_cannot_be_chosen_if_none_is_set(command: Command) -> None:
    outcome = command("install", "mitre-f3", "--source", "bucket")
    assert (outcome.code, outcome.stderr.strip()) == (
        2,
        "ctibutler: `bucket`: no bucket is configured (CTIBUTLER_BUCKET)",
    )


def test_a_release_that_cannot_be_fetched_does_not_stop_the_others(
    command: Command, server: LocalServer, at: dict[str, str]
) -> None:
    serve_small(server)
    outcome = command("install", "capec", "mitre-f3", **at)
    assert outcome.code == 1
    assert "capec: failed: no source has a release; publisher: https://raw.githubusercontent.com/" in outcome.stderr
    assert "mitre-f3 1.1: installed from publisher" in outcome.stdout


def test_an_incomplete_list_is_reported_with_exit_code_1(
    command: Command, server: LocalServer, at: dict[str, str]
) -> None:
    serve_small(server)
    server.answers["/api.github.com/repos/d3fend/d3fend-ontology/tags"] = status(403)
    outcome = command("mirror", "kb", "d3fend@all", **at)
    assert outcome.code == 1
    assert "d3fend@all: not all releases are known: publisher: " in outcome.stderr
    assert "answered 403 Forbidden: access denied, or too many requests" in outcome.stderr
    assert (command.folder / "kb" / "d3fend2stix-manual-output" / "d3fend-v1_2_0-bundle.json.zst").is_file()


def test_a_folder_can_be_a_source(command: Command, tmp_path: Path) -> None:
    place = tmp_path / "my kb" / "mitre-f3-repo-data"
    place.mkdir(parents=True)
    (place / "f3-stix-v1_1.json").write_text(json.dumps(fraud("1.1")))
    output = command.done("install", "mitre-f3", "--source", "my kb").stdout
    assert "mitre-f3 1.1: installed from bucket" in output


def test_the_name_of_a_source_is_preferred_to_a_folder_of_that_name(command: Command) -> None:
    (command.folder / "built-in" / "tlp").mkdir(parents=True)
    assert "tlp 2: installed from built-in" in command.done("install", "tlp", "--source", "built-in").stdout


@pytest.mark.parametrize("secret", ["http://me:SECRET@127.0.0.1:1/kb", "http://127.0.0.1:1/kb?key=SECRET"])
def test_no_password_is_stored_in_a_job(command: Command, secret: str) -> None:
    outcome = command("install", "tlp@2", "--source", secret)
    assert outcome.code == 2
    assert "CTIBUTLER_BUCKET and use `--source bucket`" in outcome.stderr
    assert "SECRET" not in outcome.stderr


@pytest.mark.parametrize(
    "bucket",
    ["http://me:SECRET@127.0.0.1:1/kb", "http://127.0.0.1:1/kb?key=SECRET", "http://SECRET@127.0.0.1:1/kb#SECRET"],
)
@pytest.mark.parametrize(
    "words",
    [["status"], ["status", "--json"], ["versions", "tlp", "--refresh"], ["sources", "tlp"], ["install", "cwe"]],
)
def test_no_command_prints_a_secret_of_the_bucket(command: Command, bucket: str, words: list[str]) -> None:
    outcome = command(*words, CTIBUTLER_BUCKET=bucket, CTIBUTLER_DOWNLOAD_RETRIES="0")
    assert "http://127.0.0.1:1/kb" in outcome.stdout + outcome.stderr
    assert "SECRET" not in outcome.stdout + outcome.stderr


def test_up_prints_no_secret_of_the_bucket(command: Command) -> None:
    process = command.start(
        "up", "--port", 0, CTIBUTLER_BUCKET="http://me:SECRET@127.0.0.1:1/kb?key=SECRET", CTIBUTLER_DOWNLOAD_RETRIES="0"
    )
    try:
        lines = _lines_until(process, "knowledge bases are installed")
        assert any("http://127.0.0.1:1/kb" in line for line in lines)
        assert "SECRET" not in "".join(lines)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def test_an_unknown_source_is_a_usage_error(command: Command) -> None:
    outcome = command("install", "cwe", "--source", "vendor")
    assert outcome.code == 2
    assert "`vendor` is not a source (publisher, bucket, snapshot, built-in), a folder or a URL" in outcome.stderr
    assert command("versions", CTIBUTLER_SOURCES="publisher,vendor").code == 2


def test_a_publisher_with_a_changed_layout_fails_only_its_own_knowledge_base(
    command: Command, server: LocalServer, at: dict[str, str]
) -> None:
    serve(server, {f"{F3}/f3-stix.json": fraud("1.1"), f"{ATTACK}/index.json": {"matrices": []}})
    outcome = command("mirror", "kb", "attack-ics", "mitre-f3", **at)
    assert outcome.code == 1
    assert (
        "attack-ics: failed: no source has a release; publisher: https://raw.githubusercontent.com/" in outcome.stderr
    )
    assert "missing required field `collections`" in outcome.stderr
    assert (command.folder / "kb" / "mitre-f3-repo-data" / "f3-stix-v1_1.json.zst").is_file()


def test_a_mirror_can_be_installed_from_without_a_network(
    command: Command, server: LocalServer, at: dict[str, str]
) -> None:
    serve_small(server)
    mirrored = command.done("mirror", "kb", "d3fend", "mitre-f3", "tlp@all", "--json", **at).json["releases"]
    assert [(one["knowledge_base"], one["version"], one["source"]) for one in mirrored] == [
        ("d3fend", "1.2.0", "publisher"),
        ("mitre-f3", "1.1", "publisher"),
        ("tlp", "2", "built-in"),
        ("tlp", "1", "built-in"),
    ]
    before = len(server.requested)
    carried = command.folder / "carried"
    shutil.move(command.folder / "kb", carried)
    behind = {"CTIBUTLER_BUCKET": str(carried), "CTIBUTLER_PUBLISHERS_URL": server.url}
    output = command.done("install", "d3fend", "mitre-f3", "tlp", **behind).stdout
    assert output.count("installed from bucket") == 3
    assert len(server.requested) == before, "the user's own bucket is used instead of the publishers"
    [held] = command.done("versions", "d3fend", "--json", **behind).json["d3fend"]["releases"]
    assert held["origin"]["source"] == "bucket"
    assert held["origin"]["mirrored_from"]["location"].startswith("https://d3fend.mitre.org/")
    assert held["origin"]["mirrored_from"]["converter"] == "d3fend-json"
    assert command.done("get", "FA0001", "--json", **behind).json["object"]["description"] == "As of 1.1."


def test_a_release_that_comes_out_is_installed_by_a_running_server(
    command: Command, server: LocalServer, at: dict[str, str]
) -> None:
    serve(server, {f"{F3}/f3-stix.json": fraud("1.1"), f"{F3}/f3-stix-v1.1.json": fraud("1.1")})
    command.done("install", "mitre-f3@1.1", **at)
    serve(server, {f"{F3}/f3-stix.json": fraud("1.2")})
    running = command.start("worker", **at, CTIBUTLER_LOG_LEVEL="info")
    try:
        until = time.monotonic() + 60
        while True:
            held = command.done("versions", "mitre-f3", "--json", **at).json["mitre-f3"]["releases"]
            if [one["version"] for one in held if one["installed"]] == ["1.2", "1.1"]:
                break
            assert time.monotonic() < until
            time.sleep(0.5)
    finally:
        running.send_signal(signal.SIGTERM)
        _, log = running.communicate(timeout=30)
    assert "mitre-f3 1.2 is newer than 1.1" in log


def test_up_installs_from_publishers_and_reports_updates(
    command: Command, server: LocalServer, at: dict[str, str]
) -> None:
    serve_small(server)
    serve(server, {CAPEC: publishers.bundle({**TECHNIQUE, "x_capec_version": "3.9"})})
    process = command.start("up", "--port", 0, **at)
    try:
        lines = _lines_until(process, "knowledge bases are installed")
        base = re.search(r"API\s+(http://\S+)/api/v1/", "\n".join(lines))
        assert base is not None
        assert any(line.split() == ["releases", "from", f"{server.url},", "built", "in"] for line in lines)
        updates = httpx2.get(f"{base[1]}/api/v1/updates/").json()
        assert {item["knowledge_base"] for item in updates["newer"]} == {
            "capec",
            "d3fend",
            "mitre-f3",
            "location",
            "sector",
            "tlp",
        }
        assert {item["job_state"] for item in updates["newer"]} == {"completed"}
        assert any("attack-stix-data" in sentence for sentence in updates["problems"])
        about = httpx2.get(f"{base[1]}/api/v1/d3fend/versions/1.2.0/").json()
        assert about["origin"]["converter"] == "d3fend-json"
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def _lines_until(process: subprocess.Popen[str], end: str) -> list[str]:
    lines = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line.rstrip())
        if end in line:
            return lines
    raise AssertionError("\n".join(lines))


def test_without_a_network_up_still_answers(command: Command) -> None:
    """Nothing listens at the addresses of the publishers and the bucket."""
    nobody = {"CTIBUTLER_PUBLISHERS_URL": "http://127.0.0.1:1/", "CTIBUTLER_SOURCES": "publisher,bucket,builtin"}
    process = command.start("up", "--port", 0, CTIBUTLER_BUCKET="http://127.0.0.1:1/", **nobody)
    try:
        lines = _lines_until(process, "knowledge bases are installed")
        assert lines[-1].startswith("3 of 12 knowledge bases are installed")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def test_a_publishers_own_file_is_installed(command: Command) -> None:
    command.done("install", "d3fend@1.2.0", "--from", DATA / "d3fend-1.2.0-excerpt.json")
    command.done("install", "disarm@1.6", "--from", DATA / "disarm-1.6-excerpt.xlsx")
    command.done("install", "location@1.0", "--from", DATA / "iso-3166-excerpt.csv")
    command.done("install", "sector@1.0", "--from", DATA / "opencti-sectors-excerpt.json", "--convert")
    held = command.done("versions", "--json").json
    readers = {
        slug: held[slug]["releases"][0]["origin"]["converter"] for slug in ("d3fend", "disarm", "location", "sector")
    }
    assert readers == {
        "d3fend": "d3fend-json",
        "disarm": "disarm-xlsx",
        "location": "iso-3166-csv",
        "sector": "opencti-sectors",
    }


def test_the_message_about_a_file_that_cannot_be_converted_says_what_is_wrong(command: Command, tmp_path: Path) -> None:
    (tmp_path / "page.xlsx").write_bytes(b"<html>moved</html>")
    outcome = command("install", "disarm@1.6", "--from", tmp_path / "page.xlsx")
    assert outcome.code == 1
    assert "DISARM workbook" in outcome.stderr
    assert command("install", "capec@3.9", "--from", tmp_path / "page.xlsx", "--convert").code == 1
    assert command("install", "capec", "--convert").code == 2
    assert command("install", "disarm@1.6", "--from", tmp_path / "page.xlsx", "--source", "bucket").code == 2


@pytest.mark.real
def test_the_whole_of_cwe_is_installed_from_its_publisher(
    command: Command, server: LocalServer, at: dict[str, str]
) -> None:
    content = read_shared("kb-primary/cwe/cwec_v4.14.xml.zip")
    serve(server, {f"{publishers.CWE}/xml/cwec_latest.xml.zip": content})
    server.answers[f"{publishers.CWE}/archive.html"] = status(404)
    output = command.done("install", "cwe", **at).stdout
    assert "cwe 4.14: installed from publisher: 2,754 objects" in output
    assert command.done("get", "CWE-79", **at).stdout


def serve_fraud(server: LocalServer, **repository: object) -> None:
    """Serve F3 1.1 in a repository with this description."""
    name = "center-for-threat-informed-defense/fight-fraud-framework"
    description = {"full_name": name, "archived": False, **repository}
    serve(server, {f"{F3}/f3-stix.json": fraud("1.1"), f"{API}/repos/{name}": description})


def test_sources_shows_each_place_with_its_newest_release(
    command: Command, server: LocalServer, at: dict[str, str]
) -> None:
    serve_fraud(server)
    command.done("install", "tlp@1", **at)
    fraud_lines, tlp_lines = (
        command.done("sources", kb, "--check", **at).stdout.splitlines() for kb in ("mitre-f3", "tlp")
    )
    assert fraud_lines == [
        "mitre-f3  not installed",
        "  publisher  1.1       -           https://github.com/center-for-threat-informed-defense/fight-fraud-framework",
    ]
    assert tlp_lines == ["tlp  1 installed", "  built-in   2         -           ctibutler:tlp-2.json"]


def test_sources_check_exits_with_1_if_a_publisher_has_left_a_place(
    command: Command, server: LocalServer, at: dict[str, str]
) -> None:
    serve_fraud(server, archived=True)
    outcome = command("sources", "mitre-f3", "--check", **at)
    assert outcome.code == 1
    sentence = "publisher: github.com/center-for-threat-informed-defense/fight-fraud-framework is archived"
    assert outcome.stdout.splitlines()[-1] == f"  ! {sentence}"
    assert command("sources", "mitre-f3", **at).code == 0
    [found] = command.done("sources", "mitre-f3", "--json", **at).json["knowledge_bases"]
    assert found["problems"] == [sentence]
    assert found["sources"][0] | {"location": ""} == {
        "knowledge_base": "mitre-f3",
        "source": "publisher",
        "location": "",
        "newest": "1.1",
        "released": None,
        "answers": True,
        "frozen": False,
        "problems": [sentence.removeprefix("publisher: ")],
    }


def test_sources_fetch_reads_the_newest_release(command: Command, server: LocalServer, at: dict[str, str]) -> None:
    serve(server, {f"{F3}/f3-stix.json": fraud("1.1", techniques=())})
    outcome = command("sources", "mitre-f3", "--fetch", "--check", **at)
    assert outcome.code == 1
    assert outcome.stdout.splitlines()[-1] == "  ! f3-stix.json has no object of type attack-pattern"


def test_sources_reports_knowledge_bases_without_any_release(command: Command, at: dict[str, str]) -> None:
    outcome = command("sources", "capec", "--check", "--source", "snapshot", **at)
    assert outcome.code == 1
    assert outcome.stdout.splitlines() == ["capec  not installed", "  ! no source has a release"]
