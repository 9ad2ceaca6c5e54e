"""Questions find what MITRE's own library finds in the same release."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ctibutler.answers.library import Library
from tests.answers import plain
from tests.catalogue import bundle_path
from tests.questions.asking import asked
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

    def finds(self, function: str, stix_id: str) -> set[str]:
        """The ids of the live objects that a function returns for an object."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found: Any = getattr(self._data, function)(stix_id)
        objects = [item["object"] if isinstance(item, dict) and "object" in item else item for item in found]
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
