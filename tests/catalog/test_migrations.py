"""Catalogues of earlier versions are upgraded when they are opened, and keep their content."""

from __future__ import annotations

import json
from contextlib import nullcontext
from uuid import UUID

import msgspec
import pytest

from ctibutler.answers.library import Library
from ctibutler.answers.naming import ObjectRequest
from ctibutler.answers.objects import ObjectQuery, find_object, list_objects
from ctibutler.answers.releases import InstalledReleases, installed
from ctibutler.catalog import details, jobs, writing
from ctibutler.catalog.engine import migrations, packing
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.job_records import STATES
from ctibutler.catalog.releases import find, revision
from ctibutler.catalog.rows import row_of
from ctibutler.catalog.writing import Member
from ctibutler.importing.removal import truncate
from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.release_labels import sort_key
from ctibutler.requesting import InstallRequest, add_install
from ctibutler.stix.bundles import read_bundle
from tests.catalogue import Catalogues, install, made_content, row_counts
from tests.faults.stores import orphans

CWE = HOSTED.named("cwe")
NAMES = [f"Weakness number {number}" for number in range(1, 61)]
OBJECTS = [
    {
        "type": "weakness",
        "spec_version": "2.1",
        "id": f"weakness--{UUID(int=number)}",
        "created": "2020-01-01T00:00:00.000Z",
        "modified": "2020-01-02T00:00:00.000Z",
        "name": name,
        "description": f"What {name} is about.",
        "external_references": [{"source_name": "cwe", "external_id": f"CWE-{number}"}],
    }
    for number, name in enumerate(NAMES, start=1)
]


def fill_first_version(database: Database) -> None:
    """Store a release as the first version did."""
    content = made_content(OBJECTS)
    bundle = read_bundle(content.bundle_bytes, "made.json")
    with database.write() as connection:
        whole = [row_of(CWE, stix_object, stix_object.properties(), "made.json") for stix_object in bundle.objects]
        rows = [msgspec.structs.replace(row, texts=None) for row in whole]
        packed = packing.pack(connection, "cwe", [row.content for row in rows])
        keys = writing.add_objects(connection, "cwe", rows, packed)
        connection.insert("text_index", ("rowid", "name", "description"), [(key, "a", "b") for key in keys.values()])
        members = [Member(stix.digest, stix.type, stix.position, 0) for stix in bundle.objects]
        writing.add_members(connection, 1, members, keys)
        counts = {"counts_by_type": {"weakness": len(OBJECTS)}, "revoked": 0, "deprecated": 0}
        release = {
            "release_key": 1, "knowledge_base": "cwe", "label": "4.14", "sort_key": sort_key("4.14"), "latest": 1,
            "source": "own", "location": "made.json", "file_name": "made.json", "size": 1, "sha256": "",
            "bundle_id": "bundle--1", "digest": "", "facts": json.dumps(counts), "installed_at": 1,
        }  # fmt: skip
        connection.insert("release", list(release), [tuple(release.values())])


@pytest.fixture
def from_first_version(catalogues: Catalogues) -> Database:
    """A catalogue filled by the first version and opened by this one."""
    old = catalogues.bare()
    migrations.bring_up_to_date(old, {}, "a001")
    fill_first_version(old)
    return catalogues.again(old)


def test_a_catalogue_of_the_first_version_keeps_its_content(from_first_version: Database) -> None:
    with from_first_version.read() as connection:
        assert connection.value("SELECT version_num FROM alembic_version") == migrations.CURRENT
    library = Library(from_first_version, HOSTED)
    assert installed(library, CWE) == InstalledReleases("4.14", ["4.14"])
    assert json.loads(find_object(library, CWE, ObjectRequest("CWE-7")).content) == OBJECTS[6]
    assert list_objects(library, CWE, ObjectQuery(text="weakness about")).total == len(OBJECTS)


def test_its_releases_can_be_removed_and_replaced_by_releases_with_details(from_first_version: Database) -> None:
    stix_id = OBJECTS[6]["id"]
    drafts = {str(stix["id"]): {"status": f"Draft of {stix['id']}"} for stix in OBJECTS}
    assert install(from_first_version, "cwe@4.14", made_content(OBJECTS, details=drafts)).changed
    with from_first_version.read() as connection:
        release = find(connection, "cwe", None)
        assert release is not None
        found = details.of_object(connection, release.key, str(stix_id))
    assert found is not None
    assert json.loads(found) == drafts[str(stix_id)]
    assert not orphans(from_first_version)
    truncate(from_first_version, CWE)
    assert not {table: rows for table, rows in row_counts(from_first_version).items() if rows}


def test_details_that_say_nothing_about_relationships_change_nothing_when_a_catalogue_is_opened(
    catalogues: Catalogues,
) -> None:
    database = catalogues.empty()
    drafts = {str(stix["id"]): {"status": "Draft"} for stix in OBJECTS}
    assert install(database, "cwe@4.14", made_content(OBJECTS, details=drafts)).changed
    with database.read() as connection:
        before = revision(connection)
    with catalogues.again(database).read() as connection:
        assert revision(connection) == before


def test_an_upgraded_catalogue_has_the_tables_of_a_new_one(
    catalogues: Catalogues, from_first_version: Database
) -> None:
    assert _columns(from_first_version) == _columns(catalogues.empty())


@pytest.mark.parametrize("state", ["cancelled", "forgotten"])
def test_a_job_cannot_have_an_unknown_state(from_first_version: Database, state: str) -> None:
    with from_first_version.note() as connection:
        job = add_install(connection, CWE, InstallRequest("4.15"))
    is_known = state in STATES
    with (
        nullcontext() if is_known else pytest.raises(from_first_version.driver.IntegrityError),
        from_first_version.note() as connection,
    ):
        connection.run("UPDATE job SET state = :state", state=state)
    with from_first_version.read() as connection:
        found = jobs.find(connection, job.id)
    assert found is not None
    assert found.state == (state if is_known else "pending")


def test_jobs_of_an_earlier_version_are_kept(catalogues: Catalogues) -> None:
    old = catalogues.bare()
    migrations.bring_up_to_date(old, {}, "a002")
    with old.note() as connection:
        ids = [add_install(connection, CWE, InstallRequest(label)).id for label in ("4.14", "4.15")]
    with catalogues.again(old).read() as connection:
        assert [job.id for job in jobs.all_jobs(connection)] == ids


def test_embedded_references_of_an_earlier_version_are_kept(catalogues: Catalogues) -> None:
    old = catalogues.bare()
    migrations.bring_up_to_date(old, {}, "a003")
    with old.write() as connection:
        connection.insert("identifier", ("identifier_key", "stix_id"), [(key, f"x--{key}") for key in range(1, 6)])
        connection.insert(
            "object", _OBJECT, [(key, 1, source, 1, b"", 0, 0, 0, 0, 0) for key, source in _SOURCES.items()]
        )
        references = [
            (key, source, 7, target, bytes([key]) * 16) for key, (source, target) in _REFERENCES_BEFORE.items()
        ]
        connection.insert("reference", ("reference_key", "source_key", "kind_key", "target_key", "uuid"), references)
        connection.insert("object_reference", ("object_key", "reference_key"), _HELD_BEFORE)
    with catalogues.again(old).read() as connection:
        rows = connection.rows(
            """
            SELECT object_reference.object_key, reference.uuid, reference.source_key, reference.target_key, reference.place
              FROM object
              JOIN object_reference ON object_reference.object_key = object.object_key
              JOIN reference        ON reference.source_key = object.identifier_key
                                   AND reference.place BETWEEN object_reference.first_place AND object_reference.last_place
             ORDER BY object_reference.object_key, reference.place
            """
        )
        assert connection.value("SELECT count(*) FROM object_reference") == 5, "one object holds two runs"
    assert [(row.object_key, bytes(row.uuid)[0]) for row in rows] == _HELD_BEFORE
    assert all(_REFERENCES_BEFORE[bytes(row.uuid)[0]] == (row.source_key, row.target_key) for row in rows)


_OBJECT = (
    "object_key", "base_key", "identifier_key", "type_key", "digest",
    "revoked", "deprecated", "listed", "subtechnique", "public",
)  # fmt: skip
# Two contents of the id 1, two of the id 2; the references between ids; which content holds which, in this order.
_SOURCES = {1: 1, 2: 1, 3: 2, 4: 2}
_REFERENCES_BEFORE = {1: (1, 3), 2: (2, 3), 3: (1, 4), 4: (1, 5), 5: (2, 4), 6: (1, 2)}
_HELD_BEFORE = [(1, 1), (1, 3), (1, 4), (2, 1), (2, 4), (2, 6), (3, 2), (3, 5), (4, 5)]


def _columns(database: Database) -> set[tuple[str, str]]:
    with database.read() as connection:
        rows = connection.rows(
            connection.by_engine(
                sqlite="SELECT tables.name, columns.name FROM sqlite_master tables"
                " JOIN pragma_table_info(tables.name) columns WHERE tables.type IN ('table', 'index')",
                postgresql="SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'",
            )
        )
        return {(str(row[0]), str(row[1])) for row in map(tuple, rows)}
