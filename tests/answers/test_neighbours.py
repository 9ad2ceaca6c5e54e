"""What is around an object, and what of it is related: a made-up group with dead, repeated and foreign neighbours."""

from __future__ import annotations

from typing import Any

import pytest

from ctibutler.answers.library import Library
from ctibutler.answers.naming import ObjectRequest
from ctibutler.answers.neighbours import Neighbourhood, find_neighbours
from ctibutler.errors import NotFound
from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import Catalogues, install, made_content

Stix = dict[str, Any]
ICS = HOSTED.named("attack-ics")


def made(kind: str, number: int, external_id: str, **properties: Any) -> Stix:
    return {
        "type": kind, "spec_version": "2.1", "id": f"{kind}--{number:08x}-0000-4000-8000-000000000000", "name": external_id,
        "created": "2020-01-01T00:00:00.000Z", "modified": "2020-01-01T00:00:00.000Z",
        "external_references": [{"source_name": "mitre-attack", "external_id": external_id}], **properties,
    }  # fmt: skip


def related(number: int, kind: str, source: Stix, target: Stix, **properties: Any) -> Stix:
    return made(
        "relationship", number, f"R{number}", relationship_type=kind, source_ref=source["id"], target_ref=target["id"],
        **properties,
    )  # fmt: skip


@pytest.fixture
def library(catalogues: Catalogues) -> Library:
    author = made("identity", 1, "I1")
    tactic = made("x-mitre-tactic", 2, "TA0100", x_mitre_shortname="first")
    later = made("x-mitre-tactic", 3, "TA0101", x_mitre_shortname="second")
    matrix = made("x-mitre-matrix", 4, "M", tactic_refs=[later["id"], tactic["id"]])
    group = made("intrusion-set", 5, "G0001", created_by_ref=author["id"])
    tool = made("malware", 6, "S0001")
    phases = [{"kill_chain_name": "mitre-ics-attack", "phase_name": name} for name in ("first", "second")]
    technique = made("attack-pattern", 7, "T0801", kill_chain_phases=phases)
    other = made("attack-pattern", 8, "T0802", kill_chain_phases=phases[:1])
    dead = made("malware", 9, "S0009", revoked=True)
    campaign = made("campaign", 10, "C0001")
    objects = [author, tactic, later, matrix, group, tool, technique, other, dead, campaign]
    relations = [
        related(1, "uses", group, tool),
        related(2, "uses", group, tool),
        related(3, "uses", group, technique),
        related(4, "uses", group, other, x_mitre_deprecated=True),
        related(5, "uses", group, dead),
        related(6, "attributed-to", campaign, group),
        related(7, "uses", tool, technique),
        related(8, "uses", tool, technique),
        related(9, "uses", campaign, tool, revoked=True),
        related(10, "uses", campaign, technique),
        related(11, "related-to", technique, technique),
        related(12, "uses", tool, other),
    ]
    database = catalogues.empty()
    install(database, "attack-ics@1", made_content([*objects, *relations]))
    return Library(database, HOSTED)


def ids(found: Neighbourhood) -> list[str | None]:
    return [neighbour.view.external_id for neighbour in found.neighbours]


def between(found: Neighbourhood) -> set[tuple[str | None, str, str | None]]:
    names = ids(found)
    return {(names[one.source], one.relationship_type, names[one.target]) for one in found.between}


def test_neighbours_are_live_and_joined_by_live_relationships_and_counted_once(library: Library) -> None:
    found = find_neighbours(library, ICS, ObjectRequest("g0001"))
    assert sorted(ids(found), key=str) == ["C0001", "S0001", "T0801"]
    told = {neighbour.view.external_id: list(neighbour.relations) for neighbour in found.neighbours}
    assert told == {"S0001": [("uses", True)], "T0801": [("uses", True)], "C0001": [("attributed-to", False)]}
    assert between(found) == {("S0001", "uses", "T0801"), ("C0001", "uses", "T0801")}
    assert len(found.between) == 2
    degrees = dict(zip(ids(found), found.degrees, strict=True))
    assert degrees == {"S0001": 1, "C0001": 1, "T0801": 2}


def test_the_first_tactic_is_that_of_the_matrix(library: Library) -> None:
    found = find_neighbours(library, ICS, ObjectRequest("S0001"))
    places = {neighbour.view.external_id: neighbour.tactic for neighbour in found.neighbours}
    assert places == {"G0001": None, "T0801": 0, "T0802": 1}


def test_tactics_are_neighbours_by_links_and_links_join_neighbours(library: Library) -> None:
    found = find_neighbours(library, ICS, ObjectRequest("T0801"))
    assert {"TA0100", "TA0101", "G0001", "S0001", "C0001"} == set(ids(found))
    around = find_neighbours(library, ICS, ObjectRequest("TA0100"))
    assert set(ids(around)) == {"T0801", "T0802"}


def test_filters_leave_out_neighbours_with_what_joins_them(library: Library) -> None:
    found = find_neighbours(library, ICS, ObjectRequest("G0001"))
    assert ids(found.narrowed(types=["attributed-to"])) == ["C0001"]
    assert ids(found.narrowed(outwards=False)) == ["C0001"]
    some = found.narrowed(kinds=["Software", "Technique"])
    assert set(ids(some)) == {"S0001", "T0801"}
    assert between(some) == {("S0001", "uses", "T0801")}
    assert not found.narrowed(kinds=["Campaign"], outwards=True).neighbours


def test_what_is_not_there_has_no_neighbours(library: Library) -> None:
    with pytest.raises(NotFound, match="G0404"):
        find_neighbours(library, ICS, ObjectRequest("G0404"))
