"""The list of countries with regional codes becomes STIX objects."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from ctibutler.errors import MalformedFile
from ctibutler.publishers.converters import iso_3166_csv
from ctibutler.publishers.converters.conversion import Edition
from ctibutler.publishers.sources import built_in
from tests.oasis import verdicts_on
from tests.shared import read_bundle, read_shared

EXCERPT = (Path(__file__).parent / "data/iso-3166-excerpt.csv").read_bytes()
HEADER, *LINES = EXCERPT.decode().splitlines()
[JAPAN] = [line for line in LINES if line.startswith("Japan")]
OTHER = JAPAN.replace("JP", "JQ")


def converted(content: bytes) -> list[dict[str, Any]]:
    return iso_3166_csv.convert(content, Edition("1.0")).objects


def lines(*texts: str) -> bytes:
    return "\n".join(texts).encode()


def by_id(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {obj["id"]: obj for obj in objects}


@pytest.fixture(scope="module")
def objects() -> dict[str, dict[str, Any]]:
    return by_id(converted(EXCERPT))


def named(objects: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    [found] = [obj for obj in objects.values() if obj["type"] == "location" and obj["name"] == name]
    return found


def larger(objects: dict[str, dict[str, Any]], name: str) -> list[tuple[str, str]]:
    source = named(objects, name)["id"]
    return [
        (obj["relationship_type"], objects[obj["target_ref"]]["name"])
        for obj in objects.values()
        if obj.get("source_ref") == source
    ]


def test_a_country_has_the_content_of_its_row(objects: dict[str, dict[str, Any]]) -> None:
    country = objects["location--4e9a8b79-6776-56e3-b72c-cb19a086b6a8"]
    assert (country["name"], country["country"], country["region"]) == ("France", "FR", "western-europe")
    assert country["created"] == country["modified"] == "2020-01-01T00:00:00.000Z"
    assert [(ref["source_name"], ref["external_id"]) for ref in country["external_references"]] == [
        ("location2stix", "FR"),
        ("type", "country"),
        ("alpha-2", "FR"),
        ("alpha-3", "FRA"),
        ("iso_3166-2", "ISO 3166-2:FR"),
        ("country-code", "250"),
    ]


def test_a_region_has_its_short_name(objects: dict[str, dict[str, Any]]) -> None:
    region = named(objects, "Latin America and the Caribbean")
    assert region["region"] == "latin-america-caribbean"
    assert [(ref["source_name"], ref["external_id"]) for ref in region["external_references"]] == [
        ("location2stix", "latin-america-caribbean"),
        ("sub-region-code", "Latin America and the Caribbean"),
        ("type", "sub-region"),
    ]


def test_each_location_belongs_once_to_each_larger_one(objects: dict[str, dict[str, Any]]) -> None:
    assert larger(objects, "Guernsey") == [
        ("region", "Europe"),
        ("sub-region", "Northern Europe"),
        ("intermediate-region", "Channel Islands"),
    ]
    assert larger(objects, "Channel Islands") == [("sub-region", "Northern Europe")]
    assert larger(objects, "Northern Europe") == [("region", "Europe")]
    assert larger(objects, "Europe") == []
    assert len(objects) == len(converted(EXCERPT))


def test_antarctica_is_in_no_region(objects: dict[str, dict[str, Any]]) -> None:
    assert named(objects, "Antarctica")["region"] == ""
    assert larger(objects, "Antarctica") == []


def test_a_country_may_have_a_region_and_no_subregion() -> None:
    objects = by_id(converted(lines(HEADER, JAPAN.replace("Eastern Asia", ""))))
    assert named(objects, "Japan")["region"] == ""
    assert larger(objects, "Japan") == [("region", "Asia")]


def test_objects_are_those_of_the_built_in_release(objects: dict[str, dict[str, Any]]) -> None:
    builtin_objects = by_id(built_in.RELEASES["location", "1.0"]())
    assert objects.items() <= builtin_objects.items()


def test_the_oasis_validator_accepts_the_objects(objects: dict[str, dict[str, Any]]) -> None:
    assert verdicts_on(list(objects.values())) == (True, {})


def with_columns_in_another_order(content: bytes) -> bytes:
    table = io.StringIO()
    csv.writer(table).writerows(row[::-1] for row in csv.reader(io.StringIO(content.decode(), newline="")))
    return table.getvalue().encode()


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + EXCERPT,
        EXCERPT.replace(b"\n", b"\r\n"),
        EXCERPT + b"\n  ,,,,,,,,,,\n\n",
        with_columns_in_another_order(EXCERPT),
    ],
    ids=["a mark of UTF-8", "lines of Windows", "blank lines", "another order of columns"],
)
def test_the_list_may_have_another_format(content: bytes, objects: dict[str, dict[str, Any]]) -> None:
    assert by_id(converted(content)) == objects


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1: expected one column name, found 0"),
        (b"<!DOCTYPE html><html></html>", "line 1: expected one column name, found 0"),
        (lines(HEADER.replace("sub-region,", ""), JAPAN), "line 1: expected one column sub-region, found 0"),
        (lines(HEADER + ",name", JAPAN + ",Japan"), "line 1: expected one column name, found 2"),
        (lines(HEADER), "no countries found"),
        (lines(HEADER, JAPAN, "Narnia,NA"), "line 3: expected 11 values, found 2"),
        (lines(HEADER, JAPAN, JAPAN), "line 3: duplicate code JP"),
        (lines(HEADER, JAPAN.replace("Japan", " ")), "line 2: name: unexpected value ' '"),
        (lines(HEADER, JAPAN.replace("JPN", "")), "line 2: alpha-3: unexpected value ''"),
        (lines(HEADER, JAPAN.replace("392", "4")), "line 2: country-code: unexpected value '4'"),
        (lines(HEADER, JAPAN.replace(",Asia", ",")), "line 2: sub-region 'Eastern Asia' is not in a larger region"),
        (lines(HEADER, JAPAN + '"'), "not CSV: unexpected end of data"),
        (EXCERPT.decode().encode("latin-1"), "not UTF-8: .* at byte"),
        (EXCERPT.decode().encode("utf-16"), "not UTF-8: .* at byte"),
    ],
)
def test_a_file_that_is_not_the_list_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(MalformedFile, match=rf"^list of countries: {message}"):
        converted(content)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (OTHER, "2 locations are named Japan"),
        (OTHER.replace("Japan", "Asia"), "2 locations are named Asia"),
        (
            OTHER.replace("Japan", "Nippon").replace('Eastern Asia,""', "Eastern Asia,Asia"),
            "Asia is both region and intermediate-region",
        ),
    ],
)
def test_two_locations_cannot_have_one_name(row: str, message: str) -> None:
    with pytest.raises(MalformedFile, match=rf"^locations: {message}$"):
        converted(lines(HEADER, JAPAN, row))


@pytest.mark.real
def test_release_1_0_equals_upstreams_object_for_object() -> None:
    theirs = read_bundle("location2stix-manual-output/location-bundle-v1_0.json")["objects"]
    ours = converted(read_shared("kb-primary/location/ISO-3166-Countries-with-Regional-Codes.csv.zst"))
    assert len(theirs) == 909 + 628  # it has each relationship twice
    assert len(ours) == 909
    assert by_id(ours) == by_id(theirs)
    assert all(list(obj) == list(by_id(theirs)[obj["id"]]) for obj in ours)  # the order of keys included


@pytest.mark.real
def test_the_oasis_validator_accepts_a_whole_release() -> None:
    ours = converted(read_shared("kb-primary/location/ISO-3166-Countries-with-Regional-Codes.csv.zst"))
    assert verdicts_on(ours) == (True, {})
