"""The commands about releases and jobs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from tests.cli.command import Command
from tests.shared import read_bundle

DISARM_1_5 = "disarm2stix-manual-output/disarm-bundle-v1_5.json"
DISARM_1_6 = "disarm2stix-manual-output/disarm-bundle-v1_6.json"


def by_id(bundle: dict[str, Any]) -> dict[str, Any]:
    """The objects of a bundle, by id."""
    return {item["id"]: item for item in bundle["objects"]}


def test_changes_are_those_between_the_two_bundles(stocked: Command) -> None:
    before, after = by_id(read_bundle(DISARM_1_5)), by_id(read_bundle(DISARM_1_6))
    both = before.keys() & after.keys()
    found = stocked.done("changes", "disarm", "1.5", "1.6", "--page-size", 1000, "--json").json
    assert (found["knowledge_base"], found["since"], found["version"]) == ("disarm", "1.5", "1.6")
    assert found["counts"] == {
        "added": len(after.keys() - before.keys()),
        "modified": sum(before[stix_id] != after[stix_id] for stix_id in both),
        "removed": len(before.keys() - after.keys()),
        "revoked": 0,
        "deprecated": 0,
        "unchanged": sum(before[stix_id] == after[stix_id] for stix_id in both),
    }
    kinds = {change["id"]: change["change"] for change in found["changes"]}
    assert {stix_id for stix_id, kind in kinds.items() if kind == "added"} == after.keys() - before.keys()
    removed = stocked.done(
        "changes", "disarm", "1.5", "1.6", "--change", "removed", "--type", "attack-pattern", "--json"
    )
    assert all(change["change"] == "removed" for change in removed.json["changes"])


def test_changes_of_objects_and_relationships_are_counted_separately(stocked: Command) -> None:
    before, after = by_id(read_bundle(DISARM_1_5)), by_id(read_bundle(DISARM_1_6))

    def counts(passes: Callable[[str], bool]) -> str:
        old = {stix_id: stix for stix_id, stix in before.items() if passes(stix["type"])}
        new = {stix_id: stix for stix_id, stix in after.items() if passes(stix["type"])}
        changed = sum(old[stix_id] != new[stix_id] for stix_id in old.keys() & new.keys())
        numbers = {
            "added": len(new.keys() - old.keys()),
            "modified": changed,
            "removed": len(old.keys() - new.keys()),
            "unchanged": len(old.keys() & new.keys()) - changed,
        }
        return ", ".join(f"{number:,} {kind}" for kind, number in numbers.items() if number)

    whole = stocked.done("changes", "disarm", "1.5", "latest").stdout.splitlines()
    assert whole[:4] == [
        "disarm 1.5 to 1.6",
        f"objects        {counts(lambda kind: kind != 'relationship')}",
        f"relationships  {counts(lambda kind: kind == 'relationship')}",
        "",
    ]
    part = stocked.done("changes", "disarm", "1.5", "latest", "--type", "attack-pattern,x-mitre-tactic")
    assert part.stdout.splitlines()[1:3] == [
        f"objects        {counts(lambda kind: kind in ('attack-pattern', 'x-mitre-tactic'))}",
        "",
    ]


def test_changes_are_sorted_by_type_and_id_and_name_the_changed_properties(stocked: Command) -> None:
    before, after = by_id(read_bundle(DISARM_1_5)), by_id(read_bundle(DISARM_1_6))
    modified = {stix_id for stix_id in before.keys() & after.keys() if before[stix_id] != after[stix_id]}
    words = ("changes", "disarm", "1.5", "1.6", "--change", "modified", "--type", "attack-pattern", "--page-size", 1000)
    rows = stocked.done(*words, "--json").json["changes"]
    assert {row["id"] for row in rows} == {stix_id for stix_id in modified if stix_id.startswith("attack-pattern")}
    table = [re.split(r"  +", line) for line in stocked.done(*words).stdout.splitlines()[3:]]
    assert table[0] == ["CHANGE", "ID", "KIND", "NAME", "PROPERTIES"]
    assert (
        [line[1] for line in table[1:]] == [row["external_id"] for row in rows] == sorted(line[1] for line in table[1:])
    )
    by_number = {row["external_id"]: row["id"] for row in rows}
    for line in table[1:]:
        was, now = before[by_number[line[1]]], after[by_number[line[1]]]
        assert line[2] == ("Sub-technique" if now.get("x_mitre_is_subtechnique") else "Technique")
        changed = sorted(name for name in {*was, *now} if was.get(name) != now.get(name))
        assert line[4].split(", ") == [name for name in changed if name != "modified" or changed == ["modified"]]


def test_unchanged_objects_are_left_out_and_an_empty_result_is_reported(stocked: Command) -> None:
    none = stocked.done("changes", "disarm", "1.5", "1.6", "--change", "revoked")
    assert " 0 " not in none.stdout
    assert none.stderr == "no matching changes\n"
    same = stocked.done("changes", "disarm", "1.6", "1.6", "--type", "x-mitre-matrix")
    assert same.stdout == "disarm 1.6 to 1.6\nobjects        1 unchanged\n"
    absent = stocked.done("changes", "disarm", "1.5", "1.6", "--type", "malware")
    assert absent.stdout == "disarm 1.5 to 1.6\nobjects        none\n"
    assert stocked.done("changes", "disarm", "1.6", "1.6").stderr == "no changes\n"


def test_a_single_change_is_reported_in_the_singular(stocked: Command) -> None:
    one = stocked.done("changes", "disarm", "1.5", "1.6", "--change", "modified", "--type", "x-mitre-matrix")
    assert one.stderr.splitlines()[-1] == "1 change"


def test_a_bundle_can_be_exported_to_standard_output(stocked: Command) -> None:
    file = stocked.folder / "disarm.json"
    stocked.done("export", "disarm@1.6", "-o", file)
    written = stocked.done("export", "disarm@1.6", "-o", "-")
    assert written.stdout.encode() == file.read_bytes()
    assert not (stocked.folder / "-").exists()


def test_the_two_files_for_arangodb_need_a_folder(stocked: Command) -> None:
    refused = stocked("export", "disarm@1.6", "--format", "arangodb", "-o", "-")
    assert refused.code == 2
    assert "two files" in refused.stderr
    assert "folder" in refused.stderr
    assert refused.stdout == ""


def test_an_exported_release_equals_the_imported_one(stocked: Command, command: Command) -> None:
    file = stocked.folder / "disarm.json"
    stocked.done("export", "disarm@1.6", "-o", file)
    assert by_id(json.loads(file.read_text())) == by_id(read_bundle(DISARM_1_6))
    command.done("install", "disarm@1.6", "--from", file)
    again = command.folder / "again.json"
    command.done("export", "disarm", "-o", again)
    assert again.read_bytes() == file.read_bytes()


def test_an_export_for_arangodb_is_two_files_of_documents(command: Command) -> None:
    command.done("install", "sector")
    folder = command.folder / "arango"
    command.done("export", "sector", "--format", "arangodb", "-o", folder)
    files = sorted(path.name for path in folder.iterdir())
    assert files == ["sector_edge_collection.jsonl", "sector_vertex_collection.jsonl"]
    for name in files:
        documents = [json.loads(line) for line in (folder / name).read_text().splitlines()]
        assert documents
        assert all("_key" in document for document in documents)
        assert all(("_from" in document) == ("edge" in name) for document in documents)
    assert command("export", "sector", "--format", "arangodb", "--derived", "-o", folder).code == 2
    assert command("export", "tlp", "--format", "arangodb", "-o", command.folder / "none").code == 1
    assert not (command.folder / "none").exists()


def test_an_export_that_cannot_be_written_is_reported(stocked: Command) -> None:
    outcome = stocked("export", "tlp", "-o", stocked.folder / "missing" / "file.json")
    assert outcome.code == 1
    assert str(stocked.folder / "missing" / "file.json") in outcome.stderr
    assert stocked("export", "tlp", "-o", stocked.folder).code == 2
    assert not list(stocked.folder.glob(".*"))


def test_a_removed_release_is_gone(command: Command) -> None:
    command.done("install", "tlp@1", "tlp@2")
    assert command.done("remove", "tlp@2").stdout == "tlp@2: 5 objects removed\n"
    assert command.done("versions", "tlp", "--json").json["tlp"]["latest"] == "1"
    assert command.done("get", "white", "--json").json["object"]["name"] == "TLP:WHITE"
    assert command("remove", "tlp@2").code == 1


def test_installed_and_available_releases_are_shown(stocked: Command) -> None:
    table, *origins = stocked.done("versions", "disarm").stdout.split("\n\n")
    assert [origin.splitlines()[0] for origin in origins] == ["disarm 1.6", "disarm 1.5"]
    assert [re.split(r"  +", line)[:3] for line in table.splitlines()] == [
        ["KNOWLEDGE BASE", "RELEASE", "STATE"],
        ["disarm", "1.6", "installed, latest"],
        ["disarm", "1.5", "installed"],
        ["disarm", "1.4", "available"],
    ]
    releases = stocked.done("versions", "--json").json["atlas"]["releases"]
    assert len(releases) == 13
    assert releases[0] == {**releases[0], "version": "5.6.0", "installed": True, "source": "bucket"}


def test_jobs_are_listed_and_shown(stocked: Command) -> None:
    listed = stocked.done("jobs", "--type", "disarm-update", "--json").json
    assert [job["parameters"]["version"] for job in listed["jobs"]] == ["1.6", "1.5"]
    job = listed["jobs"][0]
    assert stocked.done("jobs", job["id"], "--json").json == job
    assert f"id          {job['id']}" in stocked.done("jobs", job["id"]).stdout
    assert job["id"] in stocked.done("jobs").stdout


def test_a_mirror_lists_its_files(command_with_bucket: Command) -> None:
    lines = command_with_bucket.done("mirror", "kb", "tlp").stdout.splitlines()
    words = [line.split() for line in lines]
    assert [row[-1] for row in words[words.index(["SIZE", "FILE"]) + 1 :]] == [
        "kb/tlp/tlpv2-bundle.origin.json.zst",
        "kb/tlp/tlpv2-bundle.json.zst",
    ]
