"""The page of a matrix shows what the answer says, and each of its other forms is read back by a parser of its kind."""

from __future__ import annotations

import csv
import io
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import html5lib
import pytest
from mitreattack.navlayers import Layer as ReadLayer

from tests.catalogue import published
from tests.pages.conftest import answered, read
from tests.server.serving import Server

pytestmark = pytest.mark.real

MATRIX = "/attack-enterprise/18.1/matrix"
SETS = "a=G0016&b=G0007"
HTML = "{http://www.w3.org/1999/xhtml}"
SVG = "{http://www.w3.org/2000/svg}"


def parsed(text: str) -> Any:
    """The document; raises where HTML is not valid."""
    return html5lib.HTMLParser(strict=True, tree=html5lib.getTreeBuilder("etree")).parse(text)


def cells_of(document: Any) -> list[tuple[str, str, str | None]]:
    """Tactic, technique and mark of each cell, by their addresses."""
    found = []
    for column in document.iter(f"{HTML}div"):
        if column.get("class") != "tactic":
            continue
        tactic = next(column.iter(f"{HTML}a")).get("href")
        for item in column.iter(f"{HTML}li"):
            mark = re.fullmatch("in-(a|b|both)", item.get("class", ""))
            found.append((tactic, item.find(f"{HTML}a").get("href"), mark and mark[1]))
    return found


def uses_of(group: str) -> set[str]:
    """The ids of the live techniques that a group's own relationships name."""
    objects = published("attack-enterprise", "18.1")
    live = {
        item["id"]: item["external_references"][0]["external_id"]
        for item in objects
        if item["type"] == "attack-pattern" and not (item.get("revoked") or item.get("x_mitre_deprecated"))
    }
    [found] = [
        item["id"]
        for item in objects
        if item["type"] == "intrusion-set" and item["external_references"][0]["external_id"] == group
    ]
    return {
        live[item["target_ref"]]
        for item in objects
        if item["type"] == "relationship" and item["source_ref"] == found and item["target_ref"] in live
    }


def test_the_page_has_a_link_for_each_cell_and_a_bar_for_each_set(server: Server) -> None:
    document = parsed(answered(server, f"{MATRIX}?{SETS}").text)
    cells = cells_of(document)
    a, b = uses_of("G0016"), uses_of("G0007")
    assert len(cells) == 887
    assert len({technique for _, technique, _ in cells}) == 691
    for _, address, mark in cells:
        technique = address.rpartition("/")[2]
        assert address == f"/attack-enterprise/18.1/{technique}"
        assert mark == {(1, 1): "both", (1, 0): "a", (0, 1): "b", (0, 0): None}[technique in a, technique in b]
    key = next(item for item in document.iter(f"{HTML}ul") if item.get("class") == "set-key")
    words = [" ".join("".join(item.itertext()).split()) for item in key]
    assert words == ["A G0016 APT29 only A: 37", "B G0007 APT28 only B: 62", "both 29"]


def test_the_page_has_no_style_of_its_own_and_unfolds_without_script(server: Server) -> None:
    page = answered(server, f"{MATRIX}?{SETS}&open=all")
    assert "style=" not in page.text
    assert "require-trusted-types-for" in page.headers["content-security-policy"]
    assert page.text.count("<details open") > 90


def test_filters_keep_what_they_name(server: Server) -> None:
    marked = cells_of(parsed(answered(server, f"{MATRIX}?a=G0016&only=marked").text))
    tops = {technique for _, technique, mark in marked if mark is None and "." not in technique.rpartition("/")[2]}
    assert {technique.rpartition("/")[2] for _, technique, mark in marked if mark} == uses_of("G0016")
    below = {technique.rpartition(".")[0] for _, technique, mark in marked if mark and technique.count(".") == 2}
    assert tops <= below
    assert len(cells_of(parsed(answered(server, f"{MATRIX}?platform=ESXi").text))) < 887


def test_json_and_csv_have_the_cells_of_the_page(server: Server) -> None:
    cells = cells_of(parsed(answered(server, f"{MATRIX}?{SETS}").text))
    made = json.loads(answered(server, f"{MATRIX}.json?{SETS}").content)
    assert made["counts"] | {"only_a": 37, "only_b": 62, "both": 29, "cells": 887} == made["counts"]
    told = [
        (tactic["external_id"], cell["technique"]["external_id"], cell["technique"]["in"])
        for part in made["matrices"]
        for tactic in part["tactics"]
        for top in tactic["techniques"]
        for cell in (top, *top["below"])
    ]
    shown = [(tactic.rpartition("/")[2], technique.rpartition("/")[2], mark) for tactic, technique, mark in cells]
    assert told == shown
    rows = list(csv.DictReader(io.StringIO(answered(server, f"{MATRIX}.csv?{SETS}").text)))
    assert [(row["tactic_id"], row["technique_id"], row["in"] or None) for row in rows] == shown
    assert {row["a"] for row in rows if row["in"] in ("a", "both")} == {"G0016"}


def test_a_layer_is_read_by_mitres_library(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "layer.json"
    file.write_bytes(answered(server, f"{MATRIX}.layer.json?{SETS}").content)
    layer = ReadLayer()
    layer.from_file(str(file))
    a, b = uses_of("G0016"), uses_of("G0007")
    scores = {technique.techniqueID: technique.score for technique in layer.layer.techniques}
    assert scores == {technique: (technique in a) + (technique in b) for technique in a | b}
    legend = {item.color: item.label for item in layer.layer.legendItems}
    labels = {technique.techniqueID: legend[technique.color] for technique in layer.layer.techniques}
    assert {name for name, label in labels.items() if label == "both"} == a & b
    assert {name for name, label in labels.items() if label == "only G0016 APT29"} == a - b
    refused = answered(server, f"{MATRIX}.layer.json", 400)
    assert "name objects or techniques" in refused.text


def test_a_drawing_is_xml_with_a_title_for_each_cell_and_no_text_outside(server: Server) -> None:
    found = server.get(f"{MATRIX}.svg?{SETS}&open=all")
    assert found.headers["content-type"].startswith("image/svg+xml")
    drawing = ElementTree.fromstring(found.content)  # noqa: S314 - our own answer
    cells = [group for group in drawing.iter(f"{SVG}g") if group.get("class", "").startswith("cell")]
    assert len(cells) == 887
    titles = [cell.findtext(f"{SVG}title") or "" for cell in cells]
    assert {title.split()[0] for title in titles if title.endswith("(in A and B)")} == uses_of("G0016") & uses_of(
        "G0007"
    )
    left, top, width, height = map(int, drawing.get("viewBox", "").split())
    for box in drawing.iter(f"{SVG}rect"):
        x, y, wide, high = (int(box.get(name, "0")) for name in ("x", "y", "width", "height"))
        assert left <= x
        assert top <= y
        assert x + wide <= left + width
        assert y + high <= top + height
    columns: dict[int, list[tuple[int, int]]] = {}
    for cell in cells:
        box = next(cell.iter(f"{SVG}rect"))
        columns.setdefault(int(box.get("x", "0")) // 110, []).append(
            (int(box.get("y", "0")), int(box.get("height", "0")))
        )
    for places in columns.values():
        places.sort()
        assert all(y + high <= after for (y, high), (after, _) in pairwise(places))


def test_changes_since_a_release_have_a_letter_on_the_page_and_a_word_in_the_table(server: Server) -> None:
    document = parsed(answered(server, f"{MATRIX}?since=17.1&only=marked").text)
    shown = {
        item.find(f"{HTML}a").get("href").rpartition("/")[2]: "".join(item.find(f"{HTML}b").itertext())
        for item in document.iter(f"{HTML}li")
        if (item.get("class") or "").startswith("is-") and item.find(f"{HTML}a") is not None
    }
    rows = csv.DictReader(io.StringIO(answered(server, f"{MATRIX}.csv?since=17.1").text))
    told = {row["technique_id"]: row["change"] for row in rows if row["change"]}
    assert shown == {name: f"{change[0].upper()} {change}" for name, change in told.items()}
    assert told["T1552.003"] == "renamed"
    drawing = ElementTree.fromstring(answered(server, f"{MATRIX}.svg?since=17.1&open=all").content)  # noqa: S314
    letters = [span.text for span in drawing.iter(f"{SVG}tspan") if span.get("class") == "letter"]
    assert set(letters) == {"N", "R", "E"}
    assert "99" in answered(server, f"{MATRIX}?since=99", 404).text


def test_what_is_wrong_with_a_set_is_said_on_the_page(server: Server) -> None:
    page = answered(server, f"{MATRIX}?a=G9999,%3Cscript%3E&b=T1059")
    assert "Set A: no object `G9999` in attack-enterprise 18.1." in page.text
    assert "&lt;script&gt;" in page.text
    assert "<script>" not in page.text


@pytest.mark.parametrize(
    ("path", "target"),
    [
        (f"/attack-enterprise/latest/matrix?{SETS}", f"{MATRIX}?{SETS}"),
        (f"/attack-enterprise/v18_1/matrix?{SETS}", f"{MATRIX}?{SETS}"),
        ("/attack-enterprise/v18_1/matrix.csv", f"{MATRIX}.csv"),
    ],
)
def test_other_writings_lead_to_the_one_address(server: Server, path: str, target: str) -> None:
    found = read(server, path)
    assert found.status_code in (301, 302)
    assert found.headers["location"] == target


def test_there_is_no_matrix_where_nothing_serves_tactics(server: Server) -> None:
    page = answered(server, "/cwe/4.14/matrix", 404)
    assert "Matrix" not in page.text


def test_two_sets_are_compared_tactic_by_tactic(server: Server) -> None:
    document = parsed(answered(server, f"/attack-enterprise/18.1/compare?{SETS}").text)
    a, b = uses_of("G0016"), uses_of("G0007")
    expected = {"side-a": a - b, "side-both": a & b, "side-b": b - a}
    sections = {it.get("aria-labelledby"): it for it in document.iter(f"{HTML}section")}
    for name, techniques in expected.items():
        found = [item.find(f"{HTML}a").get("href").rpartition("/")[2] for item in sections[name].iter(f"{HTML}li")]
        assert set(found) == techniques
        [count] = [it.text for it in sections[name].find(f"{HTML}h2") if it.get("class") == "count"]
        assert int(count) == len(techniques)
    assert f"Jaccard index {len(a & b) / len(a | b):.2f}" in "".join(document.itertext())


def test_a_comparison_as_json_is_what_the_api_answers(server: Server) -> None:
    mine = answered(server, f"/attack-enterprise/18.1/compare.json?{SETS}").content
    api = f"/api/v1/attack-enterprise/compare/?{SETS}&version=18.1&by=techniques&via=own"
    assert mine == server.get(api).content
    rows = list(csv.DictReader(io.StringIO(answered(server, f"/attack-enterprise/18.1/compare.csv?{SETS}").text)))
    assert {row["id"] for row in rows if row["in"] == "both"} == uses_of("G0016") & uses_of("G0007")


def test_a_comparison_without_sets_is_a_form(server: Server) -> None:
    page = answered(server, "/attack-enterprise/18.1/compare")
    assert '<details class="choose" open>' in page.text
    assert 'name="b"' in page.text


def test_rows_say_whether_the_matrix_takes_them_as_a_set(server: Server) -> None:
    root = parsed(answered(server, "/attack-enterprise/18.1/objects?page_size=1000&include_revoked=true").text)
    links = [link for row in root.iter(f"{HTML}tr") for link in row.iter(f"{HTML}a")]
    marked = {
        markable: [link.get("href", "") for link in links if (link.get("data-set") is not None) is markable]
        for markable in (True, False)
    }
    for markable, addresses in marked.items():
        assert addresses
        for address in addresses[:: max(1, len(addresses) // 20)]:
            told = answered(server, f"{MATRIX}.json?a={address.rpartition('/')[2]}").json()
            assert (not told["a"]["problems"]) is markable, address
