"""The graph of an object: its nodes and curves are those that plain Python finds in the bundle, in every form."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from xml.etree import ElementTree

import html5lib
import pytest

from tests.catalogue import published
from tests.pages.conftest import answered, read
from tests.server.serving import Server

pytestmark = pytest.mark.real

SVG = "{http://www.w3.org/2000/svg}"
HTML = "{http://www.w3.org/1999/xhtml}"
RELEASE = "/attack-enterprise/18.1"


def around(external_id: str) -> tuple[set[str], set[tuple[str, str, str]]]:
    """The ids of the live neighbours of an object by relationships of the publisher, and the relationships among these."""
    objects = published("attack-enterprise", "18.1")
    live = {
        item["id"]: item["external_references"][0]["external_id"]
        for item in objects
        if item.get("external_references") and not (item.get("revoked") or item.get("x_mitre_deprecated"))
        if item["type"] != "relationship" and "external_id" in item["external_references"][0]
    }
    [middle] = [stix_id for stix_id, name in live.items() if name == external_id]
    relations = [
        (item["source_ref"], item["target_ref"], item["relationship_type"])
        for item in objects
        if item["type"] == "relationship" and not (item.get("revoked") or item.get("x_mitre_deprecated"))
    ]
    neighbours = {b for a, b, _ in relations if a == middle} | {a for a, b, _ in relations if b == middle}
    neighbours &= live.keys()
    among = {(live[a], live[b], kind) for a, b, kind in relations if a in neighbours and b in neighbours}
    return {live[stix_id] for stix_id in neighbours}, among


def drawn(ring: Any, space: str = SVG) -> tuple[list[str], list[tuple[str, str]]]:
    """The ids of the nodes of a drawing, and the ends of its curves, by the addresses of nodes."""
    ids: dict[str, str] = {}
    curves: list[tuple[str, str]] = []
    for node in ring.iter(f"{space}g"):
        if node.get("data-n"):
            link = next(node.iter(f"{space}a"))
            ids[node.get("data-n")] = link.get("href").rpartition("/")[2]
    for node in ring.iter(f"{space}g"):
        if node.get("data-n"):
            curves += [
                (node.get("data-n"), path.get("data-to")) for path in node.iter(f"{space}path") if path.get("data-to")
            ]
    return list(ids.values()), [(ids[a], ids[b]) for a, b in curves]


@pytest.mark.parametrize(
    ("external_id", "nodes", "uses"), [("G0016", 117, 167), ("C0024", None, None), ("S0002", None, None)]
)
def test_nodes_and_curves_are_the_neighbours_and_their_relationships(
    server: Server, external_id: str, nodes: int | None, uses: int | None
) -> None:
    neighbours, among = around(external_id)
    found = answered(server, f"{RELEASE}/{external_id}/graph.svg")
    assert found.headers["content-type"].startswith("image/svg+xml")
    ids, curves = drawn(ElementTree.fromstring(found.content))  # noqa: S314 - our own answer
    assert len(ids) == len(neighbours) == (nodes or len(neighbours))
    assert set(ids) == neighbours
    assert sorted(curves) == sorted({(a, b) for a, b, _ in among})
    if uses:
        assert len([kind for _, _, kind in among if kind == "uses"]) == uses


def test_the_page_has_the_drawing_and_the_same_neighbours_as_lists(server: Server) -> None:
    neighbours, among = around("G0016")
    text = answered(server, f"{RELEASE}/G0016/graph").text
    document = html5lib.HTMLParser(strict=True, tree=html5lib.getTreeBuilder("etree")).parse(text)
    assert set(drawn(document)[0]) == neighbours
    [heading] = [item for item in document.iter(f"{HTML}p") if item.get("class") == "sub"]
    assert "".join(heading.itertext()) == f"117 neighbours; curves are {len(among)} relationships among them"
    lists = [item for item in document.iter(f"{HTML}section") if (item.get("id") or "").startswith("arc-")]
    listed = [link.get("href").rpartition("/")[2] for part in lists for link in part.iter(f"{HTML}a")]
    assert sorted(listed) == sorted(neighbours)
    assert [" ".join("".join(part.find(f"{HTML}h2").itertext()).split()) for part in lists] == [
        "66 techniques uses",
        "49 software uses",
        "2 campaigns attributed to it",
    ]
    assert "style=" not in text


def test_filters_narrow_every_form(server: Server) -> None:
    neighbours, _ = around("G0016")
    software = {name for name in neighbours if name.startswith("S")}
    path, query = f"{RELEASE}/G0016/graph", "kinds=Software"
    assert set(drawn(ElementTree.fromstring(answered(server, f"{path}.svg?{query}").content))[0]) == software  # noqa: S314
    made = json.loads(answered(server, f"{path}.json?{query}").content)
    assert {item["external_id"] for item in made["neighbours"]} == software
    rows = list(csv.DictReader(io.StringIO(answered(server, f"{path}.csv?{query}").text)))
    assert {row["id"] for row in rows} == software
    assert {row["from_it"] for row in rows} == {"uses"}
    assert not drawn(ElementTree.fromstring(answered(server, f"{path}.svg?direction=in&types=uses").content))[0]  # noqa: S314
    assert "No neighbour passes these filters" in answered(server, f"{path}?types=nothing").text


def test_json_and_csv_have_every_relationship_among_neighbours(server: Server) -> None:
    _, among = around("G0016")
    made = json.loads(answered(server, f"{RELEASE}/G0016/graph.json").content)
    names = {item["id"]: item["external_id"] for item in made["neighbours"]}
    told = [(names[it["source_ref"]], names[it["target_ref"]], it["relationship_type"]) for it in made["relations"]]
    assert sorted(told) == sorted(among)
    rows = list(csv.DictReader(io.StringIO(answered(server, f"{RELEASE}/G0016/graph.csv").text)))
    assert sum(int(row["among_neighbours"]) for row in rows) == 2 * len(among)


def test_of_more_than_150_the_ring_tells_how_many_are_left_out_and_where_they_are(server: Server) -> None:
    text = answered(server, f"{RELEASE}/T1105/graph").text
    document = html5lib.HTMLParser(strict=True, tree=html5lib.getTreeBuilder("etree")).parse(text)
    ids, _ = drawn(document)
    assert len(ids) == 150
    more = [link for link in document.iter(f"{SVG}a") if link.get("class") == "more"]
    left_out = [int("".join(link.itertext()).split()[1].replace(",", "")) for link in more]
    sections = {it.get("id"): len(list(it.iter(f"{HTML}li"))) for it in document.iter(f"{HTML}section")}
    assert {link.get("href") for link in more} <= {f"#{name}" for name in sections}
    assert 150 + sum(left_out) == sum(sections.values())


def test_an_object_with_nothing_around_it_says_so(server: Server) -> None:
    assert "Nothing is related to it" in answered(server, "/tlp/2/clear/graph").text


def test_another_writing_of_the_id_leads_to_the_one_address(server: Server) -> None:
    found = read(server, f"{RELEASE}/g0016/graph.svg?kinds=Software")
    assert (found.status_code, found.headers["location"]) == (301, f"{RELEASE}/G0016/graph.svg?kinds=Software")
