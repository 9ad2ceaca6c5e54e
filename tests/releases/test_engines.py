"""SQLite and PostgreSQL give the same answers, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs, to_builtins

from ctibutler.answers.across.ids import versions_across
from ctibutler.answers.across.lists import Kind, ListQuery, list_across
from ctibutler.answers.bundles import BundleQuery, object_bundle
from ctibutler.answers.changes import ChangesQuery, changes
from ctibutler.answers.exports import release_objects
from ctibutler.answers.library import Library
from ctibutler.answers.naming import ObjectRequest
from ctibutler.answers.navigator import layer
from ctibutler.answers.object_versions import versions_by_content
from ctibutler.answers.objects import ObjectQuery, list_objects
from ctibutler.answers.pages import Page, PageRequest, Sort
from ctibutler.answers.relationships import RelationshipQuery, list_relationships
from ctibutler.answers.releases import about, knowledge_base_list
from ctibutler.answers.search import SearchQuery, search, search_by_relevance
from ctibutler.catalog.releases import find
from ctibutler.forms.changes import rows_of
from ctibutler.forms.json_form import page_as_json, record_as_json
from ctibutler.forms.navigator_layer import layer_file
from ctibutler.forms.stix_bundle import release_as_bundle
from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.times import Instant
from tests.catalogue import CONTRACT, POSTGRES_URL, filled, row_counts

pytestmark = [pytest.mark.real, pytest.mark.server, pytest.mark.xdist_group("postgresql")]

ENTERPRISE, CWE, ATLAS = HOSTED.named("attack-enterprise"), HOSTED.named("cwe"), HOSTED.named("atlas")
Question = Callable[[Library], Any]


def _list(kb: KnowledgeBase, sort: Sort) -> Question:
    return lambda library: list_objects(library, kb, ObjectQuery(sort=sort, page=PageRequest(2, 40)))


def _relationships(object_id: str) -> Question:
    query = RelationshipQuery(page=PageRequest(1, 100))
    return lambda library: list_relationships(library, ENTERPRISE, ObjectRequest(object_id), query)


def _search(words: str) -> Question:
    query = SearchQuery(text=words, show_knowledge_base=True)
    return lambda library: search_by_relevance(library, query)


def _everything(kind: Kind, key: str) -> Question:
    return lambda library: list_across(library, kind, ListQuery(Sort(key), PageRequest(3, 60)))


KINDS: tuple[tuple[Kind, str], ...] = (
    ("sdos", "name"),
    ("smos", "created"),
    ("knowledgebases", "modified"),
    ("sros", "created"),
)
QUESTIONS: dict[str, Question] = {
    **{
        f"list of {kb.slug} by {key}": _list(kb, Sort(key, descending))
        for kb in HOSTED.all
        if kb.slug not in ("attack-mobile", "mitre-f3")
        for key, descending in (("name", False), ("modified", True), (kb.id_parameter, True), ("created", False))
    },
    **{
        f"relationships of {object_id}": _relationships(object_id)
        for object_id in ("T1059", "G0007", "TA0001", "S0154")
    },
    **{
        f"search for {text}": _search(text)
        for text in ("injection", "fancy bear", "log4j", "at.deny", "ransomwar sentinel", "Curaçao")
    },
    "search by time": lambda library: search(library, SearchQuery(text="firmware")),
    "all hits": lambda library: search(library, SearchQuery(page=PageRequest(30, 100))),
    "text": lambda library: list_objects(library, ENTERPRISE, ObjectQuery(text="privilege", page=PageRequest(1, 500))),
    "name": lambda library: list_objects(library, CWE, ObjectQuery(name="INJECTION", description="sql")),
    "bundle": lambda library: object_bundle(
        library, ENTERPRISE, ObjectRequest("T1021.005"), BundleQuery(include_embedded_sros=True)
    ),
    "changes": lambda library: rows_of(changes(library, ATLAS, None, ChangesQuery()), include_objects=True),
    "versions": lambda library: versions_by_content(library, CWE, "CWE-79"),
    "versions across": lambda library: versions_across(library, "T1059"),
    "layer": lambda library: to_builtins(layer_file(layer(library, ENTERPRISE, ObjectRequest("G0007")), "")),
    "knowledge bases": knowledge_base_list,
    "about": lambda library: structs.replace(about(library, ENTERPRISE, "16.0"), installed_at=Instant(0)),
    "export": lambda library: list(
        release_as_bundle(release_objects(library, HOSTED.named("attack-ics"), None, include_derived=True))
    ),
    "digests": lambda library: [release_objects(library, kb, None).digest for kb in (ENTERPRISE, CWE, ATLAS)],
    **{str(kind): _everything(kind, key) for kind, key in KINDS},
}


@pytest.fixture(scope="module")
def both() -> Any:
    if not POSTGRES_URL:
        pytest.skip("no PostgreSQL (CTIBUTLER_TEST_POSTGRES_URL, as `scripts/services postgres` prints it)")
    with (
        filled("sqlite", CONTRACT, what="contract") as one,
        filled("postgresql", CONTRACT, what="contract") as other,
    ):
        yield one, other


@pytest.mark.parametrize("question", QUESTIONS)
def test_both_engines_give_the_same_answers(both: tuple[Library, Library], question: str) -> None:
    answers: list[Any] = []
    for library in both:
        answer = QUESTIONS[question](library)
        answers.append(page_as_json(answer, "items") if isinstance(answer, Page) else record_as_json(answer))
    assert answers[0] == answers[1]


def test_both_engines_hold_as_many_rows(both: tuple[Library, Library]) -> None:
    assert row_counts(both[0].database) == row_counts(both[1].database)
    labels = []
    for library in both:
        with library.database.read() as connection:
            labels.append([find(connection, kb.slug, None) is not None for kb in HOSTED.all])
    assert labels[0] == labels[1]
