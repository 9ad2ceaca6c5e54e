"""Lists as files and in other forms, on the command line."""

from __future__ import annotations

import csv
import io
import json
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
        (("-o", "x.pdf"), "-o: x.pdf ends in none of .ndjson, .csv, .xlsx, .md; choose a form with --format"),
        (("--format", "pdf"), "--format: `pdf` is none of table, json, ndjson, csv, xlsx, md"),
        (
            ("--format", "json", "-o", "x"),
            "-o: --format json goes to standard output; use one of ndjson, csv, xlsx, md",
        ),
        (("--format", "csv", "--columns", "colour"), "columns: `colour` is none of id, name"),
        (("--format", "csv", "-o", "."), ". is a folder; name a file"),
    ],
)
def test_what_cannot_be_written_is_said(stocked: Command, words: tuple[str, ...], says: str) -> None:
    outcome = stocked("list", "sector", *words)
    assert outcome.code == 2
    assert says in outcome.stderr
    assert outcome.stdout == ""
