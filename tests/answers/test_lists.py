"""Lists of objects of real releases, compared with plain Python over the publishers' files."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import pytest

from ctibutler.answers.library import Library
from ctibutler.answers.objects import ObjectQuery, list_objects
from ctibutler.answers.pages import Page, PageRequest, Sort
from ctibutler.answers.releases import knowledge_base_list
from ctibutler.forms.knowledge_bases import knowledge_bases_form
from ctibutler.knowledge_bases import HOSTED
from tests.answers import plain
from tests.answers.walking import as_json, decoded, ids, listed, walk
from tests.catalogue import installed_labels, releases_on

pytestmark = pytest.mark.real

KNOWLEDGE_BASES = [kb.slug for kb in HOSTED.all]


def latest(library: Library, slug: str) -> str:
    return installed_labels(library.database.engine, slug)[-1]


def test_every_release_lists_the_objects_of_its_file_unchanged(filled_library: Library) -> None:
    for name in releases_on(filled_library.database.engine):
        slug, _, label = name.partition("@")
        answered = {plain.same(stix) for stix in listed(filled_library, slug, label)}
        assert answered == {plain.same(stix) for stix in plain.listed(slug, label)}, name


@pytest.mark.parametrize("slug", KNOWLEDGE_BASES)
def test_flags_include_revoked_and_deprecated_objects(filled_library: Library, slug: str) -> None:
    label = latest(filled_library, slug)
    objects = plain.listed(slug, label)
    for revoked in (True, False):
        for deprecated in (True, False):
            expected = [
                stix["id"]
                for stix in objects
                if (revoked or not plain.revoked(stix)) and (deprecated or not plain.deprecated(stix))
            ]
            answered = listed(filled_library, slug, include_revoked=revoked, include_deprecated=deprecated)
            assert sorted(ids(answered)) == sorted(expected)


def test_knowledge_bases_have_the_number_of_objects_listed_by_default(filled_library: Library) -> None:
    shown = as_json(knowledge_bases_form(knowledge_base_list(filled_library)))["knowledge_bases"]
    assert [row["name"] for row in shown] == KNOWLEDGE_BASES
    for row in shown:
        slug, engine = row["name"], filled_library.database.engine
        objects = plain.listed(slug, latest(filled_library, slug))
        wanted = [stix for stix in objects if plain.live(stix) or slug not in plain.HIDES_DEAD]
        assert row["objects_count"] == len(wanted)
        assert row["versions"] == installed_labels(engine, slug)[::-1]
        assert row["latest"] == latest(filled_library, slug)


@pytest.mark.parametrize("slug", KNOWLEDGE_BASES)
def test_every_sort_follows_the_contract(filled_library: Library, slug: str) -> None:
    label = latest(filled_library, slug)
    kb = HOSTED.named(slug)
    for key in kb.sort_keys:
        for direction in ("ascending", "descending"):
            sort = f"{key}_{direction}"
            answered = ids(listed(filled_library, slug, sort=sort))
            assert answered == plain.ordered(slug, plain.listed(slug, label), sort), sort
    default = "name_ascending" if slug in ("sector", "tlp") else "modified_descending"
    assert ids(listed(filled_library, slug)) == plain.ordered(slug, plain.listed(slug, label), default)


def test_ids_are_sorted_naturally(filled_library: Library) -> None:
    weaknesses = listed(filled_library, "cwe", types=["weakness"], sort="cwe_id_ascending")
    numbers = [int(str(plain.primary_id("cwe", stix)).partition("-")[2]) for stix in weaknesses]
    assert numbers == sorted(numbers)
    assert numbers.index(79) == numbers.index(78) + 1
    assert numbers[0] < 10


def test_names_are_sorted_regardless_of_accents_and_case(filled_library: Library) -> None:
    countries = [stix["name"] for stix in listed(filled_library, "location", sort="name_ascending")]
    assert countries.index("Cuba") < countries.index("Curaçao") < countries.index("Cyprus")
    assert countries.index("Åland Islands") < countries.index("Albania")


@pytest.mark.parametrize("slug", KNOWLEDGE_BASES)
def test_the_pages_of_a_list_contain_every_item_exactly_once(filled_library: Library, slug: str) -> None:
    label = latest(filled_library, slug)
    for sort, few in (("type_descending", 7), ("modified_ascending", 50)):
        size = few if len(plain.listed(slug, label)) < 400 else 20 * few

        def ask(page: PageRequest, sort: str = sort) -> Page[Any]:
            return list_objects(filled_library, HOSTED.named(slug), ObjectQuery(page=page, sort=Sort.parse(sort)))

        assert ids(walk(ask, size)) == plain.ordered(slug, plain.listed(slug, label), sort)


def test_a_page_past_the_end_is_empty_and_has_the_total(filled_library: Library) -> None:
    page = list_objects(filled_library, HOSTED.named("location"), ObjectQuery(page=PageRequest(1000, 50)))
    assert (list(page.items), page.total) == ([], 279)
    page = list_objects(filled_library, HOSTED.named("location"), ObjectQuery(page=PageRequest(2**32 - 1, 1000)))
    assert (list(page.items), page.total) == ([], 279)


@pytest.mark.parametrize("slug", plain.TYPE_WORDS)
def test_type_words_select_the_objects_that_the_contract_defines(filled_library: Library, slug: str) -> None:
    for label in installed_labels(filled_library.database.engine, slug)[-2:]:
        objects = plain.listed(slug, label)
        for word in plain.TYPE_WORDS[slug]:
            expected = sorted(stix["id"] for stix in objects if plain.is_of_word(slug, word, stix))
            assert sorted(ids(listed(filled_library, slug, label, type_words=[word.upper()]))) == expected, word
        pair = plain.TYPE_WORDS[slug][1:3]
        expected = sorted(stix["id"] for stix in objects if any(plain.is_of_word(slug, word, stix) for word in pair))
        assert sorted(ids(listed(filled_library, slug, label, type_words=pair))) == expected


def test_unknown_words_and_types_match_nothing(filled_library: Library) -> None:
    assert listed(filled_library, "attack-ics", type_words=["Tecnique"]) == []
    assert listed(filled_library, "attack-ics", types=["relationship"]) == []
    assert listed(filled_library, "cwe", types=["identity"]) == []
    assert listed(filled_library, "attack-ics", types=[]) == []
    assert listed(filled_library, "attack-ics", ids=[]) == []
    assert listed(filled_library, "attack-ics", "99.0") == []
    tactics = listed(filled_library, "attack-ics", type_words=["Tecnique", "tactic"])
    assert {stix["type"] for stix in tactics} == {"x-mitre-tactic"}


@pytest.mark.parametrize("slug", KNOWLEDGE_BASES)
def test_lists_can_be_filtered_by_stix_type(filled_library: Library, slug: str) -> None:
    objects = plain.listed(slug, latest(filled_library, slug))
    for stix_type in {stix["type"] for stix in objects}:
        expected = sorted(stix["id"] for stix in objects if stix["type"] == stix_type)
        assert sorted(ids(listed(filled_library, slug, types=[stix_type, "no-such-type"]))) == expected


@pytest.mark.parametrize("slug", KNOWLEDGE_BASES)
def test_names_and_descriptions_are_matched_by_any_part(filled_library: Library, slug: str) -> None:
    objects = plain.listed(slug, latest(filled_library, slug))
    chance = random.Random(slug)
    for property_name in ("name", "description"):
        texts = [text for stix in objects if (text := stix.get(property_name))]
        for text in chance.sample(texts, min(3, len(texts))):
            start = chance.randrange(len(text))
            for part in (text[start : start + 5] or text, text[start : start + 3].upper() or text):
                expected = sorted(
                    stix["id"] for stix in objects if plain.fold(part) in plain.fold(stix.get(property_name) or "")
                )
                answered = sorted(ids(listed(filled_library, slug, **{property_name: part})))
                assert answered == expected, part


@pytest.mark.parametrize(
    ("slug", "part", "some"),
    [
        ("location", "aland", "Åland Islands"),
        ("location", "CURAÇAO", "Curaçao"),
        ("location", "d'ivoire", "Côte d'Ivoire"),
        ("cwe", "%", None),
        ("cwe", "_", None),
        ("cwe", "*", None),
        ("cwe", "('", "Improper Neutralization of Special Elements used in an SQL Command ('SQL Injection')"),
    ],
)
def test_names_have_no_special_characters_and_accents_are_ignored(
    filled_library: Library, slug: str, part: str, some: str | None
) -> None:
    objects = plain.listed(slug, latest(filled_library, slug))
    names = [stix["name"] for stix in listed(filled_library, slug, name=part)]
    assert sorted(names) == sorted(stix["name"] for stix in objects if plain.fold(part) in plain.fold(stix["name"]))
    assert some is None or some in names


@pytest.mark.parametrize("slug", KNOWLEDGE_BASES)
def test_lists_can_be_filtered_by_primary_ids_and_stix_ids(filled_library: Library, slug: str) -> None:
    objects = plain.listed(slug, latest(filled_library, slug))
    chance = random.Random(slug)
    some = chance.sample(objects, min(6, len(objects)))
    numbers = [number for stix in some if (number := plain.primary_id(slug, stix))]
    wanted = {plain.comparable(slug, number) for number in numbers}
    by_number = [stix["id"] for stix in objects if plain.comparable(slug, plain.primary_id(slug, stix) or "") in wanted]
    assert sorted(ids(listed(filled_library, slug, external_ids=[number.swapcase() for number in numbers]))) == sorted(
        by_number
    )
    stix_ids = sorted(stix["id"] for stix in some)
    assert sorted(ids(listed(filled_library, slug, ids=[one.upper() for one in stix_ids]))) == stix_ids
    assert sorted(ids(listed(filled_library, slug, external_ids=stix_ids))) == stix_ids
    mixed = listed(filled_library, slug, external_ids=[*numbers[:1], stix_ids[-1]], ids=stix_ids[-1:])
    assert ids(mixed) == stix_ids[-1:]


def test_aliases_are_matched_by_any_part(filled_library: Library) -> None:
    for slug, parts in {
        "attack-enterprise": ["bear", "APT2", "Cozy"],
        "attack-mobile": ["pegasus", "bou"],
        "attack-ics": ["sandworm", "TEMP"],
        "sector": ["oil", "health"],
    }.items():
        objects = plain.listed(slug, latest(filled_library, slug))
        for part in parts:
            expected = sorted(
                stix["id"]
                for stix in objects
                if any(plain.fold(part) in plain.fold(alias) for alias in plain.aliases(stix))
            )
            assert expected
            assert sorted(ids(listed(filled_library, slug, filters={"alias": part}))) == expected


def test_locations_can_be_filtered_by_code_and_kind(filled_library: Library) -> None:
    find = partial(listed, filled_library, "location")
    objects = plain.listed("location", "1.0")
    assert sorted(stix["name"] for stix in find(filters={"alpha2_code": ["mx", "DE"]})) == ["Germany", "Mexico"]
    assert sorted(stix["country"] for stix in find(filters={"alpha3_code": ["usa", "zaf"]})) == ["US", "ZA"]
    for kind, count in {"country": 249, "region": 5, "sub-region": 17, "intermediate-region": 8}.items():
        found = find(filters={"location_type": [kind]})
        assert len(found) == count
        assert sorted(ids(found)) == sorted(
            stix["id"] for stix in objects if kind in plain.references_named(stix, "type")
        )
    assert find(filters={"alpha2_code": ["MX"], "location_type": ["region"]}) == []
    assert find(filters={"alpha2_code": ["MEX"]}) == []


def test_all_filters_of_a_request_apply_together(filled_library: Library) -> None:
    label = latest(filled_library, "attack-enterprise")
    expected = [
        stix
        for stix in plain.listed("attack-enterprise", label)
        if stix["type"] in ("malware", "tool")
        and plain.is_of_word("attack-enterprise", "Software", stix)
        and "er" in plain.fold(stix["name"])
        and plain.live(stix)
        and plain.object_matches(stix, "written")
        and "back" in plain.fold(stix.get("description") or "")
    ]
    answered = listed(
        filled_library,
        "attack-enterprise",
        types=["malware", "tool", "campaign"],
        type_words=["software"],
        name="ER",
        include_revoked=False,
        include_deprecated=False,
        text="written",
        description="BACK",
        sort="name_ascending",
    )
    assert len(expected) > 3
    assert ids(answered) == plain.ordered("attack-enterprise", expected, "name_ascending")


def test_descriptions_are_filtered_before_paging(filled_library: Library) -> None:
    def ask(page: PageRequest) -> Page[Any]:
        return list_objects(filled_library, HOSTED.named("capec"), ObjectQuery(page=page, description="injection"))

    expected = [stix for stix in plain.listed("capec", "3.9") if "injection" in plain.fold(stix.get("description", ""))]
    assert ids(walk(ask, 10)) == plain.ordered("capec", expected, "modified_descending")
    assert ids(decoded(ask(PageRequest(2, 10)))) == ids(walk(ask, 10))[10:20]
