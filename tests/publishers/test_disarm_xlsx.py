"""DISARM's workbook becomes STIX objects."""

from __future__ import annotations

import json
import logging
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ctibutler.errors import MalformedFile
from ctibutler.publishers.converters import disarm_xlsx
from ctibutler.publishers.converters.conversion import Edition
from tests.oasis import verdicts_on
from tests.publishers.books import Rows, archive, book, members_of
from tests.shared import read_bundle, shared_path

EXCERPT = (Path(__file__).parent / "data/disarm-1.6-excerpt.xlsx").read_bytes()
TACTICS: Rows = [["disarm_id", "name", "summary"], ["TA01", "Plan Strategy", "Define the end state."]]
TECHNIQUES: Rows = [
    ["disarm_id", "name", "tactic_id", "summary"],
    ["T0073", "Determine Target Audiences", "TA01", "Who will receive narratives."],
]
RELEASE = Edition("1.6")


def converted(content: bytes, edition: Edition = RELEASE) -> list[dict[str, Any]]:
    return disarm_xlsx.convert(content, edition).objects


def of_type(objects: list[dict[str, Any]], object_type: str) -> list[dict[str, Any]]:
    return [obj for obj in objects if obj["type"] == object_type]


def small(tactics: Rows = TACTICS, techniques: Rows = TECHNIQUES) -> bytes:
    return book({"tactics": tactics, "techniques": techniques})


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    return converted(EXCERPT)


def test_objects_come_in_the_order_of_upstreams_bundles(objects: list[dict[str, Any]]) -> None:
    def label(obj: dict[str, Any]) -> str:
        references = obj.get("external_references", [{}])
        return str(references[0].get("external_id") or obj.get("name", ""))

    assert [(obj["type"], label(obj)) for obj in objects] == [
        ("x-mitre-tactic", "TA01"),
        ("x-mitre-tactic", "TA02"),
        ("x-mitre-tactic", "TA06"),
        ("x-mitre-tactic", "TA07"),
        ("attack-pattern", "T0002"),
        ("attack-pattern", "T0073"),
        ("attack-pattern", "T0086"),
        ("attack-pattern", "T0086.001"),
        ("attack-pattern", "T0086.003"),
        ("attack-pattern", "T0153"),
        ("attack-pattern", "T0153.004"),
        ("relationship", ""),
        ("relationship", ""),
        ("relationship", ""),
        ("identity", "disarm2stix"),
        ("marking-definition", ""),
        ("x-mitre-matrix", "DISARM"),
    ]


def test_a_sub_technique_has_the_content_of_its_row(objects: list[dict[str, Any]]) -> None:
    [cheap_fakes] = [obj for obj in objects if obj["id"] == "attack-pattern--00dc0ed2-b16d-5f33-bad3-cc54fb7be6a9"]
    assert cheap_fakes["name"] == "Deceptively Edit Images (Cheap Fakes)"
    assert cheap_fakes["description"].startswith("Cheap fakes utilise less sophisticated measures of altering")
    assert (cheap_fakes["created"], cheap_fakes["modified"]) == ("2020-01-01T00:00:00.000Z", "2024-11-22T00:00:00.000Z")
    assert cheap_fakes["kill_chain_phases"] == [{"kill_chain_name": "disarm", "phase_name": "develop-content"}]
    assert cheap_fakes["x_mitre_is_subtechnique"] is True
    assert cheap_fakes["external_references"] == [
        {
            "source_name": "DISARM",
            "url": "https://raw.githubusercontent.com/DISARMFoundation/DISARMframeworks/main/generated_pages/techniques/"
            "T0086.003.md",
            "external_id": "T0086.003",
        }
    ]


def test_a_sub_technique_belongs_to_the_technique_before_its_dot(objects: list[dict[str, Any]]) -> None:
    ids = {obj["id"]: obj["external_references"][0]["external_id"] for obj in objects if "external_references" in obj}
    assert [
        (ids[obj["source_ref"]], obj["relationship_type"], ids[obj["target_ref"]])
        for obj in of_type(objects, "relationship")
    ] == [
        ("T0086.001", "subtechnique-of", "T0086"),
        ("T0086.003", "subtechnique-of", "T0086"),
        ("T0153.004", "subtechnique-of", "T0153"),
    ]


def test_the_matrix_has_the_tactics_in_the_order_of_their_sheet(objects: list[dict[str, Any]]) -> None:
    [matrix] = of_type(objects, "x-mitre-matrix")
    assert matrix["id"] == "x-mitre-matrix--03e1a731-175d-5181-ba28-8be2e2159da9"
    assert matrix["tactic_refs"] == [tactic["id"] for tactic in of_type(objects, "x-mitre-tactic")]
    assert of_type(objects, "x-mitre-tactic")[3]["x_mitre_shortname"] == "select-channels-and-affordances"


def test_the_oasis_validator_accepts_the_objects(objects: list[dict[str, Any]]) -> None:
    assert verdicts_on(objects) == (True, {})


def test_columns_are_found_by_name_in_any_order() -> None:
    moved = [["notes", row[3], None, row[0], row[2], row[1]] for row in TECHNIQUES]
    assert converted(small(techniques=[[None], *moved])) == converted(small())


def test_every_tactic_of_the_workbook_is_known() -> None:
    tactics = [*TACTICS, ["TA99", "Something New ", ""]]
    objects = converted(small(tactics, [*TECHNIQUES, ["T0999", "New", "TA99", ""]]))
    assert of_type(objects, "x-mitre-tactic")[1]["x_mitre_shortname"] == "something-new-"
    assert of_type(objects, "attack-pattern")[1]["kill_chain_phases"][0]["phase_name"] == "something-new-"


def test_an_empty_summary_is_an_empty_description() -> None:
    for blank in ("", None, "  "):
        [technique] = of_type(
            converted(small(techniques=[TECHNIQUES[0], ["T0001", "A name", "TA01", blank]])), "attack-pattern"
        )
        assert technique["description"] == ""


def test_blank_rows_and_notes_beside_the_table_are_ignored() -> None:
    techniques = [[], [None], TECHNIQUES[0], [], [" ", "", None], [None, None, None, None, "a note"], TECHNIQUES[1]]
    assert converted(small(techniques=techniques)) == converted(small())


@pytest.mark.parametrize("tactic", ["TA99", None])
def test_a_technique_of_an_unknown_tactic_has_no_phase(tactic: str | None, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        objects = converted(small(techniques=[*TECHNIQUES, ["T0001", "A name", tactic, "A summary"]]))
    known, unknown = of_type(objects, "attack-pattern")
    assert "kill_chain_phases" in known
    assert known.keys() - unknown.keys() == {"kill_chain_phases"}
    assert caplog.messages == [f"T0001: tactic {tactic or ''!r} is not in the workbook; no kill chain phase"]


def test_a_sub_technique_of_an_unknown_technique_has_no_relationship(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        objects = converted(small(techniques=[*TECHNIQUES, ["T0001.001", "A name", "TA01", "A summary"]]))
    assert of_type(objects, "attack-pattern")[1]["x_mitre_is_subtechnique"] is True
    assert not of_type(objects, "relationship")
    assert caplog.messages == ["T0001.001: technique T0001 is not in the workbook; no relationship"]


def days(content: bytes, edition: Edition) -> set[str]:
    objects = converted(content, edition)
    return {obj["modified"][:10] for obj in objects if obj["type"] not in ("identity", "marking-definition")}


def test_objects_have_the_date_of_the_release() -> None:
    other = date(2025, 1, 2)
    assert days(EXCERPT, Edition("1.5", other)) == {"2024-08-02"}  # the published date has priority
    assert days(EXCERPT, Edition("1.7", other)) == {"2025-01-02"}  # else the date of the source
    assert days(EXCERPT, Edition("1.7")) == {"2024-11-22"}  # else the date in the workbook


def test_an_unknown_date_is_not_invented() -> None:
    with pytest.raises(MalformedFile, match=r"^DISARM workbook: the date of release 1.7 is unknown"):
        converted(small(), Edition("1.7"))


def without_its_workbook(content: bytes) -> bytes:
    return archive({name: part for name, part in members_of(content).items() if name != "xl/workbook.xml"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><html>404</html>", r"expected an xlsx workbook, found a file that begins with b'<!DOCTYPE"),
        (EXCERPT[: len(EXCERPT) // 2], "the zip file is cut off or damaged"),
        (without_its_workbook(EXCERPT), "expected an xlsx workbook, found another zip file"),
        (book({"Tactics": TACTICS, "techniques": TECHNIQUES}), "sheet tactics is missing"),
        (book({"tactics": TACTICS}), "sheet techniques is missing"),
        (small(tactics=[]), "tactics: expected one column disarm_id, found 0"),
        (small(techniques=[row[:3] for row in TECHNIQUES]), "techniques: expected one column summary, found 0"),
        (small(tactics=[[*TACTICS[0], "name"], TACTICS[1]]), "tactics: expected one column name, found 2"),
        (small(tactics=TACTICS[:1]), "tactics: no rows below the column names"),
        (small(techniques=[*TECHNIQUES, TECHNIQUES[1]]), "techniques: row 3: duplicate id T0073"),
        (small(tactics=[*TACTICS, [None, "A name"]]), "tactics: row 3: no disarm_id"),
        (small(tactics=[*TACTICS, ["TA02", " ", "A summary"]]), "tactics: row 3: no name"),
        (
            small(tactics=[*TACTICS, [2, "A name", ""]]),
            "tactics: row 3: disarm_id: expected text, found the number 2",
        ),
        (small(tactics=[*TACTICS, ["TA02", "A name", 1.5]]), "row 3: summary: expected text, found the number 1.5"),
    ],
)
def test_a_file_that_is_not_the_workbook_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(MalformedFile, match=rf"^DISARM workbook: .*{message}"):
        converted(content)


@pytest.mark.real
@pytest.mark.parametrize(("label", "count"), [("1.4", 515), ("1.5", 573), ("1.6", 698)])
def test_a_release_equals_upstreams_object_for_object(label: str, count: int) -> None:
    content = shared_path(f"kb-primary/disarm/DISARM_FRAMEWORKS_MASTER-v{label}.xlsx").read_bytes()
    theirs = read_bundle(f"disarm2stix-manual-output/disarm-bundle-v{label.replace('.', '_')}.json")["objects"]
    ours = converted(content, Edition(label))
    assert len(ours) == count
    assert json.dumps(ours) == json.dumps(theirs)  # the order of keys included


@pytest.mark.real
def test_the_objects_of_the_excerpt_are_in_the_release(objects: list[dict[str, Any]]) -> None:
    theirs = read_bundle("disarm2stix-manual-output/disarm-bundle-v1_6.json")["objects"]
    assert all(obj in theirs for obj in objects if obj["type"] != "x-mitre-matrix")


@pytest.mark.real
def test_the_oasis_validator_accepts_a_whole_release() -> None:
    content = shared_path("kb-primary/disarm/DISARM_FRAMEWORKS_MASTER-v1.6.xlsx").read_bytes()
    assert verdicts_on(converted(content)) == (True, {})
