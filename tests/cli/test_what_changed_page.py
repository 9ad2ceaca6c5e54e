"""The commands in docs/what-changed.md print what is shown there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ctibutler.answers.library import Library
from ctibutler.comparing.classes import CHANGE_CLASSES
from ctibutler.comparing.events import EVENTS
from tests.cli.command import Command
from tests.questions.test_page import pattern

PAGE = Path(__file__).parents[2] / "docs" / "what-changed.md"


@pytest.mark.real
@pytest.mark.xdist_group("between")
def test_every_command_prints_what_is_shown(between_library: Library, tmp_path: Path) -> None:
    command = Command(tmp_path, database=between_library.database.url.text)
    shown = re.findall(r"```console\n\$ ctibutler (.*?)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(shown) >= 6
    for words, expected in shown:
        ended = command(*shlex.split(words))
        assert pattern(expected).fullmatch((ended.stdout + ended.stderr).strip()), f"$ {words}\n{ended.stdout}"


def test_every_event_and_class_is_explained() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"`{word}`" in page for word in EVENTS)
    named = re.findall(r"^\| ([a-z ·]+) \|", page, re.MULTILINE)
    assert {word for cell in named for word in cell.split(" · ")} >= set(CHANGE_CLASSES)
