"""Navigator layers, as the Navigator and mitreattack-python read them."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest
from mitreattack.navlayers import Layer as ReadLayer
from mitreattack.navlayers import ToExcel, ToSvg
from stix2 import MemoryStore

from ctibutler.answers.library import Library
from ctibutler.answers.naming import ObjectRequest
from ctibutler.answers.navigator import Layer, Relation, layer
from ctibutler.forms.json_form import record_as_json
from ctibutler.forms.navigator_layer import LayerFile, compatible_layer_file, layer_file
from ctibutler.knowledge_bases import HOSTED
from tests.answers import plain
from tests.catalogue import published

LINK = "https://app.ctibutler.com"
ENTERPRISE = HOSTED.named("attack-enterprise")
NEWEST = {"attack-enterprise": "18.1", "attack-mobile": "18.1", "attack-ics": "18.1"}
# A worksheet's name with more than 31 characters: openpyxl warns, and writes it.
pytestmark = [pytest.mark.real, pytest.mark.filterwarnings("ignore:Title is more than 31 characters")]


def read(file: LayerFile) -> dict[str, Any]:
    """A layer as a program reads it from a file."""
    decoded: dict[str, Any] = json.loads(record_as_json(file))
    return decoded


def of(library: Library, slug: str, object_id: str, release: str, *, dead: bool = True) -> Layer:
    return layer(library, HOSTED.named(slug), ObjectRequest(object_id, release, dead, dead))


def test_a_layer_has_all_fields_of_the_format(contract_library: Library) -> None:
    made = read(layer_file(of(contract_library, "attack-enterprise", "s1088", "16_0", dead=False), LINK))
    shown = made.pop("techniques")
    assert made == {
        "name": "Disco (S1088)",
        "description": "Techniques used by Disco (S1088) in MITRE ATT&CK for Enterprise 16.0",
        "domain": "enterprise-attack",
        "versions": {"layer": "4.5", "attack": "16.0", "navigator": "5.1.0"},
        "gradient": {"colors": ["#ffffff", "#ff6666"], "minValue": 0, "maxValue": 100},
        "legendItems": [],
        "metadata": [
            {"name": "stix_id", "value": "malware--e1445afd-c359-45ed-8f27-626dc4d5e157"},
            {"name": "attack_id", "value": "S1088"},
        ],
        "links": [{"label": "cti_butler", "url": LINK}],
        "layout": {"layout": "side", "showID": False, "showName": True, "expandedSubtechniques": "annotated"},
    }
    assert {
        "techniqueID": "T1105",
        "score": 100,
        "comment": "Disco can download files to targeted systems via SMB.",
    } in shown
    assert {frozenset(entry) for entry in shown} == {frozenset(("techniqueID", "score", "comment"))}


def test_the_legend_is_described_as_the_navigator_reads_it() -> None:
    _, parts = msgspec.json.schema_components([LayerFile])
    items = parts["LayerFile"]["properties"]["legendItems"]["items"]
    assert items["$ref"].endswith("/LegendItem")
    assert parts["LegendItem"]["required"] == ["label", "color"]


def test_the_compatible_form_is_the_layer_of_cti_butler(contract_library: Library) -> None:
    file = compatible_layer_file(of(contract_library, "attack-enterprise", "S1088", "16.0", dead=False), LINK)
    head, _, rest = record_as_json(file).partition(b'"techniques":[')
    assert head == (
        b'{"name":"S1088","description":"Techniques used by Disco (S1088)","domain":"enterprise-attack",'
        b'"versions":{"layer":"4.5","attack":"16.0","navigator":"5.1.0"},'
    )
    assert (
        b'{"techniqueID":"T1105","score":100,"showSubtechniques":true,"comment":'
        b'"[Disco](https://attack.mitre.org/software/S1088) can download files to targeted systems via SMB.'
        b'(Citation: MoustachedBouncer ESET August 2023)"}'
    ) in rest
    assert rest.endswith(
        b'],"gradient":{"colors":["#ffffff","#ff6666"],"minValue":0,"maxValue":100},"legendItems":[],'
        b'"metadata":[{"name":"stix_id","value":"malware--e1445afd-c359-45ed-8f27-626dc4d5e157"},'
        b'{"name":"attack_id","value":"S1088"}],'
        b'"links":[{"label":"cti_butler","url":"https://app.ctibutler.com"}],"layout":{"layout":"side"}}'
    )


@pytest.mark.parametrize(
    ("slug", "object_id", "name", "description"),
    [
        ("attack-enterprise", "G0016", "APT29 (G0016)", "Techniques used by APT29 (G0016) in"),
        (
            "attack-enterprise",
            "M1020",
            "SSL-TLS Inspection (M1020)",
            "Techniques mitigated by SSL/TLS Inspection (M1020) in",
        ),
        ("attack-ics", "A0013", "Field I-O (A0013)", "Techniques that target Field I/O (A0013) in"),
    ],
)
def test_a_layer_has_a_name_and_a_description(
    filled_library: Library, slug: str, object_id: str, name: str, description: str
) -> None:
    made = layer_file(of(filled_library, slug, object_id, "18.1"), LINK)
    assert made.name == name
    assert made.description == f"{description} {HOSTED.named(slug).title} 18.1"


@pytest.mark.parametrize(
    ("relations", "description"),
    [
        ((), "Techniques of Name (X1) in MITRE ATT&CK for Enterprise 18.1"),
        ((Relation("breaks-into", True),), "Techniques that Name (X1) breaks into in MITRE ATT&CK for Enterprise 18.1"),
        ((Relation("is-part-of", False),), "Techniques that are part of Name (X1) in MITRE ATT&CK for Enterprise 18.1"),
        (
            (Relation("targets", False), Relation("uses", True)),
            "Techniques that target Name (X1) and techniques used by Name (X1) in MITRE ATT&CK for Enterprise 18.1",
        ),
    ],
)
def test_new_kinds_of_relationships_are_described_too(relations: tuple[Relation, ...], description: str) -> None:
    made = Layer(ENTERPRISE, "18.1", "x--1", "X1", "Name", relations, ())
    assert layer_file(made, LINK).description == description


def cells(objects: list[plain.Stix], shown: dict[str, Any]) -> tuple[int, int]:
    """How many cells of the matrix a layer annotates, and how many of these are visible when the Navigator opens it.

    A technique has a cell in each of its tactics. A sub-technique is visible if its parent is unfolded: by its own entry, or,
    where the layout says `annotated`, because one of its sub-techniques is annotated (the Navigator's `initTechniqueVMs`).
    """
    entries = {entry["techniqueID"]: entry for entry in shown["techniques"]}
    unfolded = {number for number, entry in entries.items() if entry.get("showSubtechniques")}
    if shown["layout"].get("expandedSubtechniques") == "annotated":
        unfolded |= {number.partition(".")[0] for number in entries if "." in number}
    tactics = {
        str(plain.primary_id("attack-enterprise", stix)): len(stix["kill_chain_phases"])
        for stix in objects
        if stix["type"] == "attack-pattern" and plain.live(stix)
    }
    visible = [number for number in entries if "." not in number or number.partition(".")[0] in unfolded]
    return sum(tactics[number] for number in entries), sum(tactics[number] for number in visible)


def test_all_annotated_cells_of_a_group_are_visible_on_open(filled_library: Library) -> None:
    apt29 = of(filled_library, "attack-enterprise", "G0016", "18.1")
    objects = published("attack-enterprise", "18.1")
    assert cells(objects, read(layer_file(apt29, LINK))) == (89, 89)
    assert cells(objects, read(compatible_layer_file(apt29, LINK))) == (89, 32)


@functools.lru_cache(maxsize=3)
def exporters(slug: str) -> tuple[ToExcel, ToSvg]:
    """mitreattack-python's exporters over the matrix of the newest release."""
    shown = ("x-mitre-matrix", "x-mitre-tactic", "attack-pattern")
    store = MemoryStore(
        stix_data=[stix for stix in published(slug, NEWEST[slug]) if stix["type"] in shown], allow_custom=True
    )
    domain = slug.removeprefix("attack-")
    source = {"domain": domain, "source": "memorystore", "resource": store}
    return ToExcel(**source), ToSvg(**source)


def with_layers(slug: str) -> Iterator[plain.Stix]:
    """Every group, software, campaign, mitigation and asset in the newest release."""
    kinds = ("intrusion-set", "malware", "tool", "campaign", "course-of-action", "x-mitre-asset")
    return (stix for stix in published(slug, NEWEST[slug]) if stix["type"] in kinds)


def check_exports(library: Library, slug: str, stix_id: str, folder: Path) -> None:
    """Both exporters accept the layer; the workbook has its name, and the names and comments of its techniques."""
    made = read(layer_file(of(library, slug, stix_id, NEWEST[slug]), LINK))
    to_excel, to_svg = exporters(slug)
    to_svg.to_svg(ReadLayer(made), str(folder / "layer.svg"))
    assert (folder / "layer.svg").read_text().rstrip().endswith("</svg>")
    to_excel.to_xlsx(ReadLayer(made), str(folder / "layer.xlsx"))
    sheet = openpyxl.load_workbook(folder / "layer.xlsx").active
    assert sheet is not None
    assert sheet.title == made["name"]
    comments = {cell.comment.text for row in sheet for cell in row if cell.comment}
    top = {entry["techniqueID"]: entry["comment"] for entry in made["techniques"] if "." not in entry["techniqueID"]}
    live = {
        str(plain.primary_id(slug, stix)): stix["name"]
        for stix in published(slug, NEWEST[slug])
        if stix["type"] == "attack-pattern" and plain.live(stix)
    }
    assert {text for number, text in top.items() if text and number in live} <= comments
    names = {cell.value for row in sheet for cell in row}
    assert {live[number] for number in top if number in live} <= names


@pytest.mark.parametrize("slug", NEWEST)
def test_mitreattack_python_exports_layers(filled_library: Library, slug: str, tmp_path: Path) -> None:
    everything = list(with_layers(slug))
    awkward = [stix for stix in everything if "/" in stix["name"] and plain.live(stix)]
    for stix in (*everything[:: len(everything) // 6], *awkward[:2]):
        check_exports(filled_library, slug, stix["id"], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("slug", NEWEST)
def test_mitreattack_python_exports_every_layer(filled_library: Library, slug: str, tmp_path: Path) -> None:
    if filled_library.database.engine != "sqlite":
        pytest.skip("the same layers on both engines")
    for stix in with_layers(slug):
        check_exports(filled_library, slug, stix["id"], tmp_path)
