"""Releases as workbooks: their sheets hold what the publisher's bundle holds."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from ctibutler.answers.library import Library
from ctibutler.answers.tables.release_sheets import release_sheets
from ctibutler.errors import NotFound
from ctibutler.forms.workbook import release_as_workbook
from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import Catalogues
from tests.shared import read_bundle

pytestmark = pytest.mark.real

FILES = {"17.1": "ics-attack-17_1.json", "18.1": "ics-attack-18_1.json"}


@pytest.fixture(scope="module")
def ics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """ATT&CK for ICS before and after detection strategies, and locations."""
    with Catalogues("sqlite", tmp_path_factory.mktemp("books")) as made:
        yield Library(made.with_releases("attack-ics@17.1", "attack-ics@18.1", "location@1.0"), HOSTED)


def book_of(library: Library, slug: str, label: str) -> bytes:
    return b"".join(release_as_workbook(release_sheets(library, HOSTED.named(slug), label)))


def rows_of(content: bytes) -> dict[str, list[dict[str, str]]]:
    """Sheet → its rows by their headings."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    sheets = {}
    for name in book.sheet_names:
        headings, *rows = [[str(cell) for cell in row] for row in book.get_sheet_by_name(name).to_python()]
        sheets[name] = [dict(zip(headings, row, strict=False)) for row in rows]
    return sheets


def is_live(stix: dict[str, Any]) -> bool:
    return not (stix.get("revoked") or stix.get("x_mitre_deprecated"))


@pytest.mark.parametrize("label", FILES)
def test_the_sheets_of_a_release_hold_what_its_bundle_holds(ics: Library, label: str) -> None:
    objects = read_bundle(f"mitre-attack-ics-repo-data/{FILES[label]}")["objects"]
    by_id = {stix["id"]: stix for stix in objects}
    content = book_of(ics, "attack-ics", label)
    sheets = rows_of(content)
    assert list(sheets)[:2] == ["tactic", "technique"]
    for name, types in (
        ("technique", {"attack-pattern"}),
        ("software", {"malware", "tool"}),
        ("group", {"intrusion-set"}),
        ("relationships", {"relationship"}),
    ):
        assert Counter(row["stix_id"] for row in sheets[name]) == Counter(
            stix["id"] for stix in objects if stix["type"] in types
        )
    for row in sheets["relationships"]:
        sro = by_id[row["stix_id"]]
        assert row["source_name"] == by_id[sro["source_ref"]]["name"]
        assert (row["source_ref"], row["target_ref"]) == (sro["source_ref"], sro["target_ref"])
    cited = Counter(
        mark
        for stix in objects
        if stix["type"] not in ("x-mitre-collection",)
        for mark in {
            (item["source_name"], item.get("url", ""))
            for item in stix.get("external_references", [])
            if "external_id" not in item and not item.get("description", "").startswith("(Citation: ")
        }
    )
    assert {(row["name"], row["url"]): int(row["objects"]) for row in sheets["citations"]} == cited
    assert book_of(ics, "attack-ics", label) == content


def test_the_matrix_has_a_column_for_each_tactic_in_its_order(ics: Library) -> None:
    objects = read_bundle(f"mitre-attack-ics-repo-data/{FILES['18.1']}")["objects"]
    by_id = {stix["id"]: stix for stix in objects}
    [matrix] = [stix for stix in objects if stix["type"] == "x-mitre-matrix"]
    tactics = [by_id[name] for name in matrix["tactic_refs"]]
    book = CalamineWorkbook.from_filelike(io.BytesIO(book_of(ics, "attack-ics", "18.1")))
    headings, *rows = book.get_sheet_by_name("matrix").to_python()
    assert headings == [f"{stix['external_references'][0]['external_id']} {stix['name']}" for stix in tactics]
    for place, tactic in enumerate(tactics):
        expected = sorted(
            f"{stix['external_references'][0]['external_id']} {stix['name']}"
            for stix in objects
            if stix["type"] == "attack-pattern"
            and is_live(stix)
            and tactic["x_mitre_shortname"] in [phase["phase_name"] for phase in stix["kill_chain_phases"]]
        )
        assert [row[place] for row in rows if row[place]] == expected


def test_detections_have_a_row_for_each_log_source(ics: Library) -> None:
    objects = {
        stix["id"]: stix
        for stix in read_bundle(f"mitre-attack-ics-repo-data/{FILES['18.1']}")["objects"]
        if is_live(stix)
    }
    expected: Counter[tuple[str, ...]] = Counter()
    for sro in objects.values():
        if sro.get("relationship_type") != "detects" or not sro["source_ref"].startswith("x-mitre-detection-strategy"):
            continue
        strategy, technique = objects.get(sro["source_ref"]), objects.get(sro["target_ref"])
        if strategy is None or technique is None:
            continue
        for analytic in (objects[name] for name in strategy.get("x_mitre_analytic_refs", []) if name in objects):
            sources: dict[str, set[tuple[str, str]]] = {}
            for item in analytic.get("x_mitre_log_source_references", []):
                if item["x_mitre_data_component_ref"] in objects:
                    shown = (item["name"], item.get("channel", ""))
                    sources.setdefault(item["x_mitre_data_component_ref"], set()).add(shown)
            for component, named in sources.items():
                expected.update((technique["name"], objects[component]["name"], *shown) for shown in named)
    sheets = rows_of(book_of(ics, "attack-ics", "18.1"))
    columns = ("technique", "data_component", "log_source", "channel")
    found = Counter(tuple(row[name] for name in columns) for row in sheets["detections"])
    assert found == expected
    for row in sheets["detections"]:
        assert row["detection_strategy_id"].startswith("DET")
        assert row["analytic_id"].startswith("AN")


def test_detections_before_strategies_are_what_components_detect(ics: Library) -> None:
    objects = {
        stix["id"]: stix
        for stix in read_bundle(f"mitre-attack-ics-repo-data/{FILES['17.1']}")["objects"]
        if is_live(stix)
    }
    expected = Counter(
        (objects[sro["target_ref"]]["name"], objects[sro["source_ref"]]["name"])
        for sro in objects.values()
        if sro.get("relationship_type") == "detects" and {sro["source_ref"], sro["target_ref"]} <= objects.keys()
    )
    sheets = rows_of(book_of(ics, "attack-ics", "17.1"))
    assert Counter((row["technique"], row["data_component"]) for row in sheets["detections"]) == expected


def test_a_release_without_a_matrix_has_the_sheets_that_fit(ics: Library) -> None:
    sheets = rows_of(book_of(ics, "location", "1.0"))
    assert list(sheets) == ["country", "relationships", "about"]
    with pytest.raises(NotFound, match=r"9\.9"):
        release_sheets(ics, HOSTED.named("location"), "9.9")
