"""The export for ArangoDB, compared with the bundles, the vectors and the public views."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from ctibutler.answers.arango import arango_files
from ctibutler.answers.library import Library
from ctibutler.catalog.contract.documents import record_digest
from ctibutler.catalog.engine.database import Database
from ctibutler.errors import InvalidRequest, NotFound
from ctibutler.importing.links import LinkRequest, make_links
from ctibutler.importing.releases import import_release
from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.links import CWE_CAPEC, D3FEND_KNOWLEDGE_BASES
from ctibutler.knowledge_bases.release_files import ReleaseFile
from ctibutler.stix.seeds import dogesec
from tests.catalogue import bundle_path, catalogue_with, install_all
from tests.expected_records import expected_records
from tests.shared import identity_vectors, read_bundle

Document = dict[str, Any]

ON_EVERY_DOCUMENT = {
    "_key", "_id", "_is_latest", "_record_created", "_record_modified", "_record_md5_hash", "_taxii",
}  # fmt: skip
FROM_THE_FILE = ON_EVERY_DOCUMENT | {"_stix2arango_note", "_bundle_id", "_file_name"}
OF_AN_EDGE = {"_from", "_to", "_is_ref", "_source_type", "_target_type"}
SHOWN_BY_VIEWS = {
    "vertex": ("_key", "_id", "_is_latest", "_stix2arango_note", "id", "type"),
    "edge": (
        "_key", "_id", "_from", "_to", "_is_ref", "_is_latest", "_stix2arango_note", "_source_type", "_target_type",
        "_arango_cti_processor_note", "id", "type", "relationship_type", "source_ref", "target_ref",
    ),
}  # fmt: skip


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty catalogue."""
    with catalogue_with("sqlite", tmp_path) as database:
        yield database


def exported(database: Database, release: str) -> tuple[list[Document], list[Document]]:
    """The documents of a release: vertices and edges."""
    slug, _, label = release.partition("@")
    kb = HOSTED.named(slug)
    files = {name: list(map(json.loads, lines)) for name, lines in arango_files(Library(database, HOSTED), kb, label)}
    assert list(files) == [f"{kb.database_name}_vertex_collection.jsonl", f"{kb.database_name}_edge_collection.jsonl"]
    vertices, edges = files.values()
    return vertices, edges


def published(document: Document) -> Document:
    """A document without the properties that the export adds."""
    return {name: value for name, value in document.items() if not name.startswith("_")}


@pytest.mark.parametrize("vector", identity_vectors("record-md5"))
def test_every_vector_has_the_expected_digest(vector: Any) -> None:
    inputs = vector["inputs"]
    if isinstance(inputs["object"], str):
        digest = record_digest(dogesec(), _stix2arango_note=inputs["_stix2arango_note"])
    else:
        of_the_store = {name: inputs["object"][name] for name in ("_from", "_to", "_stix2arango_note")}
        digest = record_digest(inputs["object"], **of_the_store)
    assert digest == vector["expected_md5"]


def test_the_digest_escapes_everything_outside_ascii() -> None:
    text = '{"_stix2arango_note": "version=1", "id": "x", "name": "\\u00e9\\ud83d\\ude00"}'
    expected = md5(text.encode(), usedforsecurity=False).hexdigest()
    assert record_digest({"name": "é😀", "id": "x", "_is_ref": True}, _stix2arango_note="version=1", _to="") == expected


def test_a_release_that_is_not_installed_is_refused_at_once(database: Database) -> None:
    with pytest.raises(NotFound):
        arango_files(Library(database, HOSTED), HOSTED.named("cwe"), "4.14")


@pytest.mark.real
@pytest.mark.parametrize("release", ["atlas@5.6.0", "attack-ics@18.1", "mitre-f3@1.1", "sector@1.0", "capec@3.5"])
def test_documents_are_published_objects_with_additional_properties(database: Database, release: str) -> None:
    install_all(database, release)
    vertices, edges = exported(database, release)
    bundle = read_bundle(bundle_path(*release.split("@")))["objects"]
    mine = [document for document in vertices if document.get("_stix2arango_note", "").startswith("version=")]
    native = [edge for edge in edges if not edge["_is_ref"] and "_arango_cti_processor_note" not in edge]
    assert [published(document) for document in mine] == [obj for obj in bundle if obj["type"] != "relationship"]
    assert [published(edge) for edge in native] == [obj for obj in bundle if obj["type"] == "relationship"]
    assert {frozenset(name for name in document if name[0] == "_") for document in mine} == {frozenset(FROM_THE_FILE)}
    assert {frozenset(name for name in edge if name[0] == "_") for edge in native} == {
        frozenset(FROM_THE_FILE | OF_AN_EDGE | {"_stix2arango_ref_err"})
    }
    label = release.partition("@")[2]
    assert {document["_stix2arango_note"] for document in mine + native} == {f"version={label.replace('.', '_')}"}
    assert {document["_file_name"] for document in mine + native} == {
        bundle_path(*release.split("@")).rpartition("/")[2]
    }
    assert {document["_bundle_id"] for document in mine + native} == {""}


@pytest.mark.real
def test_the_well_known_objects_are_the_last_vertices(database: Database) -> None:
    install_all(database, "cwe@4.14")
    seeds = [document for document in exported(database, "cwe@4.14")[0] if "_file_name" not in document]
    notes = Counter(seed.get("_stix2arango_note") or seed["_arango_cti_processor_note"] for seed in seeds)
    assert notes == {
        "automatically imported on collection creation": 12,
        "automatically imported object at script runtime": 2,
    }
    assert all(set(seed) >= ON_EVERY_DOCUMENT for seed in seeds)
    # The file of CWE contains dogesec, but no other well-known object.
    assert {seed["id"] for seed in seeds if not seed["_is_latest"]} == {dogesec()["id"]}
    assert len({seed["_key"] for seed in seeds}) == 14


@pytest.mark.real
def test_edges_refer_to_records(database: Database) -> None:
    install_all(database, "disarm@1.6", "attack-ics@17.1")
    for release in ("disarm@1.6", "attack-ics@17.1"):
        vertices, edges = exported(database, release)
        known = {document["_id"] for document in vertices + edges}
        assert len(known) == len(vertices) + len(edges)
        for edge in edges:
            assert edge["_from"].partition("/")[2].startswith(edge["source_ref"])
            assert edge["_to"].partition("/")[2].startswith(edge["target_ref"])
            if "_stix2arango_ref_err" in edge:
                assert edge["_stix2arango_ref_err"] == (edge["_from"] not in known or edge["_to"] not in known)
            if edge["_to"] not in known:
                assert edge["_to"].endswith("_vertex_collection/" + edge["target_ref"])


@pytest.mark.real
@pytest.mark.parametrize(
    "wanted",
    [("attack-ics@17.1", "attack-ics@18.1"), ("attack-ics@18.1", "attack-ics@17.1"), ("atlas@5.6.0", "atlas@5.1.1")],
    ids=" then ".join,
)
def test_the_flags_take_all_installed_releases_into_account(database: Database, wanted: tuple[str, str]) -> None:
    install_all(database, *wanted)
    expected = expected_records(*wanted)
    found = [
        document
        for release in wanted
        for documents in exported(database, release)
        for document in documents
        if document.get("_stix2arango_note", "").startswith("version=")
    ]
    assert len({document["_key"] for document in found}) == len(found) == len(expected)
    latest = Counter((document["id"], document["_stix2arango_note"]) for document in found if document["_is_latest"])
    assert latest == Counter((one.id, f"version={one.label.replace('.', '_')}") for one in expected if one.latest)
    check_taxii(found)


def check_taxii(documents: list[Document]) -> None:
    """One record of each id is the first, and one of each `modified` is visible, including the last."""
    by_id: dict[str, list[Document]] = {}
    for document in documents:
        by_id.setdefault(document["id"], []).append(document)
    for records in by_id.values():
        visible = [record.get("modified") for record in records if record["_taxii"]["visible"]]
        assert sorted(map(str, visible)) == sorted({str(record.get("modified")) for record in records})
        first = [record.get("modified") for record in records if record["_taxii"]["first"]]
        assert first == [min((record.get("modified") for record in records), key=str)]
        for record in records:
            assert record["_taxii"]["last"] == record["_is_latest"]
            assert record["_taxii"]["visible"] or not (record["_taxii"]["first"] or record["_taxii"]["last"])


@pytest.mark.real
@pytest.mark.parametrize("engine", ["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def test_the_views_show_the_same(engine: str, tmp_path: Path) -> None:
    wanted = ("cwe@4.14", "d3fend@1.1.0", "d3fend@1.2.0", "capec@3.8", "capec@3.9", "atlas@5.5.0", "atlas@5.6.0")
    with catalogue_with(engine, tmp_path) as database:
        install_all(database, *wanted, "attack-enterprise@18.1")
        assert make_links(database, HOSTED, LinkRequest(CWE_CAPEC)) == 1211
        assert make_links(database, HOSTED, LinkRequest(D3FEND_KNOWLEDGE_BASES)) == 612
        for release in wanted:
            slug, _, label = release.partition("@")
            for kind, documents in zip(("vertex", "edge"), exported(database, release), strict=True):
                names = SHOWN_BY_VIEWS[kind]
                seeds_left_out = [one for one in documents if kind == "edge" or "_file_name" in one]
                expected = {one["_key"]: tuple(one.get(name) for name in names) for one in seeds_left_out}
                view = f"{HOSTED.named(slug).database_name}_{kind}_collection"
                with database.read() as connection:
                    rows = connection.rows(
                        f"SELECT {', '.join(names)} FROM {view} WHERE release = :label",
                        label=label,
                    )
                assert {row[0]: tuple(row) for row in rows} == expected
                assert len(rows) == len(seeds_left_out)


@pytest.mark.real
def test_links_have_the_properties_of_the_link_layer(database: Database) -> None:
    install_all(database, "capec@3.9", "cwe@4.14", "disarm@1.6")
    make_links(database, HOSTED, LinkRequest(CWE_CAPEC))
    links = [edge for edge in exported(database, "cwe@4.14")[1] if "_arango_cti_processor_note" in edge]
    assert Counter(link["_is_ref"] for link in links) == {False: 1211, True: 3 * 1211}
    assert {frozenset(name for name in link if name[0] == "_") for link in links} == {
        frozenset(ON_EVERY_DOCUMENT | OF_AN_EDGE | {"_arango_cti_processor_note"})
    }
    tactics = [edge for edge in exported(database, "disarm@1.6")[1] if "_arango_cti_processor_note" in edge]
    assert {edge["_arango_cti_processor_note"] for edge in tactics} == {"technique-tactic"}
    assert {edge["_stix2arango_note"] for edge in tactics} == {"version=1_6"}
    assert len(tactics) == sum(one.family == "technique-tactic" for one in expected_records("disarm@1.6"))
    for link in (*links[:50], *tactics[:50]):
        counted = published(link) | {name: link[name] for name in ("_from", "_to", "_arango_cti_processor_note")}
        text = json.dumps(counted, sort_keys=True)
        assert link["_record_md5_hash"] == md5(text.encode(), usedforsecurity=False).hexdigest()


def install_made_up(database: Database, *objects: Document) -> None:
    """Install a made-up bundle as CWE 1.0."""
    bundle = json.dumps({"type": "bundle", "id": "bundle--1", "objects": objects}).encode()
    file = ReleaseFile.of_bundle("cwe", "1.0", bundle, source="file", location="", file_name="own.json")
    import_release(database, HOSTED.named("cwe"), file)


def test_the_message_about_an_id_that_cannot_be_a_key_names_it(database: Database) -> None:
    install_made_up(database, {"type": "weakness", "id": "weakness--a/b"})
    with pytest.raises(InvalidRequest, match="weakness--a/b"):
        exported(database, "cwe@1.0")


def test_a_relationship_in_the_file_is_not_made_again(database: Database) -> None:
    weakness = {
        "type": "weakness",
        "id": "weakness--1",
        "created_by_ref": "identity--2",
        "modified": "2020-01-01T00:00:00Z",
    }
    install_made_up(database, weakness)
    made = exported(database, "cwe@1.0")[1][0]
    install_made_up(database, weakness, published(made))
    edges = exported(database, "cwe@1.0")[1]
    assert [edge["id"] for edge in edges].count(made["id"]) == 1
    assert [edge["_is_ref"] for edge in edges if edge["id"] == made["id"]] == [False]
    with database.read() as connection:
        assert connection.value("SELECT count(*) FROM mitre_cwe_edge_collection") == len(edges)
