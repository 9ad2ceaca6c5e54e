"""ATLAS since 2026.05: case studies, platforms, and nothing twice of what 5.6.0 brought."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from connector import identifiers
from connector.converter_to_stix import convert
from connector.delta import Contribution, Namesakes, Plan, Rules, plan
from connector.knowledge_bases import BY_SLUG
from connector.links import borrowed
from connector.release_index import Options
from connector.sendable import Sendable
from ctibutler_client.releases import sort_out

from tests.conftest import needs_command
from tests.platform import atlas, excerpt, kb, worker
from tests.platform.connector_process import Connector
from tests.platform.ctibutler_server import CtiButlerServer
from tests.platform.knowledge import Entity
from tests.platform.opencti import OpenCti
from tests.tests_connector.arrivals import (
    arrives_well,
    assert_live,
    assert_whole,
    runs_well,
    works_of,
)

INJECTION = "attack-pattern--6ff098e9-2864-579e-bebb-a0f1c92ec772"


def converted(slug: str, version: str, objects: atlas.Objects) -> Sendable:
    return convert(sort_out(slug, version, objects), BY_SLUG[slug], Options())


def planned(
    target: Sendable, base: Sendable, others: Namesakes | None = None, **rules: str
) -> Plan:
    return plan(target, base, Rules(**rules), lambda: others or Namesakes())


def shadow_ray() -> dict[str, Any]:
    """The campaign of this name as ATT&CK has it, with a made-up text."""
    return {
        "type": "campaign",
        "spec_version": "2.1",
        "id": "campaign--4c1c2e0e-6b0a-4f2b-8a53-0d6f5b9c7a11",
        "created": "2025-01-08T00:00:00.000Z",
        "modified": "2025-01-08T00:00:00.000Z",
        "name": "ShadowRay",
        "description": "About ShadowRay in ATT&CK.",
        "first_seen": "2023-09-01T04:00:00.000Z",
        "last_seen": "2024-03-01T05:00:00.000Z",
        "created_by_ref": "identity--c78cb6e5-0c4b-4611-8297-d1b8b55e40b5",
        "external_references": [
            {"source_name": "mitre-attack", "external_id": "C0045"}
        ],
    }


@pytest.fixture(params=["excerpt", pytest.param("real", marks=pytest.mark.real)])
def first(request: pytest.FixtureRequest) -> atlas.Objects:
    """ATLAS 5.6.0: the excerpt, and the real release."""
    if request.param == "excerpt":
        return atlas.first()
    return kb.objects(atlas.SLUG, atlas.FIRST)


@pytest.fixture
def base(first: atlas.Objects) -> Sendable:
    return converted(atlas.SLUG, atlas.FIRST, first)


@pytest.fixture
def target(first: atlas.Objects) -> Sendable:
    return converted(atlas.SLUG, atlas.LATER, atlas.since_2026(first))


def test_a_case_study_is_a_campaign_that_uses_techniques(target: Sendable) -> None:
    campaign = target.objects[atlas.stix_id("campaign", "AML.CS0059")]
    assert campaign["name"] == "A Zero-Click Leak"
    assert [one["external_id"] for one in campaign["external_references"]] == [
        "AML.CS0059"
    ]
    used = [
        (item["relationship_type"], item["target_ref"], item["description"])
        for item in target.objects.values()
        if item.get("source_ref") == campaign["id"]
    ]
    # Two of the three steps use the same technique: one relationship, which says both.
    assert sorted(used) == sorted(
        [
            (
                "uses",
                INJECTION,
                "Step 0 of A Zero-Click Leak.\nStep 2 of A Zero-Click Leak.",
            ),
            (
                "uses",
                atlas.stix_id("attack-pattern", atlas.NEW_TECHNIQUE),
                "Step 1 of A Zero-Click Leak.",
            ),
        ]
    )


def test_platforms_are_those_of_the_publisher_but_for_the_name_of_atlas(
    base: Sendable, target: Sendable
) -> None:
    def platforms(release: Sendable) -> set[str]:
        return {
            name
            for item in release.objects.values()
            for name in item.get("x_mitre_platforms", ())
        }

    assert platforms(base) == set()
    assert platforms(target) == set(atlas.PLATFORMS)


def test_what_5_6_0_brought_is_updated_under_its_id(
    base: Sendable, target: Sendable
) -> None:
    sent = {item["id"]: item for item in planned(target, base).objects}
    injection = sent[INJECTION]
    assert injection["x_mitre_platforms"]
    assert {phase["kill_chain_name"] for phase in injection["kill_chain_phases"]} == {
        "mitre-atlas"
    }
    before = {
        base.identity(item)
        for item in base.objects.values()
        if item["type"] == "attack-pattern"
    }
    new = [
        item["x_mitre_id"]
        for item in sent.values()
        if item["type"] == "attack-pattern"
        and target.identity(item) not in before
        and item["id"] not in base.objects
    ]
    assert new == [atlas.NEW_TECHNIQUE]


def test_relationships_with_an_id_of_their_own_now_are_not_withdrawn(
    base: Sendable, target: Sendable
) -> None:
    """Up to 5.6.0, several relationships of a mitigation have one id."""
    revoked = [item for item in planned(target, base).objects if item.get("revoked")]
    assert [item["id"] for item in revoked] == [
        atlas.stix_id("attack-pattern", atlas.RETIRED)
    ]


@pytest.mark.parametrize(
    ("removed", "becomes"), [("revoke", [True]), ("delete", ["delete"]), ("keep", [])]
)
def test_a_retired_id_goes_by_the_setting(
    base: Sendable, target: Sendable, removed: str, becomes: list[Any]
) -> None:
    retired = atlas.stix_id("attack-pattern", atlas.RETIRED)
    assert [
        item.get("opencti_operation", item.get("revoked"))
        for item in planned(target, base, removed=removed).objects
        if item["id"] == retired
    ] == becomes


def test_without_a_matrix_phases_are_placed_by_the_list_of_tactics_and_not_moved(
    base: Sendable, target: Sendable
) -> None:
    def orders(release: Sendable) -> dict[str, int]:
        return {
            phase["phase_name"]: phase["x_opencti_order"]
            for item in release.objects.values()
            for phase in item.get("kill_chain_phases", ())
        }

    assert len(base.phase_order) > 1
    assert {
        phase: place for phase, place in orders(target).items() if phase in orders(base)
    }.items() <= orders(base).items()
    assert orders(target)["exfiltration"] == 14
    assert target.phase_order == {}


def test_a_case_study_with_the_name_of_a_campaign_of_attack_takes_nothing_from_it(
    target: Sendable,
) -> None:
    attack = converted("attack-enterprise", "18.1", [shadow_ray()])
    (lent,) = borrowed(target, [attack.known])
    assert lent["id"] == atlas.stix_id("campaign", "AML.CS0023")
    assert (
        lent["created_by_ref"] == attack.objects[shadow_ray()["id"]]["created_by_ref"]
    )
    assert not {"description", "first_seen", "last_seen"} & set(lent)
    assert [one["external_id"] for one in lent["external_references"]] == ["AML.CS0023"]
    sent = plan(
        target, None, Rules(), Namesakes, Contribution(borrowed=(lent,))
    ).objects
    assert [item for item in sent if item.get("name") == "ShadowRay"] == [lent]


def test_a_retired_case_study_that_attack_has_too_is_not_revoked_but_what_it_used_is(
    first: atlas.Objects,
) -> None:
    base = converted(atlas.SLUG, "2026.08", atlas.since_2026(first))
    target = converted(
        atlas.SLUG, "2026.09", atlas.since_2026(first, case_studies=["AML.CS0059"])
    )
    gone = atlas.stix_id("campaign", "AML.CS0023")
    assert gone in {
        item["id"] for item in planned(target, base).objects if item.get("revoked")
    }
    others = Namesakes(standard_ids={identifiers.standard_id(shadow_ray())})
    revoked = [
        item for item in planned(target, base, others).objects if item.get("revoked")
    ]
    assert Counter(item["type"] for item in revoked) == {"relationship": 2}
    assert {item["source_ref"] for item in revoked} == {gone}


Served = Callable[[dict[str, atlas.Objects]], CtiButlerServer]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """`served({"5.6.0": […]})`: a real ctibutler server with these releases of ATLAS."""
    needs_command()
    servers: list[CtiButlerServer] = []

    def serve(releases: dict[str, atlas.Objects]) -> CtiButlerServer:
        bucket = atlas.bucket(tmp_path, releases)
        server = CtiButlerServer({atlas.SLUG: tuple(releases)}, bucket=bucket)
        servers.append(server)
        return server

    yield serve
    for server in servers:
        server.stop()


def by_number(platform: OpenCti) -> dict[str, Entity]:
    found: dict[str, Entity] = {}
    for entity in platform.knowledge.of_type("Attack-Pattern", "Course-Of-Action"):
        external_id = str(entity.values["x_mitre_id"])
        assert external_id not in found, f"{external_id} is there twice"
        found[external_id] = entity
    return found


@pytest.mark.server
def test_atlas_moves_from_5_6_0_to_2026_09_on_the_platform(
    platform: OpenCti, served: Served, first: atlas.Objects
) -> None:
    later = atlas.since_2026(first)
    server = served({atlas.FIRST: first, atlas.LATER: later})
    connector = Connector(
        platform, server.url, {"CTIBUTLER_KNOWLEDGEBASES": atlas.SLUG}
    )
    runs_well(connector.run(CTIBUTLER_VERSIONS=f"{atlas.SLUG}={atlas.FIRST}"))
    arrives_well(platform, connector)
    assert_whole(platform, {atlas.SLUG: first})
    before = {entity.id for entity in platform.knowledge.entities.values()}
    injection = by_number(platform)["AML.T0051"]
    phases = platform.knowledge.phases("mitre-atlas")
    assert platform.knowledge.words("platforms_ov") == set()

    runs_well(connector.run())
    arrives_well(platform, connector)
    assert_live(platform, atlas.SLUG, later)
    assert platform.knowledge.words("platforms_ov") == set(atlas.PLATFORMS)
    assert by_number(platform)["AML.T0051"].id == injection.id
    assert by_number(platform)[atlas.RETIRED].values["revoked"]
    after = {entity.id for entity in platform.knowledge.entities.values()}
    assert before < after
    new = [platform.knowledge.entities[one] for one in after - before]
    assert sorted((one.entity_type, one.values["name"]) for one in new) == [
        ("Attack-Pattern", "Made-up Technique"),
        ("Campaign", "A Zero-Click Leak"),
        ("Campaign", "ShadowRay"),
    ]
    assert phases.items() <= platform.knowledge.phases("mitre-atlas").items()
    assert platform.knowledge.phases("mitre-atlas")["exfiltration"] == 14

    runs_well(connector.run())
    assert worker.take(platform, connector.id).objects == []
    assert [work.name.split(" (")[0] for work in works_of(platform)] == [
        "CTI Butler: atlas – → 5.6.0",
        "CTI Butler: atlas 5.6.0 → 2026.09",
    ]


@pytest.mark.server
def test_a_campaign_of_both_is_one_entity_with_the_words_of_attack(
    platform: OpenCti, tmp_path: Path
) -> None:
    needs_command()
    attack = [*excerpt.objects(excerpt.SLUG, "18.1"), shadow_ray()]
    path = tmp_path / "mitre-attack-enterprise-repo-data/enterprise-attack-18_1.json"
    path.parent.mkdir()
    path.write_text(
        json.dumps({"type": "bundle", "id": "bundle--1", "objects": attack})
    )
    first = atlas.first()
    releases = {
        "2026.08": atlas.since_2026(first),
        "2026.09": atlas.since_2026(first, case_studies=["AML.CS0059"]),
    }
    server = CtiButlerServer(
        {excerpt.SLUG: ("18.1",), atlas.SLUG: tuple(releases)},
        bucket=atlas.bucket(tmp_path, releases),
    )
    try:
        connector = Connector(
            platform,
            server.url,
            {"CTIBUTLER_KNOWLEDGEBASES": f"{excerpt.SLUG},{atlas.SLUG}"},
        )
        runs_well(connector.run(CTIBUTLER_VERSIONS=f"{atlas.SLUG}=2026.08"))
        arrives_well(platform, connector)
        ray = platform.knowledge.named("Campaign", "ShadowRay")
        assert {shadow_ray()["id"], atlas.stix_id("campaign", "AML.CS0023")} <= ray.ids
        assert ray.values["description"] == "About ShadowRay in ATT&CK."
        assert ray.values["first_seen"] == shadow_ray()["first_seen"]
        assert len(ray.values["externalReferences"]) == 2
        assert used_by(platform, ray) == {
            "LLM Prompt Injection": False,
            "Made-up Technique": False,
        }

        runs_well(connector.run())
        arrives_well(platform, connector)
        ray = platform.knowledge.named("Campaign", "ShadowRay")
        assert not ray.values["revoked"]
        assert used_by(platform, ray) == {
            "LLM Prompt Injection": True,
            "Made-up Technique": True,
        }
    finally:
        server.stop()


def used_by(platform: OpenCti, campaign: Entity) -> dict[str, bool]:
    """The techniques that a campaign uses, and whether that was revoked."""
    knowledge = platform.knowledge
    return {
        str(knowledge.entities[one.values["toId"]].values["name"]): bool(
            one.values.get("revoked")
        )
        for one in knowledge.relationships.values()
        if one.entity_type == "uses" and one.values["fromId"] == campaign.id
    }


@pytest.mark.server
def test_the_newest_release_is_chosen_whether_counted_or_dated(
    platform: OpenCti, served: Served, tmp_path: Path
) -> None:
    """`5.6.0` < `2026.05` < `2026.05.1` < `2026.09` < `2026.10`, in whatever order they are installed."""
    first = atlas.first()
    leak, ray = "AML.CS0059", "AML.CS0023"
    server = served(
        {"2026.05": atlas.since_2026(first, case_studies=()), "5.6.0": first}
    )
    connector = Connector(
        platform, server.url, {"CTIBUTLER_KNOWLEDGEBASES": atlas.SLUG}
    )
    runs_well(connector.run())
    for label, case_studies in (
        ("2026.05.1", [leak]),
        ("2026.10", [leak, ray]),
        ("2026.09", [ray]),
    ):
        later = atlas.since_2026(first, case_studies)
        atlas.bucket(tmp_path, {label: later})
        server.install({atlas.SLUG: (label,)})
        runs_well(connector.run())
    assert [work.name.split(" (")[0] for work in works_of(platform)] == [
        "CTI Butler: atlas – → 2026.05",
        "CTI Butler: atlas 2026.05 → 2026.05.1",
        "CTI Butler: atlas 2026.05.1 → 2026.10",
    ]
