"""What is special about each knowledge base."""

from typing import Any

import pytest
from connector.sendable import Sendable

from tests.platform import kb
from tests.tests_connector.conftest import Converted

pytestmark = pytest.mark.real


def named(release: Sendable, name: str) -> dict[str, Any]:
    """The one object of this name or number."""
    found = [
        item
        for item in release.objects.values()
        if name in (item.get("name"), item.get("x_mitre_id"))
    ]
    assert len(found) == 1
    return found[0]


def between(release: Sendable, source: str, target: str) -> list[dict[str, Any]]:
    ends = (named(release, source)["id"], named(release, target)["id"])
    return [
        item
        for item in release.objects.values()
        if (item.get("source_ref"), item.get("target_ref")) == ends
    ]


def test_tactics_have_the_order_of_the_matrix(converted: Converted) -> None:
    order = {
        name: position
        for (_, name), position in converted(
            "attack-enterprise", "18.1"
        ).phase_order.items()
    }
    ordered = sorted(order, key=lambda name: order[name])
    assert ordered[:3] == ["reconnaissance", "resource-development", "initial-access"]
    assert ordered[-1] == "impact"


def test_the_phases_of_the_small_matrix_of_mobile_attack_follow_the_large_one(
    converted: Converted,
) -> None:
    order = {
        name: position
        for (_, name), position in converted(
            "attack-mobile", "18.1"
        ).phase_order.items()
    }
    assert (order["initial-access"], order["impact"]) == (0, 11)
    assert {name for name, position in order.items() if position > 11} == {
        "network-effects",
        "remote-service-effects",
    }


def test_detection_content_of_attack_18_reaches_the_technique(
    converted: Converted,
) -> None:
    release = converted("attack-enterprise", "18.1")
    detected = {
        item["target_ref"]
        for item in release.objects.values()
        if item.get("relationship_type") == "detects"
    }
    texts = [
        item["x_mitre_detection"]
        for item in release.objects.values()
        if item.get("x_mitre_detection")
    ]
    assert len(detected) == 650
    assert max(map(len, texts)) < 5000
    assert len(texts) >= 650


def test_detections_can_be_left_out(converted: Converted) -> None:
    release = converted("attack-ics", "18.1", detections=False)
    assert not [
        item
        for item in release.objects.values()
        if item.get("relationship_type") == "detects"
    ]
    assert not [
        item for item in release.objects.values() if item.get("x_mitre_detection")
    ]


def test_data_components_of_attack_17_keep_their_source(converted: Converted) -> None:
    release = converted("attack-enterprise", "17.1")
    component = named(release, "Process Creation")
    assert release.objects[component["x_mitre_data_source_ref"]]["name"] == "Process"


def test_a_renumbered_technique_leads_to_its_successor(converted: Converted) -> None:
    release = converted("attack-enterprise", "18.1")
    powershell = next(
        item for item in release.objects.values() if item.get("x_mitre_id") == "T1086"
    )
    assert powershell["revoked"]
    successors = [
        release.objects[item["target_ref"]]["x_mitre_id"]
        for item in release.objects.values()
        if item.get("relationship_type") == "revoked-by"
        and item["source_ref"] == powershell["id"]
    ]
    assert successors == ["T1059.001"]


def test_a_revoked_group_whose_name_lives_on_as_an_alias_is_left_out(
    converted: Converted,
) -> None:
    release = converted("attack-enterprise", "18.1")
    assert "APT34" in named(release, "OilRig")["aliases"]
    assert not [
        item for item in release.objects.values() if item.get("name") == "APT34"
    ]
    assert (
        release.left_out[
            "intrusion-set: revoked, and its name is an alias of a live object"
        ]
        == 4
    )


def test_aliases_that_would_merge_two_objects_are_left_out(
    converted: Converted,
) -> None:
    release = converted("attack-enterprise", "18.1")
    assert "Thrip" not in named(release, "Lotus Blossom").get("aliases", ())
    assert "SpicyOmelette" not in named(release, "More_eggs").get("aliases", ())
    for group in ("Ember Bear", "Saint Bear"):
        assert "UAC-0056" not in named(release, group).get("aliases", ())


def test_capec_shows_its_hierarchy(converted: Converted) -> None:
    release = converted("capec", "3.9")
    assert [
        item["relationship_type"] for item in between(release, "CAPEC-66", "CAPEC-248")
    ] == ["subtechnique-of"]
    kinds = [
        item.get("description")
        for item in release.objects.values()
        if item.get("relationship_type") == "related-to"
    ]
    assert (kinds.count("can precede"), kinds.count("peer of")) == (162, 17)


def test_a_weakness_is_a_vulnerability_with_a_label(converted: Converted) -> None:
    weakness = named(converted("cwe", "4.14"), "CWE-79")
    assert weakness["id"] == "vulnerability--1e1e44ad-4b9d-55c8-b491-90c3d97b8f3c"
    assert weakness["labels"] == ["weakness"]
    title = "Improper Neutralization of Input During Web Page Generation ('Cross-site Scripting')"
    assert weakness["x_opencti_aliases"] == [title]
    assert weakness["description"].startswith(
        f"{title}\n\nThe product does not neutralize"
    )
    assert "1. Untrusted data enters" in weakness["description"]


def test_weaknesses_derive_from_their_parents(converted: Converted) -> None:
    release = converted("cwe", "4.14")
    (relation,) = between(release, "CWE-79", "CWE-74")
    assert relation["relationship_type"] == "derived-from"
    assert relation["id"] == "relationship--89e6bb55-107b-5caf-a594-d5340fca300e"


def test_references_without_a_source_take_the_host(converted: Converted) -> None:
    for item in converted("cwe", "4.14").objects.values():
        for reference in item.get("external_references", ()):
            assert reference["source_name"]


def test_cwe_categories_arrive_as_groupings_if_enabled(
    converted: Converted,
) -> None:
    release = converted("cwe", "4.14", cwe_groupings=True)
    groupings = [
        item for item in release.objects.values() if item["type"] == "grouping"
    ]
    assert len(groupings) == 368
    assert max(len(item["object_refs"]) for item in groupings) == 157
    members = {ref.split("--")[0] for item in groupings for ref in item["object_refs"]}
    assert members <= {"vulnerability", "grouping"}


def test_atlas_loses_no_relationship_to_an_id_that_is_used_twice(
    converted: Converted,
) -> None:
    release = converted("atlas", "5.6.0")
    bundle = kb.objects("atlas", "5.6.0")
    published = {
        (item["relationship_type"], item["source_ref"], item["target_ref"])
        for item in bundle
        if item["type"] == "relationship"
    }
    arrived = {
        (item["relationship_type"], item["source_ref"], item["target_ref"])
        for item in release.objects.values()
        if item["type"] == "relationship"
    }
    assert arrived == published
    assert len(published) == 313


def test_atlas_links_lead_to_its_site(converted: Converted) -> None:
    texts = " ".join(
        item.get("description", "")
        for item in converted("atlas", "5.6.0").objects.values()
    )
    assert "](https://atlas.mitre.org/techniques/AML.T" in texts


def test_a_place_is_only_in_its_nearest_region(converted: Converted) -> None:
    release = converted("location", "1.0")
    parents: dict[str, list[str]] = {}
    for item in release.objects.values():
        if item["type"] == "relationship":
            assert item["relationship_type"] == "located-at"
            parents.setdefault(release.objects[item["source_ref"]]["name"], []).append(
                release.objects[item["target_ref"]]["name"]
            )
    assert parents["France"] == ["Western Europe"]
    assert parents["Kenya"] == ["Eastern Africa"]
    assert parents["Eastern Africa"] == ["Sub-Saharan Africa"]
    places = {
        item["name"] for item in release.objects.values() if item["type"] == "location"
    }
    assert places - set(parents) == {
        "Antarctica",
        "Africa",
        "Americas",
        "Asia",
        "Europe",
        "Oceania",
    }


def test_iso_codes_are_aliases_unless_disabled(converted: Converted) -> None:
    assert named(converted("location", "1.0"), "France")["x_opencti_aliases"] == [
        "FR",
        "FRA",
    ]
    assert "x_opencti_aliases" not in named(
        converted("location", "1.0", location_aliases=False), "France"
    )


def test_a_sector_keeps_no_alias_that_is_its_own_name(converted: Converted) -> None:
    assert named(converted("sector", "1.0"), "Transport")["x_opencti_aliases"] == [
        "Transportation",
        "Shipping",
    ]


def test_d3fend_names_tactic_and_artifacts_in_the_description(
    converted: Converted,
) -> None:
    technique = named(converted("d3fend", "1.2.0"), "D3-ANAA")
    assert technique["description"].startswith("Tactic: Detect\n\n")
    assert technique["description"].endswith(
        "- Analyzes: Intranet Administrative Network Traffic"
    )


def test_disarm_techniques_stay_out_of_the_matrix_of_attack(
    converted: Converted,
) -> None:
    from connector.converter_to_stix import convert
    from connector.knowledge_bases import BY_SLUG
    from connector.release_index import Options
    from ctibutler_client.releases import sort_out

    def as_published_by_the_foundation(item: dict[str, Any]) -> dict[str, Any]:
        changed = dict(item)
        if item.get("kill_chain_phases"):
            changed["kill_chain_phases"] = [
                {**p, "kill_chain_name": "mitre-attack"}
                for p in item["kill_chain_phases"]
            ]
        if item["type"] == "attack-pattern":
            changed["external_references"] = [
                {**r, "source_name": "mitre-attack"}
                for r in item["external_references"]
            ]
        return changed

    bundle = [
        as_published_by_the_foundation(item) for item in kb.objects("disarm", "1.6")
    ]
    release = convert(sort_out("disarm", "1.6", bundle), BY_SLUG["disarm"], Options())
    chains = {
        phase["kill_chain_name"]
        for item in release.objects.values()
        for phase in item.get("kill_chain_phases", ())
    }
    assert chains == {"disarm"}
    assert named(release, "T0073")


def test_deprecated_objects_can_be_kept(converted: Converted) -> None:
    kept = converted("capec", "3.9", deprecated="keep")
    assert not [item for item in kept.objects.values() if item.get("revoked")]
    assert (
        len(
            [item for item in kept.objects.values() if item["type"] == "attack-pattern"]
        )
        == 615
    )


def test_statements_stay_as_markings_if_enabled(
    converted: Converted,
) -> None:
    release = converted("sector", "1.0", keep_statement_markings=True, marking="green")
    statements = [
        item
        for item in release.objects.values()
        if item["type"] == "marking-definition"
    ]
    assert len(statements) == 1
    assert statements[0]["id"] in named(release, "Transport")["object_marking_refs"]
