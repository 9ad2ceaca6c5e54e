"""What differs between two releases of an object, against plain Python over the publishers' files."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ctibutler.answers.differences import DifferenceQuery, ObjectDifference, object_difference
from ctibutler.answers.library import Library
from ctibutler.comparing.classes import CHANGE_CLASSES
from ctibutler.comparing.words import normal
from ctibutler.errors import NotFound
from ctibutler.knowledge_bases import HOSTED
from tests.answers import plain
from tests.answers.test_history import firsts, relationship, technique, value
from tests.catalogue import Catalogues, install, made_content

pytestmark = pytest.mark.real
between = pytest.mark.xdist_group("between")


def compared(
    library: Library, slug: str, object_id: str, old: str | None = None, new: str | None = None, **query: Any
) -> ObjectDifference:
    return object_difference(library, HOSTED.named(slug), object_id, DifferenceQuery(old, new, **query))


def absent(problem: pytest.ExceptionInfo[NotFound]) -> object:
    return problem.value.details.get("versions")


def in_both(slug: str, old: str, new: str, number: int) -> list[str]:
    """Some STIX ids that both releases have and that are live in the second, of objects that differ."""
    before, after = firsts(slug, old), firsts(slug, new)
    ids = [
        stix_id
        for stix_id in sorted(before.keys() & after.keys())
        if plain.live(after[stix_id]) and plain.same(before[stix_id]) != plain.same(after[stix_id])
    ]
    return ids[:: max(1, len(ids) // number)]


def bare(raw: Any) -> Any:
    """A value without what means nothing: empty values, and the order of texts, phases and references."""
    if isinstance(raw, dict):
        inside = {key: bare(item) for key, item in raw.items()}
        return {key: item for key, item in inside.items() if item is not None} or None
    if isinstance(raw, list) and all(isinstance(item, str) for item in raw):
        return sorted(set(raw)) or None
    if isinstance(raw, list):
        return [bare(item) for item in raw]
    return None if raw in (None, "", []) or raw is False else raw


def differs(name: str, before: Any, after: Any) -> bool:
    if name in ("kill_chain_phases", "external_references"):
        sides = [sorted(json.dumps(bare(item), sort_keys=True) for item in side or []) for side in (before, after)]
        return sides[0] != sides[1]
    return json.dumps(bare(before), sort_keys=True) != json.dumps(bare(after), sort_keys=True)


@between
@pytest.mark.parametrize(
    ("slug", "old", "new"),
    [
        ("attack-ics", "17.1", "18.1"),
        ("capec", "3.8", "3.9"),
        ("disarm", "1.5", "1.6"),
        ("attack-enterprise", "15.1", "18.1"),
    ],
)
def test_properties_are_those_that_differ_in_the_files(between_library: Library, slug: str, old: str, new: str) -> None:
    before, after = firsts(slug, old), firsts(slug, new)
    for stix_id in in_both(slug, old, new, 20):
        found = compared(between_library, slug, stix_id, old, new)
        was, now = before[stix_id], after[stix_id]
        wanted = {name for name in {*was, *now} if differs(name, was.get(name), now.get(name))}
        top = {one.path.partition(".")[0] for one in found.properties}
        assert top - {"external_id", "parents"} == wanted, stix_id
        for one in found.properties:
            if one.path in wanted:
                assert (one.before, one.after) == (was.get(one.path), now.get(one.path))
                is_edit = value(was.get(one.path)) != value(now.get(one.path))
                assert is_edit or one.change_class in ("format", "status", "housekeeping"), (stix_id, one.path)
        assert [one.change_class for one in found.properties] == sorted(
            (one.change_class for one in found.properties), key=CHANGE_CLASSES.index
        )
        assert sum(found.counts.values()) == len(found.properties)


@between
def test_word_diffs_rebuild_both_texts(between_library: Library) -> None:
    texts = 0
    before, after = firsts("attack-enterprise", "15.1"), firsts("attack-enterprise", "18.1")
    described = [
        stix_id
        for stix_id in sorted(before.keys() & after.keys())
        if before[stix_id].get("description") != after[stix_id].get("description") and plain.live(after[stix_id])
    ]
    for stix_id in described[:: len(described) // 50]:
        for one in compared(between_library, "attack-enterprise", stix_id, "15.1", "18.1").properties:
            if isinstance(one.words, list):
                old, new = ["".join(text for sign, text in one.words if sign in side) for side in ("=-", "=+")]
                assert (old, new) == (normal(one.before), normal(one.after))
                # Read in another way: every word that the texts show is there, in its order.
                for shown, published in ((old, one.before), (new, one.after)):
                    without = re.sub(r"\(Citation:(?:[^()]|\([^()]*\))*\)", "", published)
                    without = re.sub(r"!?\[([^\[\]]*)\]\((?:[^()\s]|\([^()]*\))*\)", r"\1", without)
                    without = re.sub(r"</?[A-Za-z][^<>]*>", " ", without)
                    for entity, character in (
                        ("&lt;", "<"),
                        ("&gt;", ">"),
                        ("&quot;", '"'),
                        ("&nbsp;", " "),
                        ("&amp;", "&"),
                    ):
                        without = without.replace(entity, character)
                    assert re.findall(r"[A-Za-z0-9]+", shown) == re.findall(r"[A-Za-z0-9]+", without), stix_id
                texts += 1
    assert texts > 40


@between
@pytest.mark.parametrize(
    ("slug", "old", "new", "object_id"),
    [
        ("attack-enterprise", "15.1", "18.1", "T1112"),
        ("attack-enterprise", "17.1", "18.1", "S0154"),
        ("attack-ics", "8.0", "18.1", "T0803"),
        ("attack-mobile", "14.1", "18.1", "T1426"),
    ],
)
def test_relationships_are_those_of_the_files(
    between_library: Library, slug: str, old: str, new: str, object_id: str
) -> None:
    found = compared(between_library, slug, object_id, old, new)

    def ends(label: str) -> dict[tuple[str, str, str], str]:
        return {
            (stix["relationship_type"], direction, stix[other]): stix["id"]
            for stix in plain.contents(slug, label)
            for direction, other in (("source_ref", "target_ref"), ("target_ref", "source_ref"))
            if stix["type"] == "relationship" and plain.live(stix) and stix[direction] == found.before.stix_id
        }

    before, after = ends(old), ends(new)
    for side, wanted in (("added", after.keys() - before.keys()), ("removed", before.keys() - after.keys())):
        listed = {
            (kind, end.direction, end.object.stix_id)
            for kind, difference in found.relationships.items()
            for end in getattr(difference, side)
        }
        assert listed == wanted
    names = {**firsts(slug, old), **firsts(slug, new)}
    assert found.relationships
    for difference in found.relationships.values():
        for end in (*difference.added, *difference.removed):
            stix = names[str(end.object.stix_id)]
            assert (end.object.external_id, end.object.name) == (plain.primary_id(slug, stix), stix["name"])


@between
def test_without_a_first_release_it_is_the_last_in_which_the_object_differs(between_library: Library) -> None:
    for slug, object_id in (
        ("attack-mobile", "T1426"),
        ("capec", "CAPEC-94"),
        ("attack-ics", "T0803"),
        ("disarm", "T0086"),
    ):
        found = compared(between_library, slug, object_id)
        with between_library.database.read() as connection:
            labels = [row.label for row in connection.rows(
                "SELECT label FROM release WHERE knowledge_base = :slug ORDER BY sort_key DESC", slug=slug)]  # fmt: skip
        states = [firsts(slug, label).get(found.after.stix_id) for label in labels]
        differing = [
            label
            for label, state in zip(labels, states, strict=True)
            if state
            and any(
                differs(name, state.get(name), (states[0] or {}).get(name)) for name in {*state, *(states[0] or {})}
            )
        ]
        assert (found.since, found.label) == (differing[0], labels[0]), object_id


@between
def test_an_object_is_compared_with_what_replaced_it(between_library: Library) -> None:
    found = compared(between_library, "attack-enterprise", "T1574.002", "15.1", "18.1")
    assert (found.outcome, found.new_id, found.handling) == ("merged", "T1574.001", "look")
    assert (found.before.external_id, found.after.external_id) == ("T1574.002", "T1574.001")
    assert [(one.before, one.after) for one in found.properties if one.path == "external_id"] == [
        ("T1574.002", "T1574.001")
    ]
    alone = compared(between_library, "attack-enterprise", "T1574.002", "15.1", "18.1", follow=False)
    assert alone.after.external_id == "T1574.002"
    assert alone.after.stix_id == alone.before.stix_id
    assert "status" in alone.counts


@between
def test_a_renumbered_object_is_found_by_either_number(between_library: Library) -> None:
    old = compared(between_library, "d3fend", "d3f:ChangeDefaultPassword", "1.1.0", "1.2.0")
    assert old == compared(between_library, "d3fend", "D3-CFP", "1.1.0", "1.2.0")
    assert old.outcome == "renumbered"
    assert (old.properties[0].path, old.properties[0].change_class) == ("external_id", "name")


@between
def test_what_a_release_changed_for_all_objects_has_a_class_of_its_own(between_library: Library) -> None:
    found = compared(between_library, "attack-enterprise", "T1059", "15.1", "18.1")
    classes = {one.path: one.change_class for one in found.properties}
    assert classes["x_mitre_detection"] == "model"
    assert classes["x_mitre_platforms"] == "vocabulary"
    shown = compared(between_library, "attack-enterprise", "T1059", "15.1", "18.1", hide=("model", "no-such-class"))
    assert {one.path for one in shown.properties} == {path for path, known in classes.items() if known != "model"}
    assert shown.counts == found.counts


@between
def test_values_that_refer_to_objects_are_named(between_library: Library) -> None:
    found = compared(between_library, "capec", "CAPEC-94", "3.8", "3.9")
    assert "silent" in found.also
    added = {item for one in found.properties if one.path == "x_capec_parent_of_refs" for item in one.added or ()}
    names = {one.stix_id: (one.external_id, one.name) for one in found.named}
    assert [names[item] for item in added] == [("CAPEC-701", "Browser in the Middle (BiTM)")]


@between
def test_a_release_compared_with_itself_is_unchanged(between_library: Library) -> None:
    same = compared(between_library, "attack-ics", "T0803", "18.1", "18.1")
    assert (same.outcome, same.properties, same.relationships, same.counts) == ("unchanged", [], {}, {})


@between
def test_the_releases_that_have_an_object_are_named(between_library: Library) -> None:
    with pytest.raises(NotFound, match=r"no object `T1059.013` in attack-enterprise 17.1; it is in 18.1") as problem:
        compared(between_library, "attack-enterprise", "T1059.013", "17.1", "18.1")
    assert absent(problem) == ["18.1"]
    with pytest.raises(NotFound, match=r"in attack-mobile 18.0; it is in 14.1, 17.0, 17.1 and 18.1") as problem:
        compared(between_library, "attack-mobile", "T1454", None, "18.0")
    assert absent(problem) == ["14.1", "17.0", "17.1", "18.1"]
    with pytest.raises(NotFound, match=r"no release of capec before 3.5 is installed"):
        compared(between_library, "capec", "CAPEC-94", None, "3.5")
    with pytest.raises(NotFound, match="in any installed release"):
        compared(between_library, "capec", "CAPEC-99999", "3.5", "3.9")
    with pytest.raises(NotFound, match=r"no release `9.9` of capec is installed"):
        compared(between_library, "capec", "CAPEC-94", "9.9", "3.9")


def test_objects_inside_objects_have_paths(catalogues: Catalogues) -> None:
    database = catalogues.empty()
    parent, other = technique(1, "T0001"), technique(2, "T0002")
    before = technique(
        3, "T0001.003", x_mitre_is_subtechnique=True, x_own={"same": 1, "deep": {"a": "one two", "b": [1]}}
    )
    after = {
        **before,
        "x_own": {"same": 1, "deep": {"a": "one three", "c": None, "b": [1, 2]}, "new": True},
        "x_text": "<b>",
    }
    install(
        database,
        "attack-mobile@1.0",
        made_content([parent, other, before, relationship(1, "subtechnique-of", before, parent)]),
    )
    install(
        database,
        "attack-mobile@2.0",
        made_content([parent, other, after, relationship(2, "subtechnique-of", before, other)]),
    )
    found = compared(Library(database, HOSTED), "attack-mobile", "T0001.003")
    assert [(one.path, one.change, one.change_class) for one in found.properties] == [
        ("parents", "changed", "place"),
        ("x_own.deep.a", "changed", "meaning"),
        ("x_own.deep.b", "changed", "meaning"),
        ("x_own.new", "added", "meaning"),
        ("x_text", "added", "meaning"),
    ]
    parents, text, numbers, *_ = found.properties
    assert (parents.removed, parents.added) == (["T0001"], ["T0002"])
    assert text.words == [("=", "one "), ("-", "two"), ("+", "three")]
    assert (numbers.before, numbers.after, numbers.added, numbers.removed) == ([1], [1, 2], [2], [])
    assert [end.object.external_id for end in found.relationships["subtechnique-of"].added] == ["T0002"]
    assert [end.object.external_id for end in found.relationships["subtechnique-of"].removed] == ["T0001"]
    assert {"silent", "edited"} <= {found.outcome, *found.also}


def test_the_same_ends_are_the_same_relationship(catalogues: Catalogues) -> None:
    database = catalogues.empty()
    first, second = technique(1, "T0001"), technique(2, "T0002")
    for label, number in (("1.0", 1), ("2.0", 2)):
        install(
            database,
            f"attack-mobile@{label}",
            made_content([first, second, relationship(number, "uses", first, second)]),
        )
    assert compared(Library(database, HOSTED), "attack-mobile", "T0001").relationships == {}
