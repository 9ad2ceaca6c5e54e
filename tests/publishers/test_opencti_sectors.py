"""OpenCTI's data set of sectors becomes the objects of sector2stix."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ctibutler.errors import MalformedFile
from ctibutler.publishers.converters import opencti_sectors
from ctibutler.publishers.converters.conversion import Edition
from ctibutler.publishers.sources import built_in
from tests.oasis import verdicts_on
from tests.shared import read_bundle, read_shared

EXCERPT = (Path(__file__).parent / "data/opencti-sectors-excerpt.json").read_bytes()


def converted(content: bytes) -> list[dict[str, Any]]:
    return opencti_sectors.convert(content, Edition("1.0")).objects


def changed(change: Callable[[list[dict[str, Any]]], None]) -> bytes:
    """The excerpt after a change to its objects."""
    bundle = json.loads(EXCERPT)
    change(bundle["objects"])
    return json.dumps(bundle).encode()


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    return converted(EXCERPT)


def sector(objects: list[dict[str, Any]], name: str) -> dict[str, Any]:
    [found] = [obj for obj in objects if obj.get("name") == name]
    return found


def test_sectors_are_in_the_order_of_the_data_set_without_the_unknown_one(objects: list[dict[str, Any]]) -> None:
    assert [(obj["type"], obj.get("name", obj.get("description"))) for obj in objects] == [
        ("identity", "dogesec"),
        ("marking-definition", None),
        ("identity", "Culture and entertainment"),
        ("identity", "Gambling"),
        ("identity", "Energy"),
        ("identity", "Oil"),
        ("identity", "Defense"),
        ("identity", "Defense industry"),
        ("relationship", "Gambling is a subsector of Culture and entertainment"),
        ("relationship", "Oil is a subsector of Energy"),
        ("relationship", "Defense industry is a subsector of Defense"),
    ]
    assert "Unknown" in [obj.get("name") for obj in json.loads(EXCERPT)["objects"]]


def test_a_sector_has_upstreams_id(objects: list[dict[str, Any]]) -> None:
    industry = sector(objects, "Defense industry")
    assert industry["id"] == "identity--337297ea-12b9-5842-b19a-7637b1fab2c2"
    assert industry["identity_class"] == "class"
    assert industry["description"].startswith(
        "All private contractors involved in the manufacturing and sale of weapons"
    )
    assert industry["external_references"] == [{"source_name": "sector2stix", "external_id": "defense-industry"}]
    assert industry["x_opencti_aliases"] == ["Defense industry", "Defence industry"]
    assert industry["created"] == industry["modified"] == "2020-01-01T00:00:00.000Z"


def test_a_name_that_is_also_an_alias_is_listed_once(objects: list[dict[str, Any]]) -> None:
    assert ["Natural Resources", "Energy"] in [obj.get("x_opencti_aliases") for obj in json.loads(EXCERPT)["objects"]]
    assert sector(objects, "Energy")["x_opencti_aliases"] == ["Energy", "Natural Resources"]
    assert sector(objects, "Gambling")["x_opencti_aliases"] == ["Gambling"]


def test_objects_are_those_of_the_built_in_release_except_for_descriptions(objects: list[dict[str, Any]]) -> None:
    by_id = {obj["id"]: obj for obj in built_in.RELEASES["sector", "1.0"]()}
    for obj in objects:
        described = {"description": obj["description"]} if obj.get("identity_class") == "class" else {}
        assert obj == by_id[obj["id"]] | described


def test_the_oasis_validator_accepts_the_objects(objects: list[dict[str, Any]]) -> None:
    assert verdicts_on(objects) == (True, {})


def test_missing_values_are_empty() -> None:
    def bare(objects: list[dict[str, Any]]) -> None:
        sector(objects, "Oil").update(description=None, x_opencti_aliases=None)

    oil = sector(converted(changed(bare)), "Oil")
    assert (oil["description"], oil["x_opencti_aliases"]) == ("", ["Oil"])


def test_a_repeated_relationship_is_made_once(objects: list[dict[str, Any]]) -> None:
    def twice(found: list[dict[str, Any]]) -> None:
        found.extend([obj | {"id": "relationship--other"} for obj in found if obj["type"] == "relationship"])

    assert converted(changed(twice)) == objects


def test_a_relationship_with_another_kind_of_object_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    def to_nobody(objects: list[dict[str, Any]]) -> None:
        relationship = next(obj for obj in objects if obj["type"] == "relationship")
        relationship.update(id="relationship--1", target_ref=sector(objects, "Unknown")["id"])

    with caplog.at_level(logging.WARNING):
        objects = converted(changed(to_nobody))
    assert [obj["type"] for obj in objects].count("relationship") == 2
    assert caplog.messages == ["relationship--1: not between two sectors; left out"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a STIX bundle of identities: .*truncated"),
        (b"<!DOCTYPE html>", "expected a STIX bundle of identities: JSON is malformed"),
        (EXCERPT[:-100], "expected a STIX bundle of identities: .*"),
        (b'{"type": "report", "objects": []}', "expected a STIX bundle of identities: Invalid enum value 'report'"),
        (b'{"type": "bundle"}', "expected a STIX bundle of identities: .*missing required field `objects`"),
        (b'{"type": "bundle", "objects": []}', "no sectors found"),
        (
            b'{"type": "bundle", "objects": [{"type": "identity", "id": "i", "x": ' + b"[" * 100_000,
            "nested too deeply",
        ),
        (
            changed(lambda objects: objects[1].update(name=7)),
            r".*Expected `str`, got `int` - at `\$.objects\[1\].name`",
        ),
        (changed(lambda objects: objects[1].update(name=" ")), r"objects\[1\]: the sector has no name"),
        (changed(lambda objects: objects.append(objects[1])), r"objects\[11\]: duplicate id identity--"),
    ],
)
def test_a_file_that_is_not_the_data_set_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(MalformedFile, match=rf"^OpenCTI sectors: {message}"):
        converted(content)


def test_two_sectors_cannot_have_the_same_name() -> None:
    content = changed(lambda objects: objects.append(objects[1] | {"id": "identity--other"}))
    with pytest.raises(MalformedFile, match=r"^sectors: 2 sectors are named Culture and entertainment$"):
        converted(content)


@pytest.mark.real
def test_the_whole_data_set_equals_release_1_0_object_for_object() -> None:
    theirs = read_bundle("sector2stix-manual-output/sector-bundle-v1_0.json")["objects"]
    ours = converted(read_shared("kb-primary/sector/opencti-sectors.json.zst"))
    assert len(ours) == 121
    assert json.dumps(ours) == json.dumps(theirs)  # the order of keys included
    assert verdicts_on(ours) == (True, {})
