"""STIX bundles: their copies of objects become those of the new release, and what refers to dead objects refers to their
successors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ctibutler.answers.library import Library
from ctibutler.errors import InvalidRequest
from ctibutler.knowledge_bases import HOSTED
from ctibutler.migration.between import pairs_of
from ctibutler.migration.decisions import Decision
from ctibutler.migration.files import InputFile, Migration, Options
from ctibutler.migration.migrating import migrate
from ctibutler.migration.review import review_rows
from tests import oasis
from tests.catalogue import published

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("bundles")]
MOBILE = HOSTED.named("attack-mobile")
OLD, NEW = "14.1", "18.1"
IDENTITY = "identity--2f0b2d0a-6f5c-4a52-9d0e-0d9f4f8a1b11"
Objects = dict[str, dict[str, Any]]


@pytest.fixture
def library(between_library: Library) -> Library:
    return between_library


def objects_of(label: str) -> Objects:
    return {item["id"]: item for item in published("attack-mobile", label)}


def is_live(item: dict[str, Any]) -> bool:
    return not item.get("revoked") and not item.get("x_mitre_deprecated")


def successors() -> dict[str, str]:
    """Techniques that are dead in both releases → the one live object that the new release names in their place."""
    old, new = objects_of(OLD), objects_of(NEW)
    found: dict[str, set[str]] = {}
    for item in new.values():
        if item.get("relationship_type") == "revoked-by" and item["source_ref"] in old:
            found.setdefault(item["source_ref"], set()).add(item["target_ref"])
    return {
        source: next(iter(targets))
        for source, targets in found.items()
        if len(targets) == 1 and all(target in new and is_live(new[target]) and target in old for target in targets)
    }


def own(kind: str, number: int, **properties: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "spec_version": "2.1",
        "id": f"{kind}--00000000-0000-4000-8000-{number:012}",
        "created_by_ref": IDENTITY,
        "created": "2024-01-01T00:00:00.000Z",
        "modified": "2024-02-02T00:00:00.123Z",
        **properties,
    }


def number_of(item: dict[str, Any]) -> str:
    return str(item["external_references"][0]["external_id"])


def bundle(objects: list[dict[str, Any]]) -> bytes:
    whole = {"type": "bundle", "id": "bundle--6d2ec0b4-6f0e-4c5c-8f4d-5f9d6b8c2a11", "objects": objects}
    return json.dumps(whole, indent=2, ensure_ascii=False).encode()


def brought(library: Library, content: bytes, **options: Any) -> Migration:
    found = Options(source=OLD, target=NEW, **options)
    return migrate(library, MOBILE, [InputFile("seen.json", content)], found, pairs_of(library, MOBILE))


def a_report() -> tuple[bytes, str, str]:
    """A bundle of somebody's own objects, with copies of techniques, one of them revoked in favour of another."""
    old = objects_of(OLD)
    dead, heir = next(
        (one, other) for one, other in sorted(successors().items()) if old[one]["type"] == "attack-pattern"
    )
    number = number_of(old[dead])
    page = {"source_name": "mitre-attack", "external_id": number}
    objects = [
        {
            "type": "identity",
            "spec_version": "2.1",
            "id": IDENTITY,
            "created": "2024-01-01T00:00:00.000Z",
            "modified": "2024-01-01T00:00:00.000Z",
            "name": "We",
        },
        old[dead],
        old[heir],
        own(
            "indicator",
            1,
            pattern="[file:name = 'a']",
            pattern_type="stix",
            valid_from="2024-01-01T00:00:00Z",
            external_references=[
                {"source_name": "blog", "url": f"https://example.com/{number}"},
                {**page, "hashes": {}, "url": f"https://attack.mitre.org/techniques/{number}/"},
            ],
        ),
        own("relationship", 2, relationship_type="indicates", source_ref=own("indicator", 1)["id"], target_ref=dead),
        own("relationship", 3, relationship_type="indicates", source_ref=own("indicator", 1)["id"], target_ref=heir),
        own("report", 4, name="Ünder", published="2024-01-01T00:00:00Z", object_refs=[dead, IDENTITY]),
        own("note", 5, content=f"{number} stays in a text", object_refs=[IDENTITY]),
    ]
    del objects[3]["external_references"][1]["hashes"]
    return bundle(objects), dead, heir


def test_references_lead_to_the_successor_and_copies_are_those_of_the_release(library: Library) -> None:
    content, dead, heir = a_report()
    new = objects_of(NEW)
    migration = brought(library, content)
    [file] = migration.files
    after = {item["id"]: item for item in json.loads(file.after)["objects"]}
    before = {item["id"]: item for item in json.loads(content)["objects"]}
    assert set(before) - set(after) == {dead}
    assert after[heir] == new[heir]
    number = number_of(new[heir])
    indicator, first, second, report, note = (
        after[own(kind, place)["id"]]
        for kind, place in (("indicator", 1), ("relationship", 2), ("relationship", 3), ("report", 4), ("note", 5))
    )
    assert indicator["external_references"][1] == {
        "source_name": "mitre-attack",
        "external_id": number,
        "url": f"https://attack.mitre.org/techniques/{number.replace('.', '/')}/",
    }
    assert indicator["external_references"][0] == before[indicator["id"]]["external_references"][0]
    assert first == {**before[first["id"]], "target_ref": heir, "modified": "2024-02-02T00:00:00.124Z"}
    assert report == {**before[report["id"]], "object_refs": [heir, IDENTITY], "modified": "2024-02-02T00:00:00.124Z"}
    assert (second, note) == (before[second["id"]], before[note["id"]])
    assert [remark.partition(" now")[0] for remark in file.remarks] == [f"/objects/4: says the same as {first['id']}"]
    gone = [row for row in review_rows(migration) if row.removed]
    assert [row.id for row in gone] == [dead]
    assert "Ünder".encode() in file.after


def test_the_validator_says_of_a_bundle_what_it_said_before(library: Library) -> None:
    content, _, _ = a_report()
    [file] = brought(library, content).files
    before, after = oasis.verdicts(json.loads(content)), oasis.verdicts(json.loads(file.after))
    assert before == after
    assert before[0]


def test_a_whole_release_becomes_the_next_one(library: Library) -> None:
    """Every object that both releases have comes out as the new release has it, whatever else is in the bundle."""
    old, new = objects_of(OLD), objects_of(NEW)
    [file] = brought(library, bundle(list(old.values()))).files
    after = {item["id"]: item for item in json.loads(file.after)["objects"]}
    settled = {item.id: one.outcome.handling for item, one in zip(file.items, file.settled, strict=True)}
    for stix_id, item in after.items():
        if stix_id in new and settled.get(stix_id) != "human":
            assert item == new[stix_id], stix_id
    for dead, heir in successors().items():
        if settled[dead] != "human":
            assert dead not in after
            assert after[heir] == new[heir]
    assert {stix_id for stix_id, word in settled.items() if word == "human" and stix_id in old} <= set(after)


def test_a_list_of_objects_is_read_as_a_bundle_is(library: Library) -> None:
    content, dead, heir = a_report()
    listed = json.dumps(json.loads(content)["objects"]).encode()
    [file] = brought(library, listed).files
    assert file.kind is not None
    assert file.kind.name == "stix"
    assert dead.encode() not in file.after
    assert heir.encode() in file.after


@pytest.mark.parametrize("words", [("drop",), ("T1426", "T1418")])
def test_a_reference_holds_exactly_one_id(library: Library, words: tuple[str, ...]) -> None:
    content, dead, _ = a_report()
    decision = Decision(7, "review.csv", "seen.json", "/objects/4/target_ref", dead, words)
    with pytest.raises(InvalidRequest, match=r"review\.csv: row 7: one id has to stand there"):
        brought(library, content, decisions=(decision,))


def test_a_decision_puts_another_object_in_the_place_of_a_reference(library: Library) -> None:
    content, dead, _ = a_report()
    chosen = next(item for item in objects_of(NEW).values() if item["type"] == "attack-pattern" and is_live(item))
    decision = Decision(7, "review.csv", "seen.json", "/objects/4/target_ref", dead, (number_of(chosen),))
    [file] = brought(library, content, decisions=(decision,)).files
    after = {item["id"]: item for item in json.loads(file.after)["objects"]}
    assert after[own("relationship", 2)["id"]]["target_ref"] == chosen["id"]
