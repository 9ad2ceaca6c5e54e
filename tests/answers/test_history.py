"""What happened to objects over all installed releases, against plain Python over the publishers' files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from ctibutler.answers.history import HistoryEvent, HistoryQuery, history
from ctibutler.answers.library import Library
from ctibutler.answers.pages import WHOLE, PageRequest
from ctibutler.answers.tables.history_tables import history_table
from ctibutler.answers.told_events import told
from ctibutler.comparing.events import EVENTS
from ctibutler.errors import NotFound
from ctibutler.knowledge_bases import HOSTED
from tests.answers import plain
from tests.catalogue import Catalogues, install, labels_of, made_content

pytestmark = pytest.mark.real
between = pytest.mark.xdist_group("between")
FLAGS = ("added", "removed", "returned", "revived", "revoked", "deprecated")
FORMS = ("renumbered", "promoted", "demoted", "renamed")


def events_of(library: Library, slug: str, object_id: str, **query: Any) -> list[HistoryEvent]:
    asked = HistoryQuery(**{"page": WHOLE, **query})
    return list(history(library, HOSTED.named(slug), object_id, asked).page.items)


def words_of(library: Library, slug: str, object_id: str, *hidden: str) -> list[str]:
    """Such as `17.0 revoked`."""
    return [f"{event.label} {event.event}" for event in events_of(library, slug, object_id, hide=hidden)]


def firsts(slug: str, label: str) -> dict[str, plain.Stix]:
    """STIX id → object, of a release's objects that are no relationships; of several contents, the first."""
    found: dict[str, plain.Stix] = {}
    for stix in plain.contents(slug, label):
        if stix["type"] != "relationship":
            found.setdefault(stix["id"], stix)
    return found


def seen(slug: str, stix: plain.Stix) -> tuple[bool, bool, str, str, bool]:
    """Of an object: revoked, deprecated, primary id, name, sub-technique."""
    number = plain.comparable(slug, plain.primary_id(slug, stix) or "")
    is_sub = stix.get("x_mitre_is_subtechnique") is True
    return plain.revoked(stix), plain.deprecated(stix), number, plain.fold(stix.get("name") or ""), is_sub


def expected(slug: str, states: list[tuple[str, plain.Stix | None]]) -> Iterator[str]:
    """What the files say happened to an object, of FLAGS and FORMS, from its states in all releases."""
    last: plain.Stix | None = None
    was_there = False
    for label, now in states:
        if now is None:
            if was_there:
                yield f"{label} removed"
        else:
            revoked, deprecated, number, name, is_sub = seen(slug, now)
            before = None if last is None else seen(slug, last)
            if before is None:
                yield f"{label} added"
            elif not was_there:
                yield f"{label} returned"
            if revoked and not (before and before[0]):
                yield f"{label} revoked"
            elif deprecated and not revoked and not (before and before[1]):
                yield f"{label} deprecated"
            elif before and (before[0] or before[1]) and not (revoked or deprecated):
                yield f"{label} revived"
            if before and before[2] != number:
                yield f"{label} renumbered"
            if before and before[4] != is_sub:
                yield f"{label} {'demoted' if is_sub else 'promoted'}"
            if before and before[3] != name:
                yield f"{label} renamed"
        was_there = now is not None
        last = now or last


@between
@pytest.mark.parametrize("slug", ["mitre-f3", "disarm", "attack-mobile", "d3fend"])
def test_events_are_those_of_the_files(between_library: Library, slug: str) -> None:
    releases = {label: firsts(slug, label) for label in labels_of(slug)}
    ids = sorted({stix_id for objects in releases.values() for stix_id in objects})
    assert len(ids) > 100
    events = 0
    for stix_id in ids:
        states = [(label, objects.get(stix_id)) for label, objects in releases.items()]
        wanted = list(expected(slug, states))
        found = [word for word in words_of(between_library, slug, stix_id) if word.split()[1] in FLAGS + FORMS]
        assert found == sorted(wanted, key=lambda word: (list(releases).index(word.split()[0]), wanted.index(word))), (
            stix_id
        )
        events += len(found)
    assert events >= len(ids)


@between
def test_atlas_objects_are_followed_by_their_numbers(between_library: Library) -> None:
    labels = labels_of("atlas")
    releases = {label: firsts("atlas", label) for label in labels}
    by_number = [
        {(stix["type"], plain.primary_id("atlas", stix)): stix for stix in objects.values()}
        for objects in releases.values()
    ]
    numbers = {
        (kind, number) for objects in by_number for kind, number in objects if number and kind == "attack-pattern"
    }
    assert len(numbers) > 90
    for stix_type, number in numbers:
        states = [(label, objects.get((stix_type, number))) for label, objects in zip(labels, by_number, strict=True)]
        found = [word for word in words_of(between_library, "atlas", number) if word.split()[1] in FLAGS + FORMS]
        assert found == list(expected("atlas", states)), number
    # The STIX ids of one number differ, and any of them leads to the same history.
    ids = [objects["attack-pattern", "AML.T0053"]["id"] for objects in by_number]
    assert len(set(ids)) > 5
    whole = events_of(between_library, "atlas", "AML.T0053")
    assert events_of(between_library, "atlas", ids[0]) == events_of(between_library, "atlas", ids[-1]) == whole
    assert [event.event for event in whole if event.event in ("renamed", "edited")] == ["renamed", "edited", "edited"]


HOUSEKEEPING = {
    *("id", "created", "modified", "created_by_ref", "object_marking_refs", "spec_version", "x_capec_version"),
    *(
        "x_mitre_version",
        "x_mitre_attack_spec_version",
        "x_mitre_modified_by_ref",
        "x_mitre_contributors",
        "x_mitre_domains",
    ),
}


def value(raw: Any) -> Any:
    """A property's value for comparison: lists without their order, texts without markup, citations and punctuation."""
    if raw in (None, False, "", [], {}):
        return None
    if isinstance(raw, str):
        text = re.sub(r"\(Citation:[^)]*\)", "", raw)
        text = re.sub(r"<[^<>]*>", " ", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text))
        return re.findall(r"\w+", text.lower())
    if isinstance(raw, list):
        return sorted(json.dumps(value(item), sort_keys=True) for item in raw)
    if isinstance(raw, dict):
        return {key: value(item) for key, item in raw.items()}
    return raw


def silently(before: plain.Stix, after: plain.Stix) -> bool:
    """Whether an object was edited under the same `modified`."""
    if before.get("modified") != after.get("modified"):
        return False
    names = {*before, *after} - HOUSEKEEPING
    return any(value(before.get(name)) != value(after.get(name)) for name in names)


@between
@pytest.mark.parametrize(
    ("slug", "old", "new", "number"),
    [("capec", "3.8", "3.9", 10), ("attack-ics", "17.1", "18.0", 70), ("attack-enterprise", "17.1", "18.1", 84)],
)
def test_silent_edits_are_those_found_by_content(
    between_library: Library, slug: str, old: str, new: str, number: int
) -> None:
    before, after = firsts(slug, old), firsts(slug, new)
    wanted = {stix_id for stix_id in before.keys() & after.keys() if silently(before[stix_id], after[stix_id])}
    techniques = {stix_id for stix_id in wanted if stix_id.startswith("attack-pattern")}
    assert len(techniques) == number
    # Of the others as many are asked, so that a history that tells everybody of a silent edit is noticed.
    others = sorted(before.keys() & after.keys() - wanted)[:: max(1, len(after) // 200)]
    for stix_id in (*wanted, *others):
        assert (f"{new} silent" in words_of(between_library, slug, stix_id)) == (stix_id in wanted), stix_id


@between
def test_a_mobile_technique_left_and_came_back(between_library: Library) -> None:
    events = events_of(between_library, "attack-mobile", "T1454")
    assert [f"{event.label} {event.event}" for event in events] == [
        "14.1 added",
        "14.1 revoked",
        "17.0 lost-successor",
        "17.1 touched",
        "18.0 removed",
        "18.1 returned",
    ]
    assert [event.first_installed for event in events] == [True, True, False, False, False, False]
    assert [event.digest is None for event in events] == [False, False, False, False, True, False]
    revoked, lost = events[1], events[2]
    assert revoked.detail.successors
    (successor,) = revoked.detail.successors
    assert (successor.external_id, successor.name, successor.label) == ("T1477", "Exploit via Radio Interfaces", "14.1")
    assert lost.detail.successors == revoked.detail.successors
    assert told(lost) == "only 14.1 says it was replaced by T1477 Exploit via Radio Interfaces"


@between
def test_an_object_is_found_by_any_number_it_ever_had(between_library: Library) -> None:
    old = events_of(between_library, "d3fend", "d3f:ChangeDefaultPassword")
    assert old == events_of(between_library, "d3fend", "D3-CFP")
    assert [event.event for event in old] == ["added", "renumbered"]
    assert (old[1].detail.before, old[1].detail.after) == ("d3f:ChangeDefaultPassword", "D3-CFP")


@between
def test_a_number_that_two_objects_carry_has_a_thread_for_each(between_library: Library) -> None:
    found = history(between_library, HOSTED.named("attack-enterprise"), "T1086", HistoryQuery(page=WHOLE))
    assert [thread.kind for thread in found.threads] == ["Technique", "Mitigation"]
    assert found.threads[0].labels == ("15.1", "16.1", "17.0", "17.1", "18.1")
    assert {event.stix_id for event in found.page.items} == {thread.stix_id for thread in found.threads}
    alone = events_of(between_library, "attack-enterprise", found.threads[1].stix_id)
    assert alone == [event for event in found.page.items if event.stix_id == found.threads[1].stix_id]
    places = [(found.labels.index(event.label)) for event in found.page.items]
    assert places == sorted(places)


@between
def test_what_a_release_changed_for_all_objects_is_no_edit(between_library: Library) -> None:
    events = {event.label: event for event in events_of(between_library, "attack-enterprise", "T1059")}
    classes = {one.path: one.change_class for one in events["18.1"].detail.properties or ()}
    assert classes["x_mitre_detection"] == classes["x_mitre_data_sources"] == "model"
    classes = {one.path: one.change_class for one in events["16.1"].detail.properties or ()}
    assert classes["x_mitre_platforms"] == "vocabulary"
    assert {event.event for event in events.values()} == {"added", "touched"}


@between
def test_tactics_are_compared_as_objects(between_library: Library) -> None:
    (moved,) = [event for event in events_of(between_library, "mitre-f3", "F1005") if event.event == "moved"]
    assert [one.name for one in moved.detail.lost or ()] == ["Defense Evasion"]
    assert [one.name for one in moved.detail.gained or ()] == ["Defense Impairment"]
    # ICS 8.0 says `impact-ics`, 14.1 `impact`: the same tactic.
    before, after = firsts("attack-ics", "8.0"), firsts("attack-ics", "14.1")
    renamed = [
        stix_id
        for stix_id in before.keys() & after.keys()
        if {phase["phase_name"] for phase in before[stix_id].get("kill_chain_phases", ())} == {"impact-ics"}
        and {phase["phase_name"] for phase in after[stix_id].get("kill_chain_phases", ())} == {"impact"}
    ]
    assert renamed
    for stix_id in renamed:
        assert "14.1 moved" not in words_of(between_library, "attack-ics", stix_id)


@between
def test_events_can_be_hidden_and_paged(between_library: Library) -> None:
    whole = words_of(between_library, "attack-mobile", "T1454")
    assert words_of(between_library, "attack-mobile", "T1454", "touched", "no-such-event") == [
        word for word in whole if not word.endswith("touched")
    ]
    pages = [
        history(between_library, HOSTED.named("attack-mobile"), "T1454", HistoryQuery(page=PageRequest(number, 4))).page
        for number in (1, 2, 3)
    ]
    assert [f"{event.label} {event.event}" for page in pages for event in page.items] == whole
    assert [page.total for page in pages] == [6, 6, 6]


@between
def test_an_unknown_object_has_no_history(between_library: Library) -> None:
    for object_id in ("T9999", "attack-pattern--00000000-0000-4000-8000-000000000000", "x\x00y", ""):
        with pytest.raises(NotFound, match="in any installed release of attack-mobile"):
            events_of(between_library, "attack-mobile", object_id)


@between
def test_a_table_tells_the_same(between_library: Library) -> None:
    table = history_table(between_library, HOSTED.named("attack-mobile"), "T1454", HistoryQuery(hide=("touched",)))
    rows = [row.cells for row in table.rows]
    assert [f"{row[0]} {row[1]}" for row in rows] == words_of(between_library, "attack-mobile", "T1454", "touched")
    assert table.facts["rows"] == str(len(rows)) == "5"
    assert table.name == "attack-mobile-T1454-history"


def technique(number: int, external_id: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "attack-pattern",
        "id": f"attack-pattern--00000000-0000-4000-8000-{number:012}",
        "created": "2020-01-01T00:00:00.000Z",
        "modified": "2020-01-01T00:00:00.000Z",
        "name": f"Technique {number}",
        "external_references": [{"source_name": "mitre-attack", "external_id": external_id}],
        **properties,
    }


def relationship(number: int, kind: str, source: dict[str, Any], target: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "relationship",
        "id": f"relationship--00000000-0000-4000-8000-{number:012}",
        "relationship_type": kind,
        "source_ref": source["id"],
        "target_ref": target["id"],
    }


def test_what_real_releases_seldom_do(catalogues: Catalogues) -> None:
    parent, other = technique(1, "T0001"), technique(2, "T0002")
    below = technique(3, "T0001.003", x_mitre_is_subtechnique=True, modified="2021-01-01T00:00:00.000Z")
    again = "2022-01-01T00:00:00.000Z"
    dead = technique(4, "T0004", revoked=True, modified=again)
    database = catalogues.empty()
    releases = {
        "1.0": [parent, other, technique(3, "T0003"), technique(4, "T0004")],
        "2.0": [parent, other, below, relationship(1, "subtechnique-of", below, parent), dead,
                relationship(2, "revoked-by", dead, parent)],
        "3.0": [parent, other, below, relationship(1, "subtechnique-of", below, other), dead],
        "4.0": [parent, other, technique(3, "T0003", modified=again), technique(4, "T0004", name="Another name")],
        "5.0": [parent, other, technique(3, "T0003", modified=again, description="Silently described.")],
        "6.0": [parent, other, technique(3, "T0003", x_mitre_deprecated=True)],
    }  # fmt: skip
    for label, objects in releases.items():
        install(database, f"attack-mobile@{label}", made_content(objects))
    library = Library(database, HOSTED)
    assert words_of(library, "attack-mobile", below["id"]) == [
        "1.0 added",
        "2.0 renumbered",
        "2.0 demoted",
        "3.0 edited",
        "4.0 renumbered",
        "4.0 promoted",
        "5.0 silent",
        "6.0 deprecated",
        "6.0 edited",
    ]
    events = events_of(library, "attack-mobile", "T0001.003")
    assert [
        (event.detail.before, event.detail.after) for event in events if event.event in ("demoted", "promoted")
    ] == [
        (None, "T0001"),
        ("T0002", None),
    ]
    assert [one.path for event in events if event.event == "silent" for one in event.detail.properties or ()] == [
        "description"
    ]
    assert words_of(library, "attack-mobile", "T0004") == [
        "1.0 added",
        "2.0 revoked",
        "3.0 lost-successor",
        "4.0 revived",
        "4.0 renamed",
        "5.0 removed",
    ]


@between
def test_the_words_of_events_are_a_closed_list(between_library: Library) -> None:
    for slug, object_id in (("attack-ics", "T0803"), ("capec", "CAPEC-94"), ("attack-enterprise", "T1574.001")):
        assert {event.event for event in events_of(between_library, slug, object_id)} <= set(EVENTS)
