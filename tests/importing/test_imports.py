"""What an import changes in the catalogue, and what it does not."""

from __future__ import annotations

import itertools
import json
from typing import Any
from uuid import UUID, uuid5

import pytest

from ctibutler.answers.changes import ChangesQuery, changes
from ctibutler.answers.exports import release_objects
from ctibutler.answers.library import Library
from ctibutler.answers.object_versions import versions_by_content
from ctibutler.answers.releases import about, installed
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.releases import ImportOptions, revision
from ctibutler.errors import MalformedFile
from ctibutler.forms.changes import rows_of
from ctibutler.forms.stix_bundle import release_as_bundle
from ctibutler.importing.removal import remove_release, truncate
from ctibutler.knowledge_bases import HOSTED
from tests.answers import plain
from tests.answers.walking import as_json, decoded, listed, related
from tests.catalogue import Catalogues, content_of, file_of, install, made_content, row_counts

pytestmark = pytest.mark.real

MARKING = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"


def state(database: Database) -> tuple[dict[str, int], int]:
    with database.read() as connection:
        return row_counts(database), revision(connection)


def stix_id(stix_type: str, name: str) -> str:
    return f"{stix_type}--{uuid5(UUID(int=7), name)}"


def weakness(name: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "weakness",
        "spec_version": "2.1",
        "id": stix_id("weakness", name),
        "created": "2020-01-01T00:00:00.000Z",
        "modified": "2020-01-02T00:00:00.000Z",
        "name": name,
        "external_references": [{"source_name": "cwe", "external_id": name}],
        **properties,
    }


def answers_of(library: Library, *names: str) -> str:
    """A sample of the answers about these releases, as one text."""
    said: list[Any] = []
    for name in sorted(names):
        slug, _, label = name.partition("@")
        kb = HOSTED.named(slug)
        objects = listed(library, slug, label)
        said.append([name, as_json(installed(library, kb)), objects])
        known = as_json(about(library, kb, label))
        said.append([known[key] for key in ("total_objects", "counts_by_type", "derived_relationships", "latest")])
        for stix in objects[:: max(1, len(objects) // 12)]:
            said.append(related(library, slug, stix["id"], label))
            said.append(as_json(versions_by_content(library, kb, stix["id"])))
        compared = changes(library, kb, label, ChangesQuery())
        rows = rows_of(compared, include_objects=False)
        said.append([compared.since, compared.counted(), decoded(rows)])
        bundle = release_objects(library, kb, label, include_derived=True)
        said.append(
            [bundle.digest, sorted(map(plain.same, json.loads(b"".join(release_as_bundle(bundle)))["objects"]))]
        )
    return json.dumps(said, sort_keys=True)


def test_the_same_release_again_changes_nothing(catalogues: Catalogues) -> None:
    database = catalogues.with_releases("attack-ics@17.1", "d3fend@1.2.0", "location@1.0")
    before = state(database)
    for name in ("attack-ics@17.1", "attack-ics@v17_1", "d3fend@1.2.0", "location@1_0"):
        report = install(database, name, content_of(*name.replace("v17_1", "17.1").replace("1_0", "1.0").split("@")))
        assert not report.changed
        assert report.new_contents == 0
    assert state(database) == before


def test_the_same_release_imported_by_force_has_the_same_rows(catalogues: Catalogues) -> None:
    database = catalogues.with_releases("atlas@5.1.1", "atlas@5.2.0")
    rows, before = state(database)
    answers = answers_of(Library(database, HOSTED), "atlas@5.1.1", "atlas@5.2.0")
    report = install(database, "atlas@5.2.0", force=True)
    assert report.changed
    after, raised = state(database)
    assert after == rows
    assert raised > before
    assert answers_of(Library(database, HOSTED), "atlas@5.1.1", "atlas@5.2.0") == answers


def test_exact_copies_are_stored_once_and_different_contents_of_one_id_are_all_kept(catalogues: Catalogues) -> None:
    library = Library(catalogues.with_releases("location@1.0", "atlas@5.2.0"), HOSTED)
    location = as_json(about(library, HOSTED.named("location"), "1.0"))
    assert location["counts_by_type"]["relationship"] == 628
    atlas = as_json(about(library, HOSTED.named("atlas"), "5.2.0"))
    assert atlas["counts_by_type"]["relationship"] == 302
    assert atlas["total_objects"] == 502


def ordered_row_counts(database: Database) -> dict[str, int]:
    """The number of rows of each table whose rows do not depend on the order of imports.

    A dictionary is trained on what comes first, and references are numbered as they come: objects hold runs of numbers.
    """
    return {
        name: count for name, count in row_counts(database).items() if name not in ("dictionary", "object_reference")
    }


def test_answers_do_not_depend_on_the_order_of_imports(catalogues: Catalogues) -> None:
    names = ("atlas@5.1.0", "atlas@5.1.1", "atlas@5.2.0")
    rows, answers = [], []
    for order in itertools.permutations(names):
        database = catalogues.with_releases(*order)
        rows.append(ordered_row_counts(database))
        answers.append(answers_of(Library(database, HOSTED), *names))
    assert all(counted == rows[0] for counted in rows)
    assert all(said == answers[0] for said in answers)


def test_answers_do_not_depend_on_the_order_of_large_imports(catalogues: Catalogues) -> None:
    catalogues.on_one_engine()
    names = ("attack-ics@16.1", "attack-ics@17.1", "attack-ics@18.1")
    forth = Library(catalogues.with_releases(*names), HOSTED)
    back = Library(catalogues.with_releases(*reversed(names)), HOSTED)
    assert answers_of(forth, *names) == answers_of(back, *names)
    assert ordered_row_counts(forth.database) == ordered_row_counts(back.database)


def test_the_latest_release_is_the_highest_in_any_order_of_import(catalogues: Catalogues) -> None:
    database = catalogues.empty()
    library, kb = Library(database, HOSTED), HOSTED.named("cwe")
    order = ["4.9", "12.0-beta", "4.10", "4.9.1", "beta", "12.0", "4.2"]
    highest = []
    for label in order:
        install(database, f"cwe@{label}", made_content([weakness(f"CWE-{label}")]))
        highest.append(installed(library, kb).latest)
    assert highest == ["4.9", "12.0-beta", "12.0-beta", "12.0-beta", "12.0-beta", "12.0", "12.0"]
    assert installed(library, kb).labels == ["12.0", "12.0-beta", "4.10", "4.9.1", "4.9", "4.2", "beta"]
    assert [stix["name"] for stix in listed(library, "cwe")] == ["CWE-12.0"]


@pytest.mark.parametrize(
    ("stays", "goes"),
    [
        (["atlas@5.1.1", "atlas@5.3.0"], ["atlas@5.2.0"]),
        (["attack-ics@17.0"], ["attack-ics@17.1"]),
        (["capec@3.9", "cwe@4.14"], ["capec@3.8"]),
        (["disarm@1.5", "tlp@1", "sector@1.0"], ["disarm@1.6", "tlp@2", "location@1.0"]),
    ],
)
def test_a_removed_release_leaves_nothing_behind(catalogues: Catalogues, stays: list[str], goes: list[str]) -> None:
    if catalogues.engine != "sqlite" and "cwe@4.14" in stays:
        pytest.skip("the larger ones on SQLite")
    links = ("cwe-capec",) if "cwe@4.14" in stays else ()
    untouched = catalogues.with_releases(*stays, links=links)
    database = catalogues.with_releases(*stays, *goes, links=links)
    for name in goes:
        slug, _, label = name.partition("@")
        remove_release(database, HOSTED.named(slug), label)
    assert row_counts(database) == row_counts(untouched)
    library = Library(database, HOSTED)
    assert answers_of(library, *stays) == answers_of(Library(untouched, HOSTED), *stays)
    for name in goes:
        install(database, name)
    everything = catalogues.with_releases(*stays, *goes, links=links)
    assert answers_of(library, *stays, *goes) == answers_of(Library(everything, HOSTED), *stays, *goes)


def test_removing_either_side_of_links_removes_the_links(catalogues: Catalogues) -> None:
    for gone in ("capec", "cwe"):
        database = catalogues.with_releases("capec@3.9", "cwe@4.14", links=["cwe-capec"])
        truncate(database, HOSTED.named(gone))
        kept = "capec@3.9" if gone == "cwe" else "cwe@4.14"
        assert row_counts(database) == row_counts(catalogues.with_releases(kept))


def test_truncating_every_knowledge_base_leaves_an_empty_catalogue(catalogues: Catalogues) -> None:
    catalogues.on_one_engine()
    names = (
        "capec@3.9",
        "cwe@4.14",
        "capec@3.8",
        "atlas@5.1.1",
        "atlas@5.2.0",
        "disarm@1.6",
        "tlp@1",
        "tlp@2",
        "sector@1.0",
    )
    database = catalogues.with_releases(*names, links=["cwe-capec"])
    for name in names:
        truncate(database, HOSTED.named(name.partition("@")[0]))
    left = {table: count for table, count in row_counts(database).items() if count}
    assert left == {}
    assert truncate(database, HOSTED.named("cwe")).removed == 0


def test_other_content_under_the_same_label_replaces_the_release(catalogues: Catalogues) -> None:
    database = catalogues.with_releases("disarm@1.5")
    install(database, "disarm@1.5", content_of("disarm", "1.6"))
    library = Library(database, HOSTED)
    assert installed(library, HOSTED.named("disarm")).labels == ["1.5"]
    assert {plain.same(stix) for stix in listed(library, "disarm")} == {
        plain.same(stix) for stix in plain.listed("disarm", "1.6")
    }
    only = row_counts(catalogues.with_releases("disarm@1.6"))
    assert row_counts(database) == only


def test_replacing_a_release_keeps_what_other_releases_share(catalogues: Catalogues) -> None:
    database = catalogues.with_releases("atlas@5.2.0", "atlas@5.3.0")
    install(database, "atlas@5.3.0", content_of("atlas", "5.4.0"))
    expected = catalogues.with_releases("atlas@5.2.0", "atlas@5.4.0")
    assert row_counts(database) == row_counts(expected)
    assert {plain.same(stix) for stix in listed(Library(database, HOSTED), "atlas", "5.2.0")} == {
        plain.same(stix) for stix in plain.listed("atlas", "5.2.0")
    }


@pytest.mark.parametrize(
    ("options", "left_out"),
    [
        (ImportOptions(ignore_embedded=True), lambda stix: True),
        (ImportOptions(ignore_embedded_sro=True), lambda stix: stix["type"] == "relationship"),
        (ImportOptions(ignore_embedded_smo=True), lambda stix: stix["type"] in plain.META),
        (
            ImportOptions(ignore_embedded_sro=True, ignore_embedded_smo=True),
            lambda stix: stix["type"] == "relationship" or stix["type"] in plain.META,
        ),
    ],
    ids=["all", "of SROs", "of meta objects", "of both"],
)
def test_embedded_relationships_are_left_out_on_request(
    catalogues: Catalogues, options: ImportOptions, left_out: Any
) -> None:
    name, slug, label = "disarm@1.6", "disarm", "1.6"
    database = catalogues.empty()
    install(database, name, options=options)
    library, kb = Library(database, HOSTED), HOSTED.named(slug)
    expected = sum(
        len(plain.embedded_relationships(stix)) for stix in plain.contents(slug, label) if not left_out(stix)
    )
    known = as_json(about(library, kb, label))
    assert known["derived_relationships"]["embedded"] == expected
    assert known["parameters"]["ignore_embedded_relationships"] is options.ignore_embedded
    objects = plain.contents(slug, label)
    owners = {stix["id"] for stix in objects if not left_out(stix)}
    for stix in [stix for stix in objects if stix["type"] in ("identity", "marking-definition", "x-mitre-tactic")][:6]:
        wanted = [
            sro
            for family, sro in plain.sros_of(slug, label, stix["id"])
            if family != "embedded" or sro["source_ref"] in owners
        ]
        answered = related(library, slug, stix["id"])
        assert sorted(map(plain.same, answered)) == sorted(map(plain.same, wanted))
    # An import with other options replaces the release.
    assert install(database, name).changed
    every = as_json(about(library, kb, label))
    assert every["derived_relationships"]["embedded"] == sum(
        len(plain.embedded_relationships(stix)) for stix in objects
    )


def test_properties_that_start_with_an_underscore_are_dropped(catalogues: Catalogues) -> None:
    database = catalogues.empty()
    stored = weakness("CWE-1", _key="a", _is_latest=True, object_marking_refs=[MARKING])
    install(database, "cwe@1", made_content([stored]))
    [answered] = listed(Library(database, HOSTED), "cwe")
    assert answered == {key: value for key, value in stored.items() if not key.startswith("_")}


def test_objects_are_answered_with_their_values_unchanged(catalogues: Catalogues) -> None:
    database = catalogues.empty()
    odd = weakness(
        "CWE-2",
        description="é \U0001f600 \u0000 \u2028 </script>",
        created="2020-01-01T00:00:00Z",
        modified="2020-01-02T00:00:00.123456Z",
        x_number=1.50,
        x_large=12345678901234567890,
        x_null=None,
        x_nested={"_inside": [1, {"a_ref": ""}], "Ä": {}},
        extensions={},
        labels=[],
    )
    install(database, "cwe@1", made_content([odd]))
    [answered] = listed(Library(database, HOSTED), "cwe")
    assert answered == odd
    assert [stix["name"] for stix in listed(Library(database, HOSTED), "cwe", external_ids=["cwe-2"])] == ["CWE-2"]


def test_a_bundle_that_cannot_be_read_leaves_the_catalogue_unchanged(catalogues: Catalogues) -> None:
    database = catalogues.with_releases("disarm@1.5")
    before = state(database)
    good = weakness("CWE-3")
    for wrong in (
        {key: value for key, value in good.items() if key != "id"},
        {key: value for key, value in good.items() if key != "type"},
        {**good, "modified": "yesterday"},
        {**good, "created": 5},
        {**good, "id": "malware--" + good["id"].partition("--")[2]},
        {
            "type": "relationship",
            "id": stix_id("relationship", "x"),
            "source_ref": good["id"],
            "target_ref": good["id"],
        },
    ):
        with pytest.raises(MalformedFile, match=r"made\.json: objects\[1\]"):
            install(database, "disarm@1.6", made_content([good, wrong]))
    whole = content_of("disarm", "1.6")
    for broken in (
        whole.bundle_bytes[:5000],
        b"",
        b"[]",
        b'{"type": "report"}',
        b'{"type":"bundle","objects":{}}',
        b"\xff\xfe",
    ):
        with pytest.raises(MalformedFile):
            install(database, "disarm@1.6", file_of("disarm", "1.6", broken, "x.json"))
    assert state(database) == before


def test_an_import_that_fails_at_the_end_leaves_no_trace(catalogues: Catalogues) -> None:
    from ctibutler.importing.releases import import_release

    database = catalogues.with_releases("disarm@1.5")
    before = state(database)

    def fail(_: object) -> None:
        raise RuntimeError("the last step")

    with pytest.raises(RuntimeError, match="the last step"):
        import_release(database, HOSTED.named("disarm"), content_of("disarm", "1.6"), finish=fail)
    assert state(database) == before
    install(database, "disarm@1.6")
    assert len(listed(Library(database, HOSTED), "disarm")) == len(plain.listed("disarm", "1.6"))
