"""Fixtures for the tests of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import Command
from tests.faults.conftest import postgresql_url
from tests.shared import shared_path

__all__ = ["postgresql_url"]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """The command with an empty data folder and no bucket."""
    return Command(tmp_path)


@pytest.fixture
def command_with_bucket(tmp_path: Path) -> Command:
    """The command with an empty data folder and the bucket of real releases."""
    return Command(tmp_path, str(shared_path("kb")))


@pytest.fixture(scope="session")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The command with small real releases installed, for tests that only read."""
    command = Command(tmp_path_factory.mktemp("stocked"), str(shared_path("kb")))
    command.done(
        "install", "tlp", "sector", "location", "mitre-f3", "disarm@1.5", "disarm@1.6", "atlas", "attack-ics@18.1"
    )
    return command
