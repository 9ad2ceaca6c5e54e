"""How many objects each real release becomes."""

import pytest

from tests.platform import kb
from tests.tests_connector.conftest import Converted
from tests.tests_connector.counted import COUNTED

pytestmark = pytest.mark.real

KINDS = {
    "attack-pattern": "Attack-Pattern",
    "course-of-action": "Course-Of-Action",
    "intrusion-set": "Intrusion-Set",
    "campaign": "Campaign",
    "malware": "Malware",
    "tool": "Tool",
    "x-mitre-data-source": "Data-Source",
    "x-mitre-data-component": "Data-Component",
    "vulnerability": "Vulnerability",
}
IDENTITIES = {"class": "Sector", "system": "System", "organization": "Organization"}

RELEASES = [
    ("attack-enterprise", "17.1"),
    ("attack-enterprise", "18.1"),
    ("attack-mobile", "17.1"),
    ("attack-mobile", "18.1"),
    ("attack-ics", "17.1"),
    ("attack-ics", "18.0"),
    ("attack-ics", "18.1"),
    ("capec", "3.8"),
    ("capec", "3.9"),
    ("cwe", "4.14"),
    ("disarm", "1.5"),
    ("disarm", "1.6"),
    ("atlas", "4.9.0"),
    ("atlas", "5.6.0"),
    ("mitre-f3", "1.0"),
    ("mitre-f3", "1.1"),
    ("location", "1.0"),
    ("sector", "1.0"),
    ("d3fend", "1.1.0"),
    ("d3fend", "1.2.0"),
]


def kind(item: dict[str, str]) -> str:
    match item["type"]:
        case "relationship":
            return item["relationship_type"]
        case "identity":
            return IDENTITIES[item["identity_class"]]
        case "location":
            return item["x_opencti_location_type"]
        case other:
            return KINDS[other]


@pytest.mark.parametrize(("slug", "version"), RELEASES)
def test_a_release_becomes_what_plain_python_counts(
    converted: Converted, slug: str, version: str
) -> None:
    found: dict[str, int] = {}
    for item in converted(slug, version).objects.values():
        found[kind(item)] = found.get(kind(item), 0) + 1
    counted = COUNTED[slug](kb.objects(slug, version))
    del counted["Kill-Chain-Phase"]  # these arrive with the techniques
    assert found == dict(counted)


@pytest.mark.parametrize(
    ("slug", "version", "most"),
    [
        ("attack-enterprise", "18.1", 24_500),
        ("attack-mobile", "17.1", 2_150),
        ("capec", "3.9", 3_400),
    ],
)
def test_a_first_sync_stays_below_its_limit(
    converted: Converted, slug: str, version: str, most: int
) -> None:
    assert len(converted(slug, version).objects) <= most


@pytest.mark.parametrize(("slug", "version"), RELEASES)
def test_what_is_left_out_is_counted_by_reason(
    converted: Converted, slug: str, version: str
) -> None:
    """Every publisher's object is sent, told in another one, or in a line of the log."""
    release = converted(slug, version)
    bundle = kb.objects(slug, version)
    entities = [
        item
        for item in bundle
        if item["type"] not in ("relationship", "identity", "marking-definition")
    ]
    arrived = len(release.known) + sum(
        1 for item in release.objects.values() if item.get("revoked")
    )
    if slug == "sector":
        arrived = 0  # its entities are identities
    told = sum(
        times
        for reason, times in release.left_out.items()
        if ": " in reason and not reason.startswith(("relationship", "cross"))
    )
    assert arrived + told == len(entities)
