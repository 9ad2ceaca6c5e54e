"""The changes between two releases, compared with plain Python over the two files."""

from __future__ import annotations

import json
from collections import Counter
from functools import lru_cache
from itertools import pairwise
from typing import Any

import pytest

from ctibutler.answers.changes import ChangesPage, ChangesQuery, changes
from ctibutler.answers.library import Library
from ctibutler.answers.pages import Page, PageRequest, Sort
from ctibutler.errors import NotFound
from ctibutler.forms.changes import rows_of
from ctibutler.knowledge_bases import HOSTED
from tests.answers import plain
from tests.answers.walking import ALL, decoded, ids, walk
from tests.catalogue import labels_of, releases_on

pytestmark = pytest.mark.real


def pairs(engine: str) -> list[tuple[str, str, str]]:
    """Neighbouring releases of each knowledge base that has two (of ATLAS, which has thirteen small ones: all)."""
    found = []
    for kb in HOSTED.all:
        labels = [name.partition("@")[2] for name in releases_on(engine) if name.startswith(kb.slug + "@")]
        neighbours = list(pairwise(labels))
        found += [(kb.slug, *pair) for pair in (neighbours if kb.slug in ("atlas", "disarm") else neighbours[-1:])]
    return found


KNOWLEDGE_BASES = [kb.slug for kb in HOSTED.all if len(labels_of(kb.slug)) > 1]


@lru_cache(maxsize=4)
def by_id(slug: str, label: str) -> dict[str, list[plain.Stix]]:
    found: dict[str, list[plain.Stix]] = {}
    for stix in plain.contents(slug, label):
        found.setdefault(stix["id"], []).append(stix)
    return found


def expected(slug: str, old: str | None, new: str) -> dict[str, str]:
    """The change of each STIX id."""
    before, after = by_id(slug, old) if old else {}, by_id(slug, new)
    return {
        stix_id: plain.change(before.get(stix_id, []), after.get(stix_id, []))
        for stix_id in before.keys() | after.keys()
    }


def compared(library: Library, slug: str, new: str | None, since: str | None, **query: Any) -> ChangesPage:
    query.setdefault("page", ALL)
    return changes(library, HOSTED.named(slug), new, ChangesQuery(since, **query))


def rows_in(found: ChangesPage, *, include_objects: bool = False) -> list[dict[str, Any]]:
    return decoded(rows_of(found, include_objects=include_objects))


@pytest.mark.parametrize("slug", KNOWLEDGE_BASES)
def test_changes_are_those_found_by_plain_python(filled_library: Library, slug: str) -> None:
    for _, old, new in [pair for pair in pairs(filled_library.database.engine) if pair[0] == slug]:
        answered = compared(filled_library, slug, new, old)
        wanted = expected(slug, old, new)
        rows = rows_in(answered)
        assert {row["id"]: row["change"] for row in rows} == {
            stix_id: change for stix_id, change in wanted.items() if change != "unchanged"
        }
        assert {change: count for change, count in answered.counted().items() if count} == Counter(wanted.values())
        assert (answered.knowledge_base, answered.release, answered.since) == (slug, new, old)
        assert ids(rows) == sorted(ids(rows))
        before, after = by_id(slug, old), by_id(slug, new)
        for row in rows:
            was, now = before.get(row["id"], []), after.get(row["id"], [])
            shown = (now or was)[0]
            assert row["type"] == shown["type"]
            assert row["name"] == shown.get("name")
            assert row["before_modified"] == (was[0].get("modified") if was else None)
            assert row["after_modified"] == (now[0].get("modified") if now else None)
            names = {name for stix in (*was, *now) for name in stix} if was and now else set()
            assert row["changed_properties"] == sorted(
                name
                for name in names
                if {json.dumps(stix.get(name, "…"), sort_keys=True) for stix in was}
                != {json.dumps(stix.get(name, "…"), sort_keys=True) for stix in now}
            )


def test_another_order_of_keys_is_not_a_change(filled_library: Library) -> None:
    before, after = by_id("attack-ics", "17.0"), by_id("attack-ics", "17.1")
    reordered = [
        stix_id
        for stix_id in before.keys() & after.keys()
        if json.dumps(before[stix_id]) != json.dumps(after[stix_id])
        and plain.same(before[stix_id][0]) == plain.same(after[stix_id][0])
    ]
    assert len(reordered) == 232
    answered = {row["id"] for row in rows_in(compared(filled_library, "attack-ics", "17.1", "17.0"))}
    assert not answered & set(reordered)


def test_without_since_the_next_lower_release_is_compared(filled_library: Library) -> None:
    assert (
        compared(filled_library, "attack-ics", None, None).since == "18.0" or filled_library.database.engine != "sqlite"
    )
    assert compared(filled_library, "atlas", "5.1.1", None).since == "5.1.0"
    assert compared(filled_library, "capec", "latest", None).since == "3.8"


def test_everything_is_added_if_there_is_no_lower_release(filled_library: Library) -> None:
    answered = compared(filled_library, "atlas", "4.7.0", None)
    assert answered.since is None
    assert answered.counted()["added"] == answered.page.total == len(by_id("atlas", "4.7.0"))


def test_since_may_be_a_higher_release(filled_library: Library) -> None:
    back = compared(filled_library, "disarm", "1.5", "1.6")
    wanted = expected("disarm", "1.6", "1.5")
    assert {change: count for change, count in back.counted().items() if count} == Counter(wanted.values())


def test_a_release_compared_with_itself_is_unchanged(filled_library: Library) -> None:
    answered = compared(filled_library, "disarm", "1.6", "1.6")
    assert answered.page.total == 0
    assert answered.counted()["unchanged"] == len(by_id("disarm", "1.6"))


def test_changes_of_a_release_that_is_not_installed_are_not_found(filled_library: Library) -> None:
    for new, old in (("99.0", None), ("1.6", "99.0")):
        with pytest.raises(NotFound):
            compared(filled_library, "disarm", new, old)


def test_filters_do_not_affect_the_total_counts(filled_library: Library) -> None:
    whole = compared(filled_library, "attack-ics", "18.1", "17.1")
    rows = rows_in(whole)
    for wanted, types in (
        (["added"], None),
        (["removed", "modified"], ["attack-pattern", "malware"]),
        (None, ["tool"]),
    ):
        part = compared(filled_library, "attack-ics", "18.1", "17.1", change=wanted, types=types)
        assert part.counts == whole.counts
        assert rows_in(part) == [
            row for row in rows if (not wanted or row["change"] in wanted) and (not types or row["type"] in types)
        ]


def test_changes_include_objects_on_request(filled_library: Library) -> None:
    for slug, old, new in (("attack-ics", "17.1", "18.1"), ("atlas", "5.1.1", "5.2.0")):
        rows = rows_in(compared(filled_library, slug, new, old), include_objects=True)
        before, after = by_id(slug, old), by_id(slug, new)
        lists = 0
        for row in rows:
            for name, side in (("before", before), ("after", after)):
                objects = side.get(row["id"], [])
                lists += len(objects) > 1
                assert row[name] == (objects if len(objects) > 1 else objects[0] if objects else None)
        assert lists > 0 or slug != "atlas"


@pytest.mark.parametrize("key", ["id", "type", "name", "change"])
def test_changes_are_sorted_and_paged(filled_library: Library, key: str) -> None:
    def ask(page: PageRequest) -> Page[Any]:
        found = compared(filled_library, "disarm", "1.6", "1.5", sort=Sort(key, descending=True), page=page)
        return rows_of(found, include_objects=False)

    rows = walk(ask, 100)
    by_key = sorted(rows, key=lambda row: row["id"])
    by_key.sort(key=lambda row: plain.fold(row[key] or "") if key == "name" else row[key], reverse=True)
    assert ids(rows) == ids(by_key)
    assert len(rows) > 200


def test_objects_are_sorted_by_type_and_id_before_relationships(filled_library: Library) -> None:
    found = compared(filled_library, "attack-ics", "18.1", "17.1", sort=Sort("number"))
    rows = [(change.type, plain.natural(change.external_id or ""), change.id) for change in found.page.items]
    objects = [row for row in rows if row[0] != "relationship"]
    relationships = [row for row in rows if row[0] == "relationship"]
    assert rows == sorted(objects) + sorted(relationships)
    assert objects
    assert relationships


def test_counts_can_be_requested_by_type(filled_library: Library) -> None:
    found = compared(filled_library, "attack-ics", "18.1", "17.1")
    wanted = expected("attack-ics", "17.1", "18.1")
    for kinds in ({"relationship"}, {"attack-pattern", "malware"}, {"no-such-type"}):
        counted = Counter(change for stix_id, change in wanted.items() if stix_id.partition("--")[0] in kinds)
        assert {kind: count for kind, count in found.counted(kinds.__contains__).items() if count} == counted
