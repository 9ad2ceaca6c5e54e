"""Lists as files and in other forms, on the command line."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import zipfile
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from tests.cli.command import Command


def test_the_extension_of_the_file_chooses_the_form(stocked: Command, tmp_path: Path) -> None:
    total = stocked.done("list", "attack-ics", "--type", "Group", "--json").json["total_results_count"]
    outcome = stocked.done("list", "attack-ics", "--type", "Group", "-o", tmp_path / "groups.xlsx")
    assert outcome.stdout == ""
    assert outcome.stderr == f"{tmp_path / 'groups.xlsx'}: MITRE ATT&CK for ICS 18.1, {total} rows\n"
    sheet = CalamineWorkbook.from_path(tmp_path / "groups.xlsx").get_sheet_by_name("results").to_python()
    assert sheet[0][:4] == ["id", "name", "kind", "aliases"]
    assert len(sheet) == total + 1


@pytest.mark.parametrize(
    "words",
    [
        ("list", "attack-ics", "--type", "Technique"),
        ("search", "network"),
        ("changes", "disarm", "1.5", "1.6"),
        ("get", "C0028", "techniques"),
        ("compare", "G0034", "C0028"),
        ("chain", "T0859"),
    ],
)
def test_every_list_goes_to_standard_output_in_the_form_asked_for(stocked: Command, words: tuple[str, ...]) -> None:
    total = stocked.done(*words, "--format", "json").json["total_results_count"]
    text = stocked.done(*words, "--format", "csv").stdout
    assert len(list(csv.reader(io.StringIO(text, newline="")))) == total + 1
    assert len([json.loads(line) for line in stocked.done(*words, "--format", "ndjson").stdout.splitlines()]) == total
    chosen = stocked.done(*words, "--format", "csv", "--columns", "stix_id,name").stdout
    assert chosen.splitlines()[0] == "stix_id,name"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ("-o", "x.pdf"),
            "-o: x.pdf ends in none of .ndjson, .csv, .xlsx, .md, .layer.json, .stix.json, .atom, .json, .zip; choose a form",
        ),
        (("--format", "pdf"), "--format: `pdf` is none of table, json, ndjson, csv, xlsx, md, layer, stix, atom"),
        (
            ("--format", "table", "-o", "x"),
            "-o: --format table goes to standard output; use one of json, ndjson, csv, xlsx, md, layer, stix, atom",
        ),
        (
            ("--format", "layer"),
            "format: `layer` does not fit these rows; these do: json, ndjson, csv, xlsx, md, stix.",
        ),
        (("--format", "stix", "--closure", "some"), "--closure: `some` is none of none, evidence, full"),
        (("--format", "csv", "--closure", "full"), "--closure is for --format stix"),
        (("--json", "-o", "x.csv"), "-o: x.csv has the extension of another form than --json"),
        (("--json", "--format", "csv"), "--json cannot be used with --format csv"),
        (("--format", "csv", "--columns", "colour"), "columns: `colour` is none of id, name"),
        (("--format", "csv", "-o", "."), ". is a folder; name a file"),
    ],
)
def test_what_cannot_be_written_is_said(stocked: Command, words: tuple[str, ...], says: str) -> None:
    outcome = stocked("list", "sector", *words)
    assert outcome.code == 2
    assert says in outcome.stderr
    assert outcome.stdout == ""


def test_paths_and_coverage_have_a_row_for_each_path_and_pair(stocked: Command, tmp_path: Path) -> None:
    found = stocked.done("path", "C0028", "G0034", "--json").json["paths"]
    lines = stocked.done("path", "C0028", "G0034", "--format", "ndjson").stdout.splitlines()
    assert [json.loads(line) for line in lines] == found
    [first, *_] = csv.DictReader(io.StringIO(stocked.done("path", "C0028", "G0034", "--format", "csv").stdout))
    assert first["ids"] == " → ".join(one["external_id"] for one in found[0]["objects"])
    assert (first["from_id"], first["to_id"], first["hops"]) == ("C0028", "G0034", str(len(found[0]["hops"])))
    outcome = stocked.done("coverage", "-o", tmp_path / "coverage.csv")
    assert outcome.stderr == f"{tmp_path / 'coverage.csv'}: What leads from one knowledge base to the next, 0 rows\n"
    assert (tmp_path / "coverage.csv").read_text().startswith("from,from_release,from_kind,to,")


def test_counts_go_to_standard_error_where_the_output_is_data(stocked: Command) -> None:
    outcome = stocked.done("get", "C0028", "techniques", "--format", "csv")
    assert (
        outcome.stderr == "C0028 2015 Ukraine Electric Power Attack: techniques, MITRE ATT&CK for ICS 18.1: 20 rows\n"
    )


def test_json_goes_to_a_file_too(stocked: Command, tmp_path: Path) -> None:
    outcome = stocked.done("get", "C0028", "techniques", "-o", tmp_path / "techniques.json")
    assert outcome.stdout == ""
    assert json.loads((tmp_path / "techniques.json").read_bytes())["total_results_count"] == 20


def test_a_form_needs_a_question(stocked: Command) -> None:
    outcome = stocked("get", "C0028", "--format", "csv")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "--format csv needs a question" in outcome.stderr


@pytest.mark.parametrize("form", ["csv", "ndjson", "xlsx", "md"])
def test_a_full_disk_is_said(stocked: Command, form: str) -> None:
    to_device = stocked("get", "C0028", "techniques", "--format", form, "-o", "/dev/full")
    assert (to_device.code, to_device.stderr) == (1, "ctibutler: /dev/full: No space left on device\n")


def test_a_file_that_cannot_be_finished_stays_as_it_was(stocked: Command, tmp_path: Path) -> None:
    kept = tmp_path / "kept.csv"
    kept.write_text("kept")
    # 64 kB: enough for what SQLite keeps beside a database, not for the list.
    limited = [
        "sh",
        "-c",
        'ulimit -f 128; trap "" XFSZ; exec "$@"',
        "sh",
        *stocked.words("list", "attack-ics", "-o", kept),
    ]
    ended = subprocess.run(limited, env=stocked.environment(), capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (1, f"ctibutler: {kept}: File too large\n")
    assert kept.read_text() == "kept"
    assert list(tmp_path.iterdir()) == [kept]


def test_a_full_disk_behind_standard_output_is_said(stocked: Command) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            stocked.words("get", "C0028", "techniques", "--format", "csv"),
            env=stocked.environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (ended.returncode, ended.stderr) == (1, "ctibutler: standard output: No space left on device\n")


@pytest.mark.parametrize("form", ["csv", "ndjson", "xlsx", "md"])
def test_a_reader_that_goes_away_ends_the_command_quietly(stocked: Command, form: str) -> None:
    with stocked.start("list", "attack-ics", "--format", form) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait() == 0


def test_answers_are_written_as_layers_bundles_and_rows_of_evidence(stocked: Command, tmp_path: Path) -> None:
    expected = stocked.done("get", "C0028", "techniques", "--json").json["results"]
    stocked.done("get", "C0028", "techniques", "-o", tmp_path / "used.layer.json")
    layer = json.loads((tmp_path / "used.layer.json").read_bytes())
    ids = [row["object"]["external_references"][0]["external_id"] for row in expected]
    assert [item["techniqueID"] for item in layer["techniques"]] == ids
    stocked.done("get", "C0028", "techniques", "-o", tmp_path / "used.stix.json", "--closure", "none")
    bundle = json.loads((tmp_path / "used.stix.json").read_bytes())
    assert bundle["objects"] == [row["object"] for row in expected]
    paths = stocked.done("get", "C0028", "techniques", "--format", "csv", "--per", "evidence").stdout
    assert len(list(csv.reader(io.StringIO(paths)))) == sum(row["evidence_count"] for row in expected) + 1
    wrong = stocked("get", "C0028", "techniques", "--format", "csv", "--per", "path")
    assert (wrong.code, wrong.stderr) == (2, "ctibutler: --per: `path` is none of result, evidence, start\n")


def test_what_a_bundle_refers_to_and_nobody_has_is_named(stocked: Command) -> None:
    outcome = stocked.done("list", "attack-ics", "--format", "stix", "--closure", "full")
    known = {stix["id"] for stix in outcome.json["objects"]}
    named = [line for line in outcome.stderr.splitlines() if line.startswith("in no installed release: ")]
    for line in named:
        assert not known & set(line.removeprefix("in no installed release: ").split(", "))


def test_a_layer_of_two_objects_tells_what_both_have(stocked: Command, tmp_path: Path) -> None:
    outcome = stocked.done("navigator", "G0034", "G0035", "-o", tmp_path / "both.json")
    assert "G0034 Sandworm Team and G0035 Dragonfly: techniques, MITRE ATT&CK for ICS 18.1" in outcome.stderr
    layer = json.loads((tmp_path / "both.json").read_bytes())
    colours = {item["color"]: item["label"] for item in layer["legendItems"]}
    compared = stocked.done("compare", "G0034", "G0035", "--json").json["results"]
    sides = {"both": "both", "a": "only G0034", "b": "only G0035"}
    assert {item["techniqueID"]: colours[item["color"]] for item in layer["techniques"]} == {
        row["object"]["external_references"][0]["external_id"]: sides[row["in"]] for row in compared
    }
    several = stocked.done("navigator", "G0034", "G0035", "C0028").json
    asked = stocked.done("get", "G0034,G0035,C0028", "techniques", "--json").json["results"]
    assert [item["score"] for item in several["techniques"]] == [row["matched"] for row in asked]
    assert "no question `techniques` about a Technique" in stocked("navigator", "G0034", "T0859").stderr


def test_a_layer_for_each_object_goes_into_a_zip(stocked: Command, tmp_path: Path) -> None:
    words = ("get", "C0028,C0025", "techniques", "--per", "start")
    outcome = stocked.done(*words, "-o", tmp_path / "layers.zip")
    assert (outcome.stdout, "layers.zip: C0025" in outcome.stderr or "layers.zip: C0028" in outcome.stderr) == (
        "",
        True,
    )
    with zipfile.ZipFile(tmp_path / "layers.zip") as archive:
        assert archive.namelist() == ["C0025.layer.json", "C0028.layer.json"]
        made = json.loads(archive.read("C0028.layer.json"))
    assert (made["name"].startswith("C0028"), len(made["techniques"])) == (True, 20)
    rows = csv.DictReader(io.StringIO(stocked.done(*words, "--format", "csv").stdout))
    assert {row["of_id"] for row in rows} == {"C0025", "C0028"}
    wrong = stocked(*words, "-o", tmp_path / "x.layer.json")
    assert (wrong.code, wrong.stderr) == (
        2,
        "ctibutler: -o: there is a layer for each object; the name of the file has to end in .zip\n",
    )
    alone = stocked("get", "C0028", "techniques", "-o", tmp_path / "x.zip")
    assert (alone.code, "x.zip would hold one layer; add --per start for one for each object" in alone.stderr) == (
        2,
        True,
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["layers.zip"]


def test_what_goes_with_observed_techniques(stocked: Command) -> None:
    words = ("tie", "T0859", "T0886", "--kb", "attack-ics", "--limit", 5)
    inferred = stocked.done(*words, "--json").json
    assert len(inferred["scores"]) == 5
    heading, empty, columns, *lines = stocked.done(*words).stdout.splitlines()
    assert (heading, empty) == ("What most likely goes with T0859, T0886, MITRE ATT&CK for ICS 18.1", "")
    assert columns.split() == ["ID", "NAME", "SCORE"]
    assert [(line.split()[0], line.split()[-1]) for line in lines] == [
        (name, f"{score:.3f}") for name, score in inferred["scores"].items()
    ]
    table = list(csv.DictReader(io.StringIO(stocked.done(*words, "--format", "csv").stdout)))
    assert {row["id"]: float(row["score"]) for row in table} == inferred["scores"]
    assert [row["stix_id"] for row in table] == [stix["id"] for stix in inferred["objects"]]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("T9999",), 1, "no object `T9999`"),
        (("G0034",), 2, "G0034: no technique of attack-ics"),
        (
            ("T0859", "--kb", "cwe"),
            2,
            "--kb: nothing is inferred from cwe; these have what it takes: attack-enterprise,",
        ),
        ((), 2, "Missing argument 'TECHNIQUE'"),
    ],
)
def test_nothing_is_inferred_from_what_is_no_technique(
    stocked: Command, words: tuple[str, ...], code: int, says: str
) -> None:
    outcome = stocked("tie", *words)
    assert (outcome.code, outcome.stdout) == (code, "")
    assert says in outcome.stderr


def test_a_release_is_exported_as_a_workbook(stocked: Command, tmp_path: Path) -> None:
    outcome = stocked.done("export", "disarm@1.6", "--format", "xlsx", "-o", tmp_path / "disarm.xlsx")
    assert outcome.stdout.startswith(f"{tmp_path / 'disarm.xlsx'}  ")
    names = CalamineWorkbook.from_path(tmp_path / "disarm.xlsx").sheet_names
    assert {"technique", "tactic", "matrix", "relationships", "about"} <= set(names)
    assert stocked("export", "disarm@1.6", "--format", "xlsx", "--derived", "-o", "x.xlsx").stderr == (
        "ctibutler: --derived is for STIX bundles\n"
    )
    full = stocked("export", "disarm@1.6", "--format", "xlsx", "-o", "/dev/full")
    assert (full.code, full.stderr) == (1, "ctibutler: /dev/full: No space left on device\n")
