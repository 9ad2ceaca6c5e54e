"""Details that publishers give beyond STIX: stored with the objects of each release, removed with the last one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ctibutler.catalog import details as catalog
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.releases import find, revision
from ctibutler.errors import MalformedFile
from ctibutler.importing.details import read_details
from ctibutler.importing.removal import remove_release, truncate
from ctibutler.knowledge_bases import HOSTED
from ctibutler.publishers.converters import cwe_xml
from ctibutler.publishers.converters.conversion import Edition
from tests.catalogue import Catalogues, install, made_content, row_counts
from tests.excerpt import converted, excerpt
from tests.faults.stores import content as content_of_store
from tests.faults.stores import orphans
from tests.shared import shared_path

CWE = HOSTED.named("cwe")


def details_in(database: Database, label: str) -> dict[str, Any]:
    """The details of a release, by STIX id, as the API answers them."""
    with database.read() as connection:
        release = find(connection, "cwe", label)
        assert release is not None
        found = {stix_id: _of(connection, release.key, stix_id) for stix_id in _ids()}
    return {stix_id: json.loads(content) for stix_id, content in found.items() if content is not None}


def _of(connection: Connection, release_key: int, stix_id: str) -> bytes | None:
    return catalog.of_object(connection, release_key, stix_id)


def _ids() -> list[str]:
    return [stix["id"] for stix in converted().objects]


def count(database: Database, table: str) -> int:
    return row_counts(database)[table]


def state(database: Database) -> tuple[dict[str, int], int]:
    with database.read() as connection:
        return row_counts(database), revision(connection)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON, or cut off"),
        (b'{"weakness--1": {"status": "Dr', "not JSON, or cut off"),
        (b"[]", "expected an object that maps STIX ids to details"),
        (b"null", "expected an object that maps STIX ids to details"),
        (b'{"weakness--1": []}', "weakness--1: expected an object"),
        (b'{"weakness--1": {}, "weakness--2": null}', "weakness--2: expected an object"),
        (b'{"weakness--1": {"status": "\xff"}}', "weakness--1: not JSON"),
        (b'{"weakness--1": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001, "is nested too deeply"),
    ],
)
def test_details_that_are_not_objects_by_id_are_refused(content: bytes, message: str) -> None:
    with pytest.raises(MalformedFile, match=rf"cwe-details-v4_14\.json: {message}"):
        read_details(content, "cwe-details-v4_14.json")


def test_details_are_read_unchanged_except_for_white_space() -> None:
    content = b'\xef\xbb\xbf{ "a--1" : { "n": 1.50, "t": "\\u00e9 x" }, "b--2": {} }'
    assert read_details(content, "x.json") == {"a--1": b'{"n":1.50,"t":"\\u00e9 x"}', "b--2": b"{}"}


def test_objects_have_the_details_of_their_release(catalogues: Catalogues) -> None:
    database = catalogues.empty()
    assert install(database, "cwe@4.14", excerpt()).changed
    assert details_in(database, "4.14") == converted().details
    install(database, "cwe@4.13", excerpt(details=None))
    assert details_in(database, "4.13") == {}


def test_details_shared_by_releases_are_stored_once(catalogues: Catalogues) -> None:
    database = catalogues.empty()
    install(database, "cwe@4.14", excerpt())
    install(database, "cwe@4.15", excerpt(b"CVE-2008-9999"))
    assert (count(database, "detail"), count(database, "release_detail")) == (6, 10)
    assert details_in(database, "4.14") == converted().details
    assert details_in(database, "4.15") == converted(b"CVE-2008-9999").details != converted().details


def test_the_same_release_again_changes_nothing_but_other_details_replace_it(catalogues: Catalogues) -> None:
    database = catalogues.empty()
    install(database, "cwe@4.14", excerpt())
    before = state(database)
    assert not install(database, "cwe@4.14", excerpt()).changed
    assert state(database) == before
    for other in (excerpt(b"CVE-2008-9999"), excerpt(details=None), excerpt()):
        assert install(database, "cwe@4.14", other).changed
        assert state(database)[1] > before[1]
        assert not orphans(database)
    assert details_in(database, "4.14") == converted().details
    assert row_counts(database) == before[0]
    # No details and an empty object of details are the same.
    install(database, "cwe@4.15", excerpt(details=None))
    assert not install(database, "cwe@4.15", excerpt(details={})).changed


def test_the_same_release_imported_by_force_has_the_same_rows(catalogues: Catalogues) -> None:
    database = catalogues.empty()
    install(database, "cwe@4.14", excerpt())
    before = content_of_store(database), row_counts(database)
    assert install(database, "cwe@4.14", excerpt(), force=True).changed
    assert (content_of_store(database), row_counts(database)) == before


def test_details_of_an_object_that_is_not_in_the_release_are_not_stored(catalogues: Catalogues) -> None:
    database = catalogues.empty()
    stranger = "weakness--00000000-0000-4000-8000-000000000000"
    install(database, "cwe@4.14", excerpt(details={**(converted().details or {}), stranger: {"status": "Draft"}}))
    assert count(database, "release_detail") == 5
    assert not orphans(database)


def test_removing_a_release_leaves_nothing_of_its_details(catalogues: Catalogues) -> None:
    untouched, database = catalogues.empty(), catalogues.empty()
    for one in (untouched, database):
        install(one, "cwe@4.14", excerpt())
    install(database, "cwe@4.15", excerpt(b"CVE-2008-9999"))
    remove_release(database, CWE, "4.15")
    assert content_of_store(database) == content_of_store(untouched)
    assert row_counts(database) == row_counts(untouched)
    truncate(database, CWE)
    assert not {table: rows for table, rows in row_counts(database).items() if rows}
    assert not orphans(database)


def test_details_that_cannot_be_read_leave_the_catalogue_unchanged(catalogues: Catalogues) -> None:
    database = catalogues.empty()
    install(database, "cwe@4.14", excerpt())
    before = state(database)
    for label in ("4.14", "4.15"):
        with pytest.raises(MalformedFile, match=rf"cwe-details-v{label.replace('.', '_')}\.json: expected an object"):
            install(database, f"cwe@{label}", excerpt(details=[]))
    assert state(database) == before


@pytest.mark.real
def test_the_details_of_a_whole_release_take_little_space_and_are_removed_completely(catalogues: Catalogues) -> None:
    catalogues.on_one_engine()
    read = cwe_xml.convert(shared_path("kb-primary/cwe/cwec_v4.14.xml.zip").read_bytes(), Edition("4.14"))
    assert read.details is not None
    database = catalogues.empty()
    install(database, "cwe@4.14", made_content(read.objects, details=read.details))
    assert count(database, "release_detail") == len(read.details)
    with database.read() as connection:
        assert connection.value("SELECT count(*) FROM dictionary") == 2
        stored = connection.value("SELECT sum(length(content)) FROM detail")
        stored += connection.value(
            "SELECT length(content) FROM dictionary WHERE base_key = :base", base=connection.key("cwe details")
        )
        release = find(connection, "cwe", "4.14")
        assert release is not None
        some = list(read.details)[::100]
        answered = {stix_id: _of(connection, release.key, stix_id) for stix_id in some}
    assert {stix_id: json.loads(content or b"null") for stix_id, content in answered.items()} == {
        stix_id: read.details[stix_id] for stix_id in some
    }
    assert stored < len(json.dumps(read.details)) / 5
    truncate(database, CWE)
    assert not {table: rows for table, rows in row_counts(database).items() if rows}
