"""Links from objects of ATLAS to those of ATT&CK that they were adapted from, in made-up releases of both."""

from __future__ import annotations

from typing import Any

import pytest

from ctibutler.answers.library import Library
from ctibutler.importing.links import LinkRequest, make_links
from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.links import ATLAS_ATTACK, LINK_MODES
from tests.answers.walking import related
from tests.catalogue import Catalogues, install, made_content
from tests.knowledge_bases.test_atlas import content
from tests.publishers.atlas_files import Data, entry, release, uuid_of

Stix = dict[str, Any]


def of_attack(number: int, stix_type: str, external_id: str, **properties: Any) -> Stix:
    return {
        "type": stix_type,
        "spec_version": "2.1",
        "id": f"{stix_type}--00000000-0000-4000-8000-{number:012}",
        "created": "2020-01-01T00:00:00.000Z",
        "modified": "2020-01-01T00:00:00.000Z",
        "name": f"The {external_id}",
        "external_references": [
            {"source_name": "mitre-attack", "url": "https://attack.mitre.org", "external_id": external_id}
        ],
        **properties,
    }


ATTACK = [
    of_attack(1, "attack-pattern", "T1110"),
    of_attack(2, "course-of-action", "T1110", x_mitre_deprecated=True),
    of_attack(3, "x-mitre-tactic", "TA0042"),
    of_attack(4, "course-of-action", "M1013"),
    of_attack(5, "attack-pattern", "T1066", revoked=True),
    of_attack(6, "attack-pattern", "T1064", x_mitre_deprecated=True),
]


def adapted() -> Data:
    """A made-up release that refers to objects that are live, revoked, deprecated, missing or of another type."""
    data = release()
    data["mitigations"]["AML.M0000"]["attack-reference"] = {"id": "M1013", "url": "https://attack.mitre.org"}
    for number, named in enumerate(("T1066", "T1064", "T9999", "M1013")):
        name = f"AML.T000{number}"
        data["techniques"][name] = entry(
            "technique", name, f"Names {named}", **{"attack-reference": {"id": named, "url": "https://example.org"}}
        )
    return data


@pytest.fixture
def library(catalogues: Catalogues) -> Library:
    made = Library(catalogues.empty(), HOSTED)
    install(made.database, "attack-enterprise@20.0", made_content(ATTACK))
    install(made.database, "atlas@2026.09", content(adapted()))
    return made


def test_techniques_tactics_and_mitigations_are_linked_with_their_counterparts(library: Library) -> None:
    assert make_links(library.database, HOSTED, LinkRequest(ATLAS_ATTACK, ignore_embedded=True)) == 3
    for external_id, target in (("AML.T0065", ATTACK[0]), ("AML.TA0003", ATTACK[2]), ("AML.M0000", ATTACK[3])):
        [link] = related(library, "atlas", external_id, note="atlas-attack")
        assert link["target_ref"] == target["id"]
        [same] = related(library, "attack-enterprise", target["id"], note="atlas-attack")
        assert same == link


def test_a_link_describes_what_was_adapted_from_what(library: Library) -> None:
    make_links(library.database, HOSTED, LinkRequest(ATLAS_ATTACK, ignore_embedded=True))
    [link] = related(library, "atlas", "AML.T0065", note="atlas-attack")
    assert link["relationship_type"] == "related-to"
    assert link["source_ref"] == f"attack-pattern--{uuid_of('AML.T0065')}"
    assert link["description"] == "AML.T0065 (LLM Prompt Crafting) was adapted from T1110 (The T1110)"
    assert link["external_references"] == [
        {
            "source_name": "mitre-atlas",
            "url": "https://atlas.mitre.org/techniques/AML.T0065",
            "external_id": "AML.T0065",
        },
        {"source_name": "mitre-attack", "external_id": "T1110"},
    ]


def warnings_about(library: Library) -> list[str]:
    """The sentences shown to whoever requested the links."""
    warnings: list[str] = []
    make_links(
        library.database, HOSTED, LinkRequest(ATLAS_ATTACK), finish=lambda _, sentences: warnings.extend(sentences)
    )
    return warnings


def test_objects_that_are_revoked_deprecated_or_missing_are_reported_instead_of_linked(library: Library) -> None:
    assert warnings_about(library) == [
        "links created, but atlas 2026.09 also refers to objects of attack-enterprise 20.0 that cannot be linked:"
        " AML.T0000 → T1066 (revoked), AML.T0001 → T1064 (deprecated), AML.T0002 → T9999 (missing),"
        " AML.T0003 → M1013 (missing)"
    ]


def test_nothing_is_reported_when_all_objects_are_linked(library: Library) -> None:
    install(library.database, "atlas@2026.10", content(release("2026.10")))
    assert warnings_about(library) == []


def test_a_long_list_of_unlinked_objects_is_cut(library: Library) -> None:
    data = release("2026.10")
    for number in range(25):
        name = f"AML.T1{number:03}"
        data["techniques"][name] = entry("technique", name, name, **{"attack-reference": {"id": f"T8{number:03}"}})
    install(library.database, "atlas@2026.10", content(data))
    [sentence] = warnings_about(library)
    assert sentence.endswith("AML.T1019 → T8019 (missing) and 5 more")


def test_making_links_again_changes_nothing(library: Library) -> None:
    request = LinkRequest(ATLAS_ATTACK)
    assert make_links(library.database, HOSTED, request) == 3
    first = related(library, "atlas", "AML.T0065", note="atlas-attack")
    assert make_links(library.database, HOSTED, request) == 3
    assert related(library, "atlas", "AML.T0065", note="atlas-attack") == first


def test_a_release_without_references_to_attack_has_no_links(library: Library) -> None:
    bare = release("2026.10")
    for section in ("tactics", "techniques"):
        for one in bare[section].values():
            one.pop("attack-reference", None)
    install(library.database, "atlas@2026.10", content(bare))
    assert make_links(library.database, HOSTED, LinkRequest(ATLAS_ATTACK)) == 0


def test_the_mode_is_listed_last() -> None:
    assert [mode.name for mode in LINK_MODES] == ["capec-attack", "d3fend-knowledgebases", "cwe-capec", "atlas-attack"]
