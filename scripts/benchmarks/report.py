"""The report in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby

from benchmarks.results import Report, Result


def markdown(report: Report, plots: Mapping[str, str]) -> str:
    """The report; `plots` are file names of pictures by their titles."""
    return "\n".join([*summary(report), "", *pictures(plots), *details(report)]) + "\n"


def summary(report: Report) -> Iterator[str]:
    measured = [each for each in report.results if each.value is not None]
    met = sum(1 for each in measured if each.met)
    yield f"{met} of {len(measured)} goals are met."
    yield ""
    yield "| What | Against | Measured | Goal | Met |"
    yield "|---|---|---|---|---|"
    for each in report.results:
        yield f"| {each.what} | {each.against} | {shown(each)} | {goal(each)} | {verdict(each)} |"
    yield ""
    yield "| Machine | |"
    yield "|---|---|"
    yield from (f"| {name} | {value} |" for name, value in report.machine.items())


def pictures(plots: Mapping[str, str]) -> Iterator[str]:
    for title, file in plots.items():
        yield f"![{title}]({file})"
        yield ""


def details(report: Report) -> Iterator[str]:
    """How each row was measured, and the figures behind it."""
    for group, results in groupby(report.results, lambda each: each.group):
        yield f"## {group}"
        yield ""
        for each in results:
            compared = "" if each.against == "–" else f", against {each.against}"
            yield f"**{each.what}**{compared}: {each.how}. Measured {each.date}, {runs(each)}."
            yield ""
            if each.figures:
                yield "; ".join(f"{name}: {number(figure)}" for name, figure in each.figures.items()) + "."
                yield ""


def runs(result: Result) -> str:
    return "1 run" if result.runs == 1 else f"{result.runs} runs"


def shown(result: Result) -> str:
    noted = f" ({result.note})" if result.note else ""
    return result.skipped or f"{number(result.value)} {result.unit}{noted}"


def goal(result: Result) -> str:
    return f"{'≥' if result.more_is_better else '≤'} {number(result.goal)} {result.unit}"


def verdict(result: Result) -> str:
    return "–" if result.met is None else "yes" if result.met else "no"


def number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
