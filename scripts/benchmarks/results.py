"""The results of a run as JSON, into which a later run of a few groups is merged."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.declaring import Group, Outcome, Row


@dataclass(frozen=True)
class Result:
    """A row with what was measured, or why it was not."""

    name: str
    group: str
    what: str
    against: str
    how: str
    goal: float
    unit: str
    more_is_better: bool
    date: str
    runs: int
    value: float | None = None
    met: bool | None = None
    reached: float | None = None
    figures: dict[str, float] = field(default_factory=dict)
    series: dict[str, list[float]] = field(default_factory=dict)
    skipped: str = ""
    note: str = ""


@dataclass(frozen=True)
class Report:
    """All results, with the machine that they are from."""

    machine: dict[str, str]
    results: list[Result]

    def merged(self, newer: Iterable[Result], order: Iterable[str]) -> list[Result]:
        """These results with newer ones in the place of those of the same name."""
        by_name = {each.name: each for each in [*self.results, *newer]}
        return [by_name[name] for name in order if name in by_name]


def result(group: Group, row: Row, date: str, runs: int, outcome: Outcome | None, skipped: str = "") -> Result:
    declared = Result(
        row.name, group.name, row.what, row.against, row.how,
        row.goal.value, row.goal.unit, row.goal.more_is_better, date, runs, skipped=skipped,
    )  # fmt: skip
    if outcome is None:
        return declared
    return Result(
        **{
            **asdict(declared),
            "value": rounded(outcome.value),
            "note": outcome.note,
            "met": row.goal.met(outcome.value),
            "reached": rounded(row.goal.reached(outcome.value)),
            "figures": {name: rounded(each) for name, each in outcome.figures.items()},
            "series": {name: [rounded(each) for each in values] for name, values in outcome.series.items()},
        }
    )


def rounded(value: float) -> float:
    """Three significant digits: more is noise."""
    return float(f"{value:.3g}") if abs(value) < 1000 else float(round(value))


def read(path: Path) -> Report:
    stored = json.loads(path.read_text(encoding="utf-8"))
    return Report(stored["machine"], [Result(**each) for each in stored["results"]])


def write(report: Report, path: Path) -> None:
    path.write_text(json.dumps(asdict(report), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
