"""What must hold for everything that is sent, whatever the knowledge base."""

from collections import Counter
from typing import Any

import pytest
from connector import identifiers
from connector.relationships import kind_of

from tests.platform.knowledge import PAIRS, TLP
from tests.tests_connector.conftest import Converted
from tests.tests_connector.test_counts import RELEASES, kind

pytestmark = [pytest.mark.real, pytest.mark.parametrize(("slug", "version"), RELEASES)]


def entities(objects: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in objects.values() if item["type"] != "relationship"]


def relationships(objects: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in objects.values() if item["type"] == "relationship"]


def test_every_object_follows_what_it_refers_to(
    converted: Converted, slug: str, version: str
) -> None:
    sent: set[str] = set(TLP)
    for item in converted(slug, version).in_order():
        for key, value in item.items():
            if key.endswith("_ref"):
                assert value in sent, f"{item['id']} {key}"
            elif key.endswith("_refs"):
                assert set(value) <= sent, f"{item['id']} {key}"
        sent.add(item["id"])


def test_everything_has_an_author_a_marking_and_says_whether_it_is_revoked(
    converted: Converted, slug: str, version: str
) -> None:
    release = converted(slug, version)
    for item in (*entities(release.objects), *relationships(release.objects)):
        assert isinstance(item["revoked"], bool)
        assert item["object_marking_refs"] == [
            "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"
        ]
        assert (item["id"] in release.authors) == ("created_by_ref" not in item)


def test_no_relationship_is_one_that_the_platform_refuses(
    converted: Converted, slug: str, version: str
) -> None:
    objects = converted(slug, version).objects
    for item in relationships(objects):
        ends = [objects[item["source_ref"]], objects[item["target_ref"]]]
        assert identifiers.standard_id(ends[0]) != identifiers.standard_id(ends[1])
        if item["relationship_type"] not in ("related-to", "revoked-by"):
            pair = tuple(
                "-".join(part.capitalize() for part in kind_of(end).split("-"))
                for end in ends
            )
            assert item["relationship_type"] in PAIRS[pair]  # type: ignore[index]


def test_no_relationship_leaves_a_date_to_be_guessed(
    converted: Converted, slug: str, version: str
) -> None:
    for item in relationships(converted(slug, version).objects):
        assert (item["start_time"], item["stop_time"]) == (None, None)


def test_no_two_objects_are_one_in_opencti(
    converted: Converted, slug: str, version: str
) -> None:
    release = converted(slug, version)
    identities = Counter(release.identity(item) for item in release.objects.values())
    assert [identity for identity, times in identities.items() if times > 1] == []


def test_no_alias_leads_to_another_object(
    converted: Converted, slug: str, version: str
) -> None:
    names: dict[str, str] = {}
    for item in entities(converted(slug, version).objects):
        for stix_id in {identifiers.standard_id(item), *identifiers.alias_ids(item)}:
            assert names.setdefault(stix_id, item["id"]) == item["id"], item["name"]


def test_nothing_is_sent_that_opencti_does_not_read(
    converted: Converted, slug: str, version: str
) -> None:
    for item in converted(slug, version).objects.values():
        assert not [
            key
            for key in item
            if key.startswith("_") or key.endswith("modified_by_ref")
        ]
        assert kind(item)


def test_techniques_and_mitigations_have_the_external_id_of_their_publisher(
    converted: Converted, slug: str, version: str
) -> None:
    for item in entities(converted(slug, version).objects):
        if item["type"] in ("attack-pattern", "course-of-action"):
            has_number = not (slug == "capec" and item["type"] == "course-of-action")
            assert ("x_mitre_id" in item) == has_number
            if has_number:
                assert (
                    item["external_references"][0]["external_id"] == item["x_mitre_id"]
                )


def test_every_phase_has_its_position_in_the_matrix(
    converted: Converted, slug: str, version: str
) -> None:
    release = converted(slug, version)
    phases = [
        phase
        for item in release.objects.values()
        for phase in item.get("kill_chain_phases", ())
    ]
    used = {
        (phase["kill_chain_name"], phase["phase_name"]): phase["x_opencti_order"]
        for phase in phases
    }
    assert used == release.phase_order
    assert len(set(used.values())) == len(used)


def test_every_platform_is_a_real_one(
    converted: Converted, slug: str, version: str
) -> None:
    for item in converted(slug, version).objects.values():
        assert not {"None", "ATLAS", "F3", "Mac"} & set(
            item.get("x_mitre_platforms", ())
        )


def test_texts_have_no_markup_of_their_publisher(
    converted: Converted, slug: str, version: str
) -> None:
    if slug.startswith("attack"):
        return  # its <code> is turned by pycti; the rest speaks about mark-up
    for item in converted(slug, version).objects.values():
        text = item.get("description", "")
        for tag in ("<p>", "<br", "<li>", "<span", "<b>", "xhtml:", "<a ", "](/"):
            assert tag not in text, item["id"]
