"""Embedded references become relationships."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest

from ctibutler.stix.identifiers import embedded_relationship_uuid
from ctibutler.stix.references import embedded_references, embedded_relationship
from tests.shared import identity_vectors, read_bundle


@pytest.mark.parametrize(
    ("obj", "pairs"),
    [
        (
            {
                "created_by_ref": "identity--1",
                "object_marking_refs": ["marking-definition--1", "marking-definition--2"],
            },
            [
                ("created-by", "identity--1"),
                ("object-marking", "marking-definition--1"),
                ("object-marking", "marking-definition--2"),
            ],
        ),
        ({"source_ref": "a--1", "target_ref": "b--1", "sighting_of_ref": "c--1"}, [("sighting-of", "c--1")]),
        ({"x_mitre_contents": [{"object_ref": "tool--1"}]}, [("x_mitre_contents-object", "tool--1")]),
        ({"output": [{"deep": [{"address_ref": "x--2"}]}]}, [("output-deep-address", "x--2")]),
        ({"granular_markings": [{"marking_ref": "m--1"}]}, [("granular_markings-marking", "m--1")]),
        ({"some-odd-ref": "x--1", "some_odd-refs": ["x--2"]}, [("some-odd", "x--1"), ("some-odd", "x--2")]),
        ({"object_refs": ["x--1", "y--1", "x--1"]}, [("object", "x--1"), ("object", "y--1")]),
    ],
)
def test_a_property_that_names_objects_is_a_reference(obj: dict[str, Any], pairs: list[tuple[str, str]]) -> None:
    assert embedded_references(obj) == pairs


@pytest.mark.parametrize(
    "obj",
    [
        {"extensions": {"ext": {"inner_ref": "identity--9"}}},
        {"list_of_lists": [[{"a_ref": "x--1"}]]},
        {"X_upper_ref": "identity--1", "n2_ref": "identity--2", "sample_refs_extra": ["x--1"]},
        {"empty_refs": [], "blank_ref": "", "numbers_refs": [1, None, ""], "null_ref": None, "nested_ref": {"a": "b"}},
        {"output": [{"source_ref": "a--1"}]},
    ],
)
def test_any_other_property_is_not_a_reference(obj: dict[str, Any]) -> None:
    assert embedded_references(obj) == []


@pytest.mark.parametrize("vector", identity_vectors("embedded-refs-scan"))
def test_every_vector_has_the_expected_references(vector: dict[str, Any]) -> None:
    pairs = [(relationship_type, target) for relationship_type, targets in vector["expected"] for target in targets]
    assert embedded_references(vector["inputs"]["object"]) == pairs


def test_an_embedded_relationship_has_the_times_and_markings_of_its_object() -> None:
    technique = {
        "type": "attack-pattern",
        "id": "attack-pattern--01327cde-66c4-4123-bf34-5f258d59457b",
        "created": "2020-02-11T18:28:44.950Z",
        "modified": "2024-09-12T15:20:07.264Z",
        "object_marking_refs": ["marking-definition--fa42a846-8d90-4e51-bc29-71d5b4802168"],
    }
    relationship = embedded_relationship(technique, "created-by", "identity--c78cb6e5-0c4b-4611-8297-d1b8b55e40b5")
    assert list(relationship.items()) == [
        ("type", "relationship"),
        ("spec_version", "2.1"),
        ("id", "relationship--36b35f30-f085-5635-be16-0865c76f3f7f"),
        ("created_by_ref", "identity--72e906ce-ca1b-5d73-adcd-9ea9eb66a1b4"),
        ("created", "2020-02-11T18:28:44.950Z"),
        ("modified", "2024-09-12T15:20:07.264Z"),
        ("relationship_type", "created-by"),
        ("source_ref", "attack-pattern--01327cde-66c4-4123-bf34-5f258d59457b"),
        ("target_ref", "identity--c78cb6e5-0c4b-4611-8297-d1b8b55e40b5"),
        ("external_references", [{"source_name": "stix2arango", "description": "embedded-relationship"}]),
        ("object_marking_refs", ["marking-definition--fa42a846-8d90-4e51-bc29-71d5b4802168"]),
    ]


def test_a_relationship_embedded_in_an_observable_without_times_has_none_either() -> None:
    relationship = embedded_relationship({"type": "file", "id": "file--1"}, "contains", "file--2")
    assert not {"created", "modified", "object_marking_refs"} & relationship.keys()


@pytest.mark.real
def test_an_enterprise_release_has_104950_embedded_relationships() -> None:
    objects = read_bundle("mitre-attack-enterprise-repo-data/enterprise-attack-18_1.json")["objects"]
    pairs = chain.from_iterable(((obj["id"], *pair) for pair in embedded_references(obj)) for obj in objects)
    uuids = {
        embedded_relationship_uuid(relationship_type, source, target) for source, relationship_type, target in pairs
    }
    assert len(uuids) == 104950
