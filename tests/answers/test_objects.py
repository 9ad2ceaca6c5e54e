"""One object by every form of its id, and the releases that have it."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import pytest

from ctibutler.answers.library import Library
from ctibutler.answers.naming import ObjectRequest
from ctibutler.answers.object_versions import versions_by_content, versions_by_modified
from ctibutler.answers.objects import find_object
from ctibutler.errors import Hidden, NotFound
from ctibutler.knowledge_bases import HOSTED
from tests.answers import plain
from tests.answers.walking import as_json
from tests.catalogue import installed_labels

pytestmark = pytest.mark.real

KNOWLEDGE_BASES = [kb.slug for kb in HOSTED.all]


def found(library: Library, slug: str, object_id: str, release: str | None = None, **flags: bool) -> dict[str, Any]:
    stix: dict[str, Any] = as_json(find_object(library, HOSTED.named(slug), ObjectRequest(object_id, release, **flags)))
    return stix


@pytest.mark.parametrize("slug", KNOWLEDGE_BASES)
def test_an_object_is_found_by_its_ids_in_any_case(filled_library: Library, slug: str) -> None:
    label = installed_labels(filled_library.database.engine, slug)[-1]
    objects = plain.vertices(slug, label)
    for stix in random.Random(slug).sample(objects, min(25, len(objects))):
        assert plain.same(found(filled_library, slug, stix["id"])) == plain.same(stix)
        assert plain.same(found(filled_library, slug, stix["id"].upper(), label)) == plain.same(stix)
        number = plain.primary_id(slug, stix)
        if number:
            expected = plain.named(slug, label, number)
            for form in (number, number.lower(), number.upper()):
                assert plain.same(found(filled_library, slug, form)) == plain.same(expected or {})


@pytest.mark.parametrize(
    ("slug", "forms", "name"),
    [
        ("d3fend", ["d3f:Evict", "Evict", "D3F:EVICT", "evict"], "Evict"),
        ("tlp", ["clear", "TLP:CLEAR", "tlp:Clear"], "TLP:CLEAR"),
        ("tlp", ["TLP:AMBER+STRICT", "amber+strict"], "TLP:AMBER+STRICT"),
        ("location", ["US", "us"], "United States of America"),
        ("location", ["western-africa"], "Western Africa"),
        ("cwe", ["CWE-79", "cwe-79"], None),
        ("disarm", ["DISARM"], "DISARM Red Framework"),
        ("atlas", ["AML.TA0002", "aml.ta0002"], "Reconnaissance"),
        ("mitre-f3", ["TA0043"], "Reconnaissance"),
    ],
)
def test_ids_are_accepted_in_the_forms_that_people_write(
    filled_library: Library, slug: str, forms: list[str], name: str | None
) -> None:
    objects = [found(filled_library, slug, form) for form in forms]
    assert all(stix == objects[0] for stix in objects)
    assert name is None or objects[0]["name"] == name


def test_an_id_shared_with_a_technique_means_the_technique(filled_library: Library) -> None:
    release = "18.1"
    objects = plain.vertices("attack-enterprise", release)
    holders = Counter(plain.primary_id("attack-enterprise", stix) for stix in objects)
    shared = sorted(number for number, count in holders.items() if number and count > 1)
    assert len(shared) > 200
    dead_techniques = 0
    for number in shared:
        answered = found(filled_library, "attack-enterprise", number, release)
        expected = plain.named("attack-enterprise", release, number)
        assert expected is not None
        assert answered["id"] == expected["id"], number
        dead_techniques += answered["type"] == "attack-pattern" and answered.get("revoked") is True
        allowed = plain.named("attack-enterprise", release, number, plain.live)
        if allowed is None:
            with pytest.raises(NotFound):
                found(
                    filled_library,
                    "attack-enterprise",
                    number,
                    include_revoked=False,
                    include_deprecated=False,
                )
    assert dead_techniques == 118
    powershell = found(filled_library, "attack-enterprise", "T1086", release)
    assert (powershell["type"], powershell["name"], powershell["revoked"]) == ("attack-pattern", "PowerShell", True)


def test_the_error_about_a_hidden_object_says_which_release_has_it_and_what_hides_it(filled_library: Library) -> None:
    with pytest.raises(Hidden) as problem:
        found(filled_library, "attack-enterprise", "T1086", include_revoked=False, include_deprecated=False)
    assert str(problem.value) == "object `T1086` exists in release 18.1 but is revoked"
    # If only revoked objects are hidden, the deprecated mitigation with that id is all that is left.
    mitigation = found(filled_library, "attack-enterprise", "T1086", include_revoked=False)
    assert (mitigation["type"], mitigation["x_mitre_deprecated"]) == ("course-of-action", True)
    deprecated = next(stix for stix in plain.listed("capec", "3.9") if plain.deprecated(stix))
    with pytest.raises(Hidden, match=r"exists in release 3\.9 but is deprecated$"):
        found(filled_library, "capec", deprecated["id"], include_deprecated=False)


@pytest.mark.parametrize(
    "object_id",
    ["T9999", "", " ", "a\x00b", "--", "a--b--c", "attack-pattern--", "x" * 5000, "%", "🙂", "d3f:", "relationship--1"],
)
def test_malformed_ids_are_not_found(filled_library: Library, object_id: str) -> None:
    for slug in ("attack-enterprise", "d3fend", "tlp"):
        with pytest.raises(NotFound):
            found(filled_library, slug, object_id)


def test_relationships_are_not_found_as_objects(filled_library: Library) -> None:
    sro = next(stix for stix in plain.contents("attack-ics", "18.1") if stix["type"] == "relationship")
    with pytest.raises(NotFound):
        found(filled_library, "attack-ics", sro["id"])


def test_objects_of_unlisted_types_are_found_by_stix_id(filled_library: Library) -> None:
    identity = next(stix for stix in plain.vertices("cwe", "4.14") if stix["type"] == "identity")
    assert found(filled_library, "cwe", identity["id"]) == identity


def test_a_release_that_is_not_installed_has_no_objects(filled_library: Library) -> None:
    with pytest.raises(NotFound, match=r"no release `99\.1` of cwe is installed"):
        found(filled_library, "cwe", "CWE-79", "99.1")


@pytest.mark.parametrize("spelling", ["17.1", "17_1", "v17.1", "V17_1", " 17.1 "])
def test_a_release_is_found_by_any_spelling_of_its_label(filled_library: Library, spelling: str) -> None:
    expected = next(
        stix for stix in plain.vertices("attack-ics", "17.1") if plain.primary_id("attack-ics", stix) == "G0034"
    )
    assert found(filled_library, "attack-ics", "G0034", spelling) == expected


def _versions(slug: str, engine: str, object_id: str, by_content: bool) -> list[tuple[str | None, list[str]]]:
    groups: dict[Any, tuple[str | None, float, list[str]]] = {}
    for label in reversed(installed_labels(engine, slug)):
        stix = (
            next((stix for stix in plain.vertices(slug, label) if stix["id"] == object_id), None)
            if "--" in object_id
            else plain.named(slug, label, object_id)
        )
        if stix is not None:
            key = json.dumps(stix) if by_content else stix.get("modified")
            groups.setdefault(key, (stix.get("modified"), plain.instant(stix, "modified"), []))[2].append(label)
    return [
        (modified, labels) for modified, _, labels in sorted(groups.values(), key=lambda group: group[1], reverse=True)
    ]


@pytest.mark.parametrize(
    ("slug", "object_id"),
    [
        ("attack-enterprise", "T1021.005"),
        ("attack-enterprise", "G0007"),
        ("attack-enterprise", "identity--c78cb6e5-0c4b-4611-8297-d1b8b55e40b5"),
        ("attack-ics", "T0800"),
        ("attack-ics", "G0074"),
        ("attack-mobile", "T1404"),
        ("capec", "CAPEC-112"),
        ("capec", "CAPEC-695"),
        ("cwe", "CWE-79"),
        ("atlas", "AML.TA0002"),
        ("atlas", "AML.T0000.001"),
        ("disarm", "T0086.003"),
        ("d3fend", "d3f:Evict"),
        ("d3fend", "D3-OE"),
        ("mitre-f3", "F1001"),
        ("location", "US"),
        ("sector", "defense-industry"),
        ("tlp", "green"),
    ],
)
def test_versions_name_the_releases_that_have_an_object(filled_library: Library, slug: str, object_id: str) -> None:
    kb, engine = HOSTED.named(slug), filled_library.database.engine
    answered = as_json(versions_by_modified(filled_library, kb, object_id))
    assert [(state["modified"], state["versions"]) for state in answered] == _versions(slug, engine, object_id, False)
    assert all(state.keys() == {"modified", "versions"} for state in answered)
    by_content = as_json(versions_by_content(filled_library, kb, object_id))
    assert [(state["modified"], state["versions"]) for state in by_content] == _versions(slug, engine, object_id, True)
    digests = [state["digest"] for state in by_content]
    assert len(set(digests)) == len(digests)
    assert {len(digest) for digest in digests} == {32}


def test_versions_by_content_include_edits_that_did_not_change_modified(filled_library: Library) -> None:
    edited = 0
    kb = HOSTED.named("capec")
    for stix in random.Random(1).sample(plain.listed("capec", "3.9"), 20):
        by_time = versions_by_modified(filled_library, kb, stix["id"])
        by_content = versions_by_content(filled_library, kb, stix["id"])
        edited += len(by_content) > len(by_time)
    assert edited > 10


def test_versions_of_an_object_in_no_release_are_not_found(filled_library: Library) -> None:
    kb = HOSTED.named("attack-enterprise")
    for object_id in ("T9999", "attack-pattern--00000000-0000-4000-8000-000000000000"):
        with pytest.raises(NotFound):
            versions_by_modified(filled_library, kb, object_id)


def test_versions_of_a_hidden_object_say_that_it_is_hidden(filled_library: Library) -> None:
    kb = HOSTED.named("attack-enterprise")
    with pytest.raises(Hidden, match=r"^object `T1086` exists in release 18\.1 but is revoked$"):
        versions_by_modified(filled_library, kb, "T1086", include_revoked=False, include_deprecated=False)
    shown = versions_by_modified(filled_library, kb, "T1086", include_revoked=False)
    labels = installed_labels(filled_library.database.engine, "attack-enterprise")
    assert sorted(label for state in shown for label in state.releases) == sorted(labels)
