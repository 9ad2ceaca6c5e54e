"""How much of each knowledge base leads on to the next: links, objects at both ends, and what leads nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from ctibutler.answers.library import Library
from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.onward.ground import Ground
from ctibutler.answers.onward.missing_links import missing_link_sets
from ctibutler.answers.onward.path_records import MissingLinkSet
from ctibutler.answers.onward.provenance import views_of
from ctibutler.answers.pages import Count
from ctibutler.catalog.folding import folded
from ctibutler.catalog.walks import Living, Node
from ctibutler.knowledge_bases.links import CAPEC_ATTACK, CWE_CAPEC
from ctibutler.knowledge_bases.onward import LINES
from ctibutler.knowledge_bases.places import Place, Relation
from ctibutler.stix import links as stix_links


class CoverageEnd(msgspec.Struct, frozen=True):
    """One end: how many objects of these kinds a release has, how many of them are related, and where these are listed."""

    knowledge_base: str
    version: str
    kind: str
    objects: Count
    related: Count
    path: str | None


class CoverageRow(msgspec.Struct, frozen=True):
    """What leads from one end to the other.

    `by` names what lies between, empty for links. `links` is the number of links, null where something lies between. `paths`
    counts every way from one object to another, `pairs` the objects that any of them connects.
    """

    start: CoverageEnd = msgspec.field(name="from")
    end: CoverageEnd = msgspec.field(name="to")
    by: tuple[str, ...]
    links: Count | None
    pairs: Count
    paths: Count


class LeadsNowhere(msgspec.Struct, frozen=True):
    """An object that names an id which the other release does not have, or only of a dead object."""

    knowledge_base: str
    external_id: str | None
    names: str
    of: str


class Coverage(msgspec.Struct, frozen=True):
    """How far the installed releases are connected, and what keeps them from being so."""

    rows: tuple[CoverageRow, ...]
    nowhere: tuple[LeadsNowhere, ...]
    missing: tuple[MissingLinkSet, ...]


Counted = dict[Node, dict[Node, int]]
"""From each object, the number of paths to each other."""

_NAMED: Mapping[str, Callable[[Mapping[str, Any]], list[str]]] = {
    CWE_CAPEC.name: stix_links.capec_ids,
    CAPEC_ATTACK.name: stix_links.attack_ids,
}
"""The ids that an object names, in the modes that follow them."""


def cover(library: Library, versions: Mapping[str, str | None]) -> Coverage:
    """Return how much of each release leads on to the next: of these releases, or of the latest ones.

    Raises NotFound if one of these releases is not installed.
    """
    with library.database.read() as connection:
        ground = Ground(library, connection, versions, Living())
        crossing = [one for one in ground.relations if one.of.knowledge_base != one.to.knowledge_base]
        rows = [_row(ground, (one,)) for one in crossing]
        rows += [_row(ground, line) for line in _lines(ground)]
        nowhere = [one for relation in crossing for one in _nowhere(ground, relation)]
        return Coverage(
            tuple(row for row in rows if row is not None), tuple(nowhere), missing_link_sets(ground.missing)
        )


def _lines(ground: Ground) -> Iterator[tuple[Relation, ...]]:
    """The relations along each declared line, in the knowledge bases that have all of them."""
    for first, *others in LINES:
        for start in {one.of: None for one in ground.relations if one.of.stop == first}:
            line = _line(ground, start, others)
            if line:
                yield line


def _line(ground: Ground, start: Place, others: Sequence[object]) -> tuple[Relation, ...]:
    line: list[Relation] = []
    at = start
    for stop in others:
        found = [one for one in ground.from_place(at, onward=True, widen="none") if one.to.stop == stop]
        if not found:
            return ()
        line.append(found[0])
        at = found[0].to
    return tuple(line)


def _row(ground: Ground, line: Sequence[Relation]) -> CoverageRow | None:
    start, end = line[0].of, line[-1].to
    starts, ends = ground.all_at(start), ground.all_at(end)
    if not starts or not ends:
        return None
    counted: Counted = {node: {node: 1} for node in starts}
    for place, relation in enumerate(line):
        if place:
            counted = _widened(ground, relation.of, counted)
        counted = _led(ground, relation, counted)
    hops = {
        hop for near in counted for several in ground.take(line[0], (), onward=True)[near].values() for hop in several
    }
    far = {node for reached in counted.values() for node in reached}
    word, back = line[-1].to.stop.word, line[0].of.stop.word
    return CoverageRow(
        _end(ground, start, len(starts), len(counted), word),
        _end(ground, end, len(ends), len(far), back),
        tuple(relation.of.stop.word for relation in line[1:]),
        len(hops) if len(line) == 1 else None,
        sum(len(reached) for reached in counted.values()),
        sum(sum(reached.values()) for reached in counted.values()),
    )


def _led(ground: Ground, relation: Relation, counted: Counted) -> Counted:
    """What is reached along a relation. Objects that lead to nothing are left out."""
    step = ground.take(relation, {node: None for reached in counted.values() for node in reached}, onward=True)
    led: Counted = {}
    for start, reached in counted.items():
        following: dict[Node, int] = {}
        for near, number in reached.items():
            for far in step[near]:
                following[far] = following.get(far, 0) + number
        if following:
            led[start] = following
    return led


def _widened(ground: Ground, place: Place, counted: Counted) -> Counted:
    """The same with all that the objects are kinds of, where paths go there without being asked to."""
    inside = [one for one in ground.from_place(place, onward=True, widen="none") if one.to == place]
    if not inside:
        return counted
    nodes = {node for reached in counted.values() for node in reached}
    kept = {node: _closure(ground, inside, node) for node in nodes}
    widened: Counted = {}
    for start, reached in counted.items():
        # An artifact is reached once, by whichever of its kinds.
        widened[start] = {far: reached.get(far, 1) for near in reached for far in kept[near]}
    return widened


def _closure(ground: Ground, relations: Iterable[Relation], start: Node) -> set[Node]:
    known, frontier = {start}, {start}
    while frontier:
        frontier = {
            far for one in relations for near in frontier for far in ground.take(one, frontier, onward=True)[near]
        } - known
        known |= frontier
    return known


def _end(ground: Ground, place: Place, objects: int, related: int, question: str) -> CoverageEnd:
    release = ground.release(place.knowledge_base)
    assert release is not None
    kb = ground.knowledge_bases.named(place.knowledge_base)
    kinds = set(place.stop.kinds)
    of = next((kind for known in kb.questions if known.word == question for kind in known.of if kind in kinds), None)
    path = f"/api/v1/{kb.slug}/questions/{question}/?{kb.version_parameter}={release.label}"
    return CoverageEnd(kb.slug, release.label, place.stop.one, objects, related, path if of else None)


def _nowhere(ground: Ground, relation: Relation) -> Iterator[LeadsNowhere]:
    named = _NAMED.get(relation.declared.step.mode)
    release = ground.release(relation.to.knowledge_base)
    if named is None or release is None:
        return
    kb = ground.knowledge_bases.named(relation.to.knowledge_base)
    known = {folded(view.external_id or "") for view in _views(ground, relation.to)}
    for view in sorted(_views(ground, relation.of), key=lambda view: view.id):
        for external_id in named(view.properties):
            if folded(external_id) not in known:
                yield LeadsNowhere(relation.of.knowledge_base, view.external_id, external_id, kb.slug)


def _views(ground: Ground, place: Place) -> list[ObjectView]:
    return list(views_of(ground, ground.all_at(place)).values())
