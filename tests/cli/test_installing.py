"""Installing without a server."""

from __future__ import annotations

import gzip
import json
import signal
import time
from dataclasses import replace
from datetime import datetime

import pytest
import zstandard

from ctibutler.catalog import jobs
from ctibutler.catalog.engine.database import Database
from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.links import LINK_MODES
from ctibutler.requesting import InstallRequest, add_install, request_links
from tests.cli.command import Command
from tests.faults.small import small_bundle_bytes
from tests.shared import read_shared


def test_several_releases_are_installed_at_once_with_and_without_a_label(command_with_bucket: Command) -> None:
    outcome = command_with_bucket.done("install", "mitre-f3", "disarm@v1_4", "tlp@1", "--json")
    found = [(job["type"], job["state"], job["parameters"]["version"]) for job in outcome.json["jobs"]]
    assert found == [
        ("f3-update", "completed", "1.1"),
        ("disarm-update", "completed", "v1_4"),
        ("tlp-update", "completed", "1"),
    ]
    versions = command_with_bucket.done("versions", "--json").json
    assert versions["disarm"]["latest"] == "1.4"
    assert {release["version"]: release["installed"] for release in versions["disarm"]["releases"]} == {
        "1.6": False,
        "1.5": False,
        "1.4": True,
    }
    assert versions["tlp"]["latest"] == "1"


def test_all_releases_of_a_knowledge_base_are_installed(command_with_bucket: Command) -> None:
    output = command_with_bucket.done("install", "disarm@all").stdout
    assert [line.split(":")[0] for line in output.splitlines() if "installed" in line] == [
        "disarm 1.6",
        "disarm 1.5",
        "disarm 1.4",
    ]


def test_built_in_releases_need_no_source(command: Command) -> None:
    command.done("install", "tlp", "location", "sector")
    status = command.done("status", "--json").json
    installed = {kb["name"]: kb["latest"] for kb in status["knowledge_bases"] if kb["latest"]}
    assert installed == {"tlp": "2", "location": "1.0", "sector": "1.0"}
    assert status["jobs"] == {"pending": 0, "processing": 0, "completed": 3, "failed": 0, "cancelled": 0}


@pytest.mark.parametrize("packed", ["plain", "gz", "zst"])
def test_a_local_file_is_installed(command: Command, packed: str) -> None:
    content = read_shared("kb/mitre-f3-repo-data/f3-stix-v1_0.json.zst")
    pack = {"plain": lambda data: data, "gz": gzip.compress, "zst": zstandard.ZstdCompressor().compress}[packed]
    file = command.folder / ("own.json" + ("" if packed == "plain" else f".{packed}"))
    file.write_bytes(pack(content))
    command.done("install", "f3@0.9-own", "--from", file)
    listed = command.done("list", "mitre-f3", "--json", "--page-size", 1).json
    wanted = {
        "attack-pattern",
        "identity",
        "marking-definition",
        "x-mitre-matrix",
        "x-mitre-tactic",
        "x-mitre-collection",
    }
    assert listed["total_results_count"] == sum(item["type"] in wanted for item in json.loads(content)["objects"])
    assert command.done("versions", "mitre-f3", "--json").json["mitre-f3"]["latest"] == "0.9-own"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "own.json"),
        (b"{", "own.json"),
        (b'{"type": "report"}', "own.json"),
        (b'{"type": "bundle", "id": "bundle--1", "objects": [{"type": "tool"}]}', "objects[0]"),
    ],
)
def test_a_file_that_is_not_a_bundle_changes_nothing(command: Command, content: bytes, message: str) -> None:
    command.done("install", "tlp@2")
    file = command.folder / "own.json"
    file.write_bytes(content)
    outcome = command("install", "tlp@2", "--from", file)
    assert outcome.code == 1
    assert message in outcome.stderr
    assert outcome.stderr.count("\n") == 1
    assert command.done("list", "tlp", "--json").json["total_results_count"] == 5
    assert command("install", "tlp@3", "--from", file, "--json").json["jobs"][0]["state"] == "failed"


def test_installing_again_changes_nothing_unless_forced(command: Command) -> None:
    command.done("install", "tlp")
    assert "nothing changed" in command.done("install", "tlp").stdout
    assert "nothing changed" not in command.done("install", "tlp", "--force").stdout
    job = command.done("install", "tlp", "--ignore-embedded-relationships", "--json").json["jobs"][0]
    assert job["parameters"] == {
        "version": "2",
        "ignore_embedded_relationships": True,
        "ignore_embedded_relationships_sro": False,
        "ignore_embedded_relationships_smo": False,
    }


def test_a_release_that_no_source_has_fails(command_with_bucket: Command) -> None:
    outcome = command_with_bucket("install", "tlp", "tlp@99")
    assert outcome.code == 1
    assert "tlp 2: installed" in outcome.stdout
    assert outcome.stderr.startswith("tlp 99: failed: no source has this release")
    assert outcome.stderr.count("\n") == 1
    assert command_with_bucket.done("jobs", "--state", "failed", "--json").json["total_results_count"] == 1


def test_links_are_made_after_either_side_is_installed(command_with_bucket: Command) -> None:
    command_with_bucket.done("install", "capec")
    ended = command_with_bucket.done("install", "cwe@4.14", "--json").json["jobs"]
    assert [(job["type"], job["state"], job["parameters"].get("mode")) for job in ended] == [
        ("cwe-update", "completed", None),
        ("arango-cti-processor", "completed", "cwe-capec"),
    ]


def test_a_job_claimed_by_another_process_is_reported(command: Command) -> None:
    command.done("install", "tlp@1")
    database = Database(f"sqlite:///{command.folder / 'data/ctibutler.sqlite'}")
    try:
        with database.note() as connection:
            job_id = add_install(connection, HOSTED.named("tlp"), InstallRequest("2")).id
        assert jobs.claim(database, "another process", 60) is not None
        outcome = command("install", "tlp@2")
    finally:
        database.close()
    assert outcome.code == 1
    assert "another process is installing it" in outcome.stderr
    assert job_id in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_an_abandoned_job_does_not_block_an_installation(command: Command) -> None:
    command.done("install", "tlp@1")
    database = Database(f"sqlite:///{command.folder / 'data/ctibutler.sqlite'}")
    try:
        with database.note() as connection:
            add_install(connection, HOSTED.named("tlp"), InstallRequest("2"))
    finally:
        database.close()
    command.done("install", "tlp@2")
    assert command.done("status", "--json").json["jobs"] == {
        "pending": 0,
        "processing": 0,
        "completed": 3,
        "failed": 0,
        "cancelled": 0,
    }


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_an_interrupted_installation_reports_what_was_undone_and_its_job_is_cancelled(
    installing: Command, number: signal.Signals
) -> None:
    process = installing.start("install", "attack-ics@18.1", "attack-enterprise@18.1", "capec")
    assert process.stdout is not None
    for expected in ("attack-ics 18.1: started", "attack-ics 18.1: installed", "attack-enterprise 18.1: started"):
        assert process.stdout.readline().startswith(expected)
    time.sleep(0.3)
    process.send_signal(number)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert errors == (
        "attack-enterprise 18.1: cancelled: interrupted; what it had stored was undone, and the catalogue is as before\n"
    )
    status = installing.done("status", "--json").json
    assert status["jobs"] == {"pending": 0, "processing": 0, "completed": 1, "failed": 0, "cancelled": 1}
    assert {kb["name"]: kb["latest"] for kb in status["knowledge_bases"] if kb["latest"]} == {"attack-ics": "18.1"}
    assert installing.done("jobs", "--state", "cancelled", "--json").json["jobs"][0]["errors"] == [
        "interrupted; what it had stored was undone, and the catalogue is as before"
    ]


def test_an_installation_interrupted_while_it_waits_is_cancelled_too(command: Command) -> None:
    command.done("install", "tlp@1")
    database = Database(f"sqlite:///{command.folder / 'data/ctibutler.sqlite'}")
    try:
        with database.note() as connection:
            other = add_install(connection, HOSTED.named("tlp"), InstallRequest("9")).id
        assert jobs.claim(database, "another process", 60) is not None
        process = command.start("install", "tlp@2")
        assert process.stdout is not None
        assert "waiting for a job of another process" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        with database.read() as connection:
            states = {job.id: (job.knowledge_base, job.state) for job in jobs.all_jobs(connection)}
    finally:
        database.close()
    assert process.returncode == 130
    assert errors.startswith("tlp 2: cancelled: interrupted")
    assert sorted(states.values()) == [("tlp", "cancelled"), ("tlp", "completed"), ("tlp", "processing")]
    assert states[other] == ("tlp", "processing")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def installing(request: pytest.FixtureRequest, command_with_bucket: Command) -> Command:
    """The command with an empty catalogue, on each engine in turn."""
    if request.param == "sqlite":
        return command_with_bucket
    return replace(command_with_bucket, database=request.getfixturevalue("postgresql_url"))


def test_the_name_of_a_family_stands_for_each_of_its_knowledge_bases(command_with_bucket: Command) -> None:
    bucket = command_with_bucket.folder / "bucket"
    for name in ("enterprise", "mobile", "ics"):
        folder = bucket / f"mitre-attack-{name}-repo-data"
        folder.mkdir(parents=True)
        (folder / "version.txt").write_text("18.0\n18.1\n")
        for label in ("18_0", "18_1"):
            (folder / f"{name}-attack-{label}.json").write_bytes(small_bundle_bytes())
    command = replace(command_with_bucket, bucket=str(bucket))

    def installed(*arguments: str) -> list[str]:
        output = command.done("install", *arguments).stdout.splitlines()
        return [line.partition(":")[0] for line in output if "installed" in line]

    matrices = ("attack-enterprise", "attack-mobile", "attack-ics")
    assert installed("attack@18.0") == [f"{kb} 18.0" for kb in matrices]
    assert installed("attack", "attack") == [f"{kb} 18.1" for kb in matrices]
    each = [f"{kb} {label}" for kb in matrices for label in ("18.1", "18.0")]
    assert installed("attack@all", "--force", "--source", "bucket") == each
    assert command.done("remove", "attack@18.0").stdout.count("removed") == 3
    assert [kb["versions"] for kb in command.done("status", "--json").json["knowledge_bases"][:3]] == [["18.1"]] * 3
    assert "3 are named" in command("install", "attack@1", "--from", bucket).stderr


@pytest.mark.parametrize(
    ("word", "near"),
    [("atack", "attack, "), ("attack-enterprize", "attack-enterprise?"), ("sectrs", "sector"), ("capek", "capec")],
)
def test_a_mistyped_knowledge_base_gets_the_nearest_name_suggested(command: Command, word: str, near: str) -> None:
    outcome = command("install", f"{word}@1")
    assert outcome.code == 2
    assert f"no knowledge base `{word}`; did you mean " in outcome.stderr
    assert near in outcome.stderr.partition("did you mean ")[2]


def test_a_family_is_refused_where_a_single_knowledge_base_is_needed(command: Command) -> None:
    output = command("list", "attack").stderr
    assert "`attack` is several knowledge bases: name attack-enterprise, attack-mobile or attack-ics" in output


def test_the_table_of_jobs_fits_a_terminal_without_cutting_ids(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.done("install", "tlp@1")
    now = datetime.now().astimezone()
    this_year = int(now.replace(month=1 if now.month > 1 else 2, day=1).timestamp() * 1_000_000)
    database = Database(f"sqlite:///{command.folder / 'data/ctibutler.sqlite'}")
    try:
        with database.note() as connection:
            ids = [
                add_install(connection, HOSTED.named(f"attack-{matrix}"), InstallRequest("18.1")).id
                for matrix in ("enterprise", "mobile", "ics")
            ]
            connection.run(
                "UPDATE job SET state = 'processing', created = created - :m WHERE job_id = :job_id",
                m=150_000_000,
                job_id=ids[0],
            )
            # Old enough to make the column of times as wide as it gets: `Jan 01`.
            connection.run(
                "UPDATE job SET created = :then, completed = :then WHERE state = 'completed'", then=this_year
            )
        ids += [request_links(database, mode).id for mode in LINK_MODES]
    finally:
        database.close()
    monkeypatch.setattr("ctibutler.cli.output.tables.on_terminal", lambda: True)
    output = command.done("jobs", NO_COLOR="1").stdout
    lines = output.splitlines()
    assert lines[0].split() == ["ID", "JOB", "STATE", "WHEN"]
    assert max(map(len, lines)) <= 80
    assert {line.split()[0] for line in lines[1:]} >= set(ids)
    [running] = [line.split() for line in lines if ids[0] in line]
    assert running[1:3] == ["attack-enterprise@18.1", "processing"]
    [done] = [line.split() for line in lines if "tlp@1" in line]
    assert done[2] == "completed"
    assert done[3:] == ["Jan" if now.month > 1 else "Feb", "01"]
    wide = command.done("jobs", NO_COLOR="1", COLUMNS="100").stdout.splitlines()
    assert wide[0].split() == ["ID", "JOB", "STATE", "WHEN", "TOOK"]
    assert [line.split()[-1] for line in wide if ids[0] in line] == ["2m"]
