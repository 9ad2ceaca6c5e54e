"""What a human may choose, in real releases. What is expected is read from the files."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from ctibutler.answers.library import Library
from ctibutler.answers.migrations import outcomes
from ctibutler.answers.naming import installed_release
from ctibutler.catalog import objects
from ctibutler.comparing.differences import read_content
from ctibutler.comparing.families import Family
from ctibutler.comparing.notices import named_in, notice_of
from ctibutler.comparing.outcomes import Outcome
from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import published

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("between")]


def told(library: Library, slug: str, old: str, new: str, *ids: str, accept: tuple[str, ...] = ()) -> list[Outcome]:
    return list(outcomes(library, HOSTED.named(slug), old, new, ids, accept=accept))


def test_a_notice_names_ids_and_the_text_below_it_only_mentions_them(between_library: Library) -> None:
    (found,) = told(between_library, "attack-enterprise", "15.1", "18.1", "T1064")
    first = found.candidates[0]
    assert (first.id, first.name, first.score, first.why) == (
        "T1059",
        "Command and Scripting Interpreter",
        0.9,
        "named",
    )
    assert not {"T1086", "T1193", "T1203"} & {one.id for one in found.candidates}
    (several,) = told(between_library, "attack-enterprise", "15.1", "18.1", "T1034")
    named = [(one.id, one.score) for one in several.candidates if one.why == "named"]
    assert named == [("T1574.007", 0.8), ("T1574.008", 0.8), ("T1574.009", 0.8)]


@pytest.mark.parametrize(
    ("slug", "label", "expected"),
    [("cwe", "4.14", {1: 20, 2: 4, 0: 1}), ("capec", "3.9", {1: 35, 2: 5, 0: 15, 3: 1, 4: 1})],
)
def test_notices_name_as_many_ids_as_were_counted_by_hand(slug: str, label: str, expected: dict[int, int]) -> None:
    kb = HOSTED.named(slug)
    counted: Counter[int] = Counter()
    for item in published(slug, label):
        if item["type"] not in ("weakness", "attack-pattern"):
            continue
        if item.get("revoked") or item.get("x_capec_status") in ("Deprecated", "Obsolete"):
            notice = notice_of(item["description"]) or ""
            counted[len({named.upper() for named in named_in(kb, notice)} - {kb.primary_id(item)})] += 1
    assert counted == expected


def test_links_and_colons_are_ids_in_notices() -> None:
    attack, capec = HOSTED.named("attack-enterprise"), HOSTED.named("capec")
    linked = "Deprecated. Use [Web Shell](https://attack.mitre.org/techniques/T1505/003) or T1136, not T1136.0012."
    assert named_in(attack, linked) == ["T1505.003", "T1136"]
    assert named_in(capec, "Superseded by CAPEC:30 and CAPEC-31") == ["CAPEC-30", "CAPEC-31"]
    assert notice_of("It runs.\n\nDeprecated in favour of T1059.") is None
    assert notice_of("") is None


def test_what_referred_to_an_object_and_lives_on_is_a_candidate(between_library: Library) -> None:
    old, new = published("attack-enterprise", "17.1"), published("attack-enterprise", "18.1")
    source = next(item["id"] for item in old if item.get("name") == "Process" and item["type"] == "x-mitre-data-source")
    pointing = {item["id"] for item in old if item.get("x_mitre_data_source_ref") == source}
    kb = HOSTED.named("attack-enterprise")
    living = {kb.primary_id(item) for item in new if item["id"] in pointing and not item.get("x_mitre_deprecated")}
    assert living == {"DC0020", "DC0021", "DC0032", "DC0033", "DC0034", "DC0035"}
    (found,) = told(between_library, "attack-enterprise", "17.1", "18.1", "DS0009")
    assert {one.id for one in found.candidates} < living
    assert {(one.score, one.why) for one in found.candidates} == {(0.7, "child")}


def test_a_split_tactic_offers_its_heirs_by_their_share(between_library: Library) -> None:
    (found,) = told(between_library, "mitre-f3", "1.0", "1.1", "TA0005")
    assert [(one.id, one.name, one.score, one.why) for one in found.candidates] == [
        ("TA0005", "Stealth", 0.6, "flow"),
        ("TA0112", "Defense Impairment", 0.4, "flow"),
    ]


def test_similar_objects_are_offered_for_what_is_gone(between_library: Library) -> None:
    (found,) = told(between_library, "disarm", "1.5", "1.6", "T0104.002")
    first = found.candidates[0]
    assert (first.id, first.name, first.score, first.why) == ("T0151.017", "Dating Platform", 0.65, "similar")


def test_similar_objects_find_the_successors_that_publishers_name(between_library: Library) -> None:
    """With what the publisher says withheld, the true successor is nearly always among the first three."""
    kb = HOSTED.named("attack-enterprise")
    items = {item["id"]: item for item in published("attack-enterprise", "15.1")}
    successors = {item["source_ref"]: item["target_ref"] for item in items.values() if is_succession(item)}

    def last(stix_id: str) -> str:
        return last(successors[stix_id]) if items[stix_id].get("revoked") else stix_id

    with between_library.database.read() as connection:
        release = installed_release(connection, kb, "15.1")
        read = between_library.judged.judge(connection, kb, release, release)
        members = [one for one in read.new.by_id.values() if one.is_live and one.type == "attack-pattern"]
        contents = map(read_content, objects.contents(connection, [one.object_key for one in members]))
        family = Family(kb, members, list(contents))
        revoked = [one for one in read.old.by_id.values() if one.revoked and one.type == "attack-pattern"]
        dead = list(map(read_content, objects.contents(connection, [one.object_key for one in revoked])))
    ranked = [[one.entry.stix_id for one in family.similar(content, 3)] for content in dead]
    hits = sum(last(entry.stix_id) in three for entry, three in zip(revoked, ranked, strict=True))
    assert (hits, len(revoked)) == (129, 131)


def is_succession(item: dict[str, object]) -> bool:
    return item["type"] == "relationship" and item["relationship_type"] == "revoked-by"


def test_nothing_is_taken_unless_it_is_accepted(between_library: Library) -> None:
    asked = ("attack-enterprise", "15.1", "18.1", "T1064", "T1034", "T1059")
    taken, several, live = told(between_library, *asked, accept=("named",))
    assert (taken.outcome, taken.handling, taken.new_id) == ("deprecated", "look", "T1059")
    assert taken.reason.endswith(
        "Accepted: T1059 Command and Scripting Interpreter, as the publisher's notice names it alone."
    )
    assert taken.evidence[-1].kind == "named"
    assert (several.handling, several.new_id) == ("human", None)
    assert (live.handling, live.new_id) == ("automatic", "T1059")
    assert [one.handling for one in told(between_library, *asked)] == ["human", "human", "automatic"]
    assert [one.handling for one in told(between_library, *asked, accept=("same-name",))] == [
        "human",
        "human",
        "automatic",
    ]


@pytest.mark.parametrize(
    ("slug", "old", "new"),
    [
        ("attack-mobile", "14.1", "18.1"),
        ("attack-ics", "8.0", "18.1"),
        ("capec", "3.5", "3.9"),
        ("disarm", "1.4", "1.6"),
        ("atlas", "4.7.0", "5.6.0"),
        ("d3fend", "1.1.0", "1.2.0"),
    ],
)
def test_candidates_are_live_objects_of_the_new_release(
    between_library: Library, slug: str, old: str, new: str
) -> None:
    kb = HOSTED.named(slug)
    live = {
        kb.primary_id(item)
        for item in published(slug, new)
        if not (item.get("revoked") or item.get("x_mitre_deprecated"))
        and item.get("x_capec_status") not in ("Deprecated", "Obsolete")
    }
    ids = sorted({number for item in published(slug, old) if (number := kb.primary_id(item))})
    found = told(between_library, slug, old, new, *ids)
    offered = [one for one in found if one.candidates]
    assert {one.handling for one in offered} == {"human"}
    for one in offered:
        scores = [candidate.score for candidate in one.candidates]
        assert scores == sorted(scores, reverse=True)
        assert len(scores) <= 5
        assert {candidate.id for candidate in one.candidates} <= live
        assert len({candidate.id for candidate in one.candidates}) == len(scores)
        assert all(
            re.fullmatch(r"successor|named|same-name|flow|child|similar", candidate.why) for candidate in one.candidates
        )
