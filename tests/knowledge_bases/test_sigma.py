"""Objects have the tags that Sigma's appendix on tags, 2.0.0, gives them, and no others."""

from __future__ import annotations

import re

import pytest

from ctibutler.knowledge_bases import ALL, HOSTED
from ctibutler.knowledge_bases.sigma import sigma_tag
from tests.catalogue import labels_of, published

pytestmark = pytest.mark.real
TYPES = {"t": "attack-pattern", "g": "intrusion-set", "s": ("malware", "tool")}
# The tactics that the appendix lists.
LISTED = {
    "initial-access", "execution", "persistence", "privilege-escalation", "defense-evasion", "credential-access",
    "discovery", "lateral-movement", "collection", "exfiltration", "command-and-control", "impact",
}  # fmt: skip


def tags_of(slug: str, label: str) -> list[tuple[str, str]]:
    """The STIX type and the tag of each object that has one."""
    kb = HOSTED.named(slug)
    found = [(stix["type"], sigma_tag(kb, stix["type"], stix)) for stix in published(slug, label)]
    return [(stix_type, tag) for stix_type, tag in found if tag is not None]


def test_techniques_groups_software_and_tactics_of_attack_have_tags() -> None:
    tags = tags_of("attack-enterprise", "18.1")
    for stix_type, tag in tags:
        assert tag.startswith("attack.")
        value = tag.removeprefix("attack.")
        if stix_type == "x-mitre-tactic":
            assert re.fullmatch(r"[a-z-]+", value)
        else:
            assert re.fullmatch(r"t\d{4}(\.\d{3})?|[gs]\d{4}", value)
            assert stix_type in TYPES[value[0]]
    assert {tag.removeprefix("attack.") for _, tag in tags} >= {"t1059", "t1059.001", "g0016", "s0002", *LISTED}


def test_levels_of_tlp_have_tags() -> None:
    assert {tag for _, tag in tags_of("tlp", "2")} == {
        "tlp.red", "tlp.amber", "tlp.amber-strict", "tlp.green", "tlp.clear",
    }  # fmt: skip
    assert {tag for _, tag in tags_of("tlp", "1")} == {"tlp.red", "tlp.amber", "tlp.green"}


@pytest.mark.parametrize("slug", [kb.slug for kb in ALL if not kb.slug.startswith(("attack-", "tlp"))])
def test_sigma_has_no_tags_for_other_knowledge_bases(slug: str) -> None:
    assert tags_of(slug, labels_of(slug)[0]) == []
