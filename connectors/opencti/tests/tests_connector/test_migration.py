"""What the connector does with a platform that already has something: merged entities, other authors, data sets."""

from collections.abc import Callable
from typing import Any

import pytest
from connector import safeguards
from connector.platform import LimitReached, Platform
from pycti import OpenCTIApiClient

from tests.platform import datasets, kb, worker
from tests.platform.connector_process import Connector, Ended
from tests.platform.ctibutler_server import CtiButlerServer
from tests.platform.knowledge import Entity, Knowledge
from tests.platform.opencti import TOKEN, OpenCti
from tests.tests_connector.conftest import Converted

pytestmark = [pytest.mark.real, pytest.mark.server]

MITRE = "identity--c78cb6e5-0c4b-4611-8297-d1b8b55e40b5"
ANALYST = "identity--0a1b2c3d-4e5f-5a6b-8c7d-9e0f1a2b3c4d"

Start = Callable[..., Connector]


@pytest.fixture
def start(platform: OpenCti, ctibutler: CtiButlerServer) -> Start:
    def begin(knowledge_bases: str, **settings: str) -> Connector:
        more = {f"CTIBUTLER_{name.upper()}": value for name, value in settings.items()}
        return Connector(
            platform,
            ctibutler.url,
            {"CTIBUTLER_KNOWLEDGEBASES": knowledge_bases, **more},
        )

    return begin


def imported(platform: OpenCti, connector: Connector) -> Ended:
    """Run the connector and import what it sent: nothing fails."""
    ended = connector.run()
    assert ended.code == 0, ended.output[-3000:]
    worker.import_all(platform, connector.id)
    assert [error for work in platform.works.values() for error in work.errors] == []
    assert platform.invalid == []
    return ended


def stix_id(slug: str, version: str, kind: str, name: str) -> str:
    return next(
        item["id"]
        for item in kb.objects(slug, version)
        if (item["type"], item.get("name")) == (kind, name)
    )


def merged(
    knowledge: Knowledge, entity_type: str, name: str, ids: list[str], **more: Any
) -> Entity:
    """An entity that stands for several objects, as connectors leave it that merge by alias."""
    knowledge.add_entity(
        "Organization", {"stix_id": MITRE, "name": "The MITRE Corporation"}
    )
    given = {
        "name": name,
        "stix_id": ids[0],
        "x_opencti_stix_ids": ids[1:],
        "createdBy": MITRE,
        **more,
    }
    return knowledge.add_entity(entity_type, given)


def test_an_entity_that_stands_for_two_groups_keeps_its_name(
    platform: OpenCti, start: Start
) -> None:
    """Two groups of ATT&CK for ICS in one entity: only the one whose name it has may go there."""
    names = ("Sandworm Team", "TEMP.Veles")
    ids = [stix_id("attack-ics", "18.1", "intrusion-set", name) for name in names]
    entity = merged(platform.knowledge, "Intrusion-Set", names[0], ids)
    ended = imported(platform, start("attack-ics"))
    assert entity.values["name"] == names[0]
    assert "An entity of OpenCTI is at risk" in ended.output
    assert f"Intrusion-Set {names[0]} stands for" in ended.output
    assert names[1] in ended.output


def test_a_revoked_group_does_not_revoke_the_entity_that_it_shares_with_its_successor(
    platform: OpenCti, start: Start
) -> None:
    bundle = kb.objects("attack-ics", "18.1")
    by_id = {item["id"]: item for item in bundle}
    link = next(
        item
        for item in bundle
        if item.get("relationship_type") == "revoked-by"
        and item["source_ref"].startswith("intrusion-set")
        and not by_id[item["target_ref"]].get("revoked")
    )
    old, new = by_id[link["source_ref"]], by_id[link["target_ref"]]
    entity = merged(
        platform.knowledge, "Intrusion-Set", new["name"], [new["id"], old["id"]]
    )
    imported(platform, start("attack-ics"))
    assert entity.values["name"] == new["name"]
    assert entity.values["revoked"] is False


def test_a_relationship_of_an_analyst_is_left_alone(
    platform: OpenCti, start: Start
) -> None:
    """Undated relationships would join any other one of the same type between the same objects."""
    knowledge = platform.knowledge
    connector = start("sector", keep_platform_names="false")
    imported(platform, connector)
    ours = next(
        one for one in knowledge.relationships.values() if one.entity_type == "part-of"
    )
    source, target = ours.values["fromId"], ours.values["toId"]
    knowledge.delete(ours.id)
    knowledge.add_entity("Individual", {"stix_id": ANALYST, "name": "An analyst"})
    theirs = knowledge.add_relationship(
        {
            "stix_id": "relationship--0a1b2c3d-4e5f-5a6b-8c7d-9e0f1a2b3c4e",
            "relationship_type": "part-of",
            "fromId": source,
            "toId": target,
            "start_time": "2020-01-01T00:00:00Z",
            "description": "as seen by an analyst",
            "createdBy": ANALYST,
        }
    )
    ended = connector.run(CTIBUTLER_FORCE_FULL="true")
    assert ended.code == 0, ended.output[-2000:]
    worker.import_all(platform, connector.id)
    assert "relationship: another author has it" in ended.output
    assert theirs.values["description"] == "as seen by an analyst"
    assert theirs.values["start_time"] == "2020-01-01T00:00:00Z"
    assert knowledge.incidents == []


def test_countries_of_the_data_set_keep_their_name_and_their_region(
    platform: OpenCti, start: Start
) -> None:
    knowledge = platform.knowledge
    datasets.load(knowledge)
    imported(platform, start("location"))
    names = {entity.values["name"] for entity in knowledge.of_type("Country")}
    assert set(datasets.COUNTRIES) <= names
    assert "Taiwan, Province of China" not in names
    assert len(names) == 249
    for name, (_, region) in datasets.COUNTRIES.items():
        assert parents(knowledge, knowledge.named("Country", name)) == [region]
    assert knowledge.incidents == []


def test_names_and_regions_of_the_data_set_can_be_overwritten(
    platform: OpenCti, start: Start
) -> None:
    knowledge = platform.knowledge
    datasets.load(knowledge)
    imported(platform, start("location", keep_platform_names="false"))
    names = {entity.values["name"] for entity in knowledge.of_type("Country")}
    assert "Taiwan" not in names
    assert sorted(parents(knowledge, knowledge.named("Country", "Kenya"))) == [
        "Eastern Africa",
        "Sub-Saharan Africa",
    ]


def parents(knowledge: Knowledge, place: Entity) -> list[str]:
    return [
        knowledge.entities[one.values["toId"]].values["name"]
        for one in knowledge.relationships.values()
        if one.entity_type == "located-at" and one.values["fromId"] == place.id
    ]


# kill chain phases


def test_phases_that_moved_are_moved_on_the_platform(
    platform: OpenCti, start: Start
) -> None:
    """F3 1.1 has another order of tactics than 1.0, and an import alone does not change the order of a phase."""
    connector = start("mitre-f3", versions="mitre-f3=1.0")
    imported(platform, connector)
    before = platform.knowledge.phases("mitre-f3")
    ended = connector.run(CTIBUTLER_VERSIONS="mitre-f3=1.1")
    assert ended.code == 0
    worker.import_all(platform, connector.id)
    after = platform.knowledge.phases("mitre-f3")
    moved = {name for name in before if before[name] != after[name]}
    assert len(moved) == 3
    assert {name: after[name] for name in tactics("mitre-f3", "1.1")} == tactics(
        "mitre-f3", "1.1"
    )
    assert "Kill chain phases moved" in ended.output


def tactics(slug: str, version: str) -> dict[str, int]:
    """The position of each tactic in the matrix of a release."""
    by_id = {item["id"]: item for item in kb.objects(slug, version)}
    (matrix,) = (item for item in by_id.values() if item["type"] == "x-mitre-matrix")
    return {
        by_id[ref]["x_mitre_shortname"]: position
        for position, ref in enumerate(matrix["tactic_refs"])
    }


def test_without_the_right_to_move_phases_the_import_succeeds_and_names_the_right(
    platform: OpenCti, start: Start
) -> None:
    connector = start("mitre-f3", versions="mitre-f3=1.0")
    imported(platform, connector)
    platform.may_move_phases = False
    ended = connector.run(CTIBUTLER_VERSIONS="mitre-f3=1.1")
    assert ended.code == 0
    assert "SETTINGS_SETKILLCHAINPHASES" in ended.output


# dry run


def test_a_dry_run_writes_nothing_and_says_what_a_run_would_do(
    platform: OpenCti, start: Start
) -> None:
    names = ("Sandworm Team", "TEMP.Veles")
    ids = [stix_id("attack-ics", "18.1", "intrusion-set", name) for name in names]
    merged(platform.knowledge, "Intrusion-Set", names[0], ids)
    writes = dict(platform.knowledge.writes)
    ended = start("attack-ics", dry_run="true").run()
    assert ended.code == 0, ended.output
    assert platform.knowledge.writes == writes
    assert (platform.works, platform.registrations, platform.states) == ({}, [], {})
    assert "attack-ics – → 18.1" in ended.output
    assert "  create " in ended.output
    (changed,) = (
        line for line in ended.output.splitlines() if line.startswith("  change ")
    )
    assert "Sandworm Team" in changed
    assert f"at risk: Intrusion-Set {names[0]}" in ended.output
    assert platform.invalid == []


def test_a_dry_run_after_an_import_finds_nothing_to_do(
    platform: OpenCti, start: Start
) -> None:
    connector = start("sector")
    imported(platform, connector)
    ended = connector.run(CTIBUTLER_DRY_RUN="true")
    assert ended.code == 0
    assert "sector 1.0 → 1.0: 0 objects planned" in ended.output


def test_a_dry_run_names_renames(platform: OpenCti, start: Start) -> None:
    datasets.load(platform.knowledge)
    ended = start("location", dry_run="true", keep_platform_names="false").run()
    assert "Taiwan → Taiwan, Province of China" in ended.output
    ended = start("location", dry_run="true").run()
    assert "→ Taiwan" not in ended.output
    assert "name: OpenCTI keeps its own" in ended.output


# the groups of Enterprise ATT&CK, without the import of all of it


def test_saint_bear_is_not_renamed_ember_bear(
    platform: OpenCti, converted: Converted
) -> None:
    """UAC-0056 is an alias of both, so a connector that merges by alias has one entity for the two."""
    release = converted("attack-enterprise", "18.1")
    groups = [
        item
        for item in release.in_order()
        if item.get("name") in ("Saint Bear", "Ember Bear")
    ]
    saint, ember = sorted(groups, key=lambda item: item["name"], reverse=True)
    entity = merged(
        platform.knowledge, "Intrusion-Set", "Saint Bear", [saint["id"], ember["id"]]
    )
    client = OpenCTIApiClient(platform.url, TOKEN, log_level="critical")
    checked = safeguards.check(
        Platform(client), groups, release.objects, keep_names=True
    )
    assert [item["name"] for item in checked.objects] == ["Saint Bear"]
    assert checked.held_back["shares an entity with another object"] == 1
    (sentence,) = checked.at_risk
    assert "Intrusion-Set Saint Bear stands for" in sentence
    assert "Ember Bear (live)" in sentence
    assert entity.values["name"] == "Saint Bear"


def test_revoked_objects_are_sent_before_live_ones(converted: Converted) -> None:
    groups = [
        item
        for item in converted("attack-ics", "18.1").in_order()
        if item["type"] == "intrusion-set"
    ]
    assert [item["name"] for item in groups if item["revoked"]] == ["Dragonfly 2.0"]
    assert groups[0]["name"] == "Dragonfly 2.0"


def test_a_question_with_too_many_results_is_given_up(platform: OpenCti) -> None:
    datasets.load(platform.knowledge)
    client = OpenCTIApiClient(platform.url, TOKEN, log_level="critical")
    small = Platform(client, page_size=1, max_pages=3)
    with pytest.raises(LimitReached, match="more than 3 results"):
        small.entities(["Country"], [], list(datasets.COUNTRIES))
    assert (
        len(
            Platform(client, page_size=1).entities(
                ["Country"], [], list(datasets.COUNTRIES)
            )
        )
        == 6
    )
