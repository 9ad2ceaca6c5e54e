"""The stand-in keeps the rules of the platform: without that, the other tests would prove nothing."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pycti import OpenCTIApiClient

from tests.platform.broker import NoBroker
from tests.platform.knowledge import Knowledge, Refused
from tests.platform.opencti import TOKEN, OpenCti


@pytest.fixture
def bare() -> Iterator[OpenCti]:
    found = OpenCti(NoBroker())
    yield found
    found.stop()


@pytest.fixture
def knowledge(bare: OpenCti) -> Knowledge:
    return bare.knowledge


def group(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "stix_id": f"intrusion-set--{name.lower()}", **more}


def imported(bare: OpenCti, *objects: dict[str, Any]) -> None:
    """Import objects with pycti's own code."""
    client = OpenCTIApiClient(bare.url, TOKEN, log_level="critical")
    bundle = {"type": "bundle", "id": "bundle--1", "objects": list(objects)}
    client.stix2.import_bundle_from_json(json.dumps(bundle))
    assert bare.invalid == []


def test_below_the_confidence_of_an_entity_only_gaps_are_filled_and_labels_added(
    knowledge: Knowledge,
) -> None:
    label = knowledge.add_small("Label", "label--a", {"value": "a"})["id"]
    reference = knowledge.add_small("External-Reference", "reference--a", {})["id"]
    entity = knowledge.add_entity("Intrusion-Set", group("One", aliases=["First"]))
    knowledge.user_confidence = 50
    knowledge.add_entity(
        "Intrusion-Set",
        group(
            "One",
            stix_id=entity.standard_id,
            description="filled",
            aliases=["Second"],
            objectLabel=[label],
            externalReferences=[reference],
        ),
    )
    again = {"stix_id": entity.standard_id, "description": "not taken"}
    knowledge.add_entity("Intrusion-Set", group("One", **again))
    assert entity.values["description"] == "filled"
    assert entity.values["aliases"] == ["First"]
    assert entity.values["objectLabel"] == [label]
    assert entity.values["externalReferences"] == [reference]


def test_an_empty_value_erases_nothing_and_a_list_only_grows(
    knowledge: Knowledge,
) -> None:
    given = group("One", description="text", aliases=["First"])
    entity = knowledge.add_entity("Intrusion-Set", given)
    knowledge.add_entity("Intrusion-Set", group("One", description="", aliases=["B"]))
    assert entity.values["description"] == "text"
    assert entity.values["aliases"] == ["First", "B"]


@pytest.mark.parametrize(
    ("first", "second", "relationships"),
    [
        ("2020-01-01T00:00:00Z", None, 1),
        ("2020-01-01T00:00:00Z", "2020-01-20T00:00:00Z", 1),
        ("2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z", 2),
        (None, "2020-01-01T00:00:00Z", 2),
    ],
)
def test_a_relationship_without_dates_joins_any_other_one(
    knowledge: Knowledge, first: str | None, second: str | None, relationships: int
) -> None:
    ends = [
        knowledge.add_entity("Intrusion-Set", group(name)).id for name in ("One", "Two")
    ]
    given = {"relationship_type": "part-of", "fromId": ends[0], "toId": ends[1]}
    for number, start in enumerate((first, second)):
        stix_id = f"relationship--{number}"
        knowledge.add_relationship({**given, "stix_id": stix_id, "start_time": start})
    assert len(knowledge.relationships) == relationships


def test_a_relationship_that_the_platform_does_not_allow_is_refused(
    knowledge: Knowledge,
) -> None:
    ends = [
        knowledge.add_entity("Intrusion-Set", group(name)).id for name in ("One", "Two")
    ]
    given = {"stix_id": "relationship--1", "fromId": ends[0], "toId": ends[1]}
    with pytest.raises(Refused, match="not allowed"):
        knowledge.add_relationship({**given, "relationship_type": "mitigates"})


def test_an_object_with_the_name_of_an_entity_as_alias_becomes_that_entity(
    knowledge: Knowledge,
) -> None:
    entity = knowledge.add_entity("Intrusion-Set", group("Ember Bear"))
    other = group("Saint Bear", aliases=["Ember Bear"])
    assert knowledge.add_entity("Intrusion-Set", other) is entity
    assert entity.values["name"] == "Saint Bear"
    assert len(knowledge.incidents) == 1


def test_an_import_leaves_the_order_of_a_phase_as_it_is(bare: OpenCti) -> None:
    technique = {
        "type": "attack-pattern",
        "id": "attack-pattern--01a5a209-b94c-450b-b7f9-946497d91055",
        "spec_version": "2.1",
        "name": "A technique",
        "x_mitre_id": "T1",
    }
    phase = {"kill_chain_name": "chain", "phase_name": "phase"}
    for order in (3, 5):
        phases = [{**phase, "x_opencti_order": order}]
        imported(bare, {**technique, "kill_chain_phases": phases})
    assert bare.knowledge.phases("chain") == {"phase": 3}


def test_a_platform_that_is_not_known_becomes_a_word_of_the_vocabulary(
    bare: OpenCti,
) -> None:
    imported(
        bare,
        {
            "type": "attack-pattern",
            "id": "attack-pattern--01a5a209-b94c-450b-b7f9-946497d91055",
            "spec_version": "2.1",
            "name": "A technique",
            "x_mitre_id": "T1",
            "x_mitre_platforms": ["Windows", "None"],
        },
    )
    assert {"Windows", "None"} <= bare.knowledge.words("platforms_ov")
