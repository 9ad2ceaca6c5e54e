"""Relationships between two knowledge bases, and borrowed techniques."""

import uuid
from collections import Counter
from typing import Any

import pytest
from connector.knowledge_bases import BY_SLUG
from connector.links import borrowed, cross_links
from connector.neighbours import Neighbours

from tests.tests_connector.conftest import Converted

pytestmark = pytest.mark.real


def link(kind: str, source: str, target: str, description: str = "") -> dict[str, Any]:
    return {
        "type": "relationship",
        "id": f"relationship--{uuid.uuid5(uuid.NAMESPACE_URL, kind + source + target)}",
        "relationship_type": kind,
        "source_ref": source,
        "target_ref": target,
        "created_by_ref": "identity--9779a2db-f98c-5f4b-8d08-8ee04e02dbb5",
        "object_marking_refs": [
            "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
            "marking-definition--2e51a631-99d8-52a5-95a6-8314d3f4fbf3",
        ],
        "description": description,
    }


def neighbours(converted: Converted, **versions: str) -> Neighbours:
    found = Neighbours(lambda slug: None)
    for slug, version in versions.items():
        name = slug.replace("_", "-")
        found.remember(name, converted(name, version).known)
    return found


def publishers_id(
    converted: Converted, slug: str, version: str, external_id: str
) -> str:
    return next(
        stix_id
        for stix_id, known in converted(slug, version).known.items()
        if known.external_id == external_id
    )


def test_a_weakness_is_linked_by_the_id_that_it_has_in_opencti(
    converted: Converted,
) -> None:
    weakness = publishers_id(converted, "cwe", "4.14", "CWE-79")
    pattern = publishers_id(converted, "capec", "3.9", "CAPEC-63")
    given = [
        link("related-to", weakness, pattern, "CWE-79 is exploited using CAPEC-63")
    ]
    found = cross_links(
        given,
        converted("cwe", "4.14"),
        BY_SLUG["cwe"],
        neighbours(converted, capec="3.9"),
        Counter(),
    )
    assert [item["source_ref"] for item in found] == [
        "vulnerability--1e1e44ad-4b9d-55c8-b491-90c3d97b8f3c"
    ]
    assert found[0]["id"] != given[0]["id"]
    assert found[0]["target_ref"] == pattern
    assert found[0]["description"] == "CWE-79 is exploited using CAPEC-63"
    assert (found[0]["start_time"], found[0]["revoked"]) == (None, False)


def test_a_link_keeps_its_id_if_both_ends_keep_theirs(converted: Converted) -> None:
    pattern = publishers_id(converted, "capec", "3.9", "CAPEC-112")
    technique = publishers_id(converted, "attack-enterprise", "18.1", "T1110")
    given = [link("related-to", pattern, technique)]
    known = neighbours(converted, attack_enterprise="18.1")
    found = cross_links(
        given, converted("capec", "3.9"), BY_SLUG["capec"], known, Counter()
    )
    assert [item["id"] for item in found] == [given[0]["id"]]


def test_a_link_to_an_object_that_opencti_does_not_have_is_not_sent(
    converted: Converted,
) -> None:
    pattern = publishers_id(converted, "capec", "3.9", "CAPEC-112")
    left_out: Counter[str] = Counter()
    given = [link("related-to", pattern, "attack-pattern--unknown")]
    known = neighbours(converted, attack_enterprise="18.1")
    assert (
        cross_links(given, converted("capec", "3.9"), BY_SLUG["capec"], known, left_out)
        == []
    )
    assert left_out == {"cross-link: an end is not imported": 1}


def test_two_verbs_of_d3fend_between_one_pair_become_one_relationship(
    converted: Converted,
) -> None:
    technique = publishers_id(converted, "d3fend", "1.2.0", "D3-ANAA")
    mitigation = publishers_id(converted, "attack-enterprise", "18.1", "M1037")
    given = [
        link("may-harden", technique, mitigation, "one"),
        link("related", technique, mitigation, "two"),
    ]
    known = neighbours(converted, attack_enterprise="18.1", cwe="4.14")
    found = cross_links(
        given, converted("d3fend", "1.2.0"), BY_SLUG["d3fend"], known, Counter()
    )
    assert [item["relationship_type"] for item in found] == ["related-to"]
    assert found[0]["description"] == "may harden: one\nrelated: two"


def test_a_technique_that_f3_borrows_keeps_the_name_and_author_of_attack(
    converted: Converted,
) -> None:
    own = converted("mitre-f3", "1.1")
    matrices = [
        converted("attack-enterprise", "18.1").known,
        converted("attack-mobile", "18.1").known,
    ]
    found = {item["x_mitre_id"]: item for item in borrowed(own, matrices)}
    assert len(found) == 42
    guessing = found["T1110.001"]
    assert guessing["name"] == "Password Guessing"
    assert (
        guessing["created_by_ref"] == "identity--c78cb6e5-0c4b-4611-8297-d1b8b55e40b5"
    )
    assert guessing["kill_chain_phases"][0]["kill_chain_name"] == "mitre-f3"
    assert guessing["external_references"][0]["source_name"] == "mitre-f3"
    assert "description" not in guessing
    assert guessing["revoked"] is False


def test_without_attack_f3_sends_its_own_name_and_text(converted: Converted) -> None:
    own = converted("mitre-f3", "1.1")
    assert borrowed(own, []) == []
    assert any(
        item.get("name") == "Brute Force: Password Guessing"
        for item in own.objects.values()
    )
