"""Links between objects that name each other by external ids."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from ctibutler.stix import links
from tests.shared import read_bundle, read_shared

# From ATT&CK Enterprise 16.0, CAPEC 3.9 and CWE 4.14: the properties that links are made from.
VNC = {
    "type": "attack-pattern",
    "id": "attack-pattern--01327cde-66c4-4123-bf34-5f258d59457b",
    "created": "2020-02-11T18:28:44.950Z",
    "modified": "2024-09-12T15:20:07.264Z",
    "name": "VNC",
    "kill_chain_phases": [{"kill_chain_name": "mitre-attack", "phase_name": "lateral-movement"}],
    "external_references": [
        {
            "source_name": "mitre-attack",
            "url": "https://attack.mitre.org/techniques/T1021/005",
            "external_id": "T1021.005",
        },
        {"source_name": "macOS Screen Sharing", "description": "Not an id."},
    ],
}
LATERAL_MOVEMENT = {
    "type": "x-mitre-tactic",
    "id": "x-mitre-tactic--7141578b-e50b-4dcc-bfa4-08a8dd689e9e",
    "created": "2018-10-17T00:14:20.652Z",
    "modified": "2022-04-25T14:00:00.188Z",
    "name": "Lateral Movement",
    "x_mitre_shortname": "lateral-movement",
    "external_references": [
        {"source_name": "mitre-attack", "url": "https://attack.mitre.org/tactics/TA0008", "external_id": "TA0008"}
    ],
}
MARKINGS = [
    "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "marking-definition--2e51a631-99d8-52a5-95a6-8314d3f4fbf3",
]


def test_a_technique_is_linked_to_the_tactics_that_its_phases_name() -> None:
    (relationship,) = links.technique_tactics([LATERAL_MOVEMENT, VNC])
    assert list(relationship.items()) == [
        ("type", "relationship"),
        ("spec_version", "2.1"),
        ("id", "relationship--e1de85dd-e144-5b46-a459-8c5e8c5c0905"),
        ("created_by_ref", "identity--9779a2db-f98c-5f4b-8d08-8ee04e02dbb5"),
        ("created", "2020-02-11T18:28:44.950Z"),
        ("modified", "2024-09-12T15:20:07.264Z"),
        ("relationship_type", "related-to"),
        ("description", "Technique T1021.005 (VNC) belongs to Tactic TA0008 (Lateral Movement)"),
        ("source_ref", "attack-pattern--01327cde-66c4-4123-bf34-5f258d59457b"),
        ("target_ref", "x-mitre-tactic--7141578b-e50b-4dcc-bfa4-08a8dd689e9e"),
        ("external_references", [VNC["external_references"][0], LATERAL_MOVEMENT["external_references"][0]]),
        ("object_marking_refs", MARKINGS),
    ]


def test_a_repeated_phase_makes_one_link_and_an_unknown_phase_makes_none() -> None:
    phases = [{"phase_name": "lateral-movement"}, {"phase_name": "lateral-movement"}, {"phase_name": "elsewhere"}]
    assert len(list(links.technique_tactics([VNC | {"kill_chain_phases": phases}, LATERAL_MOVEMENT]))) == 1


def test_of_two_tactics_with_one_short_name_a_live_one_is_preferred_then_the_last() -> None:
    def targets(*tactics: dict[str, Any]) -> list[str]:
        return [sro["target_ref"] for sro in links.technique_tactics([VNC, *tactics])]

    first, second = LATERAL_MOVEMENT, LATERAL_MOVEMENT | {"id": "x-mitre-tactic--00000000-0000-4000-8000-000000000002"}
    assert targets(first, second) == [second["id"]]
    for dead in ({"revoked": True}, {"x_mitre_deprecated": True}):
        assert targets(first, second | dead) == targets(second | dead, first) == [first["id"]]
        assert targets(first | dead, second | dead) == [second["id"]]


def test_no_link_is_made_to_or_from_an_object_without_a_name_for_it() -> None:
    nameless = {key: value for key, value in VNC.items() if key != "external_references"}
    no_short_name = {key: value for key, value in LATERAL_MOVEMENT.items() if key != "x_mitre_shortname"}
    assert list(links.technique_tactics([nameless, LATERAL_MOVEMENT])) == []
    assert list(links.technique_tactics([VNC, no_short_name])) == []


@pytest.mark.parametrize(
    "nonsense", [None, "text", 7, [], ["text"], [None], [{}], {"phase_name": "x"}, [{"external_id": 1}]]
)
def test_nonsense_in_a_file_makes_no_link_and_no_error(nonsense: object) -> None:
    for key in ("kill_chain_phases", "external_references", "x_mitre_shortname", "name"):
        for made in links.technique_tactics([VNC | {key: nonsense}, LATERAL_MOVEMENT | {key: nonsense}]):
            assert made["relationship_type"] == "related-to"
    assert links.external_id({"external_references": nonsense}) == ""
    assert links.attack_ids({"external_references": nonsense}) == []
    assert links.capec_ids({"external_references": nonsense}) == []


def test_a_link_from_capec_to_attack() -> None:
    capec_665 = {
        "type": "attack-pattern",
        "id": "attack-pattern--4317ab6c-93e4-4c5a-a814-0cd2752c61b9",
        "name": "Exploitation of Thunderbolt Protection Flaws",
        "created": "2021-06-24T00:00:00.000Z",
        "modified": "2022-09-29T00:00:00.000Z",
        "external_references": [
            {"source_name": "capec", "external_id": "CAPEC-665"},
            {"source_name": "ATTACK", "external_id": "T1211"},
        ],
    }
    t1211 = {
        "type": "attack-pattern",
        "id": "attack-pattern--fe926152-f431-4baf-956c-4ad3cb0bf23b",
        "name": "Exploitation for Defense Evasion",
        "external_references": [{"source_name": "mitre-attack", "external_id": "T1211"}],
    }
    link = links.capec_attack(capec_665, t1211)
    assert links.attack_ids(capec_665) == ["T1211"]
    assert link["id"] == "relationship--64d4ac58-5428-553b-8191-b6adab4c6f4a"
    assert link["description"] == (
        "CAPEC-665 (Exploitation of Thunderbolt Protection Flaws) uses technique "
        "T1211 (Exploitation for Defense Evasion)"
    )
    assert link["modified"] == "2022-09-29T00:00:00.000Z"
    assert link["external_references"] == [
        {
            "source_name": "capec",
            "external_id": "CAPEC-665",
            "url": "https://capec.mitre.org/data/definitions/665.html",
        },
        {"source_name": "mitre-attack", "external_id": "T1211"},
    ]


def test_a_link_from_cwe_to_capec() -> None:
    cwe_269 = {
        "type": "weakness",
        "id": "weakness--eb90af25-bcf1-5a0e-a162-a149ed58712a",
        "name": "Improper Privilege Management",
        "external_references": [
            {"source_name": "cwe", "external_id": "CWE-269"},
            {"source_name": "capec", "external_id": "CAPEC-122"},
        ],
    }
    capec_122 = {
        "type": "attack-pattern",
        "id": "attack-pattern--fd669b7d-0e79-473c-9808-a860dfb0c871",
        "name": "Privilege Abuse",
        "external_references": [{"source_name": "capec", "external_id": "CAPEC-122"}],
    }
    link = links.cwe_capec(cwe_269, capec_122)
    assert links.capec_ids(cwe_269) == ["CAPEC-122"]
    assert link["id"] == "relationship--46ca6a0d-fa42-5b7e-bff7-700206e0111a"
    assert (
        link["description"] == "CWE-269 (Improper Privilege Management) is exploited using CAPEC-122 (Privilege Abuse)"
    )
    assert [reference["url"] for reference in link["external_references"]] == [
        "http://cwe.mitre.org/data/definitions/269.html",
        "https://capec.mitre.org/data/definitions/122.html",
    ]
    assert "created" not in link


def test_a_link_of_d3fends_mapping() -> None:
    t1556 = {
        "id": "attack-pattern--f4c1826f-a322-41cd-9557-562100848c84",
        "name": "Modify Authentication Process",
        "external_references": [{"source_name": "mitre-attack", "external_id": "T1556"}, {"source_name": "other"}],
    }
    service = {
        "id": "indicator--5a0e32f1-e049-58cc-bf2a-ecd0faca0210",
        "name": "Authentication Service",
        "external_references": [{"source_name": "mitre-d3fend", "external_id": "d3f:AuthenticationService"}],
    }
    link = links.d3fend_link(t1556, service, "d3f:modifies")
    assert link["id"] == "relationship--584de2ab-a2b4-57ef-81b2-7c813e6775a2"
    assert link["relationship_type"] == "modifies"
    assert (
        link["description"]
        == "Modify Authentication Process (T1556) modifies Authentication Service (d3f:AuthenticationService)"
    )
    assert link["external_references"] == [t1556["external_references"][0], service["external_references"][0]]


def test_a_link_has_three_embedded_relationships_of_the_link_layer() -> None:
    (relationship,) = links.technique_tactics([LATERAL_MOVEMENT, VNC])
    link = relationship | {"id": "relationship--64d4ac58-5428-553b-8191-b6adab4c6f4a"}
    embedded = links.embedded_relationships(link)
    assert [(one["relationship_type"], one["id"]) for one in embedded] == [
        ("created-by", "relationship--a067dc1d-0ae6-50eb-bdcd-6581538e0dc8"),
        ("object-marking", "relationship--487e0bf9-247b-5963-96c7-8293b341286d"),
        ("object-marking", "relationship--754a76f8-9ba7-5e55-a032-eb97de8cd7da"),
    ]
    for one in embedded:
        assert one["source_ref"] == link["id"]
        assert one["modified"] == link["modified"]
        assert one["object_marking_refs"] == MARKINGS
        assert not {"description", "external_references"} & one.keys()


ENTERPRISE = "mitre-attack-enterprise-repo-data/enterprise-attack-18_1.json"
CAPEC = "mitre-capec-repo-data/stix-capec-v3_9.json"
CWE = "cwe2stix-manual-output/cwe-bundle-v4_14.json"
D3FEND = "d3fend2stix-manual-output/d3fend-v1_2_0"


def live(objects: Iterable[dict[str, Any]], *types: str) -> dict[str, dict[str, Any]]:
    """The objects that are neither revoked nor deprecated, by external id."""
    return {
        links.external_id(obj): obj
        for obj in objects
        if obj["type"] in types
        and not obj.get("revoked")
        and not obj.get("x_mitre_deprecated")
        and obj.get("x_capec_status") not in ("Deprecated", "Obsolete")
    }


@pytest.mark.real
def test_an_enterprise_release_has_1089_technique_tactic_relationships() -> None:
    assert len({one["id"] for one in links.technique_tactics(read_bundle(ENTERPRISE)["objects"])}) == 1089


@pytest.mark.real
def test_cwe_4_14_has_1211_links_to_live_attack_patterns_of_capec_3_9() -> None:
    capec = live(read_bundle(CAPEC)["objects"], "attack-pattern")
    weaknesses = [obj for obj in read_bundle(CWE)["objects"] if obj["type"] == "weakness"]
    made = [
        links.cwe_capec(obj, capec[named]) for obj in weaknesses for named in links.capec_ids(obj) if named in capec
    ]
    assert len({link["id"] for link in made}) == len(made) == 1211


@pytest.mark.real
def test_the_mapping_of_d3fend_1_2_0_has_612_links() -> None:
    ends = live(read_bundle(CWE)["objects"], "weakness")
    ends |= live(read_bundle(ENTERPRISE)["objects"], "attack-pattern", "course-of-action")
    ends = {f"d3f:{number}": obj for number, obj in ends.items()}
    own = ("indicator", "course-of-action", "x-mitre-matrix", "x-mitre-tactic")
    ends |= live(read_bundle(f"{D3FEND}-bundle.json")["objects"], *own)
    mapping = json.loads(read_shared(f"kb/{D3FEND}-external-relationships.json.zst"))
    made = {
        links.d3fend_link(ends[entry["source"]], ends[entry["target"]], entry["type"])["id"]
        for entry in mapping
        if entry["source"] in ends and entry["target"] in ends
    }
    assert len(made) == 612
