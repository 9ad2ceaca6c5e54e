"""Walks along declared ways: what they reach, by how many paths, and by which relationships.

Relationships are fetched for all objects at hand at once, and kept: the ways of a question often begin alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from ctibutler.catalog import objects, releases, walks
from ctibutler.catalog.adjacency import Adjacencies
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import Release
from ctibutler.catalog.walks import Found, Hop, Living, Node, Place
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.kinds import kind_of, kinds_named
from ctibutler.knowledge_bases.questions import Question, Step, Way
from ctibutler.stix.objects import decode, text

Chain = tuple[Hop, ...]
"""The relationships of a path, in order."""


class Reach(msgspec.Struct, frozen=True):
    """How a step reaches one object from another: the least number of relationships, the number of paths, and the paths,
    as single relationships or made when they are asked for."""

    depth: int
    count: int
    hops: Sequence[Hop] = ()
    made: Callable[[], Iterator[Chain]] | None = None

    def chains(self) -> Iterator[Chain]:
        """Yield the paths."""
        return ((hop,) for hop in self.hops) if self.made is None else self.made()


Stage = Mapping[Node, Sequence[tuple[Node, Reach]]]
"""What a step reaches, with the objects of the stage before that it is reached from."""


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """What a way reaches from one object: for each object, the least number of relationships and the number of paths."""

    start: Node
    stages: Sequence[Stage]
    reached: Mapping[Node, tuple[int, int]]

    def chains(self, node: Node) -> Iterator[Chain]:
        """Yield the paths to an object that is reached."""
        return self._chains(len(self.stages) - 1, node)

    def _chains(self, stage: int, node: Node) -> Iterator[Chain]:
        if stage < 0:
            yield ()
            return
        for near, reach in self.stages[stage][node]:
            for before in self._chains(stage - 1, near):
                for chain in reach.chains():
                    yield before + chain


@dataclass
class _Taken:
    """What is known of a step: the relationships from each object, and by value what it reaches from each."""

    step: Step
    hops: dict[Node, list[Hop]] = field(default_factory=dict)
    reaches: dict[tuple[Node, str | None], Mapping[Node, Reach]] = field(default_factory=dict)


@dataclass
class Walker:
    """Walks in one transaction. `value` is the only value of a qualifier that paths may keep to, None for any one."""

    connection: Connection
    knowledge_bases: KnowledgeBases
    living: Living
    adjacencies: Adjacencies
    value: str | None = None
    places: dict[Node, Place] = field(default_factory=dict)
    _taken: dict[Step, _Taken] = field(default_factory=dict)
    _values: dict[tuple[str, int, int], frozenset[str]] = field(default_factory=dict)
    _releases: dict[int, Release] = field(default_factory=dict)
    _qualified: dict[tuple[int, str], bool] = field(default_factory=dict)

    def walk(self, known: Way, question: Question, starts: Sequence[Node], *, with_sub: bool = False) -> list[Walk]:
        """Return what a way of a question reaches from each of these objects.

        With `with_sub` it also begins at their kinds. An object is no answer to a question about itself.
        """
        steps = [self._taken.setdefault(step, _Taken(step)) for step in _steps(known, question, with_sub=with_sub)]
        frontier = list(dict.fromkeys(starts))
        for step in steps:
            frontier = self._fetch_all(step, frontier)
        return [self._walk_from(start, steps) for start in starts]

    def begin_at(self, release: Release, places: Mapping[Node, Place]) -> None:
        """Take note of the objects of a release that walks begin at."""
        self._releases[release.key] = release
        self.places.update(places)

    def has_sub(self, question: Question, starts: Sequence[Node]) -> bool:
        """Return whether any of these objects has kinds that the question can begin at too."""
        if question.sub is None:
            return False
        step = replace(question.sub, optional=True)
        taken = self._taken.setdefault(step, _Taken(step))
        self._fetch(taken, starts)
        return any(taken.hops[start] for start in starts)

    def is_within(self, question: Question, release: Release) -> bool:
        """Return whether the paths of a question are kept inside one value of its qualifier: the release must have it."""
        return bool(question.is_within) and self._is_qualified(release.key, question.is_within)

    def _walk_from(self, start: Node, steps: Sequence[_Taken]) -> Walk:
        stages: list[Stage] = []
        at_hand: dict[Node, tuple[int, int]] = {start: (0, 1)}
        for taken in steps:
            entered: dict[Node, list[tuple[Node, Reach]]] = {}
            following: dict[Node, tuple[int, int]] = {}
            value = self._value_of(start) if taken.step.of_start else self.value
            for near, (depth, count) in at_hand.items():
                for far, reach in self._reach(taken, near, value).items():
                    entered.setdefault(far, []).append((near, reach))
                    before = following.get(far, (depth + reach.depth, 0))
                    following[far] = (min(before[0], depth + reach.depth), before[1] + count * reach.count)
            stages.append(entered)
            at_hand = following
        reached = {node: how for node, how in at_hand.items() if node != start and self._is_alive(node)}
        return Walk(start, stages, reached)

    def _is_alive(self, node: Node) -> bool:
        place = self.places[node]
        return not place.is_dead or self.living.include_revoked or self.living.include_deprecated

    def _fetch_all(self, taken: _Taken, nodes: Sequence[Node]) -> list[Node]:
        """Fetch the relationships of a step from these objects, and return all that it leads to."""
        reached: dict[Node, None] = dict.fromkeys(nodes) if taken.step.optional else {}
        frontier = list(nodes)
        while frontier:
            self._fetch(taken, frontier)
            onward = [hop.far for node in frontier for hop in taken.hops[node]]
            new = [node for node in dict.fromkeys(onward) if node not in reached]
            reached.update(dict.fromkeys(onward))
            frontier = new if taken.step.repeat else []
        return list(reached)

    def _fetch(self, taken: _Taken, nodes: Iterable[Node]) -> None:
        step, known = taken.step, taken.hops
        missing = [node for node in nodes if node not in known]
        if not missing:
            return
        by_release: dict[int, list[int]] = {}
        for node in missing:
            known[node] = []
            by_release.setdefault(node[0], []).append(node[1])
        found: Found = []
        for release_key, identifiers in by_release.items():
            release = self.release(release_key)
            kb = self.knowledge_bases.named(step.knowledge_base or release.knowledge_base)
            kinds = kinds_named(kb, step.kinds) if step.kinds else None
            found += self._of_kind(
                kb, step, self.adjacencies.take(self.connection, step, release, identifiers, kinds, self.living)
            )
        if step.within:
            self._read_values(step.within, [hop for hop, _ in found])
        for hop, place in found:
            known[hop.near].append(hop)
            self.places[hop.far] = place

    def _of_kind(self, kb: KnowledgeBase, step: Step, taken: Found) -> Found:
        """Those that lead to the kinds of a step, where only the content of objects tells."""
        if not taken or not _needs_content(kb, step.kinds):
            return taken
        keys = sorted({place.object_key for _, place in taken})
        wanted = set()
        for key, content in zip(keys, objects.contents(self.connection, keys), strict=True):
            properties = decode(content)
            if kind_of(kb, text(properties, "type") or "", properties) in step.kinds:
                wanted.add(key)
        return [(hop, place) for hop, place in taken if place.object_key in wanted]

    def _read_values(self, name: str, hops: Sequence[Hop]) -> None:
        for key, values in walks.qualified(self.connection, name, hops).items():
            self._values[name, *key] = values

    def _reach(self, taken: _Taken, near: Node, value: str | None) -> Mapping[Node, Reach]:
        """What a step reaches from an object."""
        if not taken.step.optional and not taken.hops.get(near):
            return {}
        mark = (near, value)
        found = taken.reaches.get(mark)
        if found is None:
            found = (
                self._repeated(taken, near, value) if taken.step.repeat else _of_each(self._kept(taken, near, value))
            )
            if taken.step.optional:
                found = {near: _HERE, **found}
            taken.reaches[mark] = found
        return found

    def _kept(self, taken: _Taken, near: Node, value: str | None) -> list[Hop]:
        """The relationships of a step from an object that hold within a value."""
        hops, within = taken.hops.get(near, []), taken.step.within
        if value is None or not within or not self._is_qualified(near[0], within):
            return hops
        return [hop for hop in hops if value in self._values.get((within, near[0], hop.key), ())]

    def _repeated(self, taken: _Taken, near: Node, value: str | None) -> Mapping[Node, Reach]:
        within = taken.step.within
        if not within or not self._is_qualified(near[0], within):
            return _shortest(near, lambda node: taken.hops.get(node, []))
        values = {one for hop in taken.hops.get(near, []) for one in self._values.get((within, near[0], hop.key), ())}
        found: dict[Node, list[Reach]] = {}
        for one in sorted(values if value is None else values & {value}):
            for far, reach in _shortest(near, lambda node, one=one: self._kept(taken, node, one)).items():  # type: ignore[misc]
                found.setdefault(far, []).append(reach)
        return {far: _nearest(reaches) for far, reaches in found.items()}

    def _value_of(self, start: Node) -> str:
        found = objects.primary_ids(self.connection, [self.places[start].object_key])
        return next(iter(found.values()), None) or ""

    def _is_qualified(self, release_key: int, name: str) -> bool:
        mark = (release_key, name)
        if mark not in self._qualified:
            self._qualified[mark] = walks.is_qualified(self.connection, self.release(release_key), name)
        return self._qualified[mark]

    def release(self, key: int) -> Release:
        """Return a release that was walked in."""
        if key not in self._releases:
            self._releases[key] = releases.by_key(self.connection, key)
        return self._releases[key]


def _steps(known: Way, question: Question, *, with_sub: bool) -> list[Step]:
    """The steps of a way; the last one leads to the kinds that the question gives."""
    *first, last = known.steps
    steps = [*first, last if last.kinds else replace(last, kinds=question.gives)]
    return [replace(question.sub, optional=True), *steps] if with_sub and question.sub else steps


def _needs_content(kb: KnowledgeBase, kinds: Sequence[str]) -> bool:
    """Whether only the content of an object tells whether it is of these kinds."""
    types = {name for kind in kinds_named(kb, kinds) for name in kind.types}
    return any(kind.holds is not None and types & set(kind.types) for kind in kb.kinds)


def _of_each(hops: Iterable[Hop]) -> dict[Node, Reach]:
    """What single relationships reach."""
    by_far: dict[Node, list[Hop]] = {}
    for hop in hops:
        by_far.setdefault(hop.far, []).append(hop)
    return {far: Reach(1, len(several), several) for far, several in by_far.items()}


_HERE = Reach(0, 1, made=lambda: iter([()]))


def _shortest(start: Node, onward: Callable[[Node], Sequence[Hop]]) -> dict[Node, Reach]:
    """What can be reached from an object in one step or more, by the shortest paths."""
    depth = {start: 0}
    count = {start: 1}
    entered: dict[Node, list[Hop]] = {}
    frontier = [start]
    while frontier:
        following: dict[Node, None] = {}
        for node in frontier:
            for hop in onward(node):
                if hop.far not in depth:
                    depth[hop.far], count[hop.far] = depth[node] + 1, 0
                    following[hop.far] = None
                if depth[hop.far] == depth[node] + 1:
                    entered.setdefault(hop.far, []).append(hop)
                    count[hop.far] += count[node]
        frontier = list(following)

    def chains(node: Node) -> Iterator[Chain]:
        if node == start:
            yield ()
            return
        for hop in entered[node]:
            for before in chains(hop.near):
                yield (*before, hop)

    return {
        node: Reach(depth[node], count[node], made=lambda node=node: chains(node))  # type: ignore[misc]
        for node in depth
        if node != start
    }


def _nearest(reaches: Sequence[Reach]) -> Reach:
    """The shortest of the paths that were found within different values, each once."""
    depth = min(reach.depth for reach in reaches)
    chains = list(dict.fromkeys(chain for reach in reaches if reach.depth == depth for chain in reach.chains()))
    return Reach(depth, len(chains), made=lambda: iter(chains))
