"""The commands in docs/migration.md print the output that is shown there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_readme import environment_of, pattern

PAGE = Path(__file__).parents[2] / "docs" / "migration.md"
FILE = re.compile(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)```", re.MULTILINE | re.DOTALL)


def steps(text: str) -> list[tuple[str, str]]:
    found = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    return [
        (step.partition("\n")[0], step.partition("\n")[2])
        for block in found
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    ]


@pytest.mark.real
def test_the_page_on_migration_shows_real_output(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, content in FILE.findall(text):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    environment = environment_of(tmp_path)
    shown = steps(text)
    assert len(shown) > 5
    for command, expected in shown:
        words = command.split()
        if words[0] == "ctibutler":
            words = [sys.executable, "-m", *words]
        done = subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        printed = (done.stdout + done.stderr).strip()
        assert done.returncode in (0, 3), printed
        assert pattern(expected).fullmatch(printed), f"$ {command}\n{printed}"
