"""Releases that need no publisher."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest

from ctibutler.errors import MalformedFile, NotFound
from ctibutler.publishers.converters import builtin_countries
from ctibutler.publishers.sources import built_in
from tests.shared import read_bundle


def by_id(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {obj["id"]: obj for obj in objects}


@pytest.mark.parametrize(("slug", "label"), built_in.RELEASES)
def test_a_bundle_is_the_same_each_time(slug: str, label: str) -> None:
    bundle = json.loads(built_in.bundle(slug, label))
    assert built_in.bundle(slug, label) == built_in.bundle(slug, label)
    assert bundle["type"] == "bundle"
    assert bundle["objects"] == built_in.RELEASES[slug, label]()
    assert len(by_id(bundle["objects"])) == len(bundle["objects"])


def test_a_release_never_changes() -> None:
    # Existing installations have these bytes under the same label.
    assert {name: sha256(built_in.bundle(*name)).hexdigest()[:16] for name in built_in.RELEASES} == {
        ("location", "1.0"): "6fb4d9a89d7c0040",
        ("sector", "1.0"): "da35e24e0fadb06b",
        ("tlp", "1"): "77e2d7996c018deb",
        ("tlp", "2"): "6446c48b186540d7",
    }


def test_each_release_has_its_own_bundle_id() -> None:
    ids = {json.loads(built_in.bundle(slug, label))["id"] for slug, label in built_in.RELEASES}
    assert len(ids) == len(built_in.RELEASES)
    assert all(bundle_id.startswith("bundle--") for bundle_id in ids)


def test_a_caller_cannot_change_a_built_in_release() -> None:
    built_in.RELEASES["tlp", "2"]()[0]["extensions"].clear()
    assert built_in.RELEASES["tlp", "2"]()[0]["extensions"]


def test_there_are_no_other_built_in_releases() -> None:
    with pytest.raises(NotFound, match=r"location 2\.0"):
        built_in.bundle("location", "2.0")


def test_a_country_belongs_to_its_regions() -> None:
    objects = by_id(built_in.RELEASES["location", "1.0"]())
    south_africa = objects["location--23bd96f0-312a-5d26-975a-0aa1be725aaf"]
    assert south_africa["name"] == "South Africa"
    assert (south_africa["country"], south_africa["region"]) == ("ZA", "sub-saharan-africa")
    assert {(ref["source_name"], ref["external_id"]) for ref in south_africa["external_references"]} == {
        ("location2stix", "ZA"),
        ("type", "country"),
        ("alpha-2", "ZA"),
        ("alpha-3", "ZAF"),
        ("iso_3166-2", "ISO 3166-2:ZA"),
        ("country-code", "710"),
    }
    assert [
        (obj["relationship_type"], objects[obj["target_ref"]]["name"])
        for obj in objects.values()
        if obj.get("source_ref") == south_africa["id"]
    ] == [("region", "Africa"), ("sub-region", "Sub-Saharan Africa"), ("intermediate-region", "Southern Africa")]


def test_a_version_of_pycountry_with_other_data_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builtin_countries, "_NAMES", {**builtin_countries._NAMES, "TR": "Türkiye"})
    with pytest.raises(MalformedFile, match="names or codes of countries"):
        built_in.bundle("location", "1.0")


def test_a_sector_has_its_name_as_first_alias() -> None:
    objects = by_id(built_in.RELEASES["sector", "1.0"]())
    industry = objects["identity--337297ea-12b9-5842-b19a-7637b1fab2c2"]
    assert industry["external_references"] == [{"source_name": "sector2stix", "external_id": "defense-industry"}]
    assert industry["x_opencti_aliases"] == ["Defense industry", "Defence industry"]
    part_of = objects["relationship--d04f8f41-63af-5f8e-94ac-a060959baac9"]
    assert part_of["description"] == "Defense industry is a subsector of Defense"


@pytest.mark.real
def test_locations_are_the_same_as_in_upstreams_release() -> None:
    theirs = read_bundle("location2stix-manual-output/location-bundle-v1_0.json")["objects"]
    assert len(theirs) == 909 + 628  # it has each relationship twice
    assert by_id(built_in.RELEASES["location", "1.0"]()) == by_id(theirs)


@pytest.mark.real
def test_sectors_are_those_of_the_reconstructed_release_except_for_descriptions() -> None:
    def undescribed(objects: list[dict[str, Any]]) -> list[list[tuple[str, Any]]]:
        described = ("identity_class", "class")
        return [
            [(key, value) for key, value in obj.items() if key != "description" or described not in obj.items()]
            for obj in objects
        ]

    ours = built_in.RELEASES["sector", "1.0"]()
    theirs = read_bundle("sector2stix-manual-output/sector-bundle-v1_0.json")["objects"]
    assert undescribed(ours) == undescribed(theirs)
    assert all(obj["description"] for obj in ours if obj["type"] == "identity")


@pytest.mark.real
@pytest.mark.parametrize("label", ["1", "2"])
def test_tlp_markings_are_those_of_the_standards(label: str) -> None:
    assert built_in.RELEASES["tlp", label]() == read_bundle(f"tlp/tlpv{label}-bundle.json")["objects"]
