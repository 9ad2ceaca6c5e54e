"""Runs groups one after the other, and keeps what was measured after each."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import plots, results
from benchmarks.declaring import Group, Outcome, Skipped
from benchmarks.groups import ALL
from benchmarks.machine import facts
from benchmarks.processes import Failed
from benchmarks.report import markdown
from benchmarks.workshop import Workshop


@dataclass(frozen=True)
class Files:
    """Where the report goes. The JSON file is read first, so that a run of a few groups completes an earlier one."""

    markdown: Path | None
    json: Path | None


def measure_all(workshop: Workshop, names: list[str], files: Files) -> results.Report:
    """Measure the named groups, or all."""
    report = results.Report(facts(), [])
    if names and files.json and files.json.exists():
        report = replace(report, results=results.read(files.json).results)
    order = [row.name for group in ALL for row in group.rows]
    for group in ALL:
        if names and group.name not in names:
            continue
        started = time.monotonic()
        print(f"bench: {group.name} …", end=" ", file=sys.stderr, flush=True)
        report = replace(report, results=report.merged(measured(workshop, group), order))
        print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
        keep(report, files)
    return report


def measured(workshop: Workshop, group: Group) -> Iterator[results.Result]:
    """The rows of a group. Those that cannot be measured say why."""
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    outcomes: dict[str, Outcome] = {}
    reason = ""
    try:
        for outcome in group.measure(workshop):
            outcomes[outcome.row] = outcome
    except (Failed, Skipped) as problem:
        reason = str(problem)
    for row in group.rows:
        outcome_of_row = outcomes.get(row.name)
        skipped_why = "" if outcome_of_row else f"not measured: {reason}"
        yield results.result(group, row, date, workshop.runs, outcome_of_row, skipped_why)


def keep(report: results.Report, files: Files) -> None:
    if files.json:
        results.write(report, files.json)
    if files.markdown:
        files.markdown.write_text(markdown(report, drawn(report, files.markdown)), encoding="utf-8")


def drawn(report: results.Report, beside: Path) -> dict[str, str]:
    """Draw the plots beside the report. Returns their file names by title."""
    pictures = {"How near each goal is": ("goals", plots.goals(report.results))}
    for each in report.results:
        for title, values in each.series.items():
            pictures[f"{each.what}: {title}"] = (each.name, plots.course(f"{each.what}: {title}", values))
    files: dict[str, str] = {}
    for title, (name, content) in pictures.items():
        path = beside.with_name(f"{beside.stem}-{name}.svg")
        path.write_text(content, encoding="utf-8")
        files[title] = path.name
    return files
