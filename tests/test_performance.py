"""The figures in the documentation are those of the report that is kept, and the report is about what is declared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import plots, publishing, results
from benchmarks.declaring import Goal, Outcome, at_least, at_most
from benchmarks.groups import ALL
from benchmarks.report import markdown, shown

ROWS = [(group, row) for group in ALL for row in group.rows]


def kept() -> results.Report:
    return results.read(publishing.KEPT)


def test_pages_quote_the_report_that_is_kept() -> None:
    stale = [path.name for path, page in publishing.pages().items() if path.read_text(encoding="utf-8") != page]
    assert stale == [], "run scripts/bench --publish"


def test_the_report_has_every_declared_row_with_its_goal() -> None:
    declared = [(row.name, row.what, row.against, row.how, row.goal) for _, row in ROWS]
    found = [
        (each.name, each.what, each.against, each.how, Goal(each.goal, each.unit, each.more_is_better))
        for each in kept().results
    ]
    assert found == declared


def test_the_report_says_that_a_goal_is_met_exactly_if_it_is() -> None:
    goals = {row.name: row.goal for _, row in ROWS}
    measured = [each for each in kept().results if each.value is not None]
    assert measured
    for each in measured:
        assert each.value is not None
        assert each.met == goals[each.name].met(each.value), each.name


@pytest.mark.parametrize(
    ("goal", "value", "met", "reached"),
    [
        (at_least(4, "times faster"), 2.0, False, 0.5),
        (at_least(4, "times faster"), 8.0, True, 2.0),
        (at_most(10, "ms"), 20.0, False, 0.5),
        (at_most(10, "ms"), 10.0, True, 1.0),
    ],
)
def test_a_goal_is_met_from_its_own_side(goal: Goal, value: float, met: bool, reached: float) -> None:
    assert goal.met(value) == met
    assert goal.reached(value) == pytest.approx(reached)


def test_newer_results_replace_those_of_the_same_row_only() -> None:
    (group, first), (_, second) = ROWS[:2]
    before = [results.result(group, row, "2026-01-01", 3, Outcome(row.name, 1.0)) for row in (first, second)]
    newer = results.result(group, second, "2026-02-02", 1, Outcome(second.name, 0.123456))
    merged = results.Report({}, before).merged([newer], [first.name, second.name])
    assert [(each.name, each.value, each.date) for each in merged] == [
        (first.name, 1.0, "2026-01-01"),
        (second.name, 0.123, "2026-02-02"),
    ]


def test_a_row_that_was_not_measured_says_why() -> None:
    group, row = ROWS[0]
    skipped = results.result(group, row, "2026-01-01", 3, None, "not measured: nginx is not installed")
    assert shown(skipped) == "not measured: nginx is not installed"
    assert "| – |" in markdown(results.Report({}, [skipped]), {})
    assert '<rect class="met"' not in plots.goals([skipped])


def test_a_bar_reaches_the_line_exactly_if_the_goal_is_met() -> None:
    group, row = ROWS[0]
    at_goal = results.result(group, row, "2026-01-01", 3, Outcome(row.name, row.goal.value))
    assert f'width="{plots.place(1.0):.1f}"' in plots.goals([at_goal])
    assert at_goal.reached is not None
    assert plots.place(0.5) < plots.place(1.0) < plots.place(2.0)
    assert plots.place(1000.0) == plots.place(plots.MOST)
    assert replace(at_goal, note="after 5 requests").note in shown(replace(at_goal, note="after 5 requests"))
