"""Files that are no release, and what is left after everything is removed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from ctibutler.catalog.engine.database import Database
from ctibutler.errors import MalformedFile
from ctibutler.importing.removal import truncate
from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.release_files import ReleaseFile
from tests.catalog.test_checking import fill
from tests.catalogue import Catalogues, install, made_content

GROUPING: dict[str, Any] = {
    "type": "grouping",
    "spec_version": "2.1",
    "id": f"grouping--{UUID(int=1)}",
    "created": "2020-01-01T00:00:00.000Z",
    "modified": "2020-01-02T00:00:00.000Z",
    "name": "A view",
    "context": "unspecified",
    "object_refs": [f"weakness--{UUID(int=2)}"],
}


def from_source(source: str) -> ReleaseFile:
    made = made_content([GROUPING])
    return replace(made, origin=replace(made.origin, source=source))


@pytest.mark.parametrize("source", ["publisher", "bucket", "snapshot"])
def test_a_publishers_file_without_its_main_kind_of_objects_is_refused(catalogues: Catalogues, source: str) -> None:
    database = catalogues.empty()
    before = rows_of_every_table(database)
    with pytest.raises(
        MalformedFile, match=r"^made.json: no object of type weakness; every release of .*CWE has some$"
    ):
        install(database, "cwe@4.14", from_source(source))
    assert rows_of_every_table(database) == before


def test_a_users_own_file_may_contain_what_it_likes(catalogues: Catalogues) -> None:
    assert install(catalogues.empty(), "cwe@4.14", from_source("file")).objects == 1


def test_after_everything_is_removed_no_table_has_a_row_of_it(catalogues: Catalogues) -> None:
    database = catalogues.empty()
    before = rows_of_every_table(database)
    fill(database)
    for kb in HOSTED.all:
        truncate(database, kb)
    after = rows_of_every_table(database)
    left = {table: after[table] - before[table] for table in after if after[table] != before[table]}
    # The vocabulary is the catalogue's own, and every process remembers it. Jobs and keys are records of requests.
    assert left.pop("word") > 0
    assert left == {"job": 1, "api_key": 1}


def rows_of_every_table(database: Database) -> dict[str, int]:
    """The number of rows of every table that the database has, whatever it is for."""
    with database.read() as connection:
        names = connection.rows(
            connection.by_engine(
                # The index of texts keeps tables of its own.
                sqlite="SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'text!_index!_%' ESCAPE '!'"
                " AND name NOT LIKE 'sqlite!_%' ESCAPE '!'",
                postgresql="SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
            )
        )
        return {str(row[0]): int(connection.value(f"SELECT count(*) FROM {row[0]}")) for row in names}
