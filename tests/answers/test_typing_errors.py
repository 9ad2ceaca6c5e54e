"""How far a typed word is from a known one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ctibutler.answers.typing_errors import distance


@pytest.mark.parametrize(
    ("typed", "known", "far"),
    [
        ("t1059", "t1059", 0),
        ("t1o59", "t1059", 0.5),
        ("t1o59", "t1559", 1),
        ("t159", "t1059", 1),
        ("t10559", "t1059", 1),
        ("cozybaer", "cozybear", 1),
        ("fancybaear", "fancybear", 1),
        ("abcdef", "uvwxyz", None),
        ("t1", "t1059", None),
    ],
)
def test_mistakes_are_counted(typed: str, known: str, far: float | None) -> None:
    assert distance(typed, known, 2) == far


@given(some.text("ab01", max_size=6), some.text("ab01", max_size=6), some.integers(0, 3))
def test_the_distance_is_the_same_in_both_directions_and_never_more_than_allowed(a: str, b: str, most: int) -> None:
    far = distance(a, b, most)
    assert far == distance(b, a, most)
    assert (far == 0) == (a == b)
    assert far is None or far <= max(most, 0.5)
