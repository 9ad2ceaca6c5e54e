"""How many answers there are, as they were counted on the publishers' files with plain Python."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest

from ctibutler.answers.asking.question_records import QuestionQuery, WayCounts
from ctibutler.answers.asking.sets import compare_sets
from ctibutler.answers.library import Library
from ctibutler.answers.objects import ObjectQuery, list_objects
from ctibutler.answers.tables.object_tables import list_table
from ctibutler.forms.table_forms import TABLE_FORMS
from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import Catalogues
from tests.questions.asking import asked, external_ids

pytestmark = pytest.mark.real

ENTERPRISE, D3FEND, CWE, CAPEC = "attack-enterprise", "d3fend", "cwe", "capec"
PROCESS_CREATION = "x-mitre-data-component--3d20385b-24ef-40e1-9f56-f39750379077"
OLD = {"release": "17.1"}
SUB = {"include_sub": True}


def by_way(counts: WayCounts) -> dict[str, int]:
    return {**counts.ways, "default": counts.default, "all": counts.all}


@pytest.mark.parametrize(
    ("slug", "object_id", "word", "query", "expected"),
    [
        (ENTERPRISE, "G0016", "techniques", {}, (66, 75, 204, 134, 119, 249)),
        (ENTERPRISE, "G0016", "techniques", OLD, (66, 75, 202, 133, 119, 247)),
        (ENTERPRISE, "T1566", "countermeasures", {}, (0, 15, 0, 15, 15)),
        (ENTERPRISE, "T1566.001", "countermeasures", {}, (30, 18, 0, 45, 45)),
        (ENTERPRISE, "T1059", "countermeasures", {}, (15, 29, 0, 41, 41)),
        (D3FEND, "D3-MFA", "techniques", {}, (17, 48, 60, 60)),
        (ENTERPRISE, PROCESS_CREATION, "techniques", OLD, (261, 0, 261, 261)),
        (ENTERPRISE, PROCESS_CREATION, "techniques", {}, (0, 452, 452, 452)),
        (CWE, "CWE-79", "views", {}, (8, 15, 8, 23)),
        (CWE, "CWE-1344", "members", {}, (0, 182, 0, 0, 182)),
        (CWE, "CWE-1000", "members", {}, (10, 0, 928, 10, 938)),
    ],
)
def test_ways(
    asked_library: Library, slug: str, object_id: str, word: str, query: dict[str, Any], expected: tuple[int, ...]
) -> None:
    counts = asked(asked_library, slug, object_id, word, rows=False, **query).counts
    assert tuple(by_way(counts).values()) == expected


@pytest.mark.parametrize(
    ("slug", "object_id", "word", "expected"),
    [
        (ENTERPRISE, "G0016", "software", 49),
        (ENTERPRISE, "G0016", "campaigns", 2),
        (ENTERPRISE, "S0154", "techniques", 72),
        (ENTERPRISE, "S0154", "groups", 29),
        (ENTERPRISE, "S0154", "campaigns", 6),
        (ENTERPRISE, "T1055", "sub-techniques", 12),
        (ENTERPRISE, "T1055", "analytics", 3),
        (ENTERPRISE, "T1055", "data-components", 7),
        ("attack-ics", "T0859", "assets", 17),
        ("attack-ics", "T0859", "mitigations", 10),
        ("attack-ics", "C0028", "techniques", 20),
        (CWE, "CWE-79", "ancestors", 2),
        (CWE, "CWE-79", "descendants", 8),
        (CWE, "CWE-79", "categories", 17),
        (CWE, "CWE-787", "ancestors", 3),
        (CWE, "CWE-20", "descendants", 40),
        (CWE, "CWE-79", "countermeasures", 8),
        (CWE, "CWE-79", "patterns", 6),
        (CWE, "CWE-79", "techniques", 0),
        (CWE, "CWE-521", "patterns", 9),
        (CWE, "CWE-521", "techniques", 10),
        (CAPEC, "CAPEC-63", "children", 3),
        (CAPEC, "CAPEC-63", "descendants", 13),
        (CAPEC, "CAPEC-63", "precedes", 1),
        (CAPEC, "CAPEC-63", "follows", 6),
        (CAPEC, "CAPEC-63", "mitigations", 8),
        ("atlas", "AML.T0051", "sub-techniques", 3),
        ("atlas", "AML.T0051", "mitigations", 6),
        ("atlas", "AML.M0015", "techniques", 9),
        ("disarm", "TA02", "techniques", 41),
        ("mitre-f3", "TA0005", "techniques", 15),
        ("mitre-f3", "TA0112", "techniques", 10),
        ("location", "western-africa", "countries", 17),
        ("location", "africa", "countries", 60),
        ("location", "europe", "countries", 51),
        ("sector", "finance", "parts", 4),
    ],
)
def test_defaults(asked_library: Library, slug: str, object_id: str, word: str, expected: int) -> None:
    answer = asked(asked_library, slug, object_id, word)
    assert (answer.page.total, len(answer.page.items), answer.counts.default) == (expected, expected, expected)


@pytest.mark.parametrize(
    ("slug", "object_id", "word", "alone", "with_sub"),
    [
        (ENTERPRISE, "T1059", "groups", 17, 121),
        (ENTERPRISE, "T1059", "software", 22, 440),
        (ENTERPRISE, "T1059", "campaigns", 4, 38),
        (ENTERPRISE, "T1059", "mitigations", 9, 10),
        (ENTERPRISE, "T1055", "groups", 18, 33),
        (ENTERPRISE, "T1055", "software", 60, 144),
        (ENTERPRISE, "T1055", "mitigations", 2, 3),
        ("attack-mobile", "T1636", "software", 0, 76),
        (ENTERPRISE, "T1566", "countermeasures", 15, 47),
    ],
)
def test_with_sub_techniques(
    asked_library: Library, slug: str, object_id: str, word: str, alone: int, with_sub: int
) -> None:
    counts = asked(asked_library, slug, object_id, word).counts
    assert counts.with_sub is not None
    assert (counts.default, counts.with_sub.default) == (alone, with_sub)
    assert asked(asked_library, slug, object_id, word, include_sub=True).page.total == with_sub


def test_countermeasures_with_sub_techniques_by_way(asked_library: Library) -> None:
    counts = asked(asked_library, ENTERPRISE, "T1566", "countermeasures").counts.with_sub
    assert counts is not None
    assert by_way(counts) == {"artifact": 33, "mitigation": 18, "parent": 0, "default": 47, "all": 47}


def test_what_detects_a_technique_is_a_component_before_attack_18_and_a_strategy_since(asked_library: Library) -> None:
    before = asked(asked_library, ENTERPRISE, "T1055", "detections", **OLD)
    assert (len(before.page.items), {row.object.type for row in before.page.items}) == (7, {"x-mitre-data-component"})
    since = asked(asked_library, ENTERPRISE, "T1055", "detections")
    assert external_ids(since) == ["DET0508"]
    analytics = asked(asked_library, ENTERPRISE, "T1055", "analytics")
    log_sources = [
        source
        for row in analytics.page.items
        for source in row.object.properties["x_mitre_log_source_references"]  # type: ignore[attr-defined]
    ]
    assert len(log_sources) == 10


def test_paths_through_cwe_keep_to_one_view(asked_library: Library) -> None:
    assert asked(asked_library, CWE, "CWE-787", "ancestors").within == "view_id"
    assert asked(asked_library, CWE, "CWE-20", "descendants", view="1000").page.total == 22
    assert asked(asked_library, CWE, "CWE-20", "descendants", view="CWE-1000").page.total == 22


def test_all_groups_with_their_techniques(asked_library: Library) -> None:
    answer = asked(asked_library, ENTERPRISE, None, "techniques", of="Group", evidence=False)
    pairs = {(row.of.id, row.object.id) for row in answer.page.items if row.of}
    assert (answer.page.total, len(pairs), len({group for group, _ in pairs})) == (4640, 4640, 169)


def test_two_groups(asked_library: Library) -> None:
    compared = compare_sets(
        asked_library, HOSTED.named(ENTERPRISE), ["G0016"], ["G0007"], "techniques", QuestionQuery()
    )
    counts = compared.counts
    assert (counts.both, counts.only_a, counts.only_b, counts.jaccard) == (48, 71, 51, 0.282)


def test_countermeasures_of_a_weakness_act_on_the_artifact_that_it_is_a_weakness_of(asked_library: Library) -> None:
    answer = asked(asked_library, CWE, "CWE-79", "countermeasures")
    assert "d3f:UserInputFunction" in {view.external_id for view in answer.through}


@pytest.mark.parametrize(
    ("object_id", "word", "expected"), [("CWE-787", "ancestors", 5), ("CWE-20", "descendants", 60)]
)
def test_a_release_without_details_walks_all_relationships_and_says_so(
    without_details: Library, object_id: str, word: str, expected: int
) -> None:
    answer = asked(without_details, CWE, object_id, word)
    assert (answer.page.total, answer.within) == (expected, None)


@pytest.fixture(scope="module")
def without_details(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """CWE as it is in the bucket, which does not say in which views relationships hold."""
    with Catalogues(engine, tmp_path_factory.mktemp(f"without-details-{engine}")) as made:
        yield Library(made.with_releases("cwe@4.14"), HOSTED)


@pytest.mark.parametrize(
    ("filters", "kinds", "expected"),
    [
        ({"tactics": ["persistence"], "filters": {"platform": ["Linux"]}}, ["Technique", "Sub-technique"], 50),
        ({"tactics": ["TA0003"], "filters": {"platform": ["linux"]}}, ["Sub-technique"], 32),
        ({"filters": {"platform": ["ESXi"]}}, ["Technique", "Sub-technique"], 118),
    ],
)
def test_techniques_of_a_platform_and_a_tactic(
    asked_library: Library, filters: dict[str, Any], kinds: list[str], expected: int
) -> None:
    query = ObjectQuery(type_words=kinds, include_revoked=False, include_deprecated=False, **filters)
    assert list_objects(asked_library, HOSTED.named(ENTERPRISE), query).total == expected


def test_tlp_has_no_question_and_five_rows(asked_library: Library) -> None:
    tlp = HOSTED.named("tlp")
    assert tlp.questions == ()
    table = list_table(asked_library, tlp, ObjectQuery(release="2"))
    rows = list(csv.reader(io.StringIO(b"".join(TABLE_FORMS["csv"].written(table).chunks).decode())))
    assert [row[1] for row in rows[1:]] == ["TLP:AMBER", "TLP:AMBER+STRICT", "TLP:CLEAR", "TLP:GREEN", "TLP:RED"]
