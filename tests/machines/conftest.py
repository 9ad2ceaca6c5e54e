"""Fixtures for tests of several machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import Command


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """The command with an empty data folder and no bucket."""
    return Command(tmp_path)
