"""The neighbours of an object as a ring: where each of them stands, and the curves between those that are related.

Everything is computed here and nothing is drawn: the template writes these numbers. The same neighbours have the same ring.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import cos, pi, radians, sin
from typing import Final

from ctibutler.knowledge_bases.layouts import Shape

ORDER: Final[tuple[Shape, ...]] = (
    "technique", "software", "group", "campaign", "tactic", "mitigation", "detection", "data", "weakness", "asset",
    "attack-pattern", "countermeasure", "artifact", "location", "sector", "other",
)  # fmt: skip
"""The arcs, clockwise from twelve o'clock."""

MOST_NODES: Final = 150
MOST_CURVES: Final = 600
SLOT: Final = 14.5
GAP: Final = 3
LEAST_RADIUS: Final = 230.0
LEAST_PLACES: Final = 3
LONGEST_LABEL: Final = 30
LONGEST_ID: Final = 12
_CHARACTER: Final = 6.0
_TO_LABEL: Final = 10.0
_PULL: Final = 0.24


@dataclass(frozen=True, slots=True)
class Point:
    """A neighbour before it has its place. `key` names it; in its arc it stands by its `group`, which is kept apart from others
    (its tactic), then by its `order`; `id_order` puts ids as people count. `weight` is how much it is related to other
    neighbours, for the choice of who is shown."""

    key: int
    shape: Shape
    id: str
    name: str
    address: str
    order: str
    id_order: str
    group: int = 0
    weight: int = 0

    @property
    def arc(self) -> Shape:
        """The arc that it stands in."""
        return "technique" if self.shape == "subtechnique" else self.shape


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve from one neighbour to another, as the path of a drawing."""

    source: int
    target: int
    path: str


@dataclass(frozen=True, slots=True)
class Node:
    """A neighbour in its place: `angle` is in degrees, clockwise from three o'clock. `id_text` and `name_text` are its label.
    `curves` begin at it."""

    point: Point
    angle: float
    x: float
    y: float
    id_text: str
    name_text: str
    curves: Sequence[Curve]

    @property
    def is_left(self) -> bool:
        """Whether its label is turned over, to be read from left to right."""
        return 90 < self.angle % 360 < 270


@dataclass(frozen=True, slots=True)
class Arc:
    """The neighbours of one kind: its band as a path, how many there are, and where the rest is told of, if some are left
    out."""

    shape: Shape
    band: str
    total: int
    left_out: int
    more_angle: float


@dataclass(frozen=True, slots=True)
class Ring:
    """A whole drawing. Its middle is at 0, 0, its edge `half` away. `curves_left_out` counts those that are not drawn."""

    radius: float
    half: float
    nodes: Sequence[Node]
    arcs: Sequence[Arc]
    curves: int
    curves_left_out: int

    @property
    def nodes_left_out(self) -> int:
        """How many neighbours have no place."""
        return sum(arc.left_out for arc in self.arcs)

    @property
    def to_label(self) -> float:
        """How far from the middle labels begin."""
        return round(self.radius + _TO_LABEL, 1)


def lay_out(points: Iterable[Point], pairs: Iterable[tuple[int, int]]) -> Ring:
    """Return the ring of these neighbours. `pairs` are the keys of those that are related, source first."""
    by_arc: dict[Shape, list[Point]] = {}
    for point in points:
        by_arc.setdefault(point.arc, []).append(point)
    arcs = [shape for shape in ORDER if shape in by_arc]
    places = _places({shape: len(by_arc[shape]) for shape in arcs})
    kept = {shape: _kept(by_arc[shape], places[shape]) for shape in arcs}
    slots, at, more, ends = 0.0, dict[int, float](), dict[Shape, float](), dict[Shape, tuple[float, float]]()
    for shape in arcs:
        first, before = slots, kept[shape][0].group
        for point in kept[shape]:
            slots += 0.5 if point.group != before else 0
            before = point.group
            at[point.key] = slots
            slots += 1
        if len(kept[shape]) < len(by_arc[shape]):
            more[shape] = slots
            slots += 1
        ends[shape] = (first - 0.5, slots - 0.5)
        slots += GAP
    radius = max(LEAST_RADIUS, slots * SLOT / (2 * pi))
    step = 360 / slots if slots else 0
    angles = {key: slot * step - 90 for key, slot in at.items()}
    shown = [point for shape in arcs for point in kept[shape]]
    drawn, left_out = _drawn({point.key: point for point in shown}, pairs)
    labels = {point.key: _label(point) for point in shown}
    longest = max((len(f"{of_id} {name}".strip()) for of_id, name in labels.values()), default=0)
    return Ring(
        round(radius, 1),
        round(radius + _TO_LABEL + longest * _CHARACTER + SLOT, 1),
        [
            Node(
                point,
                round(angles[point.key], 2),
                *_at(angles[point.key], radius),
                *labels[point.key],
                [Curve(*pair, _curve(angles[pair[0]], angles[pair[1]], radius)) for pair in drawn.get(point.key, ())],
            )
            for point in shown
        ],
        [
            Arc(
                shape,
                _band(ends[shape][0] * step - 90, ends[shape][1] * step - 90, radius),
                len(by_arc[shape]),
                len(by_arc[shape]) - len(kept[shape]),
                round(more.get(shape, 0) * step - 90, 2),
            )
            for shape in arcs
        ],
        sum(map(len, drawn.values())),
        left_out,
    )


def _places(counts: Mapping[Shape, int]) -> dict[Shape, int]:
    """How many of each arc are shown: all, or in proportion, with the largest remainders rounded up."""
    total = sum(counts.values())
    if total <= MOST_NODES:
        return dict(counts)
    places = {shape: min(count, LEAST_PLACES) for shape, count in counts.items()}
    # What is over is dealt to those that are furthest from their share, one by one.
    shares = {shape: count * MOST_NODES / total for shape, count in counts.items()}
    for _ in range(MOST_NODES - sum(places.values())):
        furthest = max(
            (shape for shape in counts if places[shape] < counts[shape]),
            key=lambda shape: (shares[shape] - places[shape], -ORDER.index(shape)),
        )
        places[furthest] += 1
    return places


def _kept(points: Sequence[Point], places: int) -> list[Point]:
    chosen = sorted(points, key=lambda point: (-point.weight, point.id_order, point.key))[:places]
    return sorted(chosen, key=lambda point: (point.group, point.order, point.id_order, point.key))


def _drawn(
    shown: Mapping[int, Point], pairs: Iterable[tuple[int, int]]
) -> tuple[dict[int, list[tuple[int, int]]], int]:
    """The curves of each neighbour that is shown, and how many are left out because there are too many: of whole pairs of
    kinds, those with the fewest first; of the last pair, what is over."""
    known = [pair for pair in dict.fromkeys(pairs) if pair[0] in shown and pair[1] in shown]
    counts = Counter((shown[source].arc, shown[target].arc) for source, target in known)
    over = max(0, len(known) - MOST_CURVES)
    dropped = set[tuple[Shape, Shape]]()
    for kinds, count in sorted(counts.items(), key=lambda item: (item[1], item[0])):
        if over > 0 and len(dropped) < len(counts) - 1:
            dropped.add(kinds)
            over -= count
    kept = [pair for pair in known if (shown[pair[0]].arc, shown[pair[1]].arc) not in dropped][:MOST_CURVES]
    drawn: dict[int, list[tuple[int, int]]] = {}
    for pair in kept:
        drawn.setdefault(pair[0], []).append(pair)
    return drawn, len(known) - len(kept)


def _label(point: Point) -> tuple[str, str]:
    # A longer id would leave no room for the name, and says nothing else: `d3f:OutboundInternetNetworkTraffic`.
    shown = point.id if len(point.id) <= LONGEST_ID else ""
    room = LONGEST_LABEL - len(shown) - 1 if shown else LONGEST_LABEL
    return shown, point.name if len(point.name) <= room else f"{point.name[: room - 1].rstrip()}…"


def _at(angle: float, radius: float) -> tuple[float, float]:
    return round(cos(radians(angle)) * radius, 1), round(sin(radians(angle)) * radius, 1)


def _curve(source: float, target: float, radius: float) -> str:
    inner = radius - SLOT / 2
    (x1, y1), (x2, y2) = _at(source, inner), _at(target, inner)
    (a1, b1), (a2, b2) = _at(source, radius * _PULL), _at(target, radius * _PULL)
    return f"M{x1:g} {y1:g}C{a1:g} {b1:g} {a2:g} {b2:g} {x2:g} {y2:g}"


def _band(first: float, last: float, radius: float) -> str:
    inner = radius - SLOT / 2
    (x1, y1), (x2, y2) = _at(first, inner), _at(last, inner)
    return f"M{x1:g} {y1:g}A{inner:.1f} {inner:.1f} 0 {int(last - first > 180)} 1 {x2:g} {y2:g}"
