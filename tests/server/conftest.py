"""Servers shared by tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalogue import catalogue_with
from tests.server.serving import Server, running

# The releases that the contract gives numbers for.
RELEASES = (
    "attack-enterprise@16.0",
    "attack-ics@17.0",
    "capec@3.8",
    "capec@3.9",
    "cwe@4.14",
    "disarm@1.6",
    "d3fend@1.2.0",
    "mitre-f3@1.1",
    "atlas@4.9.0",
    "location@1.0",
    "sector@1.0",
    "tlp@1",
    "tlp@2",
)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with real releases of all knowledge bases but one, for tests that only read."""
    with (
        catalogue_with("sqlite", tmp_path_factory.mktemp("releases"), *RELEASES) as database,
        running(database) as started,
    ):
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def small(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server with a few small releases on each engine, for tests that change something."""
    releases = ("tlp@1", "tlp@2", "location@1.0")
    with catalogue_with(request.param, tmp_path, *releases) as database, running(database) as started:
        yield started
