"""Heirs by other means: plain Python over the published files, and networkx over `revoked-by`."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import networkx as nx
import pytest

from ctibutler.answers.library import Library
from ctibutler.answers.naming import installed_release
from ctibutler.comparing.judging import Judged, judge
from ctibutler.comparing.outcomes import HANDLINGS, OUTCOME_HANDLINGS, OUTCOMES
from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import labels_of, published, releases_between

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("between")]

# Types that take each other's place, as ATT&CK declares them: malware becomes a tool, and the reverse.
SOFTWARE = ("malware", "tool")
NUMBERS_STAY = ("atlas",)
SLUGS = ("attack-mobile", "attack-ics", "capec", "atlas", "disarm", "d3fend", "mitre-f3", "attack-enterprise")


@dataclass(frozen=True)
class Plain:
    """An object, as far as heirs need it."""

    id: str
    type: str
    number: str | None
    revoked: bool
    deprecated: bool
    modified: str

    @property
    def is_live(self) -> bool:
        return not self.revoked and not self.deprecated


@dataclass(frozen=True)
class PlainRelease:
    """A release: its objects but relationships by id, and the targets of `revoked-by` by source, dead ones apart."""

    objects: Mapping[str, Plain]
    live_hops: Mapping[str, Sequence[str]]
    dead_hops: Mapping[str, Sequence[str]]


@lru_cache(maxsize=80)
def plain(slug: str, label: str) -> PlainRelease:
    kb = HOSTED.named(slug)
    objects: dict[str, Plain] = {}
    live: defaultdict[str, list[str]] = defaultdict(list)
    dead: defaultdict[str, list[str]] = defaultdict(list)
    for item in published(slug, label):
        if item["type"] != "relationship":
            objects.setdefault(item["id"], _plain(item, kb.primary_id(item)))
        elif item["relationship_type"] == "revoked-by":
            hops = dead if item.get("revoked") or item.get("x_mitre_deprecated") else live
            hops[item["source_ref"]].append(item["target_ref"])
    return PlainRelease(objects, live, dead)


def _plain(item: Mapping[str, Any], number: str | None) -> Plain:
    status = str(item.get("x_capec_status", "")).lower()
    deprecated = bool(item.get("x_mitre_deprecated")) or status in ("deprecated", "obsolete")
    return Plain(
        item["id"],
        item["type"],
        number,
        bool(item.get("revoked")),
        deprecated,
        item.get("modified") or item.get("created", ""),
    )


def graph_into(slug: str, new: str, installed: Sequence[str]) -> nx.DiGraph[str]:
    """What is revoked by what, as the release `new` says or, where it says nothing, the nearest one: lower ones first. Nothing
    leaves an object that is live, or deprecated only."""
    order = [*installed[: installed.index(new) + 1][::-1], *installed[installed.index(new) + 1 :]]
    graph: nx.DiGraph[str] = nx.DiGraph()
    told: set[str] = set()
    target = plain(slug, new).objects
    for label in order:
        release = plain(slug, label)
        for source in (release.live_hops.keys() | release.dead_hops.keys()) - told:
            told.add(source)
            if source not in target or target[source].revoked:
                hops = release.live_hops.get(source) or release.dead_hops[source]
                graph.add_edges_from((source, hop) for hop in hops)
    return graph


def same_in(slug: str, one: Plain, release: PlainRelease) -> Plain | None:
    """The same object in another release."""
    if slug not in NUMBERS_STAY and one.id in release.objects:
        return release.objects[one.id]
    if one.number is None:
        return release.objects.get(one.id)
    family = SOFTWARE if one.type in SOFTWARE and slug.startswith("attack") else (one.type,)
    same = [
        other
        for other in release.objects.values()
        if (other.number or "").lower() == one.number.lower() and other.type in family
    ]
    best = sorted(same, key=lambda other: other.modified, reverse=True)
    return min(best, key=lambda other: (not other.is_live, other.revoked), default=None)


def ends_of(slug: str, one: Plain, new: PlainRelease, graph: nx.DiGraph[str]) -> set[str]:
    """The live objects of the new release that stand for an object of the old one."""
    same = same_in(slug, one, new)
    # Of a new object with the old number that leads nowhere, the old object may say more.
    for start in dict.fromkeys((same.id if same else one.id, one.id)):
        reached = {start, *(nx.descendants(graph, start) if start in graph else ())} & new.objects.keys()
        ends = {end for end in reached if not new.objects[end].revoked}
        if ends:
            return {end for end in ends if new.objects[end].is_live}
    return set()


def pairs(slug: str, *, every: bool) -> Iterator[tuple[str, str]]:
    labels = [name.partition("@")[2] for name in releases_between() if name.startswith(f"{slug}@")]
    if every:
        yield from itertools.permutations(labels, 2)
        yield from ((label, label) for label in labels)
        return
    ends = {(labels[0], labels[-1]), (labels[-1], labels[0]), (labels[-1], labels[-1]), *itertools.pairwise(labels)}
    yield from sorted(ends)


def judged_pairs(library: Library, slug: str, *, every: bool) -> Iterator[Judged]:
    kb = HOSTED.named(slug)
    with library.database.read() as connection:
        for old, new in pairs(slug, every=every):
            before, after = [installed_release(connection, kb, label) for label in (old, new)]
            yield judge(connection, kb, before, after)


def check(found: Judged, slug: str) -> None:
    """Every object has one outcome of the list, and the heir that plain Python finds; nothing is replaced by what is dead, of
    another kind, or not there."""
    old, new = [plain(slug, side.release.label) for side in (found.old, found.new)]
    installed = [name.partition("@")[2] for name in releases_between() if name.startswith(f"{slug}@")]
    graph = graph_into(slug, found.new.release.label, installed)
    assert found.outcomes.keys() == old.objects.keys()
    tactics = {mark for mark, fate in found.flow.fates.items() if fate.is_split}
    for stix_id, outcome in found.outcomes.items():
        one = old.objects[stix_id]
        assert outcome.outcome in OUTCOMES, outcome
        assert outcome.handling in HANDLINGS, outcome
        assert set(outcome.also) <= {*OUTCOMES, "stale", "silent", "new_subtechniques"}, outcome
        assert ("stale" in outcome.also) == (not one.is_live), outcome
        assert outcome.reason.endswith("."), outcome
        assert outcome.evidence, outcome
        ends = ends_of(slug, one, new, graph)
        if stix_id in tactics:
            assert (outcome.outcome, outcome.new_stix_id) == ("split", None)
        elif outcome.outcome == "reused":
            check_reused(one, old, new, outcome.name, slug)
            assert outcome.new_stix_id is None
        else:
            assert outcome.new_stix_id == (next(iter(ends)) if len(ends) == 1 else None), (outcome, ends)
            assert (outcome.outcome == "split") == (len(ends) > 1), (outcome, ends)
        check_replacement(slug, one, outcome.handling, outcome.new_stix_id, outcome.new_id, new)
        strictest = max((OUTCOME_HANDLINGS[word] for word in (outcome.outcome, *outcome.also) if word in OUTCOMES),
                        key=HANDLINGS.index)  # fmt: skip
        assert HANDLINGS.index(outcome.handling) >= HANDLINGS.index(strictest), outcome


def check_replacement(
    slug: str, one: Plain, handling: str, new_stix_id: str | None, new_id: str | None, new: PlainRelease
) -> None:
    assert (handling == "human") == (new_stix_id is None), (one, handling, new_stix_id)
    if new_stix_id is not None:
        end = new.objects[new_stix_id]
        assert end.is_live, (one, end)
        assert new_id == (end.number or end.id), (one, end)
        family = SOFTWARE if slug.startswith("attack") and one.type in SOFTWARE else (one.type,)
        assert end.type in family or is_published_so(slug, one, end), (one, end)


def is_published_so(slug: str, one: Plain, end: Plain) -> bool:
    """Whether a publisher names an object of another type as successor, in any release."""
    return any(end.id in plain(slug, label).live_hops.get(one.id, ()) for label in labels_of(slug))


def check_reused(one: Plain, old: PlainRelease, new: PlainRelease, name: str | None, slug: str) -> None:
    assert name
    same = same_in(slug, one, new)
    assert same is not None
    assert same.id != one.id
    assert not words(name) & words(names_in(slug)[same.id]), (one, same)


@lru_cache(maxsize=2)
def names_in(slug: str) -> dict[str, str]:
    return {item["id"]: item.get("name", "") for label in labels_of(slug) for item in published(slug, label)}


def words(name: str) -> set[str]:
    return {word.lower().rstrip("s") for word in name.replace("-", " ").split()}


@pytest.mark.parametrize("slug", SLUGS)
def test_heirs_are_those_that_plain_python_finds(between_library: Library, slug: str) -> None:
    judged = list(map_checked(judged_pairs(between_library, slug, every=False), slug))
    assert judged


@pytest.mark.slow
@pytest.mark.parametrize("slug", SLUGS)
def test_heirs_are_those_that_plain_python_finds_for_every_pair(between_library: Library, slug: str) -> None:
    labels = {found.old.release.label for found in map_checked(judged_pairs(between_library, slug, every=True), slug)}
    assert len(labels) > 1


def map_checked(found: Iterable[Judged], slug: str) -> Iterator[Judged]:
    for judged in found:
        check(judged, slug)
        yield judged
