"""Ids from one release to another, in whatever way they are written."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from ctibutler.answers.library import Library
from ctibutler.answers.migrations import outcomes, release_outcomes, tactic_flow
from ctibutler.answers.naming import installed_release
from ctibutler.comparing.outcomes import Outcome
from ctibutler.comparing.pairs import MOST_JUDGED
from ctibutler.errors import NotFound
from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import Catalogues, install, labels_of, published

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("between")]


def told(library: Library, slug: str, old: str, new: str, ids: Sequence[str]) -> tuple[Outcome, ...]:
    return outcomes(library, HOSTED.named(slug), old, new, ids)


def test_ids_are_read_as_people_write_them(between_library: Library) -> None:
    kb = HOSTED.named("attack-enterprise")
    stix_id = next(
        item["id"]
        for item in published("attack-enterprise", "15.1")
        if item["type"] == "attack-pattern" and kb.primary_id(item) == "T1086"
    )
    written = [
        "T1086", "t1086", " T1086 ", "attack.t1086", "T 1086", "Ｔ１０８６", stix_id, stix_id.upper(),
        "https://attack.mitre.org/techniques/T1086/",
    ]  # fmt: skip
    found = told(between_library, "attack-enterprise", "15.1", "18.1", written)
    assert [one.new_id for one in found] == ["T1059.001"] * len(written)
    assert {one.id for one in found} == {"T1086"}
    link = told(between_library, "attack-enterprise", "15.1", "18.1", ["https://attack.mitre.org/techniques/T1059/001"])
    assert (link[0].id, link[0].new_id) == ("T1059.001", "T1059.001")
    assert [one.id for one in told(between_library, "capec", "3.5", "3.9", ["capec66", "CAPEC:66"])] == ["CAPEC-66"] * 2
    prefixed = told(between_library, "d3fend", "1.1.0", "1.2.0", ["d3f:ChangeDefaultPassword", "ChangeDefaultPassword"])
    assert [(one.outcome, one.new_id) for one in prefixed] == [("renumbered", "D3-CFP")] * 2


def test_what_no_release_has_is_unknown_and_similar_ids_are_named(between_library: Library) -> None:
    texts = [
        "T1O59",
        "T1509x",
        "",
        " ",
        "\x00",
        "T" * 5000,
        "Cozy Bear",
        "relationship--d948a3b2-4873-4175-be18-ddef1c20347d",
    ]
    found = told(between_library, "attack-enterprise", "15.1", "18.1", texts)
    assert [(one.outcome, one.handling, one.new_id) for one in found] == [("unknown", "human", None)] * len(texts)
    assert [(one.kind, one.id) for one in found[0].evidence] == [("near", "T1059")]
    assert found[0].reason == "15.1 has no object with this id; nearly the same: T1059."
    assert len(found[5].id) <= 100


def test_an_id_of_another_release_is_unknown_and_the_releases_that_have_it_are_named(between_library: Library) -> None:
    (gone,) = told(between_library, "disarm", "1.6", "1.6", ["T0007"])
    assert (gone.outcome, gone.handling) == ("unknown", "human")
    assert [one.version for one in gone.evidence] == ["1.4", "1.5"]
    assert gone.reason == "1.6 has no object with this id; 1.4 and 1.5 have one."


@pytest.mark.parametrize(("slug", "old", "new"), [("attack-mobile", "14.1", "18.1"), ("atlas", "4.7.0", "5.6.0")])
def test_what_only_the_second_release_has_is_kept(between_library: Library, slug: str, old: str, new: str) -> None:
    live = {label: _ids(slug, label, live=True) for label in labels_of(slug)}
    coming = sorted(live[new] - _ids(slug, old))
    found = told(between_library, slug, old, new, coming)
    assert {(one.outcome, one.handling) for one in found} == {("not_yet", "look")}
    for text, one in zip(coming, found, strict=True):
        first = next(label for label in labels_of(slug) if text in live[label])
        assert (one.new_id, [(fact.kind, fact.version) for fact in one.evidence]) == (text, [("object", first)])
        assert one.new_name


def test_what_went_to_another_knowledge_base_is_gone_and_its_place_named(between_library: Library) -> None:
    before, after = (_ids("attack-ics", label) for label in ("17.0", "17.1"))
    gone = sorted(before - after)
    found = told(between_library, "attack-ics", "17.0", "17.1", gone)
    enterprise = {item["id"] for item in published("attack-enterprise", "18.1")}
    assert {one.outcome for one in found} == {"gone"}
    assert sum(one.stix_id in enterprise for one in found) >= 34
    for one in found:
        assert ("attack-enterprise 18.1" in one.reason) == (one.stix_id in enterprise)
        assert ("attack-enterprise 18.1" in [fact.version for fact in one.evidence]) == (one.stix_id in enterprise)


def test_every_id_has_one_answer_in_the_order_asked(between_library: Library) -> None:
    ids = sorted(_ids("attack-mobile", "14.1"))
    asked = [*ids, *reversed(ids), "T0000"]
    found = told(between_library, "attack-mobile", "14.1", "18.1", asked)
    assert [one.id for one in found] == asked
    again = dict(zip(reversed(asked), told(between_library, "attack-mobile", "14.1", "18.1", asked[::-1]), strict=True))
    assert all(again[text] == one for text, one in zip(asked, found, strict=True))


def test_a_release_that_is_not_installed_is_not_found(between_library: Library) -> None:
    with pytest.raises(NotFound):
        told(between_library, "attack-mobile", "1.0", "18.1", ["T1419"])


def test_whole_releases_have_an_outcome_for_each_object_and_tell_of_the_model_once(between_library: Library) -> None:
    kb = HOSTED.named("attack-enterprise")
    found = release_outcomes(between_library, kb, "15.1", "18.1")
    old, new = (
        {item["id"] for item in published("attack-enterprise", label) if item["type"] != "relationship"}
        for label in ("15.1", "18.1")
    )
    assert {one.stix_id for one in found.outcomes if one.outcome != "added"} == old
    assert {one.stix_id for one in found.outcomes if one.outcome == "added"} <= new - old
    assert sum(found.counts.values()) == len(found.outcomes)
    sources = next(one for one in found.model if (one.type, one.property) == ("attack-pattern", "x_mitre_data_sources"))
    assert (sources.lost, sources.gained, sources.having) == (596, 0, 596)
    platforms = next(
        one for one in found.vocabulary if (one.type, one.property) == ("attack-pattern", "x_mitre_platforms")
    )
    assert {"Azure AD", "Office 365", "Google Workspace", "Network"} <= set(platforms.removed)
    assert {"Identity Provider", "Office Suite", "Network Devices", "ESXi"} <= set(platforms.added)


def test_tactics_are_followed_by_their_objects(between_library: Library) -> None:
    flow = tactic_flow(between_library, HOSTED.named("attack-ics"), "8.0", "18.1")
    fate = next((one for one in flow.fates.values() if one.tactic.slug == "impact-ics"), None)
    assert fate is not None
    assert fate.heir is not None
    assert (fate.tactic.id, fate.heir.id, fate.heir.slug, fate.is_split, fate.stays) == (
        "TA0105", "TA0105", "impact", False, False,
    )  # fmt: skip


def test_answers_change_once_a_release_is_installed_that_they_rest_on(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Catalogues("sqlite", tmp_path_factory.mktemp("evidence")) as made:
        library = Library(made.with_releases("attack-mobile@17.1"), HOSTED)
        (before,) = told(library, "attack-mobile", "17.1", "17.1", ["T1419"])
        assert (before.outcome, before.handling) == ("dead_end", "human")
        install(library.database, "attack-mobile@14.1")
        (after,) = told(library, "attack-mobile", "17.1", "17.1", ["T1419"])
        assert (after.outcome, after.handling, after.new_id) == ("renumbered", "look", "T1426")


def _ids(slug: str, label: str, *, live: bool = False) -> set[str]:
    """The primary ids of a release, or of its live objects, read from its file."""
    kb = HOSTED.named(slug)
    return {
        number
        for item in published(slug, label)
        if item["type"] != "relationship"
        and (number := kb.primary_id(item))
        and not (live and (item.get("revoked") or item.get("x_mitre_deprecated")))
    }


TRIPLES = [
    ("attack-enterprise", "15.1", "17.0", "18.1"),
    ("attack-mobile", "14.1", "17.0", "18.1"),
    ("attack-mobile", "17.0", "18.0", "18.1"),
    ("attack-ics", "8.0", "15.1", "18.1"),
    ("capec", "3.5", "3.8", "3.9"),
    ("atlas", "4.7.0", "5.0.1", "5.6.0"),
    ("disarm", "1.4", "1.5", "1.6"),
]


@pytest.mark.parametrize(("slug", "first", "middle", "last"), TRIPLES)
def test_two_steps_lead_to_where_one_leads(
    between_library: Library, slug: str, first: str, middle: str, last: str
) -> None:
    ids = sorted(_ids(slug, first))
    half_way = told(between_library, slug, first, middle, ids)
    at_once = dict(zip(ids, told(between_library, slug, first, last, ids), strict=True))
    stepping = {text: one.new_id for text, one in zip(ids, half_way, strict=True) if one.new_id is not None}
    arrived = dict(zip(stepping, told(between_library, slug, middle, last, list(stepping.values())), strict=True))
    parted = [
        (text, stepping[text], one.new_id, at_once[text].new_id)
        for text, one in arrived.items()
        if one.handling != "human" and at_once[text].handling != "human" and one.new_id != at_once[text].new_id
    ]
    assert parted == []
    assert len(arrived) > len(ids) / 2


def test_to_the_same_release_nothing_changes_but_what_is_dead_is_followed(between_library: Library) -> None:
    ids = sorted(_ids("attack-mobile", "18.1"))
    found = told(between_library, "attack-mobile", "18.1", "18.1", ids)
    live = [one for one in found if "stale" not in one.also]
    assert {(one.outcome, one.handling, one.id == one.new_id) for one in live} == {("unchanged", "automatic", True)}
    assert {one.outcome for one in found if "stale" in one.also} == {"deprecated", "demoted", "merged", "renumbered"}


def test_the_last_pairs_are_remembered(between_library: Library) -> None:
    kb = HOSTED.named("atlas")
    library = Library(between_library.database, HOSTED)
    pairs = list(itertools.product(labels_of("atlas"), repeat=2))[: MOST_JUDGED + 1]
    with library.database.read() as connection:
        releases = {label: installed_release(connection, kb, label) for label in labels_of("atlas")}
        first, *others = [library.judged.prepare(connection, kb, *map(releases.__getitem__, pair)) for pair in pairs]
        again = [library.judged.prepare(connection, kb, *map(releases.__getitem__, pair)) for pair in pairs[1:]]
        assert [id(one) for one in again] == [id(one) for one in others]
        assert library.judged.prepare(connection, kb, *map(releases.__getitem__, pairs[0])) is not first


def test_many_who_ask_at_once_get_what_one_gets(between_library: Library) -> None:
    ids = sorted(_ids("attack-mobile", "14.1"))
    alone = told(between_library, "attack-mobile", "14.1", "18.1", ids)
    library = Library(between_library.database, HOSTED)
    parts = [ids[start : start + 90] for start in range(0, len(ids), 45)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda part: told(library, "attack-mobile", "14.1", "18.1", part), parts * 3))
    expected = dict(zip(ids, alone, strict=True))
    assert found == [tuple(expected[one] for one in part) for part in parts * 3]
