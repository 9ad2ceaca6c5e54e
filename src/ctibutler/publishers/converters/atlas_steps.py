"""The order of the steps in an ATLAS case study: the attack's, not the file's."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Sequence

from ctibutler.knowledge_bases.release_labels import natural
from ctibutler.publishers.converters.atlas_format import Relation

_log = logging.getLogger(__name__)


def in_order(steps: Sequence[Relation]) -> list[Relation]:
    """Sort the steps so that each comes after all steps that lead to it.

    Steps whose order is open are sorted by id; steps without an id come last, as in the file. A loop is entered at its
    lowest id. Loops, and steps that lead to an unknown step, are logged.
    """
    followers = _followers(steps)
    waiting_for = [0] * len(steps)
    for places in followers:
        for place in places:
            waiting_for[place] += 1
    ready = [(*_rank(steps, place), place) for place, count in enumerate(waiting_for) if not count]
    heapq.heapify(ready)
    left = set(range(len(steps)))
    order: list[Relation] = []
    while left:
        if not ready:
            first = min(left, key=lambda place: _rank(steps, place))
            _log.warning("%s: the steps after %s lead back to it", steps[first].source, steps[first].step)
            ready = [(*_rank(steps, first), first)]
        *_, place = heapq.heappop(ready)
        if place not in left:
            continue
        left.remove(place)
        order.append(steps[place])
        for follower in followers[place]:
            waiting_for[follower] -= 1
            if not waiting_for[follower] and follower in left:
                heapq.heappush(ready, (*_rank(steps, follower), follower))
    return order


def _followers(steps: Sequence[Relation]) -> list[list[int]]:
    """For each step, the positions of the steps that follow it. Several steps may share an id."""
    places: dict[str, list[int]] = {}
    for place, step in enumerate(steps):
        if step.step:
            places.setdefault(step.step, []).append(place)
    for step in steps:
        for unknown in (name for name in step.leads_to if name not in places):
            _log.warning("%s: step %s leads to %s, which does not exist", step.source, step.step, unknown)
    return [list(dict.fromkeys(place for name in step.leads_to for place in places.get(name, ()))) for step in steps]


def _rank(steps: Sequence[Relation], place: int) -> tuple[bool, str, int]:
    name = steps[place].step
    return name is None, natural(name or ""), place
