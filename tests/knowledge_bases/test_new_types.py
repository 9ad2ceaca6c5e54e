"""Object types that no release has had yet: knowledge bases whose publisher's STIX is imported unchanged list them."""

from __future__ import annotations

from typing import Any

import pytest

from ctibutler.answers.library import Library
from ctibutler.answers.releases import knowledge_base_list, listed_types
from ctibutler.catalog.releases import find
from ctibutler.forms.knowledge_bases import knowledge_bases_form
from ctibutler.knowledge_bases import ALL, HOSTED
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from tests.answers import plain
from tests.answers.walking import as_json, ids, listed
from tests.catalogue import Catalogues, facts, install, made_content

AS_PUBLISHED = ("attack-enterprise", "attack-mobile", "attack-ics", "capec", "atlas", "mitre-f3")
NEW = "x-mitre-playbook"


def made(stix_type: str, **properties: Any) -> plain.Stix:
    stix_id = f"{stix_type}--00000000-0000-4000-8000-000000000019"
    return {"type": stix_type, "spec_version": "2.1", "id": stix_id, "name": f"A {stix_type}", **properties}


@pytest.mark.parametrize("kb", ALL, ids=lambda kb: kb.slug)
def test_new_types_are_listed_where_a_publishers_stix_is_imported_unchanged(kb: KnowledgeBase) -> None:
    assert kb.is_new(NEW) == kb.lists(NEW) == (kb.slug in AS_PUBLISHED)
    assert all(kb.lists(name) and not kb.is_new(name) for name in kb.listed_types)
    for name in ("relationship", "sighting", "extension-definition", "language-content", *(kb.left_out_types or ())):
        assert not kb.lists(name)
        assert not kb.is_new(name)


@pytest.mark.parametrize(
    ("slug", "stix_type", "shown"),
    [
        ("attack-ics", "x-mitre-collection", False),
        ("attack-ics", "identity", True),
        ("atlas", "x-mitre-collection", True),
        ("atlas", "identity", False),
        ("atlas", "marking-definition", False),
        ("mitre-f3", "x-mitre-collection", True),
        ("capec", "marking-definition", True),
        ("cwe", "identity", False),
    ],
)
def test_known_types_are_listed_or_left_out_as_before(slug: str, stix_type: str, shown: bool) -> None:
    assert HOSTED.named(slug).lists(stix_type) is shown


@pytest.mark.real
def test_every_type_in_a_published_release_is_declared() -> None:
    """Otherwise existing catalogues would list other objects than new ones: `listed` is decided at import."""
    by_folder = {kb.bucket.folder: kb for kb in ALL}
    seen = set()
    for path, counted in facts().items():
        kb = by_folder[path.partition("/")[0]]
        for stix_type in counted.get("by_type", {}):
            assert not kb.is_new(stix_type), path
            assert kb.lists(stix_type) == (stix_type in plain.LISTED[kb.slug]), path
            seen.add(kb.slug)
    assert seen == {kb.slug for kb in ALL}


def test_a_new_type_is_listed_for_the_releases_that_have_it(catalogues: Catalogues) -> None:
    library = Library(catalogues.empty(), HOSTED)
    objects = [made(NEW), made("x-mitre-matrix"), made("sighting"), made("extension-definition")]
    for kb in ALL:
        install(library.database, f"{kb.slug}@1.0", made_content(objects))
        install(library.database, f"{kb.slug}@2.0", made_content([made("x-mitre-matrix"), made("sighting")]))
        has_matrix = ["x-mitre-matrix"] if "x-mitre-matrix" in kb.listed_types or kb.slug in AS_PUBLISHED else []
        has_new = [NEW] if kb.slug in AS_PUBLISHED else []
        assert {stix["type"] for stix in listed(library, kb.slug, "1.0")} == {*has_new, *has_matrix}
        assert ids(listed(library, kb.slug, "1.0", types=[NEW])) == [made(name)["id"] for name in has_new]
        assert {stix["type"] for stix in listed(library, kb.slug)} == set(has_matrix)
        assert listed(library, kb.slug, types=[NEW]) == []
        assert set(listed_types(library, kb)) == {*kb.listed_types, *has_new, *has_matrix}
    rows = as_json(knowledge_bases_form(knowledge_base_list(library)))["knowledge_bases"]
    assert {row["objects_count"] for row in rows} == {0, 1}
    with library.database.read() as connection:
        release = find(connection, "capec", "1.0")
        assert release is not None
        assert set(release.types) == {NEW, "x-mitre-matrix", "sighting", "extension-definition"}
