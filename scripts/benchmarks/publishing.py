"""Figures of the report that is kept, in the documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from benchmarks import plots, results
from benchmarks.report import shown, summary
from benchmarks.workshop import ROOT

KEPT = ROOT / "docs" / "performance.json"
BEGIN, END = "<!-- figures of docs/performance.json: scripts/bench --publish -->", "<!-- end of the figures -->"
BETWEEN = re.compile(rf"{BEGIN}\n.*?{END}", re.DOTALL)
IN_THE_README = (
    "import",
    "import-beside",
    "cached-asgi",
    "drf-page",
    "search-median",
    "changes",
    "release",
    "get",
    "serve",
    "size",
    "memory-mixed",
)


def publish() -> None:
    """Write the figures into the pages that quote them, and draw the plots."""
    for path, page in pages().items():
        path.write_text(page, encoding="utf-8")


def pages() -> dict[Path, str]:
    """What each page and plot should be."""
    report = results.read(KEPT)
    tables = {
        ROOT / "README.md": list(quoted(report)),
        ROOT / "docs" / "performance.md": list(summary(report)),
    }
    made = {path: filled(path.read_text(encoding="utf-8"), lines) for path, lines in tables.items()}
    return made | {ROOT / "docs" / "performance-goals.svg": plots.goals(report.results)}


def filled(page: str, lines: list[str]) -> str:
    """The page with these lines between its marks."""
    text = "\n".join([BEGIN, "", *lines, "", END])
    made, count = BETWEEN.subn(lambda _: text, page)
    if count != 1:
        raise SystemExit(f"bench: expected {BEGIN} once in a page, found it {count} times")
    return made


def quoted(report: results.Report) -> Iterator[str]:
    """The table of the README."""
    yield "| What | Measured | Against |"
    yield "|---|---|---|"
    by_name = {each.name: each for each in report.results}
    for name in IN_THE_README:
        each = by_name[name]
        yield f"| {each.what} | {shown(each)} | {each.against} |"
