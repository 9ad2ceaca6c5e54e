"""Objects that come with ctibutler because others refer to them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from ctibutler.stix import seeds
from ctibutler.stix.markings import TLP_1, TLP_2, tlp_level
from ctibutler.stix.well_known import WELL_KNOWN
from tests.shared import identity_vectors, read_bundle


def test_there_are_fourteen_well_known_objects() -> None:
    assert [obj.get("name") or obj["definition"]["statement"].rpartition("/")[2] for obj in WELL_KNOWN.values()] == [
        *("TLP:WHITE", "TLP:GREEN", "TLP:AMBER", "TLP:RED"),
        *("TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"),
        *("dogesec", "stix2arango", "stix4doge", "stix2arango", "arango_cti_processor"),
    ]


def test_what_well_known_objects_refer_to_is_well_known() -> None:
    for obj in WELL_KNOWN.values():
        assert obj.get("created_by_ref", seeds.DOGESEC) in WELL_KNOWN
        assert set(obj.get("object_marking_refs", ())) <= WELL_KNOWN.keys()


@pytest.mark.parametrize("vector", identity_vectors("tlp"))
def test_every_tlp_vector_is_a_well_known_marking_of_its_level(vector: dict[str, Any]) -> None:
    level = vector["inputs"]["level"]
    assert tlp_level(WELL_KNOWN[vector["expected_id"]]) == level


def test_dogesecs_identity_has_the_digest_that_upstream_stores() -> None:
    # Upstream sorts the keys and adds a note of the release before it computes the digest.
    text = json.dumps(seeds.dogesec() | {"_stix2arango_note": "version=16_0"}, sort_keys=True)
    assert hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() == "aa763081deb6ebe45ffa1e4c05acbf97"


def test_tlp_levels_are_read_from_the_definition() -> None:
    assert [tlp_level(marking) for marking in TLP_1] == ["white", "green", "amber", "red"]
    assert [tlp_level(marking) for marking in TLP_2] == ["clear", "green", "amber", "amber+strict", "red"]
    assert tlp_level({"type": "marking-definition", "name": "TLP:RED"}) is None
    assert tlp_level(seeds.tool_marking_definition("stix4doge")) is None


@pytest.mark.real
@pytest.mark.parametrize(("bundle", "ours"), [("tlp/tlpv1-bundle.json", TLP_1), ("tlp/tlpv2-bundle.json", TLP_2)])
def test_tlp_markings_are_those_of_the_standard(bundle: str, ours: tuple[dict[str, Any], ...]) -> None:
    assert read_bundle(bundle)["objects"] == list(ours)


@pytest.mark.real
@pytest.mark.parametrize(
    ("bundle", "ours"),
    [
        (
            "cwe2stix-manual-output/cwe-bundle-v4_14.json",
            [
                seeds.dogesec(),
                seeds.tool_marking_definition("cwe2stix"),
                seeds.weakness_extension_definition(),
            ],
        ),
        (
            "location2stix-manual-output/location-bundle-v1_0.json",
            [seeds.retired_tool_identity("location2stix"), seeds.tool_marking_definition("location2stix")],
        ),
        (
            "disarm2stix-manual-output/disarm-bundle-v1_6.json",
            [seeds.retired_tool_identity("disarm2stix"), seeds.tool_marking_definition("disarm2stix")],
        ),
    ],
)
def test_seed_objects_are_the_same_as_in_releases(bundle: str, ours: list[dict[str, Any]]) -> None:
    theirs = {obj["id"]: obj for obj in read_bundle(bundle)["objects"]}
    assert [list(theirs[obj["id"]].items()) for obj in ours] == [list(obj.items()) for obj in ours]
