"""Matrices of real releases, counted in plain Python, and made-up ones for what no publisher has done yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ctibutler.answers.library import Library
from ctibutler.answers.matrix import Matrix, MatrixCell, MatrixQuery, make_matrix
from ctibutler.answers.reading_ids import ids_in
from ctibutler.errors import NotFound
from ctibutler.knowledge_bases import HOSTED, KnowledgeBases
from ctibutler.knowledge_bases.declaration import BucketFiles, KnowledgeBase, TypeWord
from ctibutler.knowledge_bases.properties import external_id_of
from ctibutler.knowledge_bases.questions import Embedded, In, Out, Question, way
from tests.catalogue import Catalogues, install, made_content, published

Stix = dict[str, Any]
Placed = set[tuple[str, str]]

NEWEST = {
    "attack-enterprise": "18.1",
    "attack-mobile": "17.1",
    "attack-ics": "18.1",
    "atlas": "5.1.1",
    "disarm": "1.6",
    "mitre-f3": "1.1",
}


def of(library: Library, slug: str, release: str, **asked: Any) -> Matrix:
    return make_matrix(library, library.knowledge_bases.named(slug), MatrixQuery(release, **asked))


def is_dead(item: Stix) -> bool:
    return bool(item.get("revoked") or item.get("x_mitre_deprecated"))


def external_id(item: Stix) -> str:
    return str(item["external_references"][0]["external_id"])


def placed_by_publisher(objects: list[Stix]) -> Placed:
    """Tactic and technique of every cell: by the phases that a technique names."""
    names = {item["x_mitre_shortname"]: item["id"] for item in objects if item["type"] == "x-mitre-tactic"}
    techniques = [item for item in objects if item["type"] == "attack-pattern" and not is_dead(item)]
    return {
        (names[phase["phase_name"]], item["id"]) for item in techniques for phase in item.get("kill_chain_phases", ())
    }


def used_by(objects: list[Stix], group: str) -> set[str]:
    """The ids of the live techniques that a group's own relationships name."""
    [found] = [item for item in objects if item["type"] == "intrusion-set" and external_id(item) == group]
    live = {item["id"] for item in objects if item["type"] == "attack-pattern" and not is_dead(item)}
    return {
        item["target_ref"]
        for item in objects
        if item["type"] == "relationship"
        and item["relationship_type"] == "uses"
        and item["source_ref"] == found["id"]
        and not is_dead(item)
    } & live


def all_cells(matrix: Matrix) -> Iterator[tuple[str, MatrixCell]]:
    for tactic, cell, _ in matrix.cells():
        yield tactic.id, cell


@pytest.mark.real
@pytest.mark.parametrize("slug", NEWEST)
def test_every_technique_has_a_cell_in_each_of_its_tactics(filled_library: Library, slug: str) -> None:
    objects = published(slug, NEWEST[slug])
    matrix = of(filled_library, slug, NEWEST[slug])
    cells = [(tactic, cell.technique.id) for tactic, cell in all_cells(matrix)]
    assert len(cells) == len(set(cells)) == matrix.counts.cells
    assert set(cells) == placed_by_publisher(objects)
    order = [ref for item in objects if item["type"] == "x-mitre-matrix" for ref in item["tactic_refs"]]
    assert sorted(order) == sorted(tactic.id for part in matrix.matrices for tactic in part.tactics)
    for part in matrix.matrices:
        [made_of] = [item for item in objects if item["id"] == part.id]
        assert [tactic.id for tactic in part.tactics] == made_of["tactic_refs"]
        assert part.is_dead == is_dead(made_of)
    parents = {
        item["source_ref"]: item["target_ref"]
        for item in objects
        if item["type"] == "relationship" and item["relationship_type"] == "subtechnique-of" and not is_dead(item)
    }
    above = {cell.technique.id: top.technique.id for _, cell, top in matrix.cells() if top}
    shown = {technique for _, technique in cells}
    assert above == {below: parent for below, parent in parents.items() if {below, parent} <= shown}
    assert matrix.counts.sub_techniques == len(above)
    assert matrix.counts.techniques == len(shown - above.keys())
    assert not matrix.without_tactic


@pytest.mark.real
def test_two_groups_are_marked_as_their_relationships_say(filled_library: Library) -> None:
    objects = published("attack-enterprise", "18.1")
    matrix = of(filled_library, "attack-enterprise", "18.1", a=["G0016"], b=["G0007"])
    a, b = used_by(objects, "G0016"), used_by(objects, "G0007")
    assert (matrix.counts.techniques, matrix.counts.sub_techniques, matrix.counts.cells) == (216, 475, 887)
    assert (matrix.counts.only_a, matrix.counts.only_b, matrix.counts.both) == (37, 62, 29)
    assert (len(a - b), len(b - a), len(a & b)) == (37, 62, 29)
    for tactic in (tactic for part in matrix.matrices for tactic in part.tactics):
        marked = 0
        for cell in tactic.techniques:
            inside = [cell, *cell.all_below]
            for one in inside:
                sets = (one.technique.id in a, one.technique.id in b)
                assert one.technique.mark == {(1, 1): "both", (1, 0): "a", (0, 1): "b", (0, 0): None}[sets]
            marked += any(one.technique.id in a | b for one in inside)
        assert tactic.marked == marked
    assert [start.external_id for start in matrix.a.given] == ["G0016"]
    assert (matrix.a.techniques, matrix.b.techniques) == (len(a), len(b))


@pytest.mark.real
def test_sets_join_techniques_and_what_others_have_to_do_with_and_say_what_they_do_not_know(
    filled_library: Library,
) -> None:
    objects = published("attack-enterprise", "18.1")
    asked = ["G0016", "t1059", "T1059", "G9999", "DS0009", "attack-pattern--00000000-0000-4000-8000-000000000000"]
    matrix = of(filled_library, "attack-enterprise", "18.1", a=asked)
    [t1059] = [item["id"] for item in objects if item["type"] == "attack-pattern" and external_id(item) == "T1059"]
    assert {cell.technique.id for _, cell in all_cells(matrix) if cell.technique.mark == "a"} == {
        *used_by(objects, "G0016"),
        t1059,
    }
    assert [start.external_id for start in matrix.a.given] == ["G0016", "T1059"]
    [unknown, dead, absent] = matrix.a.problems
    assert "`G9999`" in unknown
    assert "deprecated" in dead
    assert "attack-pattern--" in absent
    strategies = of(filled_library, "attack-enterprise", "18.1", a=["DET0455", "DC0032"])
    assert strategies.a.techniques > 0
    assert not strategies.a.problems


@pytest.mark.real
def test_what_changed_since_a_release_is_told_of_each_technique(filled_library: Library) -> None:
    before, after = (
        {
            item["id"]: item
            for item in published("attack-enterprise", label)
            if item["type"] == "attack-pattern" and not is_dead(item)
        }
        for label in ("17.1", "18.1")
    )
    matrix = of(filled_library, "attack-enterprise", "18.1", since="17.1")
    told = {cell.technique.id: cell.technique.change for _, cell in all_cells(matrix) if cell.technique.change}
    assert {stix_id for stix_id, change in told.items() if change == "new"} == after.keys() - before.keys()
    kept = before.keys() & after.keys()
    renamed = {stix_id for stix_id in kept if before[stix_id]["name"] != after[stix_id]["name"]}
    assert {stix_id for stix_id, change in told.items() if change == "renamed"} == renamed
    edited = {stix_id for stix_id, change in told.items() if change == "edited"}
    platforms = {
        stix_id
        for stix_id in kept - renamed
        if set(before[stix_id]["x_mitre_platforms"]) != set(after[stix_id]["x_mitre_platforms"])
    }
    assert platforms <= edited <= kept - renamed
    assert all(before[stix_id] != after[stix_id] for stix_id in edited)
    assert (matrix.since, matrix.changes) == ("17.1", {"new": 12, "renamed": 2, "edited": 45})
    assert {one.stix_id for one in matrix.left} == before.keys() - after.keys()


@pytest.mark.real
def test_what_the_matrix_lost_is_told_with_its_outcome(filled_library: Library) -> None:
    before, after = (
        {item["id"] for item in published("disarm", label) if item["type"] == "attack-pattern" and not is_dead(item)}
        for label in ("1.5", "1.6")
    )
    matrix = of(filled_library, "disarm", "1.6", since="1.5")
    assert {one.stix_id for one in matrix.left} == before - after
    assert all(one.reason for one in matrix.left)


@pytest.mark.real
def test_a_platform_keeps_its_techniques_and_those_above_them(filled_library: Library) -> None:
    objects = published("attack-enterprise", "18.1")
    matrix = of(filled_library, "attack-enterprise", "18.1", platforms=["esxi"])
    techniques = [item for item in objects if item["type"] == "attack-pattern" and not is_dead(item)]
    here = {item["id"] for item in techniques if "ESXi" in item.get("x_mitre_platforms", ())}
    shown = {cell.technique.id for _, cell in all_cells(matrix) if not cell.only_context}
    assert shown == here
    assert set(matrix.platforms) == {name for item in techniques for name in item.get("x_mitre_platforms", ())}
    assert all(cell.below for _, cell in all_cells(matrix) if cell.only_context)


@pytest.mark.real
def test_the_tactics_of_d3fend_are_those_that_techniques_enable_at_any_depth(filled_library: Library) -> None:
    objects = published("d3fend", "1.2.0")
    matrix = of(filled_library, "d3fend", "1.2.0")
    edges = [item for item in objects if item["type"] == "relationship"]
    parent = {it["source_ref"]: it["target_ref"] for it in edges if it["relationship_type"] == "subtechnique-of"}
    enables = {(it["source_ref"], it["target_ref"]) for it in edges if it["relationship_type"] == "enables"}
    techniques = [item["id"] for item in objects if item["type"] == "course-of-action"]
    expected: Placed = set()
    for technique in techniques:
        at: str | None = technique
        while at is not None:
            expected |= {(tactic, technique) for source, tactic in enables if source == at}
            at = parent.get(at)
    assert {(tactic, cell.technique.id) for tactic, cell in all_cells(matrix)} == expected
    assert max(_depth(cell) for _, cell in all_cells(matrix)) > 1
    assert matrix.counts.techniques + matrix.counts.sub_techniques == len(techniques)


def _depth(cell: MatrixCell) -> int:
    return 1 + max(map(_depth, cell.below)) if cell.below else 0


@pytest.mark.real
@pytest.mark.parametrize("slug", [*NEWEST, "d3fend"])
def test_the_ids_in_cells_mean_these_techniques(filled_library: Library, slug: str) -> None:
    release = NEWEST.get(slug, "1.2.0")
    kb = HOSTED.named(slug)
    matrix = of(filled_library, slug, release)
    named = {cell.technique.external_id: cell.technique.id for _, cell in all_cells(matrix)}
    with filled_library.database.read() as connection:
        means = ids_in(connection, kb, release, [name for name in named if name])
    assert {name: found.stix_id for name, found in means.items()} == named


BIRDS = KnowledgeBase(
    slug="birds",
    title="Birds of the data centre",
    publisher="Ornithology Ltd",
    licence="None.",
    database_name="birds",
    id_parameter="bird_id",
    version_parameter="bird_version",
    job_type="bird-update",
    primary_id=external_id_of("birds"),
    examples=("B1",),
    listed_types=("x-bird", "x-season", "x-flock"),
    own_kinds=(TypeWord("Bird", ("x-bird",)), TypeWord("Season", ("x-season",)), TypeWord("Flock", ("x-flock",))),
    questions=(
        Question("tactics", ("Bird",), ("Season",), "Seasons that it sings in.", (way("own", Embedded("season")),)),
        Question("parents", ("Bird",), ("Bird",), "What it is a kind of.", (way("own", Out("kind-of")),)),
        Question("members", ("Flock",), ("Bird",), "Its birds.", (way("own", In("flies-in")),)),
    ),
    bucket=BucketFiles("birds", "birds-{}.json"),
)


def made(kind: str, number: int, name: str, **properties: Any) -> Stix:
    return {
        "type": kind, "spec_version": "2.1", "id": f"{kind}--{number:08x}-0000-4000-8000-000000000000", "name": name,
        "created": "2020-01-01T00:00:00.000Z", "modified": "2020-01-01T00:00:00.000Z",
        "external_references": [{"source_name": "birds", "external_id": f"{kind[2].upper()}{number}"}], **properties,
    }  # fmt: skip


def related(number: int, kind: str, source: Stix, target: Stix) -> Stix:
    return made(
        "relationship", number, "", relationship_type=kind, source_ref=source["id"], target_ref=target["id"]
    )  # fmt: skip


SPRING, WINTER, LOST = made("x-season", 1, "Spring"), made("x-season", 2, "Winter"), made("x-season", 3, "Lost")


def flock() -> list[Stix]:
    """A matrix that names winter first and not the third season; a bird of its own season below another; a ring of kinds; a
    bird without a season."""
    wren = made("x-bird", 1, "Wren", season_refs=[SPRING["id"], WINTER["id"]])
    small = made("x-bird", 2, "Small wren", season_refs=[WINTER["id"]])
    owl = made("x-bird", 3, "Owl", season_refs=[LOST["id"]])
    eagle_owl = made("x-bird", 4, "Eagle owl")
    silent = made("x-bird", 5, "Silent")
    dead = made("x-bird", 6, "Dodo", season_refs=[SPRING["id"]], revoked=True)
    group = made("x-flock", 7, "Flock")
    matrix = made("x-bird-matrix", 8, "Year", tactic_refs=[WINTER["id"], SPRING["id"], "x-season--missing"])
    return [
        SPRING, WINTER, LOST, wren, small, owl, eagle_owl, silent, dead, group, matrix,
        related(1, "kind-of", small, wren),
        related(2, "kind-of", eagle_owl, owl),
        related(3, "kind-of", owl, eagle_owl),
        related(4, "flies-in", small, group),
        related(5, "flies-in", silent, group),
    ]  # fmt: skip


def test_a_made_up_knowledge_base_has_a_matrix(catalogues: Catalogues) -> None:
    hosted = KnowledgeBases([BIRDS])
    database = catalogues.empty(hosted)
    install(database, "birds@1", made_content(flock()), kb=BIRDS)
    library = Library(database, hosted)
    matrix = make_matrix(library, BIRDS, MatrixQuery(a=["F7"], b=["B2"]))
    assert [(part.name, [tactic.name for tactic in part.tactics]) for part in matrix.matrices] == [
        ("Year", ["Winter", "Spring"]),
        (None, ["Lost"]),
    ]
    placed = [
        (tactic.name, cell.technique.name, above and above.technique.name) for tactic, cell, above in matrix.cells()
    ]
    assert placed == [
        ("Winter", "Wren", None),
        ("Winter", "Small wren", "Wren"),
        ("Spring", "Wren", None),
        ("Lost", "Owl", None),
        ("Lost", "Eagle owl", "Owl"),
    ]
    assert [technique.name for technique in matrix.without_tactic] == ["Silent"]
    marks = {cell.technique.name: cell.technique.mark for _, cell in all_cells(matrix) if cell.technique.mark}
    assert marks == {"Small wren": "both"}
    assert (matrix.a.techniques, matrix.a.without_cell) == (2, 1)
    assert (matrix.counts.only_a, matrix.counts.only_b, matrix.counts.both) == (0, 0, 1)


def test_a_release_that_is_installed_again_has_another_matrix(catalogues: Catalogues) -> None:
    hosted = KnowledgeBases([BIRDS])
    database = catalogues.empty(hosted)
    library = Library(database, hosted)
    shown = []
    for name in ("Wren", "Winter wren"):
        objects = [{**stix, "name": name} if stix["name"] == "Wren" else stix for stix in flock()]
        install(database, "birds@1", made_content(objects), kb=BIRDS)
        matrix = make_matrix(library, BIRDS, MatrixQuery())
        shown.append({cell.technique.name for _, cell in all_cells(matrix)})
    assert "Wren" in shown[0] and "Winter wren" not in shown[0]  # noqa: PT018
    assert "Winter wren" in shown[1] and "Wren" not in shown[1]  # noqa: PT018


def test_what_serves_no_tactics_has_no_matrix(catalogues: Catalogues) -> None:
    hosted = KnowledgeBases([replace(BIRDS, questions=BIRDS.questions[1:])])
    with pytest.raises(NotFound, match="has no matrix"):
        make_matrix(Library(catalogues.empty(hosted), hosted), hosted.named("birds"), MatrixQuery())
