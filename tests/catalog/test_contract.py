"""The public views, on both engines, compared with records worked out in plain Python."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ctibutler.catalog import releases
from ctibutler.catalog.contract.views import contract_views, refresh_contract_views
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.releases import ImportOptions
from ctibutler.catalog.removal import remove_orphans, remove_release
from ctibutler.importing.links import LinkRequest, make_links
from ctibutler.knowledge_bases import HOSTED, KnowledgeBases
from ctibutler.knowledge_bases.links import CWE_CAPEC
from tests.catalogue import bundle_path, catalogue_with, install_all
from tests.expected_records import expected_records
from tests.shared import read_shared

pytestmark = pytest.mark.real


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty catalogue on each engine."""
    with catalogue_with(request.param, tmp_path) as database:
        yield database


def select(database: Database, query: str) -> Sequence[Any]:
    with database.read() as connection:
        return connection.rows(query)


def views_of(database: Database) -> set[str]:
    if database.engine == "sqlite":
        return {row.name for row in select(database, "SELECT name FROM sqlite_master WHERE type = 'view'")}
    return {row.viewname for row in select(database, "SELECT viewname FROM pg_views WHERE schemaname = 'public'")}


def test_every_knowledge_base_has_two_views_and_their_aliases(database: Database) -> None:
    names = [name for kb in HOSTED.all for name in (kb.database_name, *kb.database_aliases)]
    assert {"mitre_attack_enterprise", "mitre_cwe", "location", "locations", "tlp", "mitre_f3"} <= set(names)
    assert views_of(database) == {f"{name}_{kind}_collection" for name in names for kind in ("vertex", "edge")}


def test_the_views_follow_the_declarations(database: Database) -> None:
    thirteenth = dataclasses.replace(
        HOSTED.named("cwe"), slug="made-up", aliases=(), database_name="made_up", database_aliases=("invented",)
    )
    refresh_contract_views(database, KnowledgeBases([HOSTED.named("cwe"), thirteenth]))
    made = {"mitre_cwe", "made_up", "invented"}
    assert views_of(database) == {f"{name}_{kind}_collection" for name in made for kind in ("vertex", "edge")}
    assert not select(database, "SELECT * FROM invented_edge_collection")
    refresh_contract_views(database, HOSTED)
    assert views_of(database) == set(contract_views(database.engine, HOSTED))


def test_views_made_by_somebody_else_are_kept(database: Database) -> None:
    with database.write() as connection:
        connection.script(["CREATE VIEW my_own_vertex_collection AS SELECT 1 AS one"])
    refresh_contract_views(database, KnowledgeBases([HOSTED.named("cwe")]))
    assert "my_own_vertex_collection" in views_of(database)


def test_nothing_is_written_when_nothing_changed(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Database, "write", None)
    refresh_contract_views(database, HOSTED)


@pytest.mark.parametrize("release", ["cwe@4.14", "attack-ics@18.1", "disarm@1.6", "mitre-f3@1.1", "location@1.0"])
def test_a_release_has_as_many_records_as_its_bundle_requires(database: Database, release: str) -> None:
    install_all(database, release)
    expected = Counter(record.family for record in expected_records(release))
    assert counted(database, release) == expected
    facts = json.loads(read_shared("kb/facts.json"))["files"][bundle_path(*release.split("@"))]
    assert expected["native"] == facts["distinct_by_type"]["relationship"]
    references = sum(
        fact["references"] - fact["target_types"].get("", 0)
        for family in facts["embedded_references"].values()
        for name, fact in family.items()
        if name not in ("source_ref", "target_ref")
    )
    assert expected["embedded"] == references


def counted(database: Database, release: str) -> Counter[str]:
    """How many records of each family the views of a knowledge base have."""
    name = HOSTED.named(release.partition("@")[0]).database_name
    found = Counter(vertex=select(database, f"SELECT count(*) AS n FROM {name}_vertex_collection")[0].n)
    rows = select(
        database,
        f"SELECT _is_ref, _arango_cti_processor_note AS note, count(*) AS n FROM {name}_edge_collection GROUP BY 1, 2",
    )
    for row in rows:
        found[row.note or ("embedded" if row[0] else "native")] += row.n
    return found


@pytest.mark.parametrize(
    "wanted",
    [
        ("attack-ics@17.1", "attack-ics@18.1"),
        ("attack-ics@18.1", "attack-ics@17.1"),
        ("attack-ics@18.1", "attack-ics@8.0"),
        ("disarm@1.5", "disarm@1.4", "disarm@1.6"),
    ],
    ids=" then ".join,
)
def test_one_record_of_each_id_is_the_latest_in_any_order_of_import(
    database: Database, wanted: tuple[str, ...]
) -> None:
    install_all(database, *wanted)
    expected = {record.name: record.latest for record in expected_records(*wanted)}
    name = HOSTED.named(wanted[0].partition("@")[0]).database_name
    found: dict[tuple[str, str], bool] = {}
    for kind in ("vertex", "edge"):
        rows = select(database, f"SELECT id, release, _is_latest FROM {name}_{kind}_collection")
        found |= {(row.id, row.release): bool(row[2]) for row in rows}
    assert found == expected
    assert set(found.values()) == {True, False}


def test_each_content_of_an_id_has_its_own_record(database: Database) -> None:
    install_all(database, "atlas@5.1.1", "atlas@5.6.0")
    expected = expected_records("atlas@5.1.1", "atlas@5.6.0")
    rows = select(
        database,
        "SELECT _key, id, release, _is_latest AS latest FROM mitre_atlas_vertex_collection"
        " UNION ALL SELECT _key, id, release, _is_latest AS latest FROM mitre_atlas_edge_collection",
    )
    assert len({row[0] for row in rows}) == len(rows) == len(expected)
    repeated = [record for record in expected if record.family == "native" and record.place > 0]
    assert repeated
    latest = Counter((row.id, row.release) for row in rows if row.latest)
    assert latest == Counter(record.name for record in expected if record.latest)


def test_keys_consist_of_id_and_time_and_edges_refer_to_records(database: Database) -> None:
    install_all(database, "cwe@4.14", "capec@3.8", "capec@3.9")
    assert make_links(database, HOSTED, LinkRequest(CWE_CAPEC)) == 1211
    known: set[str] = set()
    for name in ("mitre_cwe", "mitre_capec"):
        for kind in ("vertex", "edge"):
            rows = select(database, f"SELECT _key, _id, id FROM {name}_{kind}_collection")
            assert all(
                row[0].startswith(row.id + "+") and row[1] == f"{name}_{kind}_collection/{row[0]}" for row in rows
            )
            assert not known & {row[1] for row in rows}
            known |= {row[1] for row in rows}
    rows = select(database, "SELECT _from, _to, _arango_cti_processor_note AS note, * FROM mitre_cwe_edge_collection")
    assert all(row[0] in known for row in rows)
    # Objects in no release: well-known ones, which the export contains, and markings that exist nowhere.
    elsewhere = {
        row.target_ref: row[1].removeprefix("mitre_cwe_vertex_collection/") for row in rows if row[1] not in known
    }
    tlp_clear = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"
    assert elsewhere[tlp_clear] == tlp_clear + "+2020-01-01T00:00:00.000000Z"
    assert all(stix_id.startswith("marking-definition--") for stix_id in elsewhere)
    assert any(stix_id == end for stix_id, end in elsewhere.items())
    links = [row for row in rows if row.note]
    assert len(links) == 4 * 1211
    assert {row[1].partition("/")[0] for row in links if row.source_ref.startswith("weakness")} == {
        "mitre_capec_vertex_collection"
    }


def test_links_made_again_replace_earlier_ones_as_the_latest(database: Database) -> None:
    install_all(database, "capec@3.8", "cwe@4.14")
    make_links(database, HOSTED, LinkRequest(CWE_CAPEC))
    install_all(database, "capec@3.9")
    make_links(database, HOSTED, LinkRequest(CWE_CAPEC))
    rows = select(
        database,
        "SELECT _is_latest AS latest, _is_ref, _stix2arango_note FROM mitre_cwe_edge_collection"
        " WHERE _arango_cti_processor_note = 'cwe-capec'",
    )
    assert len(rows) > 4 * 1211
    # Links to 3.8 only are still the latest, as nothing followed them. Every other link is the latest once.
    everything = {row.id for row in select(database, "SELECT id FROM mitre_cwe_edge_collection WHERE NOT _is_ref")}
    assert sum(bool(row.latest) for row in rows if not row[1]) == len(everything) - 1420
    assert {row[2] for row in rows} == {None}


def test_embedded_relationships_ignored_at_import_are_not_shown(database: Database) -> None:
    install_all(database, "disarm@1.5", options=ImportOptions(ignore_embedded_sro=True, ignore_embedded_smo=True))
    rows = select(database, "SELECT DISTINCT _source_type FROM disarm_edge_collection WHERE _is_ref")
    assert {row[0] for row in rows} == {"attack-pattern", "x-mitre-tactic", "x-mitre-matrix", "identity"}
    install_all(database, "disarm@1.4", options=ImportOptions(ignore_embedded=True))
    assert not select(database, "SELECT 1 FROM disarm_edge_collection WHERE _is_ref AND release = '1.4'")


def test_nothing_of_a_removed_release_is_shown(database: Database) -> None:
    install_all(database, "disarm@1.4", "disarm@1.5")
    with database.write() as connection:
        release = releases.find(connection, "disarm", "1.5")
        assert release
        remove_orphans(connection, remove_release(connection, release))
    expected = {record.name: record.latest for record in expected_records("disarm@1.4")}
    rows = select(database, "SELECT id, release, _is_latest FROM disarm_edge_collection")
    assert all(expected[row.id, row.release] == bool(row[2]) for row in rows)
    assert len(rows) == sum(name.startswith("relationship") for name, _ in expected)


def test_times_are_readable_even_before_1970(database: Database) -> None:
    install_all(database, "tlp@1")
    with database.write() as connection:
        connection.run("UPDATE object SET created = -1500000, modified = -1")
    row = select(database, "SELECT created, modified FROM tlp_vertex_collection")[0]
    assert tuple(row) == ("1969-12-31T23:59:58.500000Z", "1969-12-31T23:59:59.999999Z")
