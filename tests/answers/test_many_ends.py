"""Relationships of many objects take few queries, and are the same as those of each."""

from __future__ import annotations

from typing import Any

import pytest

from ctibutler.catalog import releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.members import of_type
from ctibutler.catalog.relationships import found, found_at, owned_at_object
from tests.catalogue import Catalogues, link


@pytest.fixture
def database(catalogues: Catalogues) -> Database:
    database = catalogues.with_releases("cwe@4.14", "capec@3.9")
    link(database, "cwe-capec")
    return database


def ids_of(connection: Connection, slug: str, stix_type: str) -> list[str]:
    (release,) = releases.installed(connection, slug)
    return [stix_id for stix_id, _ in of_type(connection, release, stix_type)]


@pytest.mark.parametrize("include_embedded", [True, False])
def test_relationships_of_many_objects_are_those_of_each(database: Database, include_embedded: bool) -> None:
    with database.read() as connection:
        ids = [*ids_of(connection, "cwe", "weakness")[::8], *ids_of(connection, "capec", "attack-pattern")[::8]]
        for release in releases.latest(connection):
            at_each = [owned_at_object(connection, release, end, include_embedded=include_embedded) for end in ids]
            expected = found(connection, [query for queries in at_each for query in queries])
            of_many = found_at(connection, release, ids, include_embedded=include_embedded)
            assert sorted(map(repr, of_many)) == sorted(map(repr, expected))
            assert {edge.family for edge in of_many} >= {"native"}


def test_many_objects_take_no_more_queries_than_some(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    rows = Connection.rows

    def noting(self: Connection, sql: str, **parameters: Any) -> Any:
        asked.append(sql)
        return rows(self, sql, **parameters)

    with database.read() as connection:
        ids = ids_of(connection, "cwe", "weakness")
        (release,) = releases.installed(connection, "cwe")
        monkeypatch.setattr(Connection, "rows", noting)
        found_at(connection, release, ids[:20])
        for_some = len(asked)
        found_at(connection, release, ids[:900])
        assert len(asked) <= 2 * for_some
        assert for_some <= 5
