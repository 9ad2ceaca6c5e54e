"""Stores of the tests' own, on both engines."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.schema import open_catalogue
from ctibutler.knowledge_bases import HOSTED

POSTGRES = "CTIBUTLER_TEST_POSTGRES_URL"


@contextmanager
def _postgresql() -> Iterator[str]:
    """The URL of an empty database on the server that the tests may use."""
    import psycopg

    from ctibutler.catalog.engine.urls import DatabaseUrl

    server = os.environ.get(POSTGRES)
    if not server:
        pytest.skip(f"no PostgreSQL ({POSTGRES})")
    name = f"ctibutler_faults_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield DatabaseUrl.parse(server).with_name(name).text
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, on each engine in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.sqlite'}"
    else:
        with _postgresql() as url:
            yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a database file that is not there yet."""
    return f"sqlite:///{tmp_path / 'store.sqlite'}"


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    with _postgresql() as url:
        yield url


@pytest.fixture
def opened() -> Iterator[Callable[[str], Database]]:
    """Opens the catalogue at a URL; closed when the test ends."""
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
