"""Relationships of objects and their bundles, all families, compared with plain Python over the publishers' files."""

from __future__ import annotations

import json
import random
from functools import lru_cache
from typing import Any

import pytest

from ctibutler.answers.bundles import BundleQuery, object_bundle, whole_object_bundle
from ctibutler.answers.library import Library
from ctibutler.answers.naming import ObjectRequest
from ctibutler.answers.pages import Page, PageRequest, Sort
from ctibutler.answers.relationships import RelationshipQuery, list_relationships
from ctibutler.errors import NotFound
from ctibutler.forms.stix_bundle import object_as_bundle
from ctibutler.knowledge_bases import HOSTED
from ctibutler.stix.well_known import WELL_KNOWN
from tests.answers import plain
from tests.answers.walking import ALL, decoded, ids, related, walk
from tests.catalogue import CONTRACT, installed_labels

pytestmark = pytest.mark.real

KNOWLEDGE_BASES = list(dict.fromkeys(name.partition("@")[0] for name in CONTRACT))


def texts(objects: list[dict[str, Any]]) -> list[str]:
    return sorted(map(plain.same, objects))


def some_objects(slug: str, label: str, number: int = 12) -> list[plain.Stix]:
    """Objects of all types, each with few enough relationships to check one by one."""
    by_type: dict[str, list[plain.Stix]] = {}
    for stix in plain.vertices(slug, label):
        by_type.setdefault(stix["type"], []).append(stix)
    chance = random.Random(slug)
    chosen = [chance.choice(objects) for objects in by_type.values()]
    chosen += chance.sample(plain.vertices(slug, label), min(number, len(plain.vertices(slug, label))))
    return [stix for stix in chosen if len(plain.sros_of(slug, label, stix["id"])) < 3000]


@pytest.mark.parametrize("slug", KNOWLEDGE_BASES)
def test_all_families_of_relationships_are_answered(contract_library: Library, slug: str) -> None:
    label = _contract_label(slug)
    for stix in some_objects(slug, label):
        sros = plain.sros_of(slug, label, stix["id"])
        answered = related(contract_library, slug, stix["id"])
        assert texts(answered) == texts([sro for _, sro in sros]), stix["id"]
        without = related(contract_library, slug, stix["id"], include_embedded=False)
        assert texts(without) == texts([sro for family, sro in sros if family != "embedded"])


def _contract_label(slug: str) -> str:
    return {name.partition("@")[0]: name.partition("@")[2] for name in CONTRACT}[slug]


@pytest.mark.parametrize("slug", ["attack-enterprise", "capec", "cwe", "d3fend", "atlas"])
def test_relationships_can_be_filtered(contract_library: Library, slug: str) -> None:
    label = _contract_label(slug)
    for stix in some_objects(slug, label, 3):
        me = stix["id"]
        sros = plain.sros_of(slug, label, me)
        if not sros:
            continue
        other = sros[-1][1]

        kinds = [other[end].partition("--")[0] for end in ("source_ref", "target_ref")]
        part = other["relationship_type"][1:4].upper()
        cases: list[tuple[dict[str, Any], list[plain.Stix]]] = [
            ({"direction": "source_ref"}, [sro for _, sro in sros if sro["source_ref"] == me]),
            ({"direction": "target_ref"}, [sro for _, sro in sros if sro["target_ref"] == me]),
            ({"note": "TECHNIQUE"}, [sro for family, sro in sros if family == "technique-tactic"]),
            ({"note": "capec-attack"}, []),
            (
                {"relationship_type": part},
                [sro for _, sro in sros if part.lower() in sro["relationship_type"].lower()],
            ),
            (
                {"source_refs": [other["source_ref"], "x--y"]},
                [sro for _, sro in sros if sro["source_ref"] == other["source_ref"]],
            ),
            (
                {"target_refs": [other["target_ref"].upper()]},
                [sro for _, sro in sros if sro["target_ref"] == other["target_ref"]],
            ),
            ({"source_types": [kinds[0]]}, [sro for _, sro in sros if sro["source_ref"].startswith(kinds[0] + "--")]),
            ({"target_types": [kinds[1]]}, [sro for _, sro in sros if sro["target_ref"].startswith(kinds[1] + "--")]),
            ({"source_types": []}, []),
        ]
        for filters, wanted in cases:
            assert texts(related(contract_library, slug, me, **filters)) == texts(wanted), (me, filters)


@pytest.mark.parametrize(
    "sort", ["modified_descending", "modified_ascending", "created_ascending", "created_descending"]
)
def test_relationships_are_sorted_and_listed_once(contract_library: Library, sort: str) -> None:
    key, _, direction = sort.partition("_")

    def ask(page: PageRequest) -> Page[Any]:
        query = RelationshipQuery(page=page, sort=Sort.parse(sort))
        return list_relationships(contract_library, HOSTED.named("attack-enterprise"), ObjectRequest("G0007"), query)

    group = plain.named("attack-enterprise", "16.0", "G0007")
    assert group is not None
    sros = [sro for _, sro in plain.sros_of("attack-enterprise", "16.0", group["id"])]
    by_id = sorted(sros, key=lambda sro: sro["id"])
    expected = [
        sro["id"] for sro in sorted(by_id, key=lambda sro: plain.instant(sro, key), reverse=direction == "descending")
    ]
    assert ids(walk(ask, 50)) == expected
    assert len(expected) > 100


def test_the_thousands_of_relationships_of_a_creator_are_paged(contract_library: Library) -> None:
    maker = "identity--c78cb6e5-0c4b-4611-8297-d1b8b55e40b5"

    def ask(page: PageRequest) -> Page[Any]:
        return list_relationships(
            contract_library, HOSTED.named("attack-ics"), ObjectRequest(maker), RelationshipQuery(page=page)
        )

    expected = [sro for _, sro in plain.sros_of("attack-ics", "17.0", maker)]
    assert len(expected) > 3000
    assert texts(walk(ask, 1000)) == texts(expected)


@pytest.mark.parametrize(
    ("slug", "release", "object_id", "relationships", "with_sros", "without_sros"),
    [
        ("capec", "3.9", "CAPEC-185", 8, 14, None),
        ("attack-enterprise", "16.0", "T1021.005", None, 48, 44),
        ("location", "1.0", "US", None, 11, 8),
        ("location", "1.0", "ZA", None, 13, 10),
        ("sector", "1.0", "defense-industry", None, 9, None),
        ("disarm", "1.6", "T0017.001", 5, 11, None),
        ("atlas", "4.9.0", "AML.M0000", None, 11, None),
    ],
)
def test_bundles_have_the_counts_of_the_contract(
    contract_library: Library,
    slug: str,
    release: str,
    object_id: str,
    relationships: int | None,
    with_sros: int,
    without_sros: int | None,
) -> None:
    kb, request = HOSTED.named(slug), ObjectRequest(object_id, release)
    if relationships is not None:
        assert len(related(contract_library, slug, object_id, release)) == relationships
    whole = object_bundle(contract_library, kb, request, BundleQuery(page=ALL, include_embedded_sros=True))
    assert whole.total == with_sros
    if without_sros is not None:
        assert object_bundle(contract_library, kb, request, BundleQuery(page=ALL)).total == without_sros


def test_capec_185_has_the_relationships_in_the_contract(contract_library: Library) -> None:
    kinds = [sro["relationship_type"] for sro in related(contract_library, "capec", "CAPEC-185")]
    assert sorted(kinds) == sorted(
        [
            "created-by",
            "object-marking",
            "x-capec-can-follow",
            "x-capec-can-follow",
            "x-capec-can-precede",
            "x-capec-can-precede",
            "x-capec-child-of",
            "x-capec-parent-of",
        ]
    )
    assert len(related(contract_library, "capec", "CAPEC-185", direction="source_ref")) == 5


def test_the_bundle_of_t1021_005_of_15_1_has_46_objects(catalogues: Any) -> None:
    if catalogues.engine != "sqlite":
        pytest.skip("one engine serves")
    library = Library(catalogues.with_releases("attack-enterprise@15.1"), HOSTED)
    query = BundleQuery(page=ALL, include_embedded_sros=True)
    assert object_bundle(library, HOSTED.named("attack-enterprise"), ObjectRequest("T1021.005"), query).total == 46


@lru_cache(maxsize=2)
def _by_id(slug: str, label: str) -> dict[str, list[plain.Stix]]:
    found: dict[str, list[plain.Stix]] = {}
    for stix in plain.contents(slug, label):
        found.setdefault(stix["id"], []).append(stix)
    return found


def expected_bundle(slug: str, label: str, stix: plain.Stix, follow: bool, answer_embedded: bool) -> list[str]:
    """Section 10.6: the object, its SROs, the objects at their other ends, extension definitions that these name."""
    sros = [(family, sro) for family, sro in plain.sros_of(slug, label, stix["id"]) if follow or family != "embedded"]
    members = [stix, *(sro for family, sro in sros if answer_embedded or family != "embedded")]
    for _, sro in sros:
        for end in {sro["source_ref"], sro["target_ref"]} - {stix["id"]}:
            members += _by_id(slug, label).get(end) or ([dict(WELL_KNOWN[end])] if end in WELL_KNOWN else [])
    names = {name for member in members for name in member.get("extensions") or {}}
    members += [member for name in names for member in _by_id(slug, label).get(name, [])]
    return sorted({plain.same(member) for member in members})


@pytest.mark.parametrize("slug", KNOWLEDGE_BASES)
def test_bundles_contain_an_object_and_its_direct_neighbours(contract_library: Library, slug: str) -> None:
    label = _contract_label(slug)
    kb = HOSTED.named(slug)
    for stix in some_objects(slug, label, 6):
        for follow, answer in ((True, True), (True, False), (False, False)):
            query = BundleQuery(page=ALL, include_embedded_refs=follow, include_embedded_sros=answer)
            answered = decoded(object_bundle(contract_library, kb, ObjectRequest(stix["id"]), query))
            assert texts(answered) == expected_bundle(slug, label, stix, follow, answer), (stix["id"], follow, answer)
            assert answered[0]["id"] == stix["id"]
            assert ids(answered[1:]) == sorted(ids(answered[1:]))


def test_a_bundle_is_filtered_by_type_last(contract_library: Library) -> None:
    kb, request = HOSTED.named("attack-enterprise"), ObjectRequest("T1021.005")
    whole = decoded(object_bundle(contract_library, kb, request, BundleQuery(page=ALL)))
    for wanted in (["malware", "relationship"], ["attack-pattern"], ["no-such-type"]):
        query = BundleQuery(page=ALL, types=wanted)
        answered = decoded(object_bundle(contract_library, kb, request, query))
        assert answered == [stix for stix in whole if stix["type"] in wanted]


def test_a_stix_bundle_has_all_the_objects_and_the_uuid_of_the_main_one(contract_library: Library) -> None:
    kb, request, query = HOSTED.named("atlas"), ObjectRequest("AML.M0000"), BundleQuery(page=ALL)
    bundle = json.loads(object_as_bundle(whole_object_bundle(contract_library, kb, request, query)))
    whole = decoded(object_bundle(contract_library, kb, request, query))
    assert bundle["objects"] == whole
    assert (bundle["type"], bundle["id"]) == ("bundle", whole[0]["id"].replace("course-of-action", "bundle"))


def test_a_bundle_is_paged(contract_library: Library) -> None:
    def ask(page: PageRequest) -> Page[Any]:
        query = BundleQuery(page=page, include_embedded_sros=True)
        return object_bundle(contract_library, HOSTED.named("attack-enterprise"), ObjectRequest("G0007"), query)

    whole = decoded(ask(ALL))
    assert walk(ask, 100) == whole
    assert len(whole) > 200


def test_an_id_with_several_contents_is_answered_with_all_of_them(filled_library: Library) -> None:
    """Since 5.1.1, ATLAS uses one relationship id for several pairs."""
    engine = filled_library.database.engine
    for label in [label for label in installed_labels(engine, "atlas") if label >= "5.1.1"]:
        objects = plain.contents("atlas", label)
        repeated: dict[str, list[plain.Stix]] = {}
        for stix in objects:
            if stix["type"] == "relationship":
                repeated.setdefault(stix["id"], []).append(stix)
        several = [sros for sros in repeated.values() if len(sros) > 1]
        assert 20 <= len(several) <= 34
        source = several[0][0]["source_ref"]
        expected = [sro for _, sro in plain.sros_of("atlas", label, source)]
        assert texts(related(filled_library, "atlas", source, label)) == texts(expected)
        query = BundleQuery(page=ALL)
        bundle = object_bundle(filled_library, HOSTED.named("atlas"), ObjectRequest(source, label), query)
        mine = [sro for sro in several[0] if sro["source_ref"] == source]
        assert {plain.same(sro) for sro in mine} <= set(texts(decoded(bundle)))


def test_relationships_of_a_marking_are_those_of_its_own_release(filled_library: Library) -> None:
    """Thousands of objects of other knowledge bases are marked TLP:CLEAR."""
    assert related(filled_library, "tlp", "clear") == []


def test_relationships_of_an_unknown_object_are_not_found(filled_library: Library) -> None:
    for ask in (list_relationships, object_bundle):
        query: Any = RelationshipQuery() if ask is list_relationships else BundleQuery()
        for request in (ObjectRequest("T9999"), ObjectRequest("T1059", "99.0")):
            with pytest.raises(NotFound):
                ask(filled_library, HOSTED.named("attack-enterprise"), request, query)
