"""For the ids of every release: the way to the next one does not matter, and lists are placed where their ids live."""

from __future__ import annotations

import random
from functools import lru_cache

import pytest

from ctibutler.answers.library import Library
from ctibutler.answers.releases import installed
from ctibutler.errors import InvalidRequest
from ctibutler.knowledge_bases import HOSTED
from ctibutler.migration.between import pairs_of
from ctibutler.migration.files import Migration, Options
from ctibutler.migration.migrating import migrate_ids
from tests.answers.plain import live as is_live
from tests.catalogue import published

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("between releases")]
SLUGS = ("attack-enterprise", "attack-mobile", "attack-ics", "capec", "atlas", "disarm", "d3fend", "mitre-f3")
Ids = frozenset[str]


@lru_cache(maxsize=64)
def ids_of(slug: str, label: str) -> tuple[Ids, Ids]:
    """The ids of live objects of a release, and those of dead ones only, read from its file."""
    kb = HOSTED.named(slug)
    live: set[str] = set()
    dead: set[str] = set()
    for item in published(slug, label):
        number = kb.primary_id(item) if item["type"] != "relationship" else None
        if number is not None:
            (live if is_live(item) else dead).add(number)
    return frozenset(live), frozenset(dead - live)


def labels_in(library: Library, slug: str) -> list[str]:
    """The installed releases, the lowest first."""
    return list(reversed(installed(library, HOSTED.named(slug)).labels))


def brought(library: Library, slug: str, ids: list[str], **options: str) -> Migration:
    kb = HOSTED.named(slug)
    return migrate_ids(library, kb, ids, Options(**options), pairs_of(library, kb))  # type: ignore[arg-type]


def new_ids(library: Library, slug: str, ids: list[str], source: str, target: str) -> dict[str, str | None]:
    """Old id → new id; None for what needs a human."""
    [file] = brought(library, slug, ids, source=source, target=target).files
    return {
        item.id: None if one.outcome.handling == "human" else one.outcome.new_id
        for item, one in zip(file.items, file.settled, strict=True)
    }


SEVERAL = [slug for slug in SLUGS if slug not in ("d3fend", "mitre-f3")]
"""Those that have a release between two others."""


@pytest.mark.parametrize("slug", SEVERAL)
def test_two_steps_lead_where_one_does(between_library: Library, slug: str) -> None:
    labels = labels_in(between_library, slug)
    compare(between_library, slug, {(labels[0], labels[len(labels) // 2], labels[-1])})


@pytest.mark.slow
@pytest.mark.parametrize("slug", SEVERAL)
def test_any_two_steps_lead_where_one_does(between_library: Library, slug: str) -> None:
    labels = labels_in(between_library, slug)
    around = {(labels[0], middle, labels[-1]) for middle in labels[1:-1]}
    compare(between_library, slug, around | set(zip(labels, labels[1:], labels[2:], strict=False)))


def compare(between_library: Library, slug: str, ways: set[tuple[str, str, str]]) -> None:
    compared, different = 0, []
    for first, second, third in sorted(ways):
        live, dead = ids_of(slug, first)
        ids = sorted(live | dead)
        direct = new_ids(between_library, slug, ids, first, third)
        step = new_ids(between_library, slug, ids, first, second)
        reached = sorted({new for new in step.values() if new is not None})
        further = new_ids(between_library, slug, reached, second, third)
        for one in ids:
            halfway = step[one]
            end = further[halfway] if halfway is not None else None
            if end is not None and direct[one] is not None:
                compared += 1
                if end != direct[one]:
                    different.append((first, second, third, one, halfway, end, direct[one]))
    assert different == []
    assert compared > 100


@pytest.mark.parametrize("slug", SLUGS)
def test_a_list_is_placed_in_a_release_where_all_its_ids_live(between_library: Library, slug: str) -> None:
    labels = labels_in(between_library, slug)
    live = {label: ids_of(slug, label)[0] for label in labels}
    chance = random.Random(slug)
    for label in labels:
        # Those that do not live in all releases tell one from the other.
        telling = sorted(one for one in live[label] if any(one not in live[other] for other in labels))
        others = sorted(live[label])
        ids = chance.sample(telling, min(15, len(telling)))
        ids += [one for one in chance.sample(others, min(30, len(others))) if one not in ids][: 30 - len(ids)]
        found = brought(between_library, slug, ids).source
        assert found.guessed
        assert set(ids) <= live[found.version], (label, found)
        assert found.fits[0].live == len(set(ids))
        highest = max((other for other in labels if set(ids) <= live[other]), key=labels.index)
        assert found.version == highest


@pytest.mark.parametrize(
    ("slug", "other"),
    [("attack-enterprise", "attack-ics"), ("attack-ics", "attack-enterprise"), ("disarm", "attack-mobile")],
)
def test_foreign_and_mixed_lists_are_refused_with_counts(between_library: Library, slug: str, other: str) -> None:
    labels = labels_in(between_library, slug)
    everything = {label: ids_of(slug, label) for label in labels}
    known = frozenset().union(*(live | dead for live, dead in everything.values()))
    foreign = sorted(ids_of(other, labels_in(between_library, other)[-1])[0] - known)
    foreign = [one for one in foreign if one.startswith(("T0", "T1"))][:30]
    own = sorted(everything[labels[-1]][0])[:10]
    for ids in (foreign, foreign[:10] + own):
        with pytest.raises(InvalidRequest, match="knows nine in ten") as refused:
            brought(between_library, slug, ids)
        ranked = sorted(
            (
                (
                    -len(set(ids) & live),
                    len(set(ids) - live - dead),
                    -labels.index(label),
                    f"{label}: {len(set(ids) & live)} live, {len(set(ids) & dead)} revoked or deprecated, "
                    f"{len(set(ids) - live - dead)} unknown",
                )
                for label, (live, dead) in everything.items()
            )
        )
        assert "; ".join(shown for *_, shown in ranked[:3]) in str(refused.value)
    # One in ten may be unknown.
    mixed = foreign[:3] + sorted(everything[labels[-1]][0])[:27]
    assert brought(between_library, slug, mixed).source.guessed


def test_stale_ids_do_not_hinder(between_library: Library) -> None:
    """What is revoked in all releases is followed from the one that fits the others."""
    live, dead = ids_of("attack-enterprise", "17.1")
    telling = sorted(live - ids_of("attack-enterprise", "18.1")[0])[:20]
    ids = telling + sorted(dead)[:20]
    assert brought(between_library, "attack-enterprise", ids).source.version in ("17.0", "17.1")
