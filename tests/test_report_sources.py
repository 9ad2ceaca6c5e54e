"""The script that turns the output of `ctibutler sources` into one GitHub issue, with a fake `gh`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "report-sources"
Report = Callable[[str], list[str]]
GH = f"""#!{sys.executable}
import json, os, pathlib, sys
state = pathlib.Path(os.environ["STATE"])
texts = json.loads(state.read_text()) if state.exists() else []
words = sys.argv[1:]
match words[:2]:
    case ["issue", "list"]:
        print("7" if texts else "")
    case ["issue", "view"]:
        print(texts[-1])
    case ["issue", "create" | "comment"]:
        state.write_text(json.dumps([*texts, words[words.index("--body") + 1]]))
    case ["label", "create"]:
        pass
    case _:
        sys.exit(f"unexpected: {{words}}")
"""
REPORT = """\
capec  3.9 installed
  publisher  3.9       -           https://github.com/mitre/cti
atlas  5.6.0 installed
  publisher  2026.09   2026-09-30  https://github.com/mitre-atlas/atlas-data
  ! publisher: no release since 2026-09-30, {days} days ago; expected every 31 days
"""


@pytest.fixture
def report(tmp_path: Path) -> Report:
    """Report this text; returns everything in the issue so far."""
    (tmp_path / "gh").write_text(GH)
    (tmp_path / "gh").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "STATE": str(tmp_path / "state")}

    def run(text: str) -> list[str]:
        (tmp_path / "report.txt").write_text(text)
        subprocess.run([SCRIPT, tmp_path / "report.txt"], env=environment, check=True, timeout=60)
        texts: list[str] = json.loads((tmp_path / "state").read_text())
        return texts

    return run


def test_the_first_problem_opens_an_issue(report: Report) -> None:
    [text] = report(REPORT.format(days=50))
    assert text.splitlines()[0] == (
        "- **atlas**: publisher: no release since 2026-09-30, 50 days ago; expected every 31 days"
    )
    assert "capec" not in text


def test_the_same_problem_on_another_day_adds_nothing(report: Report) -> None:
    assert len(report(REPORT.format(days=50))) == 1
    assert len(report(REPORT.format(days=51))) == 1


def test_another_problem_is_added_to_the_issue(report: Report) -> None:
    report(REPORT.format(days=50))
    assert len(report(REPORT.format(days=51) + "cwe  not installed\n  ! publisher: cwe.mitre.org: no answer\n")) == 2


def test_a_failed_command_is_reported_too(report: Report) -> None:
    [text] = report("")
    assert "`ctibutler sources` failed" in text
