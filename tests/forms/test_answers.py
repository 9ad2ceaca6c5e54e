"""Answers to questions as layers, bundles and workbooks, of real releases."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mitreattack.navlayers import Layer as ReadLayer
from python_calamine import CalamineWorkbook

from ctibutler.answers.asking.question_records import QuestionQuery
from ctibutler.answers.library import Library
from ctibutler.answers.objects import ObjectQuery
from ctibutler.answers.tables.object_tables import list_table
from ctibutler.answers.tables.question_tables import comparison_table, question_table
from ctibutler.answers.tables.table import Table
from ctibutler.errors import InvalidRequest
from ctibutler.forms.table_forms import TABLE_FORMS, FormOptions
from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import Catalogues
from tests.oasis import verdicts
from tests.shared import read_bundle

pytestmark = pytest.mark.real
ENTERPRISE, ICS, CWE = (HOSTED.named(name) for name in ("attack-enterprise", "attack-ics", "cwe"))
EVIDENCE = QuestionQuery(evidence=True)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """ATT&CK Enterprise 18.1, ATT&CK for ICS and CWE."""
    with Catalogues("sqlite", tmp_path_factory.mktemp("answers")) as made:
        yield Library(made.with_releases("attack-enterprise@18.1", "attack-ics@18.1", "cwe@4.14"), HOSTED)


@pytest.fixture(scope="module")
def published() -> dict[str, dict[str, Any]]:
    """The objects of ATT&CK Enterprise 18.1 by STIX id."""
    bundle = read_bundle("mitre-attack-enterprise-repo-data/enterprise-attack-18_1.json")
    return {stix["id"]: stix for stix in bundle["objects"]}


def techniques_of(library: Library, *ids: str, **options: Any) -> Table:
    return question_table(library, ENTERPRISE, list(ids) or None, "techniques", EVIDENCE, **options)


def written(table: Table, form: str, closure: Any = None) -> bytes:
    return b"".join(TABLE_FORMS[form].written(table, FormOptions(closure=closure)).chunks)


def used_by(published: dict[str, dict[str, Any]], group: str) -> dict[str, Counter[str]]:
    """Technique → the number of paths by each way, from the group itself and its campaigns, by the bundle alone."""
    live = {name for name, stix in published.items() if not (stix.get("revoked") or stix.get("x_mitre_deprecated"))}
    sros = [published[name] for name in live if published[name]["type"] == "relationship"]
    sros = [sro for sro in sros if {sro["source_ref"], sro["target_ref"]} <= live]
    [start] = [name for name in live if external_id(published[name]) == group]
    campaigns = Counter(
        sro["source_ref"] for sro in sros if (sro["relationship_type"], sro["target_ref"]) == ("attributed-to", start)
    )
    found: dict[str, Counter[str]] = {}
    for sro in sros:
        target = published[sro["target_ref"]]
        if sro["relationship_type"] == "uses" and target["type"] == "attack-pattern":
            paths = Counter({"own": sro["source_ref"] == start, "campaigns": campaigns[sro["source_ref"]]})
            if +paths:
                found.setdefault(external_id(target), Counter()).update(paths)
    return found


def external_id(stix: dict[str, Any]) -> str:
    return str(next((item["external_id"] for item in stix.get("external_references", []) if "external_id" in item), ""))


def test_a_layer_of_a_comparison_has_colours_and_a_legend(
    answers: Library, published: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    table = comparison_table(answers, ENTERPRISE, ["G0016"], ["G0007"], "techniques", EVIDENCE)
    path = tmp_path / "both.layer.json"
    path.write_bytes(written(table, "layer"))
    made = json.loads(path.read_bytes())
    a, b = used_by(published, "G0016"), used_by(published, "G0007")
    colour = {item["label"]: item["color"] for item in made["legendItems"]}
    assert list(colour) == ["both", "only G0016", "only G0007"]
    expected = {
        name: ("both" if name in a and name in b else "only G0016" if name in a else "only G0007") for name in a | b
    }
    assert {item["techniqueID"]: item["color"] for item in made["techniques"]} == {
        name: colour[side] for name, side in expected.items()
    }
    assert {item["techniqueID"]: item["score"] for item in made["techniques"]} == {
        name: (name in a) + (name in b) for name in expected
    }
    read = ReadLayer()
    read.from_file(str(path))
    assert len(read.to_dict()["techniques"]) == len(expected)


def test_a_layer_scores_how_many_objects_a_technique_answers_for(
    answers: Library, published: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    groups = ("G0016", "G0007", "G0034")
    expected = Counter(name for group in groups for name in used_by(published, group))
    path = tmp_path / "three.layer.json"
    path.write_bytes(written(techniques_of(answers, *groups), "layer"))
    read = ReadLayer()
    read.from_file(str(path))
    made = read.to_dict()
    assert {item["techniqueID"]: item["score"] for item in made["techniques"]} == expected
    assert made["gradient"]["maxValue"] == max(expected.values())
    assert any(item["comment"].count("\n\n") and "G0007 APT28" in item["comment"] for item in made["techniques"])


def test_a_layer_of_all_objects_scores_pairs(answers: Library) -> None:
    table = question_table(answers, ICS, None, "techniques", QuestionQuery(of="Group", evidence=False))
    pairs = Counter(row.cells[table.columns.index("id")] for row in table.rows)
    again = question_table(answers, ICS, None, "techniques", QuestionQuery(of="Group", evidence=False))
    made = json.loads(written(again, "layer"))
    assert {item["techniqueID"]: item["score"] for item in made["techniques"]} == pairs
    assert all(item["comment"].startswith("G") for item in made["techniques"])


def test_rows_that_are_no_techniques_have_no_layer(answers: Library) -> None:
    tables = (
        question_table(answers, ENTERPRISE, ["G0016"], "software", EVIDENCE),
        list_table(answers, CWE, ObjectQuery()),
    )
    for table in tables:
        with pytest.raises(
            InvalidRequest, match="`layer` does not fit these rows; these do: json, ndjson, csv, xlsx, md, stix"
        ):
            written(table, "layer")


@pytest.mark.parametrize(("closure", "number"), [("none", 119), ("evidence", 269), ("full", 271)])
def test_a_bundle_holds_rows_evidence_and_what_they_refer_to(
    answers: Library, published: dict[str, dict[str, Any]], closure: str, number: int
) -> None:
    bundle = json.loads(written(techniques_of(answers, "G0016"), "stix", closure))
    made = {stix["id"]: stix for stix in bundle["objects"]}
    assert len(made) == len(bundle["objects"]) == number
    assert all(published[name] == stix for name, stix in made.items())
    paths = used_by(published, "G0016")
    techniques = {external_id(stix) for stix in made.values() if stix["type"] == "attack-pattern"}
    assert techniques == set(paths)
    if closure != "none":
        uses = [stix for stix in made.values() if stix.get("relationship_type") == "uses"]
        assert len(uses) == sum(map(Counter.total, paths.values()))
        for stix in made.values():
            if stix["type"] == "relationship":
                assert {stix["source_ref"], stix["target_ref"]} <= made.keys()
    if closure == "full":
        assert dangling(made) == set()
    valid, errors = verdicts(bundle)
    assert valid or set(errors) <= set(verdicts({**bundle, "objects": [published[name] for name in made]})[1])


def dangling(objects: dict[str, dict[str, Any]]) -> set[str]:
    """What properties refer to that is not there."""
    named: set[str] = set()

    def collect(value: Any, key: str) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                collect(inner, name)
        elif isinstance(value, list):
            for inner in value:
                collect(inner, key)
        elif key.endswith(("_ref", "_refs")) and value:
            named.add(value)

    for stix in objects.values():
        collect(stix, "")
    return named - objects.keys()


def test_a_bundle_of_a_list_refers_to_nothing_outside_and_names_what_is_nowhere(answers: Library) -> None:
    table = list_table(answers, ICS, ObjectQuery())
    found = TABLE_FORMS["stix"].written(table, FormOptions(closure="full"))
    made = {stix["id"]: stix for stix in json.loads(b"".join(found.chunks))["objects"]}
    assert dangling(made) == set(found.missing)
    listed = [row.cells[table.columns.index("stix_id")] for row in list_table(answers, ICS, ObjectQuery()).rows]
    assert list(made)[: len(listed)] == listed
    rows = json.loads(written(list_table(answers, ICS, ObjectQuery()), "stix"))["objects"]
    assert [stix["id"] for stix in rows] == listed
    with pytest.raises(InvalidRequest, match="`evidence` is none of none, full"):
        written(list_table(answers, ICS, ObjectQuery()), "stix", "evidence")


def test_a_row_for_each_path(answers: Library, published: dict[str, dict[str, Any]]) -> None:
    table = techniques_of(answers, "G0016", per="evidence")
    rows = [dict(zip(table.columns, row.cells, strict=True)) for row in table.rows]
    paths = used_by(published, "G0016")
    found = Counter((row["id"], row["via"]) for row in rows)
    assert found == {(name, way): number for name, ways in paths.items() for way, number in ways.items() if number}
    for row in rows:
        assert (row["of_id"], row["of_name"]) == ("G0016", "APT29")
        steps = [published[name] for name in row["relationships"].split("; ")]
        assert steps[-1]["target_ref"] == row["stix_id"]
        assert (row["through"] != "") == (row["via"] == "campaigns") == (len(steps) == 2)


def test_a_workbook_has_sheets_for_results_evidence_and_what_was_asked(answers: Library) -> None:
    content = written(techniques_of(answers, "G0016"), "xlsx")
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    assert book.sheet_names == ["results", "evidence", "about"]
    evidence = book.get_sheet_by_name("evidence").to_python()
    by_path = techniques_of(answers, "G0016", per="evidence")
    assert [tuple(map(str, row)) for row in evidence[1:]] == [row.cells for row in by_path.rows]
    assert tuple(evidence[0]) == by_path.columns
    assert written(techniques_of(answers, "G0016"), "xlsx") == content
