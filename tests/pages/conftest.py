"""A server with pages over many releases, shared by tests that only read."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from ctibutler.answers.library import Library
from ctibutler.knowledge_bases.links import LINK_MODES
from tests.catalogue import filled, releases_on
from tests.server.serving import Server, running

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture(scope="session")
def everything() -> Iterator[Server]:
    """Every release of the smaller knowledge bases, several of the larger ones, and links."""
    links = tuple(mode.name for mode in LINK_MODES)
    with (
        filled("sqlite", releases_on("sqlite"), links=links, what="everything") as library,
        running(library.database) as server,
    ):
        yield server


@pytest.fixture(scope="module")
def server(filled_library: Library) -> Iterator[Server]:
    """The same, on each engine."""
    with running(filled_library.database) as started:
        yield started


def read(server: Server, path: str) -> httpx2.Response:
    """Return what a browser gets."""
    return server.get(path, accept=BROWSER)


def answered(server: Server, path: str, status: int = 200) -> httpx2.Response:
    """Return what a browser gets, which has this status."""
    found = read(server, path)
    assert found.status_code == status, found.text[:500]
    return found
