"""The commands in docs/questions.md print what is shown there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ctibutler.answers.library import Library

PAGE = Path(__file__).parents[2] / "docs" / "questions.md"
TASKS = 20


def shown() -> list[tuple[str, str]]:
    """Each command with its output."""
    blocks = re.findall(r"```console\n\$ (.*?)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [(command, output) for command, output in blocks]


def pattern(output: str) -> re.Pattern[str]:
    """The output as a pattern; `…` matches anything."""
    return re.compile(".*".join(re.escape(part) for part in output.strip().split("…")), re.DOTALL)


def test_there_are_twenty_tasks() -> None:
    numbers = re.findall(r"^### (\d+)\. .+\?$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert numbers == [str(number) for number in range(1, TASKS + 1)]
    assert len(shown()) >= TASKS


@pytest.mark.real
def test_every_command_prints_what_is_shown(engine: str, asked_library: Library, tmp_path: Path) -> None:
    if engine != "sqlite":
        pytest.skip("the same on both engines")
    own = {name: value for name, value in os.environ.items() if not name.startswith(("CTIBUTLER_", "XDG_"))}
    environment = own | {
        "CTIBUTLER_DATABASE_URL": asked_library.database.url.text,
        "HOME": str(tmp_path),
        "COLUMNS": "100",
    }
    for command, expected in shown():
        ended = subprocess.run(
            [sys.executable, "-m", "ctibutler", *shlex.split(command)[1:]],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert pattern(expected).fullmatch(ended.stdout.strip()), f"$ {command}\n{ended.stdout}"
