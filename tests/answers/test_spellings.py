"""Ids as people write them, over all knowledge bases, on both engines."""

from __future__ import annotations

import pytest

from ctibutler.answers.across.ids import find_across, versions_across
from ctibutler.answers.library import Library
from ctibutler.answers.spellings import spellings
from ctibutler.catalog.folding import squashed
from ctibutler.errors import NotFound
from ctibutler.knowledge_bases import ALL
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from tests.catalogue import labels_of, published

pytestmark = pytest.mark.real


@pytest.mark.parametrize(
    "written", ["attack.g0034", "https://attack.mitre.org/groups/G0034/", "g 0034", "sandworm team"]
)
def test_an_object_is_found_by_its_id_as_people_write_it(filled_library: Library, written: str) -> None:
    sandworm = find_across(filled_library, "intrusion-set--381fcf73-60f6-4ab2-9991-6af3cbc35192")
    assert find_across(filled_library, written).id == sandworm.id
    assert versions_across(filled_library, written) == versions_across(filled_library, sandworm.id)


def test_a_blank_in_an_id_changes_nothing(filled_library: Library) -> None:
    """Enterprise 18.1 has 118 ids of a revoked technique that a deprecated mitigation has too."""
    stix = [it for it in published("attack-enterprise", "18.1") if it["type"] == "attack-pattern"]
    ids = {it["external_references"][0]["external_id"]: it["id"] for it in stix if it.get("revoked")}
    assert ids["T1086"].startswith("attack-pattern--")
    for written in ("T 1086", "t-1086", "T1086"):
        assert find_across(filled_library, written).id == ids["T1086"]


def test_a_name_of_several_objects_names_them(filled_library: Library) -> None:
    with pytest.raises(NotFound) as caught:
        find_across(filled_library, "discovery")
    slugs = {candidate["knowledge_base"] for candidate in caught.value.details["candidates"]}  # type: ignore[attr-defined]
    assert {"atlas", "attack-ics"} <= slugs


@pytest.mark.parametrize("nothing", ["Sandwrom", "''", "attack.", " ", "☃", "a" * 10_000, "g0034\ng0035"])
def test_what_only_resembles_an_id_is_not_found(filled_library: Library, nothing: str) -> None:
    with pytest.raises(NotFound, match="No object with id"):
        find_across(filled_library, nothing)


@pytest.mark.parametrize("kb", [kb for kb in ALL if kb.address_forms], ids=lambda kb: kb.slug)
def test_the_address_of_every_object_spells_its_id(kb: KnowledgeBase) -> None:
    addresses = [
        (reference["url"], reference["external_id"], stix)
        for stix in published(kb.slug, labels_of(kb.slug)[-1])
        if stix["type"] in kb.listed_types and not stix.get("revoked") and not stix.get("x_mitre_deprecated")
        for reference in stix.get("external_references", [])
        if reference.get("source_name") in kb.id_sources and reference.get("url") and "external_id" in reference
    ]
    wrong = [
        (url, external_id)
        for url, external_id, stix in addresses
        if squashed(next(spellings(kb, url)))
        not in (squashed(external_id), squashed(external_id.removeprefix(kb.id_prefix)), squashed(stix["name"]))
    ]
    assert addresses
    assert len(wrong) < len(addresses) / 100, wrong
