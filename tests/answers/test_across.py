"""Answers over all knowledge bases, compared with plain Python over the publishers' files."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

from ctibutler.answers.across.ids import bundle_across, find_across, relationships_across, versions_across
from ctibutler.answers.across.lists import ListQuery, list_across
from ctibutler.answers.bundles import BundleQuery
from ctibutler.answers.library import Library
from ctibutler.answers.pages import Page, PageRequest, Sort
from ctibutler.answers.relationships import RelationshipQuery
from ctibutler.errors import NotFound
from ctibutler.knowledge_bases import HOSTED
from ctibutler.stix.well_known import WELL_KNOWN
from tests.answers import plain
from tests.answers.walking import ALL, as_json, decoded, ids, walk
from tests.catalogue import CONTRACT, Catalogues, installed_labels

pytestmark = pytest.mark.real

SDO = [
    "attack-pattern",
    "campaign",
    "course-of-action",
    "exploit",
    "grouping",
    "identity",
    "incident",
    "indicator",
    "infrastructure",
    "intrusion-set",
    "location",
    "malware",
    "malware-analysis",
    "note",
    "observed-data",
    "opinion",
    "procedure",
    "report",
    "sighting",
    "threat-actor",
    "tool",
    "vulnerability",
    "weakness",
    "x-mitre-asset",
    "x-mitre-data-component",
    "x-mitre-data-source",
    "x-mitre-tactic",
    "x-mitre-detection-strategy",
    "x-mitre-analytic",
    "attack-flow",
    "attack-action",
]
OF_KNOWLEDGE_BASES = [
    "location",
    "weakness",
    "attack-pattern",
    "campaign",
    "course-of-action",
    "intrusion-set",
    "malware",
    "tool",
    "software",
    "vulnerability",
    "identity",
]
MITRE = "identity--c78cb6e5-0c4b-4611-8297-d1b8b55e40b5"
TTP_TYPES = {
    "cwe": "cwe",
    "enterprise-attack": "attack-enterprise",
    "ics-attack": "attack-ics",
    "mobile-attack": "attack-mobile",
    "capec": "capec",
    "location": "location",
    "disarm": "disarm",
    "atlas": "atlas",
    "sector": "sector",
    "d3fend": "d3fend",
    "mitre-f3": "mitre-f3",
}


def latest(engine: str, slugs: Iterable[str]) -> list[tuple[str, str]]:
    return [(slug, installed_labels(engine, slug)[-1]) for slug in sorted(slugs)]


def answering(releases: Iterable[tuple[str, str]]) -> list[tuple[str, plain.Stix]]:
    """Each id once: the newest `modified`, then the first knowledge base by name, then the first in the file."""
    best: dict[str, tuple[str, plain.Stix]] = {}
    for slug, label in sorted(releases):
        for stix in plain.vertices(slug, label):
            held = best.get(stix["id"])
            if held is None or plain.instant(stix, "modified") > plain.instant(held[1], "modified"):
                best[stix["id"]] = (slug, stix)
    return list(best.values())


def in_order(objects: Iterable[plain.Stix], sort: str) -> list[str]:
    return plain.ordered("", objects, sort)


def everything(library: Library, kind: Any, sort: str, **filters: Any) -> list[dict[str, Any]]:
    filters.setdefault("page", ALL)
    page = list_across(library, kind, ListQuery(Sort.parse(sort), **filters))
    return decoded(page)


SLUGS = [kb.slug for kb in HOSTED.all]


def test_every_id_is_listed_once_from_the_preferred_release(filled_library: Library) -> None:
    objects = answering(latest(filled_library.database.engine, SLUGS))
    of_bases = [
        stix for _, stix in objects if stix["type"] in OF_KNOWLEDGE_BASES or stix["type"].startswith("x-mitre-")
    ]
    for kind, expected, sort in (
        ("sdos", [stix for _, stix in objects if stix["type"] in SDO], "name_ascending"),
        ("knowledgebases", of_bases, "modified_descending"),
        ("smos", [stix for _, stix in objects if stix["type"] in plain.META], "created_ascending"),
    ):
        answered = everything(filled_library, kind, sort)
        assert ids(answered) == in_order(expected, sort), kind
        assert sorted(map(plain.same, answered)) == sorted(map(plain.same, expected))
    shared = Counter(
        stix["id"]
        for slug in SLUGS
        for stix in plain.vertices(slug, installed_labels(filled_library.database.engine, slug)[-1])
    )
    assert sum(count > 1 for count in shared.values()) > 100


@pytest.mark.parametrize("sort", ["name_descending", "created_ascending", "type_ascending", "modified_ascending"])
def test_objects_are_sorted_and_paged(filled_library: Library, sort: str) -> None:
    def ask(page: PageRequest) -> Page[Any]:
        return list_across(filled_library, "sdos", ListQuery(Sort.parse(sort), page, types=["malware", "campaign"]))

    objects = answering(latest(filled_library.database.engine, SLUGS))
    expected = [stix for _, stix in objects if stix["type"] in ("malware", "campaign")]
    assert ids(walk(ask, 300)) == in_order(expected, sort)


def test_objects_can_be_filtered(filled_library: Library) -> None:
    engine = filled_library.database.engine
    objects = [stix for _, stix in answering(latest(engine, SLUGS)) if stix["type"] in SDO]

    def expect(condition: Any, **filters: Any) -> None:
        wanted = in_order([stix for stix in objects if condition(stix)], "name_ascending")
        assert ids(everything(filled_library, "sdos", "name_ascending", **filters)) == wanted

    expect(lambda stix: "remote" in plain.fold(stix.get("name") or ""), name="REMOTE")
    expect(lambda stix: any("a" in plain.fold(label) for label in stix.get("labels") or []), labels="A")
    expect(lambda stix: stix["type"] == "weakness", types=["weakness", "relationship", "x-mitre-matrix"])
    expect(
        lambda stix: (
            plain.is_of_word("attack-enterprise", "Sub-technique", stix)
            or plain.is_of_word("attack-enterprise", "Group", stix)
        ),
        type_words=["sub-technique", "Group"],
    )
    homes = {stix["id"]: slug for slug, stix in answering(latest(engine, SLUGS))}
    for number in ("T1059", "CWE-79", "d3f:File", "US", "Evict"):
        wanted = {
            stix["id"]
            for stix in objects
            if plain.comparable(homes[stix["id"]], plain.primary_id(homes[stix["id"]], stix) or "")
            == plain.comparable(homes[stix["id"]], number)
        }
        assert wanted
        expect(lambda stix, wanted=wanted: stix["id"] in wanted, external_id=number.lower())
    for visible_to in (MITRE, "identity--00000000-0000-4000-8000-000000000000"):
        expect(lambda stix, visible_to=visible_to: visible(stix, visible_to), visible_to=visible_to)


def visible(stix: plain.Stix, visible_to: str) -> bool:
    return (
        stix.get("created_by_ref") in (None, visible_to)
        or not stix.get("object_marking_refs")
        or bool(plain.OPEN_MARKINGS & set(stix["object_marking_refs"]))
        or bool({"enterprise-attack", "mobile-attack", "ics-attack"} & set(stix.get("x_mitre_domains") or []))
    )


def test_ttp_types_first_select_knowledge_bases(filled_library: Library) -> None:
    engine = filled_library.database.engine
    for word, slug in TTP_TYPES.items():
        objects = [stix for _, stix in answering(latest(engine, [slug]))]
        wanted = [stix for stix in objects if stix["type"] in OF_KNOWLEDGE_BASES or stix["type"].startswith("x-mitre-")]
        answered = everything(filled_library, "knowledgebases", "name_ascending", knowledge_bases=[word])
        assert ids(answered) == in_order(wanted, "name_ascending"), word
    both = answering(latest(engine, ["attack-enterprise", "attack-ics"]))
    answered = everything(
        filled_library, "sdos", "name_ascending", knowledge_bases=["ics-attack", "enterprise-attack", "cve"]
    )
    assert ids(answered) == in_order([stix for _, stix in both if stix["type"] in SDO], "name_ascending")
    assert everything(filled_library, "knowledgebases", "name_ascending", knowledge_bases=["cve"]) == []


def test_the_knowledge_base_of_an_object_is_shown_on_request(filled_library: Library) -> None:
    objects = answering(latest(filled_library.database.engine, SLUGS))
    homes = {stix["id"]: slug for slug, stix in objects}
    answered = everything(filled_library, "sdos", "name_ascending", types=["intrusion-set"], show_knowledge_base=True)
    assert {stix["id"]: stix["knowledgebase_name"] for stix in answered} == {
        stix["id"]: homes[stix["id"]] for _, stix in objects if stix["type"] == "intrusion-set"
    }


RELATED = ("attack-ics@17.0", "attack-ics@18.1", "attack-mobile@18.1", "atlas@5.2.0", "disarm@1.6", "tlp@2")


def test_relationships_of_all_knowledge_bases_are_listed_once_each(catalogues: Catalogues) -> None:
    library = Library(catalogues.with_releases(*RELATED), HOSTED)
    best: dict[str, tuple[str, plain.Stix]] = {}
    for slug, label in sorted(name.split("@") for name in RELATED if name != "attack-ics@17.0"):
        for family, sro in plain.all_sros(slug, label):
            held = best.get(sro["id"])
            if held is None or plain.instant(sro, "modified") > plain.instant(held[1], "modified"):
                best[sro["id"]] = (family, sro)
    sros = list(best.values())

    def expect(condition: Any, sort: str = "created_ascending", **filters: Any) -> None:
        wanted = [sro for family, sro in sros if condition(family, sro)]
        answered = everything(library, "sros", sort, **filters)
        assert ids(answered) == in_order(wanted, sort), filters
        assert Counter(map(plain.same, answered)) == Counter(map(plain.same, wanted)), filters

    expect(lambda *_: True)
    expect(lambda *_: True, "modified_descending")
    expect(lambda family, _: family != "embedded", include_embedded_refs=False)
    expect(lambda _, sro: "detect" in sro["relationship_type"], relationship_type="DETECT")
    expect(lambda _, sro: sro["source_ref"].startswith("campaign--"), source_types=["campaign"])
    expect(lambda _, sro: sro["target_ref"].startswith("malware--"), target_types=["malware", "x"])
    source, target = sros[0][1]["source_ref"], sros[-1][1]["target_ref"]
    expect(lambda _, sro: sro["source_ref"] == source, source_refs=[source.upper()])
    expect(lambda _, sro: sro["target_ref"] == target, target_refs=[target])
    expect(
        lambda _, sro: sro["target_ref"] == MITRE and sro["source_ref"].startswith("tool--"),
        target_refs=[MITRE],
        source_types=["tool"],
    )
    expect(lambda _, sro: visible(sro, MITRE), visible_to=MITRE)
    assert everything(library, "sros", "created_ascending", types=["malware"]) == []

    def ask(page: PageRequest) -> Page[Any]:
        return list_across(library, "sros", ListQuery(Sort("created"), page))

    assert ids(walk(ask, 1000)) == in_order([sro for _, sro in sros], "created_ascending")


def test_every_listed_id_can_be_requested(filled_library: Library) -> None:
    engine = filled_library.database.engine
    wanted: list[plain.Stix] = []
    for slug in ("attack-ics", "atlas", "capec", "cwe", "location"):
        label = installed_labels(engine, slug)[-1]
        wanted += plain.vertices(slug, label)[::150]
        wanted += [sro for family, sro in plain.all_sros(slug, label) if family != "native"][::3000]
    wanted += plain.cwe_capec("4.14", "3.9")[::300]
    wanted += plain.link_embedded(plain.cwe_capec("4.14", "3.9")[0])
    wanted += [dict(stix) for stix in WELL_KNOWN.values()][:4]
    homes = {stix["id"]: stix for _, stix in answering(latest(engine, SLUGS))}
    for stix in wanted:
        answered = json.loads(find_across(filled_library, stix["id"]).content)
        expected = homes.get(stix["id"], stix)
        if stix["id"] in homes or stix.get("created_by_ref") != plain.STIX2ARANGO:
            assert plain.same(answered) == plain.same(expected)
        assert answered["id"] == stix["id"]


def test_an_object_that_only_an_older_release_has_is_found_there(filled_library: Library) -> None:
    older = {stix["id"]: stix for stix in plain.vertices("atlas", "5.0.1")}
    engine = filled_library.database.engine
    now = {stix["id"] for slug in SLUGS for stix in plain.vertices(slug, installed_labels(engine, slug)[-1])}
    gone = sorted(older.keys() - now)
    assert gone
    for stix_id in gone[:5]:
        assert plain.same(json.loads(find_across(filled_library, stix_id).content)) == plain.same(older[stix_id])
        listed = everything(filled_library, "sdos", "name_ascending", name=older[stix_id]["name"])
        assert stix_id not in ids(listed)


def test_a_primary_id_is_found_if_a_single_knowledge_base_has_it(filled_library: Library) -> None:
    for number, slug in (("CWE-79", "cwe"), ("aml.t0000", "atlas"), ("S0154", "attack-enterprise"), ("US", "location")):
        engine = filled_library.database.engine
        expected = plain.named(slug, installed_labels(engine, slug)[-1], number)
        assert plain.same(json.loads(find_across(filled_library, number).content)) == plain.same(expected or {})
    with pytest.raises(NotFound) as problem:
        find_across(filled_library, "TA0001")
    candidates: Any = problem.value.details["candidates"]
    named = {row["knowledge_base"] for row in candidates}
    assert "attack-enterprise" in named
    assert len(named) > 1


@pytest.mark.parametrize("object_id", ["T9999", "a--b", "relationship--zz", "\x00", "", "x--y--z", "🙂--1"])
def test_an_unknown_id_is_not_found(filled_library: Library, object_id: str) -> None:
    with pytest.raises(NotFound, match="No object with id"):
        find_across(filled_library, object_id)
    with pytest.raises(NotFound):
        bundle_across(filled_library, object_id, BundleQuery(), Sort("modified", descending=True))
    with pytest.raises(NotFound):
        versions_across(filled_library, object_id)


def test_versions_name_the_knowledge_bases_that_have_an_id(filled_library: Library) -> None:
    engine = filled_library.database.engine
    shared = next(
        stix["id"]
        for stix in plain.vertices("attack-ics", "18.1")
        if stix["type"] == "malware"
        and stix["id"] in {one["id"] for one in plain.vertices("attack-enterprise", "18.1")}
    )
    expected: dict[tuple[str, str], list[str]] = {}
    for slug in ("attack-enterprise", "attack-ics", "attack-mobile"):
        for label in reversed(installed_labels(engine, slug)):
            for stix in plain.vertices(slug, label):
                if stix["id"] == shared:
                    expected.setdefault((slug, stix["modified"]), []).append(label)
    answered = as_json(versions_across(filled_library, shared))
    assert {(row["knowledge_base"], row["modified"]): row["versions"] for row in answered} == expected
    times = [str(row["modified"]) for row in answered]
    assert times == sorted(times, reverse=True)


def test_relationships_and_bundles_are_those_of_the_preferred_release(contract_library: Library) -> None:
    labels = dict(name.split("@") for name in CONTRACT)
    for slug in ("attack-ics", "capec", "atlas", "location"):
        label = labels[slug]
        others = {stix["id"] for other in labels if other != slug for stix in plain.vertices(other, labels[other])}
        for stix in [stix for stix in plain.listed(slug, label) if stix["id"] not in others][::120]:
            sros = [sro for _, sro in plain.sros_of(slug, label, stix["id"])]
            answered = decoded(relationships_across(contract_library, stix["id"], RelationshipQuery(page=ALL)))
            assert sorted(map(plain.same, answered)) == sorted(map(plain.same, sros))
            query = BundleQuery(page=ALL, include_embedded_sros=True)
            bundle = decoded(bundle_across(contract_library, stix["id"], query, Sort("modified", descending=True)))
            present = {plain.same(one) for one in bundle}
            assert {plain.same(stix), *map(plain.same, sros)} <= present
            assert ids(bundle) == in_order(bundle, "modified_descending")
            mine = bundle_across(
                contract_library, stix["id"], query, Sort("created", descending=True), created_by_refs=[MITRE]
            )
            assert {one["id"] for one in decoded(mine)} == {
                one["id"] for one in bundle if one["id"] == stix["id"] or one.get("created_by_ref") == MITRE
            }


def test_objects_are_hidden_from_clients_that_may_not_see_them(contract_library: Library) -> None:
    nobody = "identity--00000000-0000-4000-8000-000000000000"
    objects = [stix for _, stix in answering(tuple(name.split("@")) for name in CONTRACT if name != "tlp@1")]  # type: ignore[misc]
    hidden = [stix for stix in objects if not visible(stix, nobody)]
    shown = [stix for stix in objects if visible(stix, nobody)]
    assert hidden
    for stix in hidden[::100]:
        with pytest.raises(NotFound):
            find_across(contract_library, stix["id"], visible_to=nobody)
        assert json.loads(find_across(contract_library, stix["id"], visible_to=stix["created_by_ref"]).content)
    for stix in shown[::400]:
        assert re.match(
            r"[\w-]+--", json.loads(find_across(contract_library, stix["id"], visible_to=nobody).content)["id"]
        )
