"""All shortest paths from one object to another along declared relations, counted before they are listed.

A path goes onward or back, and may turn a few times. So the search is over states: an object, the direction, and the turns
that were made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ctibutler.answers.onward.ground import Ground
from ctibutler.catalog.walks import Node
from ctibutler.knowledge_bases.places import Place, Relation
from ctibutler.knowledge_bases.relations import Widening

MOST_STATES = 100_000
"""A search stops here."""

_NEVER = 1 << 20


class State(NamedTuple):
    """Where a path is. `came_from` is kept where the path may turn: it does not go straight back."""

    node: Node
    onward: bool
    turns: int
    came_from: Node | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """How paths may go: at most so many turns and hops, and widening or not."""

    turns: int
    hops: int = 6
    widen: Widening = "none"


@dataclass(slots=True)
class Search:
    """What a search found. `hops` is the length of the paths, None if there are none. `cut` is the number of hops that were
    done when it stopped early, None if it did not."""

    start: Node
    end: Node
    hops: int | None = None
    paths: int = 0
    cut: int | None = None
    states: dict[State, None] = field(default_factory=dict)
    before: dict[State, list[State]] = field(default_factory=dict)
    ends: list[State] = field(default_factory=list)


def search(ground: Ground, start: Node, end: Node, rules: Rules) -> Search:
    """Return all shortest paths between two objects, as the states before each state."""
    found = Search(start, end)
    if start == end:
        found.hops, found.paths = 0, 1
        found.ends = [State(start, True, 0)]
        return found
    remaining = _Remaining(ground, ground.places[end], rules)
    # First along the relations by which the shortest paths can go at all: what is fetched is kept.
    for remaining.length in range(1, rules.hops + 1):
        if _go(ground, found, remaining) or not remaining.left_out:
            break
    return found


def _go(ground: Ground, found: Search, remaining: _Remaining) -> bool:
    """Search for paths of one length, of which there are no shorter ones. Return whether the search is over."""
    level = {State(found.start, onward, 0): 1 for onward in (True, False)}
    found.states, found.before, remaining.left_out = dict.fromkeys(level), {}, False
    for depth in range(1, remaining.length + 1):
        level = _next(ground, found, level, remaining, depth)
        found.states.update(dict.fromkeys(level))
        if len(found.states) > MOST_STATES:
            found.cut = remaining.length - 1
            return True
    # A kind of the end may lead on to it.
    remaining.left_out |= bool(level)
    ends = [state for state in level if state.node == found.end]
    if ends:
        found.ends, found.hops, found.paths = ends, remaining.length, sum(level[state] for state in ends)
    return bool(ends)


def _next(
    ground: Ground, found: Search, level: Mapping[State, int], remaining: _Remaining, depth: int
) -> dict[State, int]:
    """The states one hop further that are new, each with the number of paths to it."""
    moves: dict[tuple[Relation, bool], list[State]] = {}
    for state in level:
        for onward, turns in remaining.directions(ground.places[state.node], state, is_start=depth == 1):
            for relation in remaining.relations(ground.places[state.node], onward, turns, depth):
                moves.setdefault((relation, onward), []).append(state)
    following: dict[State, int] = {}
    for (relation, onward), states in moves.items():
        reached = ground.take(relation, {state.node: None for state in states}, onward=onward)
        there = relation.to if onward else relation.of
        for state in states:
            turned = state.onward != onward
            turns = state.turns + turned
            came_from = state.node if there.stop.turns and turns < remaining.rules.turns else None
            for far in reached[state.node]:
                if turned and far == state.came_from:
                    continue
                new = State(far, onward, turns, came_from)
                if new in found.states:
                    continue
                following[new] = following.get(new, 0) + level[state]
                found.before.setdefault(new, []).append(state)
    return following


class _Remaining:
    """Which relations can still lead to the end, by the places alone: a search goes nowhere else."""

    def __init__(self, ground: Ground, end: Place, rules: Rules) -> None:
        self.rules = rules
        self.length = rules.hops
        self.left_out = False
        self._from = {
            (place, onward): ground.from_place(place, onward=onward, widen=rules.widen)
            for place in {place for relation in ground.relations for place in (relation.of, relation.to)} | {end}
            for onward in (True, False)
        }
        self._least: dict[tuple[Place, bool, int], int] = {
            (end, onward, turns): 0 for onward in (True, False) for turns in range(rules.turns + 1)
        }
        self._relax()

    def directions(self, place: Place, state: State, *, is_start: bool) -> Iterator[tuple[bool, int]]:
        """Yield the directions that a path may take, with the turns that it has then made."""
        yield state.onward, state.turns
        if not is_start and place.stop.turns and state.turns < self.rules.turns:
            yield not state.onward, state.turns + 1

    def relations(self, place: Place, onward: bool, turns: int, depth: int) -> Iterator[Relation]:
        """Yield the relations from a place in this direction that can lead to the end in time."""
        for relation in self._from.get((place, onward), ()):
            there = relation.to if onward else relation.of
            least = depth + self._least.get((there, onward, turns), _NEVER)
            if least <= self.length:
                yield relation
            elif least <= self.rules.hops:
                self.left_out = True

    def _relax(self) -> None:
        changed = True
        while changed:
            changed = False
            for (place, onward), relations in self._from.items():
                for turns in range(self.rules.turns + 1):
                    best = min(self._through(place, onward, turns, relations), default=_NEVER)
                    if best < self._least.get((place, onward, turns), _NEVER):
                        self._least[place, onward, turns] = best
                        changed = True

    def _through(self, place: Place, onward: bool, turns: int, relations: list[Relation]) -> Iterator[int]:
        for relation in relations:
            there = relation.to if onward else relation.of
            yield 1 + self._least.get((there, onward, turns), _NEVER)
        if place.stop.turns and turns < self.rules.turns:
            for relation in self._from[place, not onward]:
                there = relation.of if onward else relation.to
                yield 1 + self._least.get((there, not onward, turns + 1), _NEVER)


def on_one_line(ground: Ground, one: Place, other: Place) -> bool:
    """Return whether paths lead onward from one of two places to the other, without widening."""
    return _leads(ground, one, other) or _leads(ground, other, one)


def _leads(ground: Ground, start: Place, end: Place) -> bool:
    seen: set[Place] = set()
    frontier = {start}
    while frontier:
        seen |= frontier
        onward = {relation.to for place in frontier for relation in ground.from_place(place, onward=True, widen="none")}
        if end in onward:
            return True
        frontier = onward - seen
    return False


def states_on_paths(found: Search) -> dict[State, list[State]]:
    """Return what follows each state on the shortest paths."""
    after: dict[State, list[State]] = {}
    known = set(found.ends)
    frontier = list(found.ends)
    while frontier:
        following: list[State] = []
        for state in frontier:
            for before in found.before.get(state, ()):
                after.setdefault(before, []).append(state)
                if before not in known:
                    known.add(before)
                    following.append(before)
        frontier = following
    return after
