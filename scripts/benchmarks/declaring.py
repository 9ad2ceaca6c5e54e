"""What a row of the report is: declared before it is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.workshop import Workshop

# Of a goal that may be missed by nothing at all, this much is reached.
FARTHEST = 1000


@dataclass(frozen=True)
class Goal:
    """What a row should reach."""

    value: float
    unit: str
    more_is_better: bool

    def met(self, value: float) -> bool:
        return value >= self.value if self.more_is_better else value <= self.value

    def reached(self, value: float) -> float:
        """How much of the goal is reached: 1 is the goal, and more is better."""
        return value / self.value if self.more_is_better else self.value / max(value, self.value / FARTHEST)


def at_least(value: float, unit: str) -> Goal:
    return Goal(value, unit, more_is_better=True)


def at_most(value: float, unit: str) -> Goal:
    return Goal(value, unit, more_is_better=False)


@dataclass(frozen=True)
class Row:
    """One thing that is measured, what it is compared with, and how."""

    name: str
    what: str
    against: str
    goal: Goal
    how: str


@dataclass(frozen=True)
class Outcome:
    """What was measured for a row: its value in the unit of the goal, the figures behind it, and long series for plots."""

    row: str
    value: float
    figures: Mapping[str, float] = field(default_factory=dict)
    series: Mapping[str, Sequence[float]] = field(default_factory=dict)
    note: str = ""


class Skipped(Exception):
    """A group cannot be measured on this machine. The message says why."""


@dataclass(frozen=True)
class Group:
    """Rows that are measured together, in turns."""

    name: str
    rows: tuple[Row, ...]
    measure: Callable[[Workshop], Iterator[Outcome]]
