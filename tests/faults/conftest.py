"""Stores for single tests, on both engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.opening import open_catalogue
from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import Catalogues

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.server)]


@pytest.fixture(params=ENGINES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty catalogue, on each engine in turn."""
    with Catalogues(request.param, tmp_path) as made:
        yield _closed(made.empty())


@pytest.fixture(params=ENGINES)
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables, on each engine in turn."""
    with Catalogues(request.param, tmp_path) as made:
        yield _closed(made.bare())


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a database file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'store.sqlite'}"


@pytest.fixture
def postgresql_url(tmp_path: Path) -> Iterator[str]:
    """The URL of an empty catalogue on PostgreSQL."""
    with Catalogues("postgresql", tmp_path) as made:
        yield _closed(made.empty())


def _closed(database: Database) -> str:
    database.close()
    return database.url.text


@pytest.fixture
def opened() -> Iterator[Callable[[str], Database]]:
    """Opens the catalogue at a URL and closes it when the test ends."""
    with ExitStack() as stack:

        def open_one(url: str) -> Database:
            database = open_catalogue(url, HOSTED)
            stack.callback(database.close)
            return database

        yield open_one


@pytest.fixture
def store(store_url: str, opened: Callable[[str], Database]) -> Database:
    """An empty catalogue, on each engine in turn."""
    return opened(store_url)
