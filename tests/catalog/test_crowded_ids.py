"""Ten thousand contents of one id in one release: questions about other objects cost what they cost without them.

Lists are none of these questions: they go through all members of a release, a few steps each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from ctibutler.catalog import objects, relationships, releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database
from tests.catalogue import Catalogues, install, made_content

CROWD = 10_000
IDENTITY = f"identity--{UUID(int=1)}"


def weakness(number: int, name: str) -> dict[str, Any]:
    return {
        "type": "weakness",
        "spec_version": "2.1",
        "id": f"weakness--{UUID(int=number)}",
        "created_by_ref": IDENTITY,
        "created": "2020-01-01T00:00:00.000Z",
        "modified": "2020-01-02T00:00:00.000Z",
        "name": name,
        "external_references": [{"source_name": "cwe", "external_id": f"CWE-{number}"}],
    }


def related(number: int) -> dict[str, Any]:
    return {
        "type": "relationship",
        "spec_version": "2.1",
        "id": f"relationship--{UUID(int=number)}",
        "created": "2020-01-01T00:00:00.000Z",
        "modified": "2020-01-02T00:00:00.000Z",
        "relationship_type": "related-to",
        "source_ref": f"weakness--{UUID(int=number)}",
        "target_ref": f"weakness--{UUID(int=number + 1)}",
    }


OTHERS = [*(weakness(number, f"Weakness {number}") for number in range(2, 60)), *map(related, range(2, 58))]
CROWDED = [weakness(1, f"Crowd {number}") for number in range(CROWD)]

QUESTIONS: dict[str, Callable[[Connection, releases.Release], object]] = {
    "by id": lambda connection, release: objects.with_primary_id(connection, [release.key], "cwe-7"),
    "by STIX id": lambda connection, release: objects.with_stix_id(
        connection, [release.key], f"weakness--{UUID(int=7)}"
    ),
    "its bytes": lambda connection, release: objects.contents(
        connection, [objects.with_primary_id(connection, [release.key], "cwe-7")[0].object_key]
    ),
    "its relationships": lambda connection, release: relationships.edges_of(
        connection, release, f"weakness--{UUID(int=7)}"
    ),
}


@pytest.fixture(scope="module")
def stores(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with Catalogues(engine, tmp_path_factory.mktemp("crowded")) as made:
        alone, crowded = made.empty(), made.empty()
        install(alone, "cwe@4.14", made_content(OTHERS))
        install(crowded, "cwe@4.14", made_content([*CROWDED, *OTHERS]))
        yield alone, crowded


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_crowd_under_one_id_makes_no_other_question_dearer(stores: tuple[Database, Database], question: str) -> None:
    alone, crowded = (work(database, QUESTIONS[question]) for database in stores)
    # A look-up in an index of 10,000 has a step or two more.
    assert crowded <= 2 * alone + 20, f"{crowded} steps with the crowd, {alone} without"


def test_the_crowd_itself_is_dear(stores: tuple[Database, Database]) -> None:
    """Otherwise the measure would measure nothing."""
    _, crowded = stores
    asked: Callable[[Connection, releases.Release], object] = lambda connection, release: objects.with_primary_id(  # noqa: E731
        connection, [release.key], "cwe-1"
    )
    assert work(crowded, asked) > CROWD


def work(database: Database, ask: Callable[[Connection, releases.Release], object]) -> int:
    """What a question costs: instructions that SQLite ran, or rows that PostgreSQL read."""
    with database.read() as connection:
        release = releases.find(connection, "cwe", "4.14")
        assert release is not None
        ask(connection, release)  # what is remembered from then on
        if connection.engine == "postgresql":
            before = _rows_read(connection)
            assert ask(connection, release)
            return _rows_read(connection) - before
        steps = 0

        def step() -> int:
            nonlocal steps
            steps += 1
            return 0

        raw = connection._raw
        raw.set_progress_handler(step, 1)
        try:
            assert ask(connection, release)
        finally:
            raw.set_progress_handler(None, 0)
        return steps


def _rows_read(connection: Connection) -> int:
    return int(
        connection.value(
            "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables"
        )
    )
