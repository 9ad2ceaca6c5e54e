"""The numbers of `docs/opencti.md` and of the README, counted anew from the real releases."""

import re
from collections import Counter
from pathlib import Path

import pytest
from connector.delta import Namesakes, Rules, plan
from connector.sendable import Sendable

from tests.tests_connector.conftest import Converted
from tests.tests_connector.test_counts import kind

FOLDER = Path(__file__).resolve().parents[2]
DOCS = FOLDER.parents[1] / "docs" / "opencti.md"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not DOCS.is_file(), reason="docs/opencti.md is in another repository"
    ),
]

TITLES = {
    "ATT&CK Enterprise": "attack-enterprise",
    "ATT&CK Mobile": "attack-mobile",
    "ATT&CK ICS": "attack-ics",
    "CAPEC": "capec",
    "CWE": "cwe",
    "DISARM": "disarm",
    "ATLAS": "atlas",
    "F3": "mitre-f3",
    "Locations": "location",
    "Sectors": "sector",
    "D3FEND": "d3fend",
}
WORDS = {
    "attack patterns": "Attack-Pattern",
    "courses of action": "Course-Of-Action",
    "intrusion sets": "Intrusion-Set",
    "campaigns": "Campaign",
    "malware": "Malware",
    "tools": "Tool",
    "data components": "Data-Component",
    "vulnerabilities": "Vulnerability",
    "countries": "Country",
    "regions": "Region",
    "sectors": "Sector",
    "phases": "Kill-Chain-Phase",
}
AUTHORS = ("Organization", "System")


def section(title: str) -> str:
    """The text of a section of the page."""
    text = DOCS.read_text("utf-8")
    return text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of each row of a table, without its head."""
    found = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    return found[2:]


def number(text: str) -> int:
    return int(text.replace(",", ""))


def counted(text: str) -> dict[str, int]:
    """`820 attack patterns (691 live, 129 revoked), 14 phases` and ``475 `uses` `` as numbers by kind."""
    text = re.sub(r"\(.*?\)", "", text)
    found = re.findall(r"([\d,]+) (?:`([\w-]+)`|([a-z ]+))", text)
    return {
        verb or WORDS[words.strip()]: number(amount) for amount, verb, words in found
    }


def counts_of(release: Sendable) -> dict[str, int]:
    found = Counter(kind(item) for item in release.objects.values())
    found["Kill-Chain-Phase"] = len(release.phase_order)
    return {
        name: times for name, times in found.items() if times and name not in AUTHORS
    }


ARRIVALS = (
    {
        tuple(row[0].rsplit(" ", 1)): row[1:]
        for row in rows(section("What arrives"))
        if "→" not in row[0]
    }
    if DOCS.is_file()
    else {}
)


def test_every_knowledge_base_is_in_the_table() -> None:
    assert [title for title, _ in ARRIVALS] == list(TITLES)


@pytest.mark.parametrize(("title", "version"), list(ARRIVALS))
def test_what_arrives_is_what_the_page_says(
    converted: Converted, title: str, version: str
) -> None:
    entities, relationships, messages = ARRIVALS[title, version]
    release = converted(TITLES[title], version)
    assert counts_of(release) == {**counted(entities), **counted(relationships)}
    assert len(release.objects) == number(messages)


def test_the_revoked_attack_patterns_of_the_page_are_those_with_a_successor(
    converted: Converted,
) -> None:
    patterns = [
        item
        for item in converted("attack-enterprise", "18.1").objects.values()
        if item["type"] == "attack-pattern"
    ]
    revoked = sum(1 for item in patterns if item["revoked"])
    said = f"({len(patterns) - revoked} live, {revoked} revoked)"
    assert said in ARRIVALS["ATT&CK Enterprise", "18.1"][0]


@pytest.mark.parametrize(
    "row", rows(section("Changes")) if DOCS.is_file() else [], ids=lambda row: row[0]
)
def test_a_change_costs_what_the_page_says(
    converted: Converted, row: list[str]
) -> None:
    found = re.fullmatch(r"(.+) ([\d.]+) → ([\d.]+)", row[0])
    if found is None:
        assert row == ["none", "0, and no work"]
        return
    slug = TITLES[found[1]]
    target, base = converted(slug, found[3]), converted(slug, found[2])
    sent = plan(target, base, Rules(), Namesakes).objects
    total, *detects = re.findall(r"[\d,]+(?=$| new `detects`|, of them)", row[1])
    assert len(sent) == number(total)
    if detects:
        new = [item for item in sent if item.get("relationship_type") == "detects"]
        assert sum(not item["revoked"] for item in new) == number(detects[0])


@pytest.mark.parametrize(
    "row",
    rows(section("What it costs")) if DOCS.is_file() else [],
    ids=lambda row: row[0],
)
def test_an_import_costs_the_messages_that_the_page_says(
    converted: Converted, row: list[str]
) -> None:
    slug, *versions = re.findall(r"[\w.-]+", row[0])
    target = converted(slug, versions[-1])
    base = converted(slug, versions[0]) if len(versions) > 1 else None
    sent = plan(target, base, Rules(), Namesakes).objects
    assert len(sent) == number(row[2])


def test_the_readme_counts_the_relationships_that_moved(converted: Converted) -> None:
    base = converted("attack-enterprise", "17.1")
    target = converted("attack-enterprise", "18.1")
    ends = ("source_ref", "target_ref")
    moved = [
        item
        for item in target.objects.values()
        if item["type"] == "relationship"
        and item["id"] in base.objects
        and [item[end] for end in ends]
        != [base.objects[item["id"]][end] for end in ends]
    ]
    readme = " ".join((FOLDER / "README.md").read_text("utf-8").split())
    assert f"({len(moved)} did so between 17.1 and 18.1 of Enterprise ATT&CK)" in readme
