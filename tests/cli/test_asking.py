"""The commands that show objects: get, list, search, navigator."""

from __future__ import annotations

import json

import pytest

from tests.cli.command import Command
from tests.shared import read_bundle

DISARM_1_5 = "disarm2stix-manual-output/disarm-bundle-v1_5.json"
DISARM = "disarm2stix-manual-output/disarm-bundle-v1_6.json"
ICS = "mitre-attack-ics-repo-data/ics-attack-18_1.json"
PHISHING = "attack-pattern--c9a9741c-6c66-5456-807f-1d47140851a9"


def test_an_object_is_found_in_any_knowledge_base(stocked: Command) -> None:
    for object_id, name in (
        ("AML.T0052", "Phishing"),
        ("aml.t0052", "Phishing"),
        (PHISHING, "Phishing"),
        ("US", "United States of America"),
        ("TLP:CLEAR", "TLP:CLEAR"),
        ("T0800", "Activate Firmware Update Mode"),
    ):
        assert stocked.done("get", object_id, "--json").json["object"]["name"] == name


def test_different_objects_with_one_id_are_distinguished(command: Command) -> None:
    for place, slug in enumerate(("mitre-f3", "disarm")):
        technique = {
            "type": "attack-pattern",
            "spec_version": "2.1",
            "id": f"attack-pattern--00000000-0000-4000-8000-00000000000{place}",
            "created": "2020-01-01T00:00:00.000Z",
            "modified": "2020-01-01T00:00:00.000Z",
            "name": f"Of {slug}",
            "external_references": [{"source_name": slug, "external_id": "T1000"}],
        }
        bundle = {"type": "bundle", "id": f"bundle--00000000-0000-4000-8000-00000000000{place}", "objects": [technique]}
        file = command.folder / f"{slug}.json"
        file.write_text(json.dumps(bundle))
        command.done("install", f"{slug}@1", "--from", file)
    outcome = command.done("get", "T1000", "--json")
    assert outcome.json["object"]["name"] == "Of disarm"
    assert outcome.stderr == "showing disarm; other objects have the same id: --kb mitre-f3\n"
    assert command.done("get", "T1000", "--kb", "f3", "--json").json["object"]["name"] == "Of mitre-f3"


def test_json_of_an_object_includes_its_knowledge_base_and_release(stocked: Command) -> None:
    answered = stocked.done("get", "T0043", "--release", "1.5", "--json").json
    assert list(answered) == ["knowledge_base", "release", "object"]
    assert (answered["knowledge_base"], answered["release"]) == ("disarm", "1.5")
    assert answered["object"] in read_bundle(DISARM_1_5)["objects"]
    assert stocked.done("get", "us", "--json").json["release"] == "1.0"


def test_an_object_is_readable(stocked: Command) -> None:
    name = "Deceptively Edit Images (Cheap Fakes)"
    lines = stocked.done("get", "T0086.003").stdout.splitlines()
    assert lines[:3] == [
        f"T0086.003 {name}",
        next(item["id"] for item in read_bundle(DISARM)["objects"] if item.get("name") == name),
        "DISARM, release 1.6",
    ]  # fmt: skip
    assert not any("raw.githubusercontent.com" in line for line in lines)
    for further in ("--references", "--all"):
        numbered = stocked.done("get", "T0086.003", further).stdout.splitlines()
        assert any(line.startswith("  1. DISARM T0086.003 https://") for line in numbered)


def test_a_revoked_object_names_the_one_that_replaced_it(stocked: Command) -> None:
    objects = {item["id"]: item for item in read_bundle(ICS)["objects"]}
    (replaced_by,) = [
        item["target_ref"]
        for item in objects.values()
        if item.get("relationship_type") == "revoked-by"
        and objects[item["source_ref"]]["external_references"][0]["external_id"] == "G0074"
    ]
    successor = objects[replaced_by]
    external_id = successor["external_references"][0]["external_id"]
    assert stocked.done("get", "G0074").stdout.splitlines()[:4] == [
        f"revoked: use {external_id} {successor['name']}",
        "G0074 Dragonfly 2.0 (revoked)",
        next(item["id"] for item in objects.values() if item.get("name") == "Dragonfly 2.0"),
        "MITRE ATT&CK for ICS, release 18.1",
    ]
    assert "revoked" not in stocked.done("get", external_id).stdout


def test_an_object_of_an_older_release(stocked: Command) -> None:
    older = stocked.done("get", "T0043", "--release", "1.5", "--json").json["object"]
    assert older["name"] == "Chat Apps"
    gone = stocked("get", "T0043")
    assert gone.code == 1
    assert "T0043" in gone.stderr
    # A STIX id is found even if no latest release has it.
    assert stocked.done("get", older["id"], "--json").json["object"] == older


def test_an_object_with_its_neighbours_as_a_bundle(stocked: Command) -> None:
    bundle = stocked.done("get", "US", "--bundle").json
    assert bundle["type"] == "bundle"
    assert bundle["objects"][0]["name"] == "United States of America"
    assert len({item["id"] for item in bundle["objects"]}) == 8


def test_a_list_with_its_filters(stocked: Command) -> None:
    tactics = stocked.done("list", "disarm", "--type", "tactic", "--json").json
    expected = [item["id"] for item in read_bundle(DISARM)["objects"] if item["type"] == "x-mitre-tactic"]
    assert sorted(item["id"] for item in tactics["objects"]) == sorted(expected)
    assert tactics["page_size"] == 50
    assert tactics["total_results_count"] == len(expected)
    names = stocked.done("list", "location", "--alpha2-code", "de,fr", "--sort", "name_ascending", "--json").json
    assert [item["name"] for item in names["objects"]] == ["France", "Germany"]
    kinds = stocked.done("list", "locations", "--type", "sub-region", "--json").json
    assert kinds == stocked.done("list", "location", "--location-type", "sub-region", "--json").json
    assert kinds["total_results_count"] > 10
    assert (
        stocked.done("list", "location", "--name", "aland isl", "--json").json["objects"][0]["name"] == "Åland Islands"
    )
    assert (
        stocked.done("list", "disarm", "--id", "t0086.003", "--id", "TA05", "--json").json["total_results_count"] == 2
    )
    assert (
        stocked.done("list", "attack-ics", "--type", "Group", "--alias", "sandworm", "--json").json[
            "total_results_count"
        ]
        == 1
    )


def test_a_list_leaves_out_objects_that_the_knowledge_base_hides(stocked: Command) -> None:
    objects = [item for item in read_bundle(ICS)["objects"] if item["type"] == "attack-pattern"]
    dead = [item for item in objects if item.get("revoked") or item.get("x_mitre_deprecated")]
    assert dead
    live = stocked.done("list", "attack-ics", "--type", "attack-pattern", "--json").json
    every = stocked.done(
        "list", "attack-ics", "--type", "attack-pattern", "--include-revoked", "--include-deprecated", "--json"
    ).json
    assert every["total_results_count"] - live["total_results_count"] == len(dead)


def test_pages_follow_each_other(stocked: Command) -> None:
    whole = stocked.done("list", "tlp", "--json").json["objects"]
    parts = [stocked.done("list", "tlp", "--page-size", 2, "--page", page, "--json").json for page in (1, 2, 3)]
    assert [item for part in parts for item in part["objects"]] == whole
    assert [part["page_results_count"] for part in parts] == [2, 2, 1]
    first = stocked.done("list", "tlp", "--page-size", 2)
    assert first.stdout.splitlines()[0].split() == ["ID", "KIND", "NAME"]
    assert len(first.stdout.splitlines()) == 3
    assert first.stderr == "1 to 2 of 5 objects; --page 2 shows more\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("list disarm --release 1.4", "disarm@1.4 is not installed; run `ctibutler install disarm@1.4`"),
        ("get T0043 --kb disarm --release 1.4", "disarm@1.4 is not installed; run `ctibutler install disarm@1.4`"),
        ("get AML.T0052 --release 1.0", "atlas@1.0 is not installed; run `ctibutler install atlas@1.0`"),
        ("get CWE-79 --release latest", "cwe is not installed; run `ctibutler install cwe`"),
        # DISARM alone has this id in its latest release.
        ("get T0086 --release 99", "disarm@99 is not installed; run `ctibutler install disarm@99`"),
        (
            "get T0043 --release 99",
            "release 99 is not installed; run `ctibutler install KB@99`, where KB is attack-enterprise, attack-mobile,"
            " attack-ics, disarm or mitre-f3",
        ),
        (
            "get 9nothing --release 99",
            "release 99 is not installed; run `ctibutler install KB@99`, such as attack-enterprise@99",
        ),
        ("search injection --kb cwe", "cwe is not installed; run `ctibutler install cwe`"),
        ("changes disarm 1.4 1.6", "disarm@1.4 is not installed; run `ctibutler install disarm@1.4`"),
        ("changes disarm 1.5 1.7", "disarm@1.7 is not installed; run `ctibutler install disarm@1.7`"),
        ("changes cwe 4.14 latest", "cwe@4.14 is not installed; run `ctibutler install cwe@4.14`"),
        ("export disarm@1.4 -o file", "disarm@1.4 is not installed; run `ctibutler install disarm@1.4`"),
        ("export cwe -o -", "cwe is not installed; run `ctibutler install cwe`"),
        (
            "navigator G0034 --kb attack-ics --release 9",
            "attack-ics@9 is not installed; run `ctibutler install attack-ics@9`",
        ),
        ("navigator G0034 --kb attack-mobile", "attack-mobile is not installed; run `ctibutler install attack-mobile`"),
    ],
)
def test_the_message_about_a_missing_release_gives_the_command_that_installs_it(
    stocked: Command, words: str, message: str
) -> None:
    outcome = stocked(*words.split())
    assert outcome.code == 1
    assert outcome.stderr == f"ctibutler: {message}\n"


@pytest.mark.parametrize(
    "words",
    [
        "get T1059 --release abc/def",
        "get T1059 --kb attack-ics --release abc/def",
        "get firmware --release abc/def",
        "list disarm --release abc/def",
        "navigator G0034 --release abc/def",
        "changes disarm 1.5 abc/def",
    ],
)
def test_a_malformed_release_label_is_refused_as_wrong_usage(stocked: Command, words: str) -> None:
    outcome = stocked(*words.split())
    assert (outcome.code, outcome.stderr) == (2, "ctibutler: `abc/def` is not a valid release label\n")


def test_an_object_missing_from_an_installed_release_is_reported_without_an_install_hint(stocked: Command) -> None:
    assert stocked("get", "AML.T9999").stderr.startswith("ctibutler: no object `AML.T9999` in the latest releases of ")
    message = stocked("get", "AML.T9999", "--release", "5.6.0").stderr
    assert message == "ctibutler: no object `AML.T9999` in release 5.6.0 of atlas\n"


def test_tables_name_types_in_the_words_of_the_knowledge_base(stocked: Command) -> None:
    rows = stocked.done("list", "disarm", "--id", "TA05,T0086.003,T0086").stdout.splitlines()[1:]
    assert {row.split()[0]: row.split()[1] for row in rows} == {
        "TA05": "Tactic",
        "T0086.003": "Sub-technique",
        "T0086": "Technique",
    }
    assert "Detection Strategy" in stocked.done("list", "attack-ics", "--type", "x-mitre-detection-strategy").stdout
    assert stocked.done("list", "location", "--id", "US").stdout.split() == [
        "ID", "KIND", "NAME", "US", "Country", "United", "States", "of", "America",
    ]  # fmt: skip


def test_piped_output_is_neither_cut_nor_wrapped(stocked: Command) -> None:
    longest = max(
        (item for item in read_bundle(ICS)["objects"] if item["type"] == "attack-pattern"),
        key=lambda item: max(map(len, item["description"].splitlines())),
    )
    shown = stocked.done("get", longest["id"], COLUMNS="40").stdout
    for paragraph in longest["description"].splitlines():
        assert "".join(char if char.isprintable() else " " for char in paragraph) in shown.splitlines()
    assert "…" not in stocked.done("list", "attack-ics", COLUMNS="40").stdout


@pytest.mark.parametrize(
    ("query", "best"),
    [("amlt0052", "Phishing"), ("TLP:RED", "TLP:RED"), ("sandworm", "Sandworm Team"), ("germany", "Germany")],
)
def test_search_puts_the_best_match_first(stocked: Command, query: str, best: str) -> None:
    found = stocked.done("search", query, "--json").json
    assert found["objects"][0]["name"] == best
    assert best in stocked.done("search", query).stdout.splitlines()[1]


def test_search_in_one_knowledge_base(stocked: Command) -> None:
    found = stocked.done("search", "phishing", "--kb", "atlas,disarm", "--json").json
    assert {item["knowledgebase_name"] for item in found["objects"]} <= {"atlas", "disarm"}


def test_search_accepts_types_in_the_words_of_the_knowledge_bases(stocked: Command) -> None:
    def found(*types: str) -> list[str]:
        rows = stocked.done("search", "industrial", "--type", ",".join(types), "--json").json["objects"]
        return [row["id"] for row in rows]

    assert found("Group") == found("intrusion-set") != []
    assert {stix_id.partition("--")[0] for stix_id in found("software")} == {"malware"}
    assert set(found("group", "Software")) == {*found("group"), *found("software")}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("search x --type gruop", "--type: no type `gruop`; did you mean group or grouping?"),
        (
            "search x --kb disarm --type zzz",
            "--type: no type `zzz`; `ctibutler list KB --help` lists the types of a knowledge base",
        ),
        (
            "search x --type Sub-technique",
            "--type: `Sub-technique` is a part of a type, and search finds whole types",
        ),
    ],
)
def test_search_refuses_a_type_that_no_knowledge_base_has(stocked: Command, words: str, message: str) -> None:
    outcome = stocked(*words.split())
    assert outcome.code == 2
    assert outcome.stderr == f"ctibutler: {message}\n"


def test_a_name_instead_of_an_id_suggests_a_search(stocked: Command) -> None:
    assert stocked("get", "fancy bear").stderr.endswith("; to find a name, run `ctibutler search 'fancy bear'`\n")
    assert stocked("get", "QakBot").stderr.endswith("; to find a name, run `ctibutler search QakBot`\n")
    assert "search" not in stocked("get", "AML.T9999").stderr
    assert "search" not in stocked("get", "AML.T9999", "--kb", "cwe").stderr
    assert "search" not in stocked("get", "99999").stderr
    assert "search" not in stocked("get", "attack-pattern--deadbeef-dead-4eef-8eef-deadbeefdead").stderr
    assert "search" not in stocked("get", "injection", "--kb", "cwe").stderr


def test_a_layer_for_the_navigator(stocked: Command) -> None:
    file = stocked.folder / "layer.json"
    outcome = stocked.done("navigator", "g0034", "-o", file)
    layer = json.loads(file.read_text())
    assert layer["domain"] == "ics-attack"
    assert layer["versions"]["attack"] == "18.1"
    assert layer["techniques"]
    assert layer["layout"]["expandedSubtechniques"] == "annotated"
    assert "attack-ics 18.1" in outcome.stderr
    assert stocked.done("navigator", "G0034", "--kb", "attack-ics").json == layer
    technique = stocked("navigator", "T0800")
    assert technique.code == 2
    assert technique.stderr == (
        "ctibutler: no layer of T0800 (Technique); there are layers of Software, Group, Campaign, Mitigation, Asset\n"
    )
    assert stocked("navigator", "G0034", "--kb", "cwe").stderr == (
        "ctibutler: --kb: cwe has no layers; these have: attack-enterprise, attack-mobile, attack-ics, atlas\n"
    )
