"""Generated ids are the ones already in circulation."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from ctibutler.stix import identifiers
from tests.shared import identity_vectors, shared_path

WEAKNESS_1004 = "weakness--f3496f30-5625-5b6d-8297-ddc074fb26c2"
WEAKNESS_732 = "weakness--6d8788cb-39fa-5219-8e45-b1aa3eb91083"
CAPEC_665 = "attack-pattern--4317ab6c-93e4-4c5a-a814-0cd2752c61b9"
T1211 = "attack-pattern--fe926152-f431-4baf-956c-4ad3cb0bf23b"
T1542_002 = "attack-pattern--791481f8-e96a-41be-b089-a088763083d4"
TA0003 = "x-mitre-tactic--5bc1d813-693e-4823-9961-abf9af4b0e92"
UNITED_STATES = "location--e68e76c5-60f1-506e-b495-86adb8ec0a5b"
NORTHERN_AMERICA = "location--0e212853-06ec-5e93-b473-e56c8a159e1c"


@pytest.mark.parametrize(
    ("made", "published"),
    [
        (identifiers.seed_identity_id("dogesec"), "identity--9779a2db-f98c-5f4b-8d08-8ee04e02dbb5"),
        (
            identifiers.seed_marking_definition_id("stix4doge"),
            "marking-definition--97ba4e8b-04f6-57e8-8f6e-3a0f0a7dc0fb",
        ),
        (
            identifiers.extension_definition_id("weakness"),
            "extension-definition--31725edc-7d81-5db7-908a-9134f322284a",
        ),
        (
            identifiers.embedded_relationship_id("indicates", "indicator--source", "malware--target1"),
            "relationship--8a86537f-d4bb-55bc-b06d-ddeabbd9899d",
        ),
        (
            identifiers.technique_tactic_id(T1542_002, TA0003),
            "relationship--b6e157c3-bb08-5b5f-b7a8-fa488f3995fe",
        ),
        (identifiers.capec_attack_id(CAPEC_665, T1211), "relationship--64d4ac58-5428-553b-8191-b6adab4c6f4a"),
        (
            identifiers.cwe_capec_id(
                "weakness--eb90af25-bcf1-5a0e-a162-a149ed58712a",
                "attack-pattern--fd669b7d-0e79-473c-9808-a860dfb0c871",
            ),
            "relationship--46ca6a0d-fa42-5b7e-bff7-700206e0111a",
        ),
        (
            identifiers.d3fend_link_id(
                "modifies",
                "attack-pattern--f4c1826f-a322-41cd-9557-562100848c84",
                "indicator--5a0e32f1-e049-58cc-bf2a-ecd0faca0210",
            ),
            "relationship--584de2ab-a2b4-57ef-81b2-7c813e6775a2",
        ),
        (
            identifiers.link_embedded_relationship_id(
                "created-by",
                "relationship--64d4ac58-5428-553b-8191-b6adab4c6f4a",
                "identity--9779a2db-f98c-5f4b-8d08-8ee04e02dbb5",
            ),
            "relationship--a067dc1d-0ae6-50eb-bdcd-6581538e0dc8",
        ),
        (identifiers.weakness_id("CWE-242"), "weakness--0ba4df3e-7815-52b7-b672-a48c56d2a286"),
        (
            identifiers.cwe_category_id("SFP Primary Cluster: Malware"),
            "grouping--0523bdc3-24d8-5634-9353-14def9f5cfcf",
        ),
        (identifiers.cwe_view_id("1000"), "grouping--fa14c0fd-5b06-5fce-9424-420d3cfa7cec"),
        (
            identifiers.cwe_relationship_id("ChildOf", WEAKNESS_1004, WEAKNESS_732),
            "relationship--f73bbf73-d7fc-510f-b8b6-962800debe72",
        ),
        (identifiers.disarm_tactic_id("TA05"), "x-mitre-tactic--10ccaa61-bf44-56ec-b1a7-3fc01942ec6d"),
        (identifiers.disarm_technique_id("T0086.003"), "attack-pattern--00dc0ed2-b16d-5f33-bad3-cc54fb7be6a9"),
        (identifiers.disarm_matrix_id(), "x-mitre-matrix--03e1a731-175d-5181-ba28-8be2e2159da9"),
        (identifiers.location_id("France"), "location--4e9a8b79-6776-56e3-b72c-cb19a086b6a8"),
        (
            identifiers.location_relationship_id(UNITED_STATES, NORTHERN_AMERICA),
            "relationship--82a24183-ff21-5c08-9a1c-cddc2531417d",
        ),
        (identifiers.sector_id("Defense industry"), "identity--337297ea-12b9-5842-b19a-7637b1fab2c2"),
        (identifiers.d3fend_tactic_id("d3f:Evict"), "x-mitre-tactic--0ccbac0d-777f-534b-b376-30041ad22a00"),
        (
            identifiers.d3fend_technique_id("d3f:ObjectEviction"),
            "course-of-action--a360ce51-7b1f-5978-828e-2e0582a64c15",
        ),
        (
            identifiers.d3fend_artifact_id("d3f:AuthenticationService"),
            "indicator--5a0e32f1-e049-58cc-bf2a-ecd0faca0210",
        ),
        (identifiers.d3fend_matrix_id(), "x-mitre-matrix--00c1d7a9-ae23-585c-b3d1-a1295765de46"),
        (
            identifiers.d3fend_relationship_id(
                "course-of-action--1a327b62-7f60-5690-badc-97cf93b29644",
                "x-mitre-tactic--bb808cca-f70d-5a1e-84e4-2ecba69fff38",
                "enables",
            ),
            "relationship--6fd34147-eafc-586f-967f-41c002650672",
        ),
    ],
)
def test_generated_ids_are_those_that_upstream_published(made: str, published: str) -> None:
    assert made == published


def test_a_uuid_is_the_one_that_the_standard_library_makes() -> None:
    for text in ("", "x", "Åland Islands", "+" * 1000):
        assert identifiers.uuid5(identifiers.SEED, text) == uuid.uuid5(uuid.UUID(bytes=identifiers.SEED), text).bytes


def test_a_tools_namespace_is_the_uuid_of_its_marking_definition() -> None:
    namespaces = {
        "stix2arango": identifiers.STORAGE,
        "arango_cti_processor": identifiers.LINKS,
        "cwe2stix": identifiers.CWE,
        "disarm2stix": identifiers.DISARM,
        "location2stix": identifiers.LOCATIONS,
        "d3fend2stix": identifiers.D3FEND,
        "sector2stix": identifiers.SECTORS,
    }
    for tool, namespace in namespaces.items():
        assert identifiers.seed_marking_definition_id(tool) == identifiers.stix_id("marking-definition", namespace)


def _ends(inputs: dict[str, Any]) -> tuple[str, ...]:
    return tuple(end.rpartition("/")[2] for end in inputs["name"].split("+"))


# Which function makes the id of a vector, and from which of its inputs.
RECIPES: dict[str, Callable[[dict[str, Any]], str]] = {
    "seed-identity": lambda i: identifiers.seed_identity_id(i["name"]),
    "seed-marking-definition": lambda i: identifiers.seed_marking_definition_id(i["name"]),
    "extension-definition": lambda i: identifiers.extension_definition_id(i["name"]),
    "embedded-relationship": lambda i: identifiers.embedded_relationship_id(
        i["relationship_type"], i["source_ref"], i["target_ref"]
    ),
    "technique-tactic": lambda i: identifiers.technique_tactic_id(i["source_ref"], i["target_ref"]),
    "capec-attack": lambda i: identifiers.capec_attack_id(*_ends(i)[1:]),
    "cwe-capec": lambda i: identifiers.cwe_capec_id(*_ends(i)[1:]),
    "d3fend-knowledgebases": lambda i: identifiers.d3fend_link_id(*_ends(i)),
    "link-embedded": lambda i: identifiers.link_embedded_relationship_id(*_ends(i)),
    "cwe-weakness": lambda i: identifiers.weakness_id(i["name"]),
    "cwe-grouping-category": lambda i: identifiers.cwe_category_id(i["name"]),
    "cwe-grouping-view": lambda i: identifiers.cwe_view_id(i["view_id"]),
    "cwe-relationship": lambda i: identifiers.cwe_relationship_id(
        i["nature"], identifiers.weakness_id(i["source"]), identifiers.weakness_id(i["target"])
    ),
    "disarm-tactic": lambda i: identifiers.disarm_tactic_id(i["name"]),
    "disarm-technique": lambda i: identifiers.disarm_technique_id(i["name"]),
    "disarm-matrix": lambda _: identifiers.disarm_matrix_id(),
    "disarm-subtechnique-of": lambda i: identifiers.disarm_relationship_id(*_ends(i)),
    "location-country": lambda i: identifiers.location_id(i["name"]),
    "location-region": lambda i: identifiers.location_id(i["name"]),
    "location-sub-region": lambda i: identifiers.location_id(i["name"]),
    "location-intermediate-region": lambda i: identifiers.location_id(i["name"]),
    "location-relationship": lambda i: identifiers.location_relationship_id(
        identifiers.location_id(i["source"]), identifiers.location_id(i["target"])
    ),
    "sector-identity": lambda i: identifiers.sector_id(i["name"]),
    "sector-relationship-PROPOSED": lambda i: identifiers.sector_relationship_id(
        i["relationship_type"], identifiers.sector_id(i["source"]), identifiers.sector_id(i["target"])
    ),
    "d3fend-tactic": lambda i: identifiers.d3fend_tactic_id(i["name"]),
    "d3fend-technique": lambda i: identifiers.d3fend_technique_id(i["name"]),
    "d3fend-artifact": lambda i: identifiers.d3fend_artifact_id(i["name"]),
    "d3fend-matrix": lambda _: identifiers.d3fend_matrix_id(),
    "d3fend-relationship": lambda i: identifiers.d3fend_relationship_id(*_ends(i)),
}


@pytest.mark.parametrize("vector", identity_vectors(*RECIPES))
def test_every_vector_has_the_expected_id(vector: dict[str, Any]) -> None:
    assert RECIPES[vector["rule"]](vector["inputs"]) == vector["expected_id"]


# Rules that do not make an id from a text. They are tested in tests/answers/test_arango.py,
# tests/stix/test_references.py and tests/stix/test_well_known.py.
ELSEWHERE = {"record-md5", "embedded-refs-scan", "tlp"}


def test_no_vector_is_left_out() -> None:
    vectors = json.loads(shared_path("design/identity-vectors.json").read_bytes())
    assert {vector["rule"] for vector in vectors} == RECIPES.keys() | ELSEWHERE
