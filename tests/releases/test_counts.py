"""The facts about each release, compared with counts made from its file without our code."""

from __future__ import annotations

import pytest

from ctibutler.answers.library import Library
from ctibutler.answers.releases import about, available, installed
from ctibutler.catalog.releases import find
from ctibutler.errors import NotFound
from ctibutler.knowledge_bases import HOSTED
from tests.answers import plain
from tests.answers.walking import as_json
from tests.catalogue import bundle_path, facts, installed_labels, releases_on

pytestmark = pytest.mark.real


def test_every_release_has_as_many_objects_as_its_file(filled_library: Library) -> None:
    for name in releases_on(filled_library.database.engine):
        slug, _, label = name.partition("@")
        counted = facts()[bundle_path(slug, label)]
        known = as_json(about(filled_library, HOSTED.named(slug), label))
        identical = 628 if slug == "location" else 0
        expected = dict(counted["by_type"])
        expected["relationship"] = expected.get("relationship", 0) - identical
        assert known["counts_by_type"] == {kind: count for kind, count in expected.items() if count}, name
        assert known["total_objects"] == counted["objects"] - identical
        assert (known["size"], known["sha256"]) == (counted["uncompressed_bytes"], counted["uncompressed_sha256"])
        assert known["file_name"] == bundle_path(slug, label).partition("/")[2]
        assert (known["knowledge_base"], known["version"]) == (slug, label)
        assert known["latest"] is (label == installed_labels(filled_library.database.engine, slug)[-1])


def test_the_number_of_stored_objects_is_that_of_the_files(filled_library: Library) -> None:
    for name in releases_on(filled_library.database.engine):
        slug, _, label = name.partition("@")
        with filled_library.database.read() as connection:
            release = find(connection, slug, label)
            assert release is not None
            members = connection.value("SELECT count(*) FROM member WHERE release_key = :key", key=release.key)
            distinct = connection.value(
                "SELECT count(DISTINCT object.identifier_key) FROM member"
                " JOIN object ON object.object_key = member.object_key WHERE release_key = :key",
                key=release.key,
            )
        counted = facts()[bundle_path(slug, label)]
        assert distinct == counted["distinct_ids"], name
        assert members == len(plain.contents(slug, label))


@pytest.mark.parametrize(
    "name",
    ["attack-ics@18.1", "attack-mobile@18.1", "capec@3.9", "cwe@4.14", "atlas@5.6.0", "location@1.0", "d3fend@1.2.0"],
)
def test_revoked_deprecated_and_derived_objects_are_counted(filled_library: Library, name: str) -> None:
    slug, _, label = name.partition("@")
    known = as_json(about(filled_library, HOSTED.named(slug), label))
    vertices = plain.vertices(slug, label)
    assert known["revoked"] == sum(map(plain.revoked, vertices))
    assert known["deprecated"] == sum(map(plain.deprecated, vertices))
    families = [family for family, _ in plain.all_sros(slug, label)]
    assert known["derived_relationships"]["embedded"] == families.count("embedded")
    assert known["derived_relationships"].get("technique-tactic", 0) == families.count("technique-tactic")


def test_installed_releases_are_listed_newest_first(filled_library: Library) -> None:
    for kb in HOSTED.all:
        labels = installed_labels(filled_library.database.engine, kb.slug)[::-1]
        assert as_json(installed(filled_library, kb)) == {"latest": labels[0], "versions": labels}
        assert [release.label for release in available(filled_library, kb)] == labels


def test_nothing_is_known_of_a_release_that_is_not_installed(filled_library: Library) -> None:
    with pytest.raises(NotFound):
        about(filled_library, HOSTED.named("cwe"), "99.0")
