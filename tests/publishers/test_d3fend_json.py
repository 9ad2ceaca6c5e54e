"""D3FEND's ontology becomes STIX objects."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctibutler.errors import MalformedFile
from ctibutler.publishers.converters import d3fend_graph
from ctibutler.publishers.converters.conversion import Converted, Edition
from ctibutler.publishers.converters.d3fend_json import CONVERTER, convert
from tests.shared import read_bundle, read_shared

Node = dict[str, Any]
Nodes = dict[str, Node]

RELEASE = Edition("1.2.0")
EXCERPT = (Path(__file__).parent / "data/d3fend-1.2.0-excerpt.json").read_bytes()
ROOT = "http://d3fend.mitre.org/ontologies/d3fend.owl"


@pytest.fixture(scope="module")
def converted() -> Converted:
    return convert(EXCERPT, RELEASE)


def edited(change: Callable[[Nodes], object]) -> bytes:
    """The excerpt after a change to its nodes, which are passed by `@id`."""
    nodes = {node["@id"]: node for node in json.loads(EXCERPT)["@graph"]}
    change(nodes)
    return json.dumps({"@graph": list(nodes.values())}).encode()


def with_members(node: str, **members: Any) -> bytes:
    """The excerpt with other members of one node; `d3f_modifies` is `d3f:modifies`, None takes a member away."""

    def change(nodes: Nodes) -> None:
        nodes[node] |= {name.replace("_", ":", 1): value for name, value in members.items()}
        nodes[node] = {name: value for name, value in nodes[node].items() if value is not None}

    return edited(change)


def named(converted: Converted, name: str) -> dict[str, Any]:
    (found,) = (obj for obj in converted.objects if obj.get("name") == name)
    return found


def relationships(converted: Converted) -> dict[tuple[str, str, str], dict[str, Any]]:
    names = {obj["id"]: obj.get("name", "") for obj in converted.objects}
    return {
        (names[obj["source_ref"]], obj["relationship_type"], names[obj["target_ref"]]): obj
        for obj in converted.objects
        if obj["type"] == "relationship"
    }


def ref(name: str) -> dict[str, str]:
    return {"@id": name}


def test_objects_come_in_the_order_of_upstreams_bundles(converted: Converted) -> None:
    assert [(kind, len(list(group))) for kind, group in groupby(converted.objects, lambda obj: obj["type"])] == [
        ("identity", 1),
        ("marking-definition", 1),
        ("x-mitre-tactic", 3),
        ("course-of-action", 8),
        ("relationship", 8),
        ("x-mitre-matrix", 1),
        ("indicator", 35),
        ("relationship", 56),
    ]


def test_tactics_are_in_the_order_in_which_d3fend_shows_them(converted: Converted) -> None:
    tactics = [obj for obj in converted.objects if obj["type"] == "x-mitre-tactic"]
    assert [tactic["x_mitre_shortname"] for tactic in tactics] == ["harden", "detect", "evict"]
    assert tactics[2]["id"] == "x-mitre-tactic--0ccbac0d-777f-534b-b376-30041ad22a00"
    assert named(converted, "D3FEND™ - A knowledge graph of cybersecurity countermeasures")["tactic_refs"] == [
        tactic["id"] for tactic in tactics
    ]


def test_a_tactic_without_a_position_comes_last(caplog: pytest.LogCaptureFixture) -> None:
    shown = convert(with_members("d3f:Harden", **{"d3f_display-order": "first"}), RELEASE)
    assert [obj["name"] for obj in shown.objects if obj["type"] == "x-mitre-tactic"] == ["Detect", "Evict", "Harden"]
    assert 'd3f:Harden: d3f:display-order: expected a number, found "first"' in caplog.text


def test_a_technique_has_the_content_of_its_node(converted: Converted) -> None:
    technique = named(converted, "Email Removal")
    assert technique["type"] == "course-of-action"
    assert technique["created"] == technique["modified"] == "2025-08-01T00:12:00.000Z"
    assert technique["description"].startswith(
        "The email removal technique deletes email files from system storage.\n\n## How it works\n\nEmail removal is"
    )
    assert technique["x_aliases"] == ["Email Deletion"]
    assert technique["x_mitre_is_subtechnique"] is True
    own, publication, tactic = technique["external_references"]
    assert own == {
        "source_name": "mitre-d3fend",
        "url": "https://d3fend.mitre.org/technique/d3f:EmailRemoval",
        "external_id": "D3-ER",
    }
    assert list(publication) == ["source_name", "description", "url"]
    assert tactic["description"] == "This technique enables the tactic Evict"


def test_a_top_level_technique_is_not_a_subtechnique(converted: Converted) -> None:
    technique = named(converted, "Object Eviction")
    assert technique["id"] == "course-of-action--a360ce51-7b1f-5978-828e-2e0582a64c15"
    assert technique["x_mitre_is_subtechnique"] is False
    assert "x_aliases" not in technique


def test_a_technique_enables_the_tactic_of_its_superclass(converted: Converted) -> None:
    found = relationships(converted)
    assert found["Object Eviction", "enables", "Evict"]
    assert found["Email Removal", "enables", "Evict"]["description"].startswith("Email Removal enables Evict: A top")


def test_its_own_tactic_has_priority_over_those_of_superclasses() -> None:
    content = with_members("d3f:FileEviction", d3f_enables=[ref("d3f:Detect"), ref("d3f:Harden")])
    enabled = [key for key in relationships(convert(content, RELEASE)) if key[1] == "enables"]
    assert [tactic for source, _, tactic in enabled if source == "Email Removal"] == ["Detect", "Harden"]
    assert [tactic for source, _, tactic in enabled if source == "Object Eviction"] == ["Evict"]


def test_an_artifact_is_an_indicator_whose_pattern_is_its_name(converted: Converted) -> None:
    artifact = named(converted, "Application Shim")
    assert artifact["pattern"] == "d3f:ApplicationShim"
    assert artifact["pattern_type"] == "d3fend"
    assert artifact["valid_from"] == "2025-08-01T00:12:00Z"
    assert "x_mitre_version" not in artifact


def test_citations_of_a_node_become_references(converted: Converted) -> None:
    assert named(converted, "Digital Artifact")["external_references"][1:] == [
        {"source_name": "rdfs-seeAlso", "url": "http://dbpedia.org/resource/Digital_artifactual_value"},
        {"source_name": "rdfs-seeAlso", "url": "http://dbpedia.org/resource/Virtual_artifact"},
        {"source_name": "rdfs-seeAlso", "url": "https://www.iso.org/obp/ui/#iso:std:iso-iec:19770:-1:ed-3:v1:en"},
    ]
    assert named(converted, "Identifier")["external_references"][1:] == [
        {"source_name": "rdfs-defined-by", "url": "http://dbpedia.org/resource/Identifier"}
    ]
    shim = convert(with_members("d3f:Shim", rdfs_isDefinedBy="n-06768279"), RELEASE)
    assert named(shim, "Shim")["external_references"][-1] == {
        "source_name": "rdfs-defined-by",
        "external_id": "n-06768279",
    }


def test_flaws_of_upstreams_bundles_are_reproduced(converted: Converted) -> None:
    analysis = named(converted, "Administrative Network Activity Analysis")
    assert {
        "source_name": "CAR-2014-11-006: Windows Remote Management (WinRM)",
        "description": "",
        "url": "",
    } in analysis["external_references"]
    also = named(converted, "OS API Terminate Process")["external_references"][1]
    assert also["url"] == "An OS API function taht stops the execution of a process."
    assert named(converted, "Create Process")["description"].endswith(", 'Creates a process.', 'Executes a process.']")


def test_a_publication_without_abstract_or_link_is_not_a_reference() -> None:
    winrm = "d3f:Reference-WindowsRemoteManagement_WinRM_MITRE"
    content = with_members(winrm, **{"d3f_has-link": None, "d3f_kb-abstract": None})
    references = named(convert(content, RELEASE), "Administrative Network Activity Analysis")["external_references"]
    assert not any("WinRM" in reference["source_name"] for reference in references)


def test_classes_and_properties_become_relationships(converted: Converted) -> None:
    found = relationships(converted)
    above = found["Email Removal", "subtechnique-of", "File Eviction"]
    assert above["description"] == "Email Removal is a sub-class of File Eviction"
    assert found["Application Shim", "subclass-of", "Shim"]
    deletes = found["Email Removal", "deletes", "Email"]
    assert deletes["description"] == (
        "Email Removal deletes Email: A technique or agent Email Removal wipes out the digitally or magnetically "
        "recorded information of digital object Email."
    )
    assert [reference["external_id"] for reference in deletes["external_references"]] == ["D3-ER", "d3f:Email"]
    assert not any(relationship_type == "identifies" for _, relationship_type, _ in found)


def test_x_and_y_in_a_definition_are_replaced_by_the_names_of_both_ends() -> None:
    definition = "x deletes y, not x86 or xy: y's x."
    content = edited(
        lambda nodes: (
            nodes["d3f:deletes"].update({"d3f:definition": definition}),
            nodes["d3f:Email"].update({"rdfs:label": r"y \1 x"}),
        )
    )
    description = relationships(convert(content, RELEASE))["Email Removal", "deletes", r"y \1 x"]["description"]
    assert description == r"Email Removal deletes y \1 x, not x86 or xy: y \1 x's Email Removal."


def test_a_property_without_a_definition_adds_no_sentence() -> None:
    content = with_members("d3f:deletes", d3f_definition=None)
    assert relationships(convert(content, RELEASE))["Email Removal", "deletes", "Email"]["description"] == ""


def test_a_property_without_a_label_is_called_by_its_name() -> None:
    content = with_members("d3f:mediates-access-to", rdfs_label=None)
    assert ("Access Mediator", "mediates-access-to", "Resource") in relationships(convert(content, RELEASE))


def test_two_techniques_can_be_related_by_any_property() -> None:
    content = with_members("d3f:EmailRemoval", d3f_uses=ref("d3f:FileEviction"))
    assert ("Email Removal", "uses", "File Eviction") in relationships(convert(content, RELEASE))


def test_relations_to_nodes_that_are_not_objects_are_leftovers(converted: Converted) -> None:
    assert converted.leftovers is not None
    assert [tuple(entry.values())[:3] for entry in converted.leftovers] == [
        ("d3f:AccessMediator", "d3f:Agent", "d3f:used-by"),
        ("d3f:Identifier", "d3f:Artifact", "d3f:identifies"),
        ("d3f:T1556", "d3f:AuthenticationService", "d3f:modifies"),
    ]
    assert converted.leftovers[0]["description"] == (
        "Access Mediator used-by Agent: is inverse of Agent uses Access Mediator."
    )
    assert list(converted.leftovers[0]) == ["source", "target", "type", "description"]


def test_a_leftover_names_a_technique_by_its_own_id() -> None:
    content = with_members("d3f:EmailRemoval", d3f_uses=ref("d3f:Agent"))
    leftovers = convert(content, RELEASE).leftovers or []
    assert ("D3-ER", "d3f:Agent") in [(entry["source"], entry["target"]) for entry in leftovers]


def test_names_of_a_class_and_a_property_may_differ_only_in_case(converted: Converted) -> None:
    """`d3f:Identifier` is an artifact; `d3f:identifier`, a property that the excerpt has too, is none."""
    assert [obj["pattern"] for obj in converted.objects if obj.get("name", "").lower() == "identifier"] == [
        "d3f:Identifier"
    ]


def test_references_may_differ_in_case() -> None:
    content = with_members("d3f:EmailRemoval", rdfs_subClassOf=ref("d3f:FILEEVICTION"), d3f_deletes=ref("d3f:email"))
    found = relationships(convert(content, RELEASE))
    assert ("Email Removal", "subtechnique-of", "File Eviction") in found
    assert ("Email Removal", "deletes", "Email") in found


def test_a_node_in_two_parts_is_one_object(converted: Converted) -> None:
    whole = json.loads(EXCERPT)
    whole["@graph"].append({"@id": "d3f:Shim", "d3f:kb-article": "More.", "rdfs:label": "Said in passing"})
    objects = convert(json.dumps(whole).encode(), RELEASE)
    assert len(objects.objects) == len(converted.objects)
    assert named(objects, "Shim")["description"] == named(converted, "Shim")["description"] + "\n\nMore."


def test_the_same_relation_twice_is_one_relationship(converted: Converted) -> None:
    content = with_members("d3f:EmailRemoval", d3f_deletes=[ref("d3f:Email"), ref("d3f:Email")])
    assert convert(content, RELEASE).objects == converted.objects


@pytest.mark.parametrize(
    ("written", "created", "valid_from"),
    [
        ("2025-12-16T00:12:00Z", "2025-12-16T00:12:00.000Z", "2025-12-16T00:12:00Z"),
        ({"@value": "2025-12-16T02:12:00+02:00"}, "2025-12-16T00:12:00.000Z", "2025-12-16T00:12:00Z"),
        (["2025-12-16T00:12:00.2501", "2026-01-01"], "2025-12-16T00:12:00.250Z", "2025-12-16T00:12:00.250Z"),
        ("2025-12-16", "2025-12-16T00:00:00.000Z", "2025-12-16T00:00:00Z"),
    ],
)
def test_every_object_has_the_date_of_the_release(written: Any, created: str, valid_from: str) -> None:
    objects = convert(with_members(ROOT, **{"d3f_release-date": written}), RELEASE).objects
    assert {(obj["created"], obj["modified"]) for obj in objects[2:]} == {(created, created)}
    assert {obj["valid_from"] for obj in objects if obj["type"] == "indicator"} == {valid_from}


def test_texts_may_have_any_json_ld_form(converted: Converted) -> None:
    content = with_members(
        "d3f:EmailRemoval",
        rdfs_label=[{"@language": "en", "@value": "Email Removal"}, "Removal of Email"],
        rdfs_subClassOf=[ref("d3f:FileEviction")],
        d3f_synonym=["Email Deletion"],
        **{"d3f_d3fend-id": {"@value": "D3-ER"}},
    )
    assert convert(content, RELEASE).objects == converted.objects


def test_a_matrix_has_only_what_the_ontology_provides() -> None:
    members = ("dcterms_license", "owl_versionIRI", "dcterms_description")
    matrix = named(convert(with_members(ROOT, **dict.fromkeys(members), dcterms_title="D3FEND"), Edition("")), "D3FEND")
    assert matrix["description"] == ""
    assert [list(reference) for reference in matrix["external_references"]] == [
        ["source_name", "url", "external_id"],
        ["source_name", "external_id"],
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON"),
        (b"<rdf:RDF/>", "not JSON"),
        (EXCERPT[:-5], "not JSON"),
        (b'{"@graph": "\xff"}', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"@graph": [1' + b"0" * 5000 + b"]}", "not JSON|expected a node"),
        (b"[]", "expected a JSON object, found a list"),
        (b"{}", "@graph: expected a list, found nothing"),
        (b'{"@graph": {}}', "@graph: expected a list, found an object"),
        (b'{"@graph": []}', f"expected a node {ROOT}, found none"),
        (with_members(ROOT, owl_versionInfo=None), "owl:versionInfo is missing"),
        (with_members(ROOT, owl_versionInfo="1.3.0"), 'owl:versionInfo: expected "1.2.0", found "1.3.0"'),
        (with_members(ROOT, **{"d3f_release-date": None}), "d3f:release-date is missing"),
        (with_members(ROOT, **{"d3f_release-date": {"time": 1}}), "d3f:release-date is missing"),
        (with_members(ROOT, **{"d3f_release-date": "May 18"}), 'd3f:release-date: expected a time, found "May 18"'),
        (with_members(ROOT, **{"d3f_release-date": "0001-01-01T00:00:00+05:00"}), "expected a time"),
        (with_members(ROOT, dcterms_title=""), "dcterms:title is missing"),
        (EXCERPT.replace(b'"d3f:DefensiveTactic"', b'"d3f:Tactic"'), "nodes of type d3f:DefensiveTactic, found none"),
        (EXCERPT.replace(b'"d3f:DefensiveTechnique"', b'"d3f:T"'), "subclasses of d3f:DefensiveTechnique, found none"),
        (EXCERPT.replace(b'"rdfs:subClassOf"', b'"rdfs:subclassof"'), "subclasses of d3f:DefensiveTechnique"),
    ],
)
def test_a_file_that_is_not_the_ontology_of_the_release_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(MalformedFile, match=message) as refusal:
        convert(content, RELEASE)
    assert str(refusal.value).startswith("D3FEND ontology: ")


def test_items_that_are_not_nodes_are_left_out_and_logged(
    converted: Converted, caplog: pytest.LogCaptureFixture
) -> None:
    whole = json.loads(EXCERPT)
    whole["@graph"][:0] = ["text", None, [], {"rdfs:label": "Nameless"}, {"@id": 7}, {"@id": ""}]
    assert convert(json.dumps(whole).encode(), RELEASE) == converted
    assert "@graph[0]: expected an object, found text; left out" in caplog.text
    assert "@graph[3].@id: expected text, found nothing; left out" in caplog.text
    assert "@graph[4].@id: expected text, found a number; left out" in caplog.text


def test_unusable_values_are_left_out_and_logged(converted: Converted, caplog: pytest.LogCaptureFixture) -> None:
    content = with_members(
        "d3f:EmailRemoval",
        d3f_synonym=[["nested"], {"@language": "en"}, "Email Deletion"],
        d3f_deletes=["d3f:File", ref("d3f:Email"), {"@id": 1}],
    )
    assert convert(content, RELEASE).objects == converted.objects
    assert "d3f:EmailRemoval: d3f:synonym: expected a literal or a reference, found a list; left out" in caplog.text
    assert "d3f:EmailRemoval: d3f:deletes: expected a reference, found text; left out" in caplog.text


def test_references_to_missing_nodes_are_left_out_with_a_warning(
    converted: Converted, caplog: pytest.LogCaptureFixture
) -> None:
    content = edited(
        lambda nodes: (
            nodes["d3f:EmailRemoval"].update(
                {
                    "d3f:deletes": [ref("d3f:Email"), ref("d3f:Nowhere")],
                    "rdfs:subClassOf": [ref("d3f:FileEviction"), ref("d3f:Gone")],
                }
            ),
            nodes["d3f:ObjectEviction"].update({"d3f:enables": [ref("d3f:Evict"), ref("d3f:Email")]}),
            nodes["d3f:RegistryKeyDeletion"].update(
                {"d3f:kb-reference": [nodes["d3f:RegistryKeyDeletion"]["d3f:kb-reference"], ref("d3f:Lost")]}
            ),
        )
    )
    assert convert(content, RELEASE) == converted
    assert "d3f:EmailRemoval: d3f:deletes: there is no node d3f:Nowhere; left out" in caplog.text
    assert "d3f:EmailRemoval: rdfs:subClassOf: there is no node d3f:Gone; left out" in caplog.text
    assert "d3f:ObjectEviction: d3f:enables: there is no tactic d3f:Email; left out" in caplog.text
    assert "d3f:RegistryKeyDeletion: d3f:kb-reference: there is no node d3f:Lost; left out" in caplog.text


def test_classes_may_form_a_cycle() -> None:
    def change(nodes: Nodes) -> None:
        nodes["d3f:ObjectEviction"]["rdfs:subClassOf"] = [ref("d3f:DefensiveTechnique"), ref("d3f:EmailRemoval")]
        nodes["d3f:DefensiveTechnique"]["rdfs:subClassOf"] = ref("d3f:DefensiveTechnique")
        nodes["d3f:may-be-associated-with"]["rdfs:subPropertyOf"] = ref("d3f:uses")
        del nodes["d3f:ObjectEviction"]["d3f:enables"]

    result = convert(edited(change), RELEASE)
    found = relationships(result)
    assert ("Object Eviction", "subtechnique-of", "Email Removal") in found
    assert not any(key[:2] == ("Object Eviction", "enables") for key in found)
    assert named(result, "Defensive Technique")["x_mitre_is_subtechnique"] is False


@pytest.mark.parametrize("upwards", [False, True])
def test_classes_may_be_nested_five_thousand_levels_deep(upwards: bool) -> None:
    def change(nodes: Nodes) -> None:
        steps = [f"d3f:Step{step}" for step in range(5_000)]
        if upwards:
            steps.reverse()
        above = dict(zip(steps[1:], steps, strict=False)) | {steps[0]: "d3f:ObjectEviction"}
        for name in sorted(steps):
            nodes[name] = {"@id": name, "rdfs:subClassOf": ref(above[name])}
        nodes["d3f:EmailRemoval"]["rdfs:subClassOf"] = ref(steps[-1])

    found = relationships(convert(edited(change), RELEASE))
    assert ("Email Removal", "enables", "Evict") in found
    assert sum(relationship_type == "subtechnique-of" for _, relationship_type, _ in found) == 5_005


def test_a_definition_nested_too_deeply_is_refused() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(MalformedFile, match="d3f:Deep: d3f:definition: nested too deeply"):
        d3fend_graph.Node("d3f:Deep", {"d3f:definition": nested}).passage("d3f:definition")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["@id", "@value", "@type", "@list", "other"]), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = sorted(node["@id"] for node in json.loads(EXCERPT)["@graph"])
MEMBERS = sorted({member for node in json.loads(EXCERPT)["@graph"] for member in node})
VALUES = JSON | st.sampled_from(NAMES) | st.lists(st.sampled_from(NAMES).map(ref), max_size=4)
CHANGES = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(MEMBERS), VALUES), min_size=1, max_size=6)


@settings(max_examples=300, deadline=None)
@given(CHANGES)
def test_any_content_of_nodes_is_converted_or_refused(changes: Iterable[tuple[str, str, Any]]) -> None:
    def change(nodes: Nodes) -> None:
        for node, member, value in changes:
            nodes[node][member] = value

    try:
        result = convert(edited(change), RELEASE)
    except MalformedFile:
        return
    ids = [obj["id"] for obj in result.objects]
    assert len(ids) == len(set(ids))
    assert {obj[end] for obj in result.objects for end in ("source_ref", "target_ref") if end in obj} <= set(ids)


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_any_other_json_is_refused(value: Any) -> None:
    for content in (json.dumps(value), json.dumps({"@graph": value}), json.dumps({"@graph": [value]})):
        with pytest.raises(MalformedFile, match=r"^D3FEND ontology: "):
            convert(content.encode(), RELEASE)


def test_every_property_is_described(converted: Converted) -> None:
    described: dict[str, set[str]] = {}
    for rules in CONVERTER.description.objects:
        for kind in rules.kind.split(", "):
            described[kind] = {name for rule in rules.rules for name in rule.property.split(", ")}
    assert described.keys() == {obj["type"] for obj in converted.objects}
    for obj in converted.objects[2:]:
        assert set(obj) - described[obj["type"]] <= {"id"}
    for kind in ("x-mitre-tactic", "course-of-action", "indicator", "x-mitre-matrix", "relationship"):
        written = {name for obj in converted.objects if obj["type"] == kind for name in obj}
        assert described[kind] <= written


def refused(objects: Iterable[dict[str, Any]]) -> set[str]:
    """The ids of the objects that the OASIS validator refuses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from stix2validator import ValidationOptions, validate_instance

        options = ValidationOptions(version="2.1", strict=False)
        return {obj["id"] for obj in objects if not validate_instance(obj, options).is_valid}


def test_the_oasis_validator_refuses_only_references_without_a_url(converted: Converted) -> None:
    assert refused(converted.objects) == {
        named(converted, "Administrative Network Activity Analysis")["id"],
        named(converted, "OS API Terminate Process")["id"],
    }


# Releases as they were published, and what upstream's converter made of them.


def release(label: str) -> tuple[bytes, list[dict[str, Any]], list[dict[str, str]]]:
    """A release: the publisher's file, the objects of the public bundle, its list of relations that lead out."""
    name = label.replace(".", "_")
    folder = "d3fend2stix-manual-output"
    return (
        read_shared(f"kb-primary/d3fend/d3fend-v{name}.json.zst"),
        read_bundle(f"{folder}/d3fend-v{name}-bundle.json")["objects"],
        json.loads(read_shared(f"kb/{folder}/d3fend-v{name}-external-relationships.json.zst")),
    )


@pytest.mark.real
@pytest.mark.parametrize(("label", "objects", "leftovers"), [("1.1.0", 2984, 702), ("1.2.0", 3051, 703)])
def test_releases_equal_upstreams_object_for_object(label: str, objects: int, leftovers: int) -> None:
    content, their_objects, their_leftovers = release(label)
    ours = convert(content, Edition(label))
    assert ours.leftovers is not None
    assert (len(ours.objects), len(ours.leftovers)) == (objects, leftovers)
    # Compared as text, because the order of keys matters.
    assert Counter(map(json.dumps, ours.objects)) == Counter(map(json.dumps, their_objects))
    assert Counter(map(json.dumps, ours.leftovers)) == Counter(map(json.dumps, their_leftovers))


@pytest.mark.real
@pytest.mark.parametrize("label", ["1.1.0", "1.2.0"])
def test_releases_are_in_upstreams_order_except_for_the_relations_of_one_node(label: str) -> None:
    content, their_objects, their_leftovers = release(label)
    ours = convert(content, Edition(label))
    assert [obj.get("source_ref", obj["id"]) for obj in ours.objects] == [
        obj.get("source_ref", obj["id"]) for obj in their_objects
    ]
    assert [entry["source"] for entry in ours.leftovers or ()] == [entry["source"] for entry in their_leftovers]
    last = max(place for place, obj in enumerate(ours.objects) if obj["type"] != "relationship")
    assert ours.objects[:last] == their_objects[:last]


@pytest.mark.real
@pytest.mark.parametrize("label", ["1.1.0", "1.2.0"])
def test_there_is_one_object_for_each_class_of_the_graph(label: str) -> None:
    content, _, _ = release(label)
    nodes: Nodes = {node["@id"]: node for node in json.loads(content)["@graph"]}

    def parents(name: str) -> list[str]:
        above = nodes.get(name, {}).get("rdfs:subClassOf", [])
        return [one["@id"] for one in (above if isinstance(above, list) else [above])]

    def below(name: str, tops: set[str]) -> bool:
        return any(parent in tops or below(parent, tops) for parent in parents(name))

    techniques = {name for name in nodes if below(name, {"d3f:DefensiveTechnique"})}
    artifacts = {name for name in nodes if below(name, {"d3f:Artifact", "d3f:File", "d3f:NetworkTraffic"})}
    artifacts |= {name for name in nodes if below(name, {"d3f:Software"})}
    types = Counter(obj["type"] for obj in convert(content, Edition(label)).objects)
    assert types["x-mitre-tactic"] == sum("d3f:DefensiveTactic" in node.get("@type", "") for node in nodes.values())
    assert types["course-of-action"] == len(techniques) == 248
    assert types["indicator"] == len(artifacts) == {"1.1.0": 820, "1.2.0": 836}[label]
    top_level = sum("d3f:DefensiveTechnique" in parents(name) for name in techniques)
    subtechniques = [obj for obj in convert(content, Edition(label)).objects if obj.get("x_mitre_is_subtechnique")]
    assert len(techniques) - top_level == len(subtechniques) == 219


@pytest.mark.real
def test_the_objects_of_the_excerpt_are_in_the_release(converted: Converted) -> None:
    """Except the matrix, which lacks tactics. So the other tests of the excerpt hold for the release too."""
    _, theirs, their_leftovers = release("1.2.0")
    assert [obj["type"] for obj in converted.objects if obj not in theirs] == ["x-mitre-matrix"]
    assert all(entry in their_leftovers for entry in converted.leftovers or ())


@pytest.mark.real
def test_the_oasis_validator_refuses_the_same_objects_as_in_the_public_bundle() -> None:
    """Checks every object with a citation without a URL, and every thirtieth other one: all objects take 12 s."""
    content, theirs, _ = release("1.2.0")

    def chosen(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
        odd = [obj for obj in objects if not all(map(is_web_page, obj.get("external_references", ())))]
        return odd + [obj for obj in sorted(objects, key=lambda obj: obj["id"]) if obj not in odd][::30]

    def is_web_page(reference: dict[str, str]) -> bool:
        return reference.get("url", "https://").startswith(("https://", "http://"))

    ours = convert(content, RELEASE).objects
    of_ours = refused(chosen(ours))
    assert of_ours == refused(chosen(theirs))
    assert len(of_ours) == 5
