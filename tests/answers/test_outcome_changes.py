"""What became of every object of a release under `changes`, against plain Python over the publishers' files."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from mitreattack.navlayers import Layer as ReadLayer

from ctibutler.answers.library import Library
from ctibutler.answers.outcome_changes import OutcomesPage, OutcomesQuery, outcome_changes
from ctibutler.answers.pages import WHOLE, PageRequest, Sort
from ctibutler.answers.tables.outcome_tables import outcome_table
from ctibutler.comparing.outcomes import Outcome
from ctibutler.errors import NotFound
from ctibutler.forms.navigator_layer import OUTCOME_COLORS
from ctibutler.forms.table_forms import TABLE_FORMS
from ctibutler.knowledge_bases import HOSTED
from tests.answers import plain
from tests.answers.test_history import firsts, technique
from tests.catalogue import Catalogues, install, made_content
from tests.forms.test_feeds import checked

pytestmark = pytest.mark.real
between = pytest.mark.xdist_group("between")


def compared(library: Library, slug: str, old: str | None, new: str, **query: Any) -> OutcomesPage:
    return outcome_changes(library, HOSTED.named(slug), new, OutcomesQuery(old, **{"page": WHOLE, **query}))


def written(library: Library, slug: str, old: str, new: str, form: str, **query: Any) -> bytes:
    table = outcome_table(library, HOSTED.named(slug), new, OutcomesQuery(old, **query))
    return b"".join(TABLE_FORMS[form].written(table).chunks)


@between
def test_every_object_but_relationships_has_one_row(between_library: Library) -> None:
    for slug, old, new in (("attack-ics", "8.0", "18.1"), ("capec", "3.8", "3.9"), ("disarm", "1.6", "1.5")):
        before, after = firsts(slug, old), firsts(slug, new)
        found = compared(between_library, slug, old, new)
        rows = found.page.items
        assert sorted(row.stix_id or "" for row in rows if row.outcome != "added") == sorted(before)
        assert {row.stix_id for row in rows if row.outcome == "added"} <= after.keys() - before.keys()
        assert found.counts.outcomes == Counter(row.outcome for row in rows)
        assert {word: number for word, number in found.counts.handling.items() if number} == Counter(
            row.handling for row in rows
        )
        dead = [row for row in rows if row.stix_id in before and not plain.live(before[row.stix_id])]
        assert found.counts.stale.outcomes == Counter(row.outcome for row in dead)
        for stix_type, counts in found.counts.types.items():
            assert counts == Counter(row.outcome for row in rows if row.type == stix_type)


@between
def test_what_a_release_changed_for_all_objects_is_told_once(between_library: Library) -> None:
    before, after = firsts("attack-enterprise", "17.1"), firsts("attack-enterprise", "18.1")
    in_both = [
        (stix, after[stix_id])
        for stix_id, stix in before.items()
        if stix["type"] == "attack-pattern" and stix_id in after and plain.live(stix) and plain.live(after[stix_id])
    ]
    having = sum(bool(old.get("x_mitre_detection") or new.get("x_mitre_detection")) for old, new in in_both)
    lost = sum(bool(old.get("x_mitre_detection") and not new.get("x_mitre_detection")) for old, new in in_both)
    # With revoked and deprecated ones, it is 726 techniques that lost it.
    assert (
        sum(
            bool(stix.get("x_mitre_detection") and stix_id in after and not after[stix_id].get("x_mitre_detection"))
            for stix_id, stix in before.items()
        )
        == 726
    )
    found = compared(between_library, "attack-enterprise", "17.1", "18.1")
    told = {(one.type, one.property): (one.lost, one.gained, one.having) for one in found.model}
    assert told["attack-pattern", "x_mitre_detection"] == (lost, 0, having) == (583, 0, 583)
    rows = [row for row in found.page.items if row.type == "attack-pattern" and "stale" not in row.also]
    assert Counter(row.outcome for row in rows if row.outcome != "added") == {
        "touched": 632,
        "edited": 45,
        "renamed": 2,
    }


@between
def test_words_that_a_release_renamed_are_told_once(between_library: Library) -> None:
    found = compared(between_library, "attack-enterprise", "15.1", "18.1")
    [words] = [one for one in found.vocabulary if one.type == "attack-pattern"]
    assert (words.property, words.objects) == ("x_mitre_platforms", 208)
    sides = [
        {
            word
            for stix in firsts("attack-enterprise", label).values()
            if plain.live(stix)
            for word in stix.get("x_mitre_platforms", ())
        }
        for label in ("15.1", "18.1")
    ]
    assert set(words.removed) <= sides[0] - sides[1]
    assert set(words.added) <= sides[1] - sides[0]
    assert not [one for one in found.vocabulary if one.property == "x_mitre_contributors"]


@between
def test_rows_are_chosen_by_outcome_note_handling_and_type(between_library: Library) -> None:
    whole = compared(between_library, "capec", "3.8", "3.9")

    def chosen(**query: Any) -> list[Outcome]:
        found = compared(between_library, "capec", "3.8", "3.9", **query)
        assert found.counts == whole.counts
        return [*found.page.items]

    def of(passes: Any) -> set[str | None]:
        return {row.stix_id for row in whole.page.items if passes(row)}

    assert {row.stix_id for row in chosen(outcome=["renamed", "gone"])} == of(
        lambda row: row.outcome in ("renamed", "gone")
    )
    silent = {row.stix_id for row in chosen(outcome=["silent"], types=["attack-pattern"])}
    assert silent == of(lambda row: "silent" in row.also and row.type == "attack-pattern")
    assert len(silent) == 10
    assert {row.stix_id for row in chosen(handling=["human"])} == of(lambda row: row.handling == "human")
    assert chosen(outcome=["no-such-outcome"]) == chosen(handling=["nobody"]) == chosen(types=["tool"]) == []
    hidden = chosen(hide=["stale", "touched", "no-such-outcome"])
    assert {row.stix_id for row in hidden} == of(lambda row: row.outcome != "touched" and "stale" not in row.also)


@between
def test_rows_are_sorted_and_paged(between_library: Library) -> None:
    rows = compared(between_library, "disarm", "1.5", "1.6", sort=Sort("id")).page.items
    assert [row.id for row in rows] == sorted([row.id for row in rows], key=plain.natural)
    by_work = compared(between_library, "disarm", "1.5", "1.6", sort=Sort("change")).page.items
    assert [row.handling for row in by_work] == sorted(
        (row.handling for row in by_work), key=["human", "look", "automatic"].index
    )
    for number in (1, 2, 5):
        page = compared(between_library, "disarm", "1.5", "1.6", sort=Sort("id"), page=PageRequest(number, 100)).page
        assert [row.stix_id for row in page.items] == [row.stix_id for row in rows[(number - 1) * 100 : number * 100]]
        assert page.total == len(rows)


@between
def test_what_needs_a_human_has_candidates(between_library: Library) -> None:
    rows = compared(between_library, "disarm", "1.5", "1.6", handling=["human"]).page.items
    assert all(row.candidates for row in rows if row.type == "attack-pattern")
    [dating] = [row for row in rows if row.id == "T0104.002"]
    assert (dating.outcome, dating.candidates[0].id, dating.candidates[0].why) == ("gone", "T0151.017", "similar")


@between
def test_a_layer_colours_techniques_by_what_became_of_them(between_library: Library, tmp_path: Path) -> None:
    content = written(between_library, "attack-enterprise", "15.1", "18.1", "layer")
    layer = json.loads(content)
    assert (layer["domain"], layer["versions"]["attack"], layer["versions"]["layer"]) == (
        "enterprise-attack",
        "18.1",
        "4.5",
    )
    legend = {item["color"]: item["label"] for item in layer["legendItems"]}
    assert {item["label"]: item["color"] for item in layer["legendItems"]}.items() <= OUTCOME_COLORS.items()
    entries = {entry["techniqueID"]: entry for entry in layer["techniques"]}
    assert len(entries) == len(layer["techniques"])
    live = {
        plain.primary_id("attack-enterprise", stix)
        for stix in firsts("attack-enterprise", "18.1").values()
        if stix["type"] == "attack-pattern" and plain.live(stix)
    }
    assert set(entries) == live
    assert legend[entries["T1112"]["color"]] == "moved"
    # T1574.002 was merged into it; that T1038 was, long before, is not news.
    assert entries["T1574.001"]["score"] == 2
    assert "T1574.002 DLL Side-Loading: Revoked in 17.0" in entries["T1574.001"]["comment"]
    file = tmp_path / "layer.json"
    file.write_bytes(content)
    read = ReadLayer(strict=True)
    read.from_file(str(file))
    assert read.layer is not None
    assert len(read.layer.techniques) == len(entries)


@between
def test_outcomes_are_a_feed_of_entries_with_ids_that_stay(between_library: Library) -> None:
    kept = {"outcome": ["renamed", "edited", "added", "gone"]}
    content = written(between_library, "disarm", "1.5", "1.6", "atom", **kept)
    entries = checked(content)
    rows = compared(between_library, "disarm", "1.5", "1.6", **kept).page.items
    ids = {entry.findtext("{http://www.w3.org/2005/Atom}id") for entry in entries}
    assert ids == {f"tag:ctibutler.invalid,2026:outcomes/disarm/1.5/1.6/{row.stix_id}" for row in rows}
    assert written(between_library, "disarm", "1.5", "1.6", "atom", **kept) == content


@between
def test_without_a_lower_release_everything_is_added(between_library: Library) -> None:
    found = compared(between_library, "disarm", None, "1.4")
    assert found.since is None
    assert found.counts.outcomes == {"added": len(firsts("disarm", "1.4"))}
    assert {row.reason for row in found.page.items} == {"New in 1.4."}
    assert compared(between_library, "disarm", None, "1.6").since == "1.5"
    for old, new in (("9.9", "1.6"), ("1.5", "9.9")):
        with pytest.raises(NotFound, match=r"9\.9"):
            compared(between_library, "disarm", old, new)


def test_lists_that_are_kept_follow_the_catalogue(catalogues: Catalogues) -> None:
    database = catalogues.empty()
    library = Library(database, HOSTED)
    many = [technique(number, f"T{number:04}") for number in range(1, 2000)]
    install(database, "attack-mobile@1.0", made_content(many))
    install(database, "attack-mobile@2.0", made_content(many[:-1]))
    assert compared(library, "attack-mobile", "1.0", "2.0").counts.outcomes["gone"] == 1
    install(database, "attack-mobile@2.0", made_content(many[:-3]), force=True)
    assert compared(library, "attack-mobile", "1.0", "2.0").counts.outcomes["gone"] == 3
