"""What became of the objects of real releases, against counts that a prototype in plain Python made from the files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import pytest

from ctibutler.answers.library import Library
from ctibutler.answers.naming import installed_release
from ctibutler.catalog.entries import Entry
from ctibutler.catalog.namesakes import preferred
from ctibutler.comparing.judging import Judged, judge
from ctibutler.comparing.outcomes import Outcome
from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import published

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("between")]

Judge = Callable[[str, str, str], Judged]


@pytest.fixture(scope="module")
def judged(between_library: Library) -> Judge:
    """Judges two releases, each pair once."""

    @cache
    def made(slug: str, old: str, new: str) -> Judged:
        kb = HOSTED.named(slug)
        with between_library.database.read() as connection:
            before, after = [installed_release(connection, kb, label) for label in (old, new)]
            return judge(connection, kb, before, after)

    return made


def outcome_of(found: Judged, object_id: str) -> Outcome:
    """What became of the object that a primary id names."""
    entry = preferred(found.kb, object_id, found.old.numbered(object_id.lower()))
    assert entry is not None
    return found.outcomes[entry.stix_id]


def named(found: Judged) -> list[Entry]:
    """The object that each primary id of the old release names."""
    numbers = sorted({entry.found_by for entry in found.old.by_id.values() if entry.found_by})
    chosen = [preferred(found.kb, number, found.old.numbered(number)) for number in numbers]
    return [entry for entry in chosen if entry is not None]


class Expected(NamedTuple):
    """Outcomes of live techniques; then how many of all ids are live, how many of these need a human, and the same with stale
    ones."""

    slug: str
    old: str
    new: str
    techniques: dict[str, int]
    live: int
    human: int
    every: int
    human_of_every: int


TABLE = [
    Expected("attack-enterprise", "15.1", "18.1",
             {"touched": 481, "edited": 146, "renamed": 8, "moved": 1, "merged": 1}, 1585, 37, 1747, 60),
    Expected("attack-enterprise", "16.1", "17.0",
             {"touched": 574, "edited": 75, "renamed": 5, "moved": 1, "merged": 1}, 1655, 0, 1817, 23),
    Expected("attack-enterprise", "17.1", "18.1", {"touched": 632, "edited": 45, "renamed": 2}, 1743, 37, 1906, 60),
    Expected("attack-mobile", "14.1", "18.1", {"touched": 107, "edited": 4, "unchanged": 3}, 262, 7, 336, 35),
    Expected("attack-mobile", "14.1", "17.1", {"touched": 105, "edited": 3, "unchanged": 6}, 262, 1, 336, 30),
    Expected("attack-ics", "8.0", "18.1",
             {"edited": 43, "touched": 14, "deprecated": 12, "moved": 10, "renumbered": 1, "renamed": 1}, 170, 52, 170, 52),
    Expected("attack-ics", "17.0", "17.1", {"unchanged": 76, "touched": 7}, 257, 34, 279, 54),
    # The prototype had 321 touched and 207 edited: it took 24 examples whose XHTML tags were removed for edits.
    Expected("capec", "3.5", "3.9", {"touched": 345, "edited": 183, "renamed": 10, "deprecated": 3}, 541, 3, 595, 57),
    Expected("atlas", "4.7.0", "5.6.0",
             {"renamed": 28, "touched": 28, "edited": 24, "moved": 10, "reused": 1}, 132, 1, 132, 1),
    Expected("disarm", "1.4", "1.6", {"touched": 254, "gone": 42, "edited": 3, "renamed": 1}, 317, 42, 317, 42),
    Expected("d3fend", "1.1.0", "1.2.0", {}, 1076, 41, 1076, 41),
    Expected("mitre-f3", "1.0", "1.1", {"touched": 113, "moved": 10}, 131, 1, 131, 1),
]  # fmt: skip


@pytest.mark.parametrize("expected", TABLE, ids=lambda pair: f"{pair.slug}-{pair.old}-{pair.new}")
def test_outcomes_of_a_pair_of_releases_are_those_that_were_counted(judged: Judge, expected: Expected) -> None:
    found = judged(expected.slug, expected.old, expected.new)
    every = named(found)
    live = [entry for entry in every if entry.is_live]
    techniques = Counter(
        outcome.outcome
        for outcome in found.outcomes.values()
        if outcome.type == "attack-pattern"
        and (entry := found.old.by_id[outcome.stix_id or ""]).is_live
        and entry.external_id
    )
    assert techniques == expected.techniques
    humans = [sum(found.outcomes[entry.stix_id].handling == "human" for entry in some) for some in (live, every)]
    assert (len(live), humans[0], len(every), humans[1]) == expected[4:]


def test_stale_techniques_are_followed_to_where_they_went(judged: Judge) -> None:
    counted = {}
    for slug, old in (("attack-enterprise", "15.1"), ("attack-mobile", "14.1")):
        found = judged(slug, old, "18.1")
        counted[slug] = Counter(
            outcome.outcome
            for outcome in found.outcomes.values()
            if outcome.type == "attack-pattern" and "stale" in outcome.also
        )
    assert counted == {
        "attack-enterprise": {"demoted": 112, "merged": 14, "deprecated": 12, "renumbered": 5},
        "attack-mobile": {"demoted": 24, "deprecated": 22, "merged": 16, "renumbered": 4, "revived": 2},
    }


def test_a_revoked_technique_leads_to_its_successor_and_not_to_the_mitigation_with_its_number(judged: Judge) -> None:
    outcome = outcome_of(judged("attack-enterprise", "15.1", "18.1"), "T1086")
    assert (outcome.type, outcome.outcome, outcome.handling) == ("attack-pattern", "demoted", "automatic")
    assert {"renumbered", "edited", "stale"} <= set(outcome.also)
    assert (outcome.new_id, outcome.new_name) == ("T1059.001", "PowerShell")
    followed = [(one.id, one.version) for one in outcome.evidence if one.kind == "revoked-by"]
    assert followed == [("relationship--d948a3b2-4873-4175-be18-ddef1c20347d", "18.1")]


def test_two_hops_end_where_others_meet(judged: Judge) -> None:
    outcome = outcome_of(judged("attack-enterprise", "15.1", "18.1"), "T1150")
    assert (outcome.outcome, outcome.handling, outcome.new_id) == ("merged", "look", "T1647")
    assert "T1162" in outcome.reason
    assert "T1547.011" in outcome.reason


def test_a_release_that_is_not_installed_may_have_revoked_an_object(judged: Judge) -> None:
    found = outcome_of(judged("attack-enterprise", "15.1", "18.1"), "T1574.002")
    assert found.reason.startswith("Revoked in 17.0 in favour of T1574.001 DLL, which already existed in 15.1.")
    ics = outcome_of(judged("attack-ics", "8.0", "18.1"), "T0875")
    assert ics.reason == "Deprecated between 8.0 and 14.1."


def test_what_a_release_lost_is_read_in_the_nearest_one_that_has_it(judged: Judge) -> None:
    found = judged("attack-mobile", "14.1", "17.1")
    outcome = outcome_of(found, "T1419")
    assert (outcome.outcome, outcome.handling, outcome.new_id) == ("renumbered", "look", "T1426")
    followed = [(one.id, one.version) for one in outcome.evidence if one.kind == "revoked-by"]
    assert followed == [("relationship--8697ff31-22fa-4e9c-8961-0383086adf68", "14.1")]
    assert "17.1 does not say so any more: 14.1 does." in outcome.reason
    ended = outcome_of(found, "T1454")
    assert (ended.outcome, ended.handling, ended.new_id) == ("deprecated", "human", None)
    assert "T1477" in ended.reason


def test_a_number_that_went_to_another_technique_has_no_heir(judged: Judge) -> None:
    outcome = outcome_of(judged("atlas", "4.7.0", "5.6.0"), "AML.T0018.001")
    assert (outcome.outcome, outcome.handling, outcome.new_id, outcome.similarity) == ("reused", "human", None, 0.25)
    renamed = outcome_of(judged("atlas", "4.7.0", "5.6.0"), "AML.T0053")
    assert (renamed.outcome, renamed.new_name) == ("renamed", "AI Agent Tool Invocation")


def test_what_a_release_leaves_out_is_gone(judged: Judge) -> None:
    outcome = outcome_of(judged("disarm", "1.5", "1.6"), "T0104.002")
    assert (outcome.outcome, outcome.handling, outcome.new_id) == ("gone", "human", None)
    assert {(one.kind, one.version) for one in outcome.evidence} == {("missing", "1.6"), ("object", "1.5")}


def test_a_tactic_whose_techniques_part_is_split(judged: Judge) -> None:
    found = judged("mitre-f3", "1.0", "1.1")
    outcome = outcome_of(found, "TA0005")
    assert (outcome.outcome, outcome.handling, outcome.new_id) == ("split", "human", None)
    assert "TA0005 Stealth (15) and TA0112 Defense Impairment (10)" in outcome.reason
    (fate,) = [fate for fate in found.flow.fates.values() if fate.tactic.id == "TA0005"]
    shares = [(one.tactic.id, one.tactic.slug, one.share, one.techniques) for one in fate.shares]
    assert shares == [("TA0005", "stealth", 0.6, 15), ("TA0112", "defense-impairment", 0.4, 10)]
    moved = outcome_of(found, "F1005")
    assert (moved.outcome, moved.handling) == ("moved", "look")


def test_a_deprecated_technique_needs_a_human(judged: Judge) -> None:
    outcome = outcome_of(judged("attack-enterprise", "15.1", "18.1"), "T1064")
    assert (outcome.outcome, outcome.handling, outcome.new_id) == ("deprecated", "human", None)
    assert outcome.also == ("stale",)


def test_tactics_are_objects_and_not_short_names(judged: Judge) -> None:
    found = judged("attack-ics", "8.0", "18.1")
    moved = [outcome for outcome in found.outcomes.values() if "moved" in (outcome.outcome, *outcome.also)]
    assert len([one for one in moved if one.type == "attack-pattern"]) == 10


@pytest.mark.parametrize(("slug", "old", "new"), [("atlas", "4.7.0", "5.6.0"), ("attack-enterprise", "15.1", "18.1")])
def test_new_sub_techniques_are_those_whose_numbers_are_new(judged: Judge, slug: str, old: str, new: str) -> None:
    kb = HOSTED.named(slug)
    known = {kb.primary_id(item) for item in published(slug, old)}
    items = {item["id"]: item for item in published(slug, new) if is_live(item)}
    grown = {
        item["target_ref"]
        for item in items.values()
        if item["type"] == "relationship"
        and item["relationship_type"] == "subtechnique-of"
        and item["source_ref"] in items
        and kb.primary_id(items[item["source_ref"]]) not in known
    }
    found = judged(slug, old, new).outcomes.values()
    noted = {outcome.new_stix_id for outcome in found if "new_subtechniques" in outcome.also}
    heirs = {outcome.new_stix_id for outcome in found}
    assert noted == grown & heirs
    assert noted


def is_live(item: dict[str, Any]) -> bool:
    return not item.get("revoked") and not item.get("x_mitre_deprecated")


HOUSEKEEPING = {
    "modified", "created", "created_by_ref", "spec_version", "object_marking_refs", "x_mitre_version", "x_mitre_domains",
    "x_mitre_attack_spec_version", "x_mitre_modified_by_ref", "x_mitre_contributors", "x_capec_version", "extensions",
    "x_mitre_contents",
}  # fmt: skip


@pytest.mark.parametrize(
    ("slug", "old", "new", "expected"),
    [
        # What 18.0 took from techniques without a word are their detection texts.
        ("attack-enterprise", "17.1", "18.1", 84),
        ("attack-ics", "17.1", "18.1", 70),
        ("capec", "3.5", "3.6", None),
        ("capec", "3.8", "3.9", None),
    ],
)
def test_silent_edits_are_all_that_plain_python_finds(
    judged: Judge, slug: str, old: str, new: str, expected: int | None
) -> None:
    before = {item["id"]: item for item in published(slug, old) if item["type"] != "relationship"}
    after = {item["id"]: item for item in published(slug, new) if item["type"] != "relationship"}
    edited = {
        stix_id
        for stix_id in before.keys() & after.keys()
        if before[stix_id].get("modified") == after[stix_id].get("modified")
        and plainly(before[stix_id]) != plainly(after[stix_id])
    }
    found = judged(slug, old, new).outcomes
    silent = {stix_id for stix_id, outcome in found.items() if "silent" in outcome.also}
    # What was revoked in favour of another object is told as such.
    assert silent == {stix_id for stix_id in edited if found[stix_id].new_stix_id == stix_id}
    assert expected is None or len(silent) == expected


def plainly(item: dict[str, Any]) -> dict[str, Any]:
    """An object without what changes nothing: housekeeping, empty values, the order of lists, markup."""
    kept = {name: worded(value) for name, value in item.items() if name not in HOUSEKEEPING}
    return {name: value for name, value in kept.items() if value not in (None, False, [], {}, "")}


def worded(value: Any) -> Any:
    if isinstance(value, str):
        text = re.sub(r"\(Citation:[^)]*\)", "", value)
        return " ".join(
            re.findall(r"[^\W_]+", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"<[^>]+>", " ", text)).lower())
        )
    if isinstance(value, list):
        return sorted((worded(one) for one in value), key=repr)
    if isinstance(value, dict):
        return {name: worded(one) for name, one in value.items()}
    return value
