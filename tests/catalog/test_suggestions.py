"""Shell completion opens the catalogue read-only and changes nothing."""

from __future__ import annotations

import pytest

from ctibutler.catalog import releases
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.reading import open_to_read
from ctibutler.catalog.suggestions import external_ids
from ctibutler.errors import StoreUnavailable
from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import Catalogues
from tests.shared import read_bundle

DISARM = HOSTED.named("disarm")
DISARM_1_6 = "disarm2stix-manual-output/disarm-bundle-v1_6.json"


def offered(database: Database, beginning: str, types: list[str] | None = None) -> list[tuple[str, str | None]]:
    reading = open_to_read(database.url.text)
    try:
        with reading.read() as connection:
            release = releases.find(connection, "disarm", None)
            assert release is not None
            return external_ids(connection, DISARM, release.key, beginning, types)
    finally:
        reading.close()


def test_ids_with_a_prefix_are_offered_in_natural_order_with_names(catalogues: Catalogues) -> None:
    database = catalogues.with_releases("disarm@1.6")
    published = {
        item["external_references"][0]["external_id"]: item["name"]
        for item in read_bundle(DISARM_1_6)["objects"]
        if item["type"] in ("attack-pattern", "x-mitre-tactic")
    }
    expected = sorted(pair for pair in published.items() if pair[0].startswith("T008"))
    assert len(expected) > 10
    assert offered(database, "T008") == offered(database, "t008") == expected
    assert offered(database, "TA", ["x-mitre-tactic"]) == [
        pair for pair in sorted(published.items()) if pair[0][:2] == "TA"
    ]
    assert offered(database, "TA", ["attack-pattern"]) == []
    assert offered(database, "TA", ["no-such-type"]) == []
    # An id may contain wildcards of SQL.
    assert offered(database, "T%") == offered(database, "T_") == offered(database, "'") == []
    every = dict(offered(database, ""))
    assert published.keys() <= every.keys()
    assert set(every.values()) == {None}


def test_a_catalogue_opened_read_only_cannot_be_written(catalogues: Catalogues) -> None:
    reading = open_to_read(catalogues.empty().url.text)
    try:
        with (
            pytest.raises((StoreUnavailable, reading.driver.Error), match=r"read-?only"),
            reading.read() as connection,
        ):
            connection.run("UPDATE catalogue SET revision = 7")
    finally:
        reading.close()


def test_a_database_without_tables_stays_without_them(catalogues: Catalogues) -> None:
    database = catalogues.bare()
    with pytest.raises(StoreUnavailable):
        open_to_read(database.url.text)
    with database.read() as connection:
        table = connection.by_engine(
            sqlite="SELECT max(name) FROM sqlite_master", postgresql="SELECT to_regclass('release')"
        )
        assert connection.value(table) is None


def test_a_catalogue_of_another_version_is_left_alone(catalogues: Catalogues) -> None:
    database = catalogues.empty()
    with database.write() as connection:
        connection.run("UPDATE alembic_version SET version_num = 'a001'")
    with pytest.raises(StoreUnavailable, match="no catalogue of this version"):
        open_to_read(database.url.text)
    with database.read() as connection:
        assert connection.value("SELECT version_num FROM alembic_version") == "a001"
