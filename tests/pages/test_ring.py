"""The ring: where neighbours stand, who is shown when there are too many, and which curves are drawn."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from math import atan2, degrees, hypot, pi

from hypothesis import given
from hypothesis import strategies as st

from ctibutler.knowledge_bases.layouts import Shape
from ctibutler.pages.ring import (
    GAP,
    LEAST_PLACES,
    LEAST_RADIUS,
    LONGEST_LABEL,
    MOST_CURVES,
    MOST_NODES,
    ORDER,
    SLOT,
    Point,
    Ring,
    lay_out,
)


def point(key: int, shape: Shape = "software", name: str = "", *, group: int = 0, weight: int = 0) -> Point:
    name = name or f"Name {key:04}"
    return Point(key, shape, f"X{key:04}", name, f"/x/1/X{key:04}", name.lower(), f"x{key:04}", group, weight)


def many(**numbers: int) -> list[Point]:
    """So many points of each shape."""
    shapes = [shape for shape, number in numbers.items() for _ in range(number)]
    return [
        point(key, next(known for known in ORDER if known.replace("-", "_") == shape))
        for key, shape in enumerate(shapes)
    ]


def angle_of(x: float, y: float) -> float:
    return degrees(atan2(y, x)) % 360


def shown(ring: Ring) -> Counter[str]:
    return Counter(node.point.arc for node in ring.nodes)


def test_the_first_stands_at_twelve_and_the_others_follow_clockwise_by_kind_and_name() -> None:
    ring = lay_out(many(campaign=2, technique=5, software=4), [])
    first = ring.nodes[0]
    assert (first.x, first.y) == (0.0, -ring.radius)
    assert [node.point.arc for node in ring.nodes] == ["technique"] * 5 + ["software"] * 4 + ["campaign"] * 2
    angles = [(node.angle + 90) % 360 for node in ring.nodes]
    assert angles == sorted(angles)
    step = 360 / (11 + 3 * GAP)
    turns = [round((after - before) / step, 2) for before, after in pairwise(angles)]
    assert turns == [1, 1, 1, 1, 4, 1, 1, 1, 4, 1]
    for node in ring.nodes:
        assert abs(hypot(node.x, node.y) - ring.radius) < 0.2
        assert abs(angle_of(node.x, node.y) - node.angle % 360) < 0.1


def test_half_a_slot_parts_tactics() -> None:
    points = [point(key, "technique", group=group) for key, group in enumerate((1, 1, 2, 2, 5))]
    angles = [node.angle for node in lay_out(points, []).nodes]
    step = 360 / (5 + 1 + GAP)
    assert [round((after - before) / step, 2) for before, after in pairwise(angles)] == [1, 1.5, 1, 1.5]


def test_the_radius_grows_with_the_slots_and_has_a_least() -> None:
    assert lay_out(many(software=3), []).radius == LEAST_RADIUS
    ring = lay_out(many(software=140), [])
    assert ring.radius == round((140 + GAP) * SLOT / (2 * pi), 1)


def test_more_than_150_are_cut_in_proportion_with_at_least_three_of_each() -> None:
    ring = lay_out(many(software=385, group=85, campaign=28, tactic=1, mitigation=2), [])
    kept = shown(ring)
    assert sum(kept.values()) == MOST_NODES
    assert (kept["tactic"], kept["mitigation"]) == (1, 2)
    assert kept["campaign"] >= LEAST_PLACES
    for shape, total in (("software", 385), ("group", 85), ("campaign", 28)):
        assert abs(kept[shape] - total * MOST_NODES / 501) <= 2
    assert {arc.shape: arc.left_out for arc in ring.arcs if arc.left_out} == {
        "software": 385 - kept["software"],
        "group": 85 - kept["group"],
        "campaign": 28 - kept["campaign"],
    }
    assert ring.nodes_left_out == 501 - MOST_NODES


def test_kept_are_those_with_most_relations_then_by_id() -> None:
    points = [point(key, weight=1 if key in (150, 199) else 0) for key in range(200)]
    kept = {node.point.key for node in lay_out(points, []).nodes}
    assert kept == {*range(148), 150, 199}


def test_a_curve_begins_and_ends_at_its_nodes_and_is_drawn_once() -> None:
    ring = lay_out(many(software=30), [(3, 20), (3, 20), (20, 3), (5, 6)])
    assert [(curve.source, curve.target) for node in ring.nodes for curve in node.curves] == [(3, 20), (5, 6), (20, 3)]
    angles = {node.point.key: node.angle % 360 for node in ring.nodes}
    for node in ring.nodes:
        for curve in node.curves:
            x1, y1, a1, b1, a2, b2, x2, y2 = map(float, re.findall(r"-?[\d.]+", curve.path))
            for key, x, y, a, b in ((curve.source, x1, y1, a1, b1), (curve.target, x2, y2, a2, b2)):
                assert abs(angle_of(x, y) - angles[key]) < 0.2
                assert abs(angle_of(a, b) - angles[key]) < 0.2
                assert abs(hypot(a, b) - 0.24 * ring.radius) < 0.2


def test_above_600_curves_the_rarest_pairs_of_kinds_go_first() -> None:
    points = many(software=70, group=40)
    inside = [(a, b) for a in range(70) for b in range(70) if a < b][:550]
    between = [(a, 70 + b) for a in range(70) for b in range(2)]
    ring = lay_out(points, [*inside, *between])
    assert ring.curves == 550
    assert ring.curves_left_out == 140
    alone = lay_out(points, [(a, b) for a in range(70) for b in range(70) if a != b])
    assert alone.curves == MOST_CURVES
    assert alone.curves + alone.curves_left_out == 70 * 69


def test_labels_are_cut_and_ids_that_leave_no_room_are_not_shown() -> None:
    long = Point(
        1, "artifact", "d3f:OutboundInternetNetworkTraffic", "Outbound Internet Network Traffic here", "/", "", ""
    )
    [node] = lay_out([long], []).nodes
    assert node.id_text == ""
    assert node.name_text == "Outbound Internet Network Tra…"
    assert len(node.name_text) == LONGEST_LABEL


@given(
    st.lists(st.tuples(st.sampled_from(ORDER), st.integers(0, 3), st.text(max_size=60)), max_size=200),
    st.lists(st.tuples(st.integers(0, 220), st.integers(0, 220)), max_size=50),
)
def test_whatever_is_around_has_a_place_of_its_own(
    around: list[tuple[Shape, int, str]], pairs: list[tuple[int, int]]
) -> None:
    points = [point(key, shape, name, group=group) for key, (shape, group, name) in enumerate(around)]
    ring = lay_out(points, pairs)
    assert ring == lay_out(list(reversed(points)), pairs)
    assert len(ring.nodes) + ring.nodes_left_out == len(points)
    angles = sorted((node.angle + 90) % 360 for node in ring.nodes)
    least = 360 * SLOT / (2 * pi * ring.radius)
    assert (
        all(after - before >= min(least, 360) - 0.1 for before, after in pairwise(angles))
        or ring.radius == LEAST_RADIUS
    )
    places = {node.point.key for node in ring.nodes}
    drawn = [(curve.source, curve.target) for node in ring.nodes for curve in node.curves]
    assert set(drawn) == {(a, b) for a, b in pairs if a in places and b in places}
