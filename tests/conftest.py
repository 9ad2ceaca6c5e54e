"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ctibutler.answers.library import Library
from ctibutler.knowledge_bases.links import LINK_MODES
from tests.catalogue import (
    CONTRACT,
    POSTGRES_URL,
    Catalogues,
    drop_shared_databases,
    filled,
    releases_between,
    releases_on,
)
from tests.shared import SHARED

# All tests of one engine run in one process, so that each of two processes fills the catalogues of one engine.
_ENGINES = [
    pytest.param("sqlite", marks=pytest.mark.xdist_group("sqlite")),
    pytest.param("postgresql", marks=[pytest.mark.xdist_group("postgresql"), pytest.mark.server]),
]


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, common_folder: Path) -> Iterator[None]:
    """Keep tests away from the data of whoever runs them. All processes of a run share filled catalogues."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CTIBUTLER_DATA_DIR", str(tmp_path_factory.mktemp("data")))
        patch.setenv("CTIBUTLER_TEST_COMMON", str(common_folder))
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real releases; skips the test if it is missing."""
    if not SHARED.is_dir():
        pytest.skip("no shared folder (CTIBUTLER_TEST_SHARED)")
    return SHARED


@pytest.fixture(scope="session", params=_ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """SQLite, then PostgreSQL; skips PostgreSQL without a server (CTIBUTLER_TEST_POSTGRES_URL)."""
    name: str = request.param
    if name == "postgresql" and not POSTGRES_URL:
        pytest.skip("no PostgreSQL (CTIBUTLER_TEST_POSTGRES_URL, as `scripts/services postgres` prints it)")
    return name


@pytest.fixture(scope="session")
def common_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of one run share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if base.name.startswith("popen-") else base) / "filled"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def filled_library(engine: str) -> Iterator[Library]:
    """Every release of the smaller knowledge bases and several of the larger ones, with links. Read only."""
    with filled(
        engine, releases_on(engine), links=tuple(mode.name for mode in LINK_MODES), what="everything"
    ) as library:
        yield library


@pytest.fixture(scope="session")
def contract_library(engine: str) -> Iterator[Library]:
    """The releases that the contract gives numbers for, without links. Read only."""
    with filled(engine, CONTRACT, what="contract") as library:
        yield library


@pytest.fixture(scope="session")
def between_library() -> Iterator[Library]:
    """The releases between which outcomes are judged: all of the smaller knowledge bases, and the larger ones' that are in
    the tables of expectations. On SQLite, read only."""
    with filled("sqlite", releases_between(), what="between") as library:
        yield library


@pytest.fixture
def catalogues(engine: str, tmp_path: Path) -> Iterator[Catalogues]:
    """Makes catalogues for tests that change them."""
    with Catalogues(engine, tmp_path) as made:
        yield made


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove the databases of this run from the PostgreSQL server, once all processes have ended."""
    if hasattr(session.config, "workerinput") or not POSTGRES_URL:
        return
    base = getattr(session.config, "_tmp_path_factory", None)
    if base is not None and (folder := base.getbasetemp() / "filled").is_dir():
        drop_shared_databases(folder)
