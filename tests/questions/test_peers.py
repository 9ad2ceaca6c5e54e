"""Questions find what MITRE's own library finds in the same release."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ctibutler.answers.library import Library
from ctibutler.answers.objects import ObjectQuery, list_objects
from ctibutler.knowledge_bases import HOSTED
from ctibutler.stix.times import microseconds
from tests.answers import plain
from tests.catalogue import bundle_path
from tests.questions.asking import ALL, asked
from tests.questions.graphs import kind, objects_of
from tests.shared import read_shared

pytestmark = pytest.mark.real

SAMPLE = 20


@dataclass(frozen=True)
class Same:
    """A function of the library, and the question that finds the same: of what kind, its word and its ways."""

    function: str
    of: str
    word: str
    via: tuple[str, ...] | None = None


SAME = (
    Same("get_software_used_by_group", "Group", "software"),
    Same("get_campaigns_attributed_to_group", "Group", "campaigns"),
    Same("get_techniques_used_by_group", "Group", "techniques"),
    Same("get_techniques_used_by_group_software", "Group", "techniques", ("software",)),
    Same("get_software_used_by_campaign", "Campaign", "software"),
    Same("get_groups_attributing_to_campaign", "Campaign", "groups"),
    Same("get_techniques_used_by_campaign", "Campaign", "techniques"),
    Same("get_groups_using_software", "Software", "groups"),
    Same("get_campaigns_using_software", "Software", "campaigns"),
    Same("get_techniques_used_by_software", "Software", "techniques"),
    Same("get_groups_using_technique", "Technique", "groups"),
    Same("get_campaigns_using_technique", "Technique", "campaigns"),
    Same("get_software_using_technique", "Technique", "software"),
    Same("get_mitigations_mitigating_technique", "Technique", "mitigations"),
    Same("get_assets_targeted_by_technique", "Technique", "assets"),
    Same("get_subtechniques_of_technique", "Technique", "sub-techniques"),
    Same("get_tactics_by_technique", "Technique", "tactics"),
    Same("get_parent_technique_of_subtechnique", "Sub-technique", "parents"),
    Same("get_techniques_mitigated_by_mitigation", "Mitigation", "techniques"),
    Same("get_techniques_targeting_asset", "Asset", "techniques"),
    Same("get_detection_strategies_detecting_technique", "Technique", "detections", ("strategies",)),
    Same("get_techniques_detected_by_detection_strategy", "Detection Strategy", "techniques"),
    Same("get_analytics_by_detection_strategy", "Detection Strategy", "analytics"),
)


# Functions about everything, and the questions without a start that find the same pairs.
OF_ALL = (
    Same("get_all_software_used_by_all_groups", "Group", "software"),
    Same("get_all_campaigns_attributed_to_all_groups", "Group", "campaigns"),
    Same("get_all_techniques_used_by_all_groups", "Group", "techniques"),
    Same("get_all_software_used_by_all_campaigns", "Campaign", "software"),
    Same("get_all_groups_attributing_to_all_campaigns", "Campaign", "groups"),
    Same("get_all_techniques_used_by_all_campaigns", "Campaign", "techniques"),
    Same("get_all_groups_using_all_software", "Software", "groups"),
    Same("get_all_campaigns_using_all_software", "Software", "campaigns"),
    Same("get_all_techniques_used_by_all_software", "Software", "techniques"),
    Same("get_all_groups_using_all_techniques", "Technique", "groups"),
    Same("get_all_campaigns_using_all_techniques", "Technique", "campaigns"),
    Same("get_all_software_using_all_techniques", "Technique", "software"),
    Same("get_all_mitigations_mitigating_all_techniques", "Technique", "mitigations"),
    Same("get_all_assets_targeted_by_all_techniques", "Technique", "assets"),
    Same("get_all_detection_strategies_detecting_all_techniques", "Technique", "detections", ("strategies",)),
    Same("get_all_techniques_mitigated_by_all_mitigations", "Mitigation", "techniques"),
    Same("get_all_techniques_targeting_all_assets", "Asset", "techniques"),
    Same("get_all_techniques_detected_by_all_detection_strategies", "Detection Strategy", "techniques"),
)


class Peer:
    """MITRE's library with a release of the shared folder."""

    def __init__(self, slug: str, folder: Path) -> None:
        path = folder / f"{slug}.json"
        path.write_bytes(read_shared(f"kb/{bundle_path(slug, '18.1')}.zst"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from mitreattack.stix20 import MitreAttackData

            self._data = MitreAttackData(str(path))

    def call(self, function: str, *arguments: object) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return getattr(self._data, function)(*arguments)

    def finds(self, function: str, *arguments: object) -> set[str]:
        """The ids of the live objects that a function returns."""
        return live_ids(self.call(function, *arguments))

    def pairs(self, function: str) -> set[tuple[str, str]]:
        """The ids of what a function returns for every object, each beside the id of the object."""
        found = self.call(function)
        return {(start, stix_id) for start, items in found.items() for stix_id in live_ids(items)}


def live_ids(items: Any) -> set[str]:
    """The ids of the live objects among what a function returns: objects, or entries with an object."""
    objects = [item["object"] if isinstance(item, dict) and "object" in item else item for item in items]
    return {item["id"] for item in objects if not item.get("revoked") and not item.get("x_mitre_deprecated")}


@pytest.fixture(scope="module")
def of_ics(tmp_path_factory: pytest.TempPathFactory) -> Peer:
    return Peer("attack-ics", tmp_path_factory.mktemp("peer"))


@pytest.fixture(scope="module")
def of_enterprise(tmp_path_factory: pytest.TempPathFactory) -> Peer:
    return Peer("attack-enterprise", tmp_path_factory.mktemp("peer"))


def check(library: Library, slug: str, peer: Peer, same: Same) -> None:
    live = sorted(
        stix_id for stix_id, stix in objects_of(slug).items() if plain.live(stix) and kind(slug, stix) == same.of
    )
    for stix_id in Random(same.function).sample(live, min(SAMPLE, len(live))):
        answer = asked(library, slug, stix_id, same.word, via=same.via, evidence=False)
        assert {row.object.id for row in answer.page.items} == peer.finds(same.function, stix_id), stix_id


@pytest.mark.parametrize("same", SAME, ids=lambda same: same.function)
def test_in_ics(asked_library: Library, of_ics: Peer, same: Same) -> None:
    check(asked_library, "attack-ics", of_ics, same)


@pytest.mark.slow
@pytest.mark.parametrize("same", SAME, ids=lambda same: same.function)
def test_in_enterprise(asked_library: Library, of_enterprise: Peer, same: Same) -> None:
    check(asked_library, "attack-enterprise", of_enterprise, same)


def check_all(library: Library, slug: str, peer: Peer, same: Same) -> None:
    stix = objects_of(slug)
    kinds = (same.of, "Sub-technique") if same.of == "Technique" else (same.of,)
    found = set()
    for of in kinds if any(kind(slug, each) == "Sub-technique" for each in stix.values()) else kinds[:1]:
        answer = asked(library, slug, None, same.word, of=of, via=same.via, evidence=False)
        found |= {(row.of.id, row.object.id) for row in answer.page.items if row.of is not None}
    expected = {(start, end) for start, end in peer.pairs(same.function) if start in stix and plain.live(stix[start])}
    assert found == expected


@pytest.mark.parametrize("same", OF_ALL, ids=lambda same: same.function)
def test_everything_in_ics(asked_library: Library, of_ics: Peer, same: Same) -> None:
    check_all(asked_library, "attack-ics", of_ics, same)


@pytest.mark.slow
@pytest.mark.parametrize("same", OF_ALL, ids=lambda same: same.function)
def test_everything_in_enterprise(asked_library: Library, of_enterprise: Peer, same: Same) -> None:
    check_all(asked_library, "attack-enterprise", of_enterprise, same)


def test_the_successors_of_revoked_objects(asked_library: Library, of_ics: Peer) -> None:
    revoked = sorted(stix_id for stix_id, stix in objects_of("attack-ics").items() if stix.get("revoked"))
    assert revoked
    for stix_id in Random("revoked").sample(revoked, min(SAMPLE, len(revoked))):
        successor = of_ics.call("get_revoking_object", stix_id)
        answer = asked(
            asked_library, "attack-ics", stix_id, "successors", include_revoked=True, include_deprecated=True
        )
        assert [row.object.id for row in answer.page.items] == ([] if successor is None else [successor["id"]])


DAY = "2024-01-01T00:00:00.000Z"
FILTERS: tuple[tuple[str, tuple[object, ...], dict[str, Any]], ...] = (
    ("get_techniques", (), {"types": ["attack-pattern"]}),
    ("get_tactics", (), {"types": ["x-mitre-tactic"]}),
    ("get_groups", (), {"types": ["intrusion-set"]}),
    ("get_software", (), {"types": ["malware", "tool"]}),
    ("get_campaigns", (), {"types": ["campaign"]}),
    ("get_mitigations", (), {"types": ["course-of-action"]}),
    ("get_assets", (), {"types": ["x-mitre-asset"]}),
    ("get_datacomponents", (), {"types": ["x-mitre-data-component"]}),
    ("get_detectionstrategies", (), {"types": ["x-mitre-detection-strategy"]}),
    ("get_analytics", (), {"types": ["x-mitre-analytic"]}),
    (
        "get_techniques_by_tactic",
        ("collection", "ics-attack"),
        {"types": ["attack-pattern"], "tactics": ["collection"]},
    ),
    ("get_groups_by_alias", ("Sandworm Team",), {"types": ["intrusion-set"], "filters": {"alias": "Sandworm Team"}}),
)


@pytest.mark.parametrize(("function", "arguments", "filters"), FILTERS, ids=[row[0] for row in FILTERS])
def test_lists(
    asked_library: Library, of_ics: Peer, function: str, arguments: tuple[object, ...], filters: dict[str, Any]
) -> None:
    assert listed(asked_library, "attack-ics", **filters) == of_ics.finds(function, *arguments) != set()


def test_objects_by_platform_in_enterprise(asked_library: Library) -> None:
    """The library compares whole platforms; ours is the same in any case."""
    stix = objects_of("attack-enterprise")
    expected = {
        stix_id
        for stix_id, each in stix.items()
        if each["type"] == "attack-pattern" and plain.live(each) and "ESXi" in each.get("x_mitre_platforms", ())
    }
    query = {"types": ["attack-pattern"], "filters": {"platform": ["esxi"]}}
    assert listed(asked_library, "attack-enterprise", **query) == expected != set()


@pytest.mark.parametrize(
    ("function", "name"), [("get_objects_created_after", "created_min"), ("get_objects_modified_after", "modified_min")]
)
def test_objects_since_a_day(asked_library: Library, of_ics: Peer, function: str, name: str) -> None:
    shown = listed(asked_library, "attack-ics", **{name: microseconds(DAY)})
    every = listed(asked_library, "attack-ics")
    assert shown == of_ics.finds(function, DAY) & every != set()


def listed(library: Library, slug: str, **query: Any) -> set[str]:
    """The ids of the live objects in a list."""
    asked_for = ObjectQuery(page=ALL, include_revoked=False, include_deprecated=False, **query)
    return {view.id for view in list_objects(library, HOSTED.named(slug), asked_for).items}
