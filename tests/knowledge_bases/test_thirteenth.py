"""A thirteenth knowledge base: with one declaration it is imported, listed, filtered, found and compared like the others."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid5

import pytest

from ctibutler.answers.asking.question_records import QuestionQuery
from ctibutler.answers.asking.questions import ask
from ctibutler.answers.changes import ChangesQuery, changes
from ctibutler.answers.exports import release_objects
from ctibutler.answers.library import Library
from ctibutler.answers.naming import ObjectRequest
from ctibutler.answers.object_versions import versions_by_content
from ctibutler.answers.objects import ObjectQuery, find_object, list_objects
from ctibutler.answers.pages import Sort
from ctibutler.answers.relationships import RelationshipQuery, list_relationships
from ctibutler.answers.releases import installed, knowledge_base_list
from ctibutler.answers.search import SearchQuery, search, search_by_relevance
from ctibutler.forms.knowledge_bases import knowledge_bases_form
from ctibutler.forms.stix_bundle import release_as_bundle
from ctibutler.importing.removal import truncate
from ctibutler.knowledge_bases import ALL, KnowledgeBases
from ctibutler.knowledge_bases.declaration import BucketFiles, Filter, IndexedField, KnowledgeBase, TypeWord, id_form
from ctibutler.knowledge_bases.properties import external_id_of, property_values
from ctibutler.knowledge_bases.questions import Embedded, In, Out, Question, way
from tests.answers.walking import as_json, decoded
from tests.catalogue import Catalogues, install, made_content

BIRDS = KnowledgeBase(
    slug="birds",
    aliases=("bird",),
    title="Birds of the data centre",
    publisher="Ornithology Ltd",
    licence="Apache License 2.0.",
    database_name="birds",
    id_parameter="bird_id",
    version_parameter="bird_version",
    type_parameter="bird_type",
    job_type="bird-update",
    id_sources=("birds",),
    primary_id=external_id_of("birds"),
    id_prefix="bird:",
    id_forms=(id_form(r"B\d+", "x-bird"),),
    examples=("B1",),
    listed_types=("x-bird", "x-nest"),
    type_words=(TypeWord("Bird", ("x-bird",)), TypeWord("Nest", ("x-nest",))),
    filters=(
        Filter("colour", "exact", "colour", "colours of its feathers"),
        Filter("song", "substring", "song", "part of its song"),
    ),
    indexed_fields=(IndexedField("colour", property_values("colours")), IndexedField("song", property_values("song"))),
    sort_fields=("song",),
    default_sort="name_ascending",
    questions=(
        Question("prey", ("Bird",), ("Bird",), "Birds that it feeds on.", (way("own", Out("feeds")),), "hunters"),
        Question("hunters", ("Bird",), ("Bird",), "Birds that feed on it.", (way("own", In("feeds")),), "prey"),
        Question("homes", ("Bird",), ("Nest",), "Nests that it lives in.", (way("own", Embedded("home")),), "birds"),
        Question(
            "birds",
            ("Nest",),
            ("Bird",),
            "Birds that live in it; on request those that they feed on.",
            (
                way("own", Embedded("home", "in")),
                way("prey", Embedded("home", "in", to="Bird"), Out("feeds"), default=False),
            ),
            "homes",
        ),
    ),
    bucket=BucketFiles("birds", "birds-v{}.json"),
)
HOSTED_THIRTEEN = KnowledgeBases((*ALL, BIRDS))


def stix_id(stix_type: str, name: str) -> str:
    return f"{stix_type}--{uuid5(UUID(int=13), name)}"


def creature(number: str, stix_type: str, name: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": stix_type,
        "spec_version": "2.1",
        "id": stix_id(stix_type, number),
        "created": "2024-01-01T00:00:00Z",
        "modified": f"2024-01-{len(number):02d}T00:00:00Z",
        "name": name,
        "external_references": [{"source_name": "birds", "external_id": number}],
        **properties,
    }


CROW = creature(
    "B1", "x-bird", "Crow", colours=["black"], song="Krah", aliases=["Corvus corax"], home_ref=stix_id("x-nest", "N1")
)
ROBIN = creature("B2", "x-bird", "Robin", colours=["brown", "Red"], song="Twiddle")
GULL = creature("B10", "x-bird", "Gull", colours=["white"], description="Steals chips.")
NEST = creature("N1", "x-nest", "Eyrie")
FEEDS = {
    "type": "relationship",
    "id": stix_id("relationship", "feeds"),
    "relationship_type": "feeds",
    "source_ref": CROW["id"],
    "target_ref": GULL["id"],
    "created": "2024-01-01T00:00:00Z",
    "modified": "2024-01-01T00:00:00Z",
}


@pytest.fixture
def library(catalogues: Catalogues) -> Library:
    database = catalogues.empty(HOSTED_THIRTEEN)
    install(database, "birds@1.0", made_content([CROW, ROBIN, NEST]), kb=BIRDS)
    install(database, "birds@1.1", made_content([{**CROW, "song": "Kraah"}, GULL, NEST, ROBIN, FEEDS]), kb=BIRDS)
    return Library(database, HOSTED_THIRTEEN)


def names(library: Library, **asked: Any) -> list[str]:
    return [stix["name"] for stix in decoded(list_objects(library, BIRDS, ObjectQuery(**asked)))]


def test_it_is_imported_and_listed_with_the_others(library: Library) -> None:
    rows = as_json(knowledge_bases_form(knowledge_base_list(library)))["knowledge_bases"]
    assert len(rows) == 13
    assert rows[-1] == {
        "name": "birds",
        "title": "Birds of the data centre",
        "publisher": "Ornithology Ltd",
        "licence": "Apache License 2.0.",
        "aliases": ["bird"],
        "id_parameter": "bird_id",
        "version_parameter": "bird_version",
        "latest": "1.1",
        "versions": ["1.1", "1.0"],
        "objects_count": 4,
        "url": "/api/v1/birds/",
    }
    assert library.knowledge_bases.named("BIRD") is BIRDS
    assert as_json(installed(library, BIRDS)) == {"latest": "1.1", "versions": ["1.1", "1.0"]}


def test_its_declared_filters_and_sorts_work(library: Library) -> None:
    assert names(library) == ["Crow", "Eyrie", "Gull", "Robin"]
    assert names(library, filters={"colour": ["RED", "white"]}) == ["Gull", "Robin"]
    assert names(library, filters={"song": "kraa"}) == ["Crow"]
    assert names(library, filters={"song": "kraa"}, release="1.0") == []
    assert names(library, type_words=["nest"]) == ["Eyrie"]
    assert names(library, external_ids=["bird:b10", "N1"]) == ["Eyrie", "Gull"]
    assert names(library, sort=Sort("bird_id")) == ["Crow", "Robin", "Gull", "Eyrie"]
    assert names(library, sort=Sort("song", descending=True)) == ["Robin", "Crow", "Gull", "Eyrie"] or names(
        library, sort=Sort("song", descending=True)
    ) == ["Robin", "Crow", "Eyrie", "Gull"]
    assert names(library, text="chip") == ["Gull"]


def test_its_objects_relationships_and_changes_can_be_requested(library: Library) -> None:
    assert json.loads(find_object(library, BIRDS, ObjectRequest("bird:B1")).content) == {**CROW, "song": "Kraah"}
    by_content = versions_by_content(library, BIRDS, "b1")
    assert [state.releases for state in by_content] == [("1.1",), ("1.0",)]
    page = list_relationships(library, BIRDS, ObjectRequest("B1"), RelationshipQuery())
    assert sorted(sro["relationship_type"] for sro in decoded(page)) == ["feeds", "home"]
    compared = changes(library, BIRDS, None, ChangesQuery())
    assert compared.counted() == {
        "added": 2,
        "modified": 1,
        "removed": 0,
        "revoked": 0,
        "deprecated": 0,
        "unchanged": 2,
    }
    bundle = json.loads(b"".join(release_as_bundle(release_objects(library, BIRDS, "1.0"))))
    assert bundle["objects"] == [CROW, ROBIN, NEST]


@pytest.mark.parametrize(
    ("object_id", "word", "via", "found"),
    [
        ("B1", "prey", None, ["Gull"]),
        ("B10", "hunters", None, ["Crow"]),
        ("B1", "homes", None, ["Eyrie"]),
        ("N1", "birds", None, ["Crow"]),
        ("N1", "birds", ["all"], ["Crow", "Gull"]),
        ("B2", "homes", None, []),
    ],
)
def test_its_questions_are_answered(
    library: Library, object_id: str, word: str, via: list[str] | None, found: list[str]
) -> None:
    answer = ask(library, BIRDS, [object_id], word, QuestionQuery(via=via))
    assert [row.object.name for row in answer.page.items] == found


def test_search_finds_it(library: Library) -> None:
    for query, name in (("b10", "Gull"), ("corvus corax", "Crow"), ("chips", "Gull")):
        found = decoded(search_by_relevance(library, SearchQuery(query, show_knowledge_base=True)))
        assert (found[0]["name"], found[0]["knowledgebase_name"]) == (name, "birds")
    assert decoded(search(library, SearchQuery("chips", knowledge_bases=["cwe"]))) == []


def test_it_is_removed_like_the_others(library: Library) -> None:
    truncate(library.database, BIRDS)
    assert as_json(installed(library, BIRDS)) == {"latest": None, "versions": []}
    assert names(library) == []


def test_a_changed_declaration_changes_what_is_listed(catalogues: Catalogues) -> None:
    hiding = replace(BIRDS, listed=lambda stix: stix["name"] != "Gull")
    database = catalogues.empty(KnowledgeBases((hiding,)))
    install(database, "birds@1", made_content([CROW, GULL]), kb=hiding)
    library = Library(database, KnowledgeBases((hiding,)))
    assert [stix["name"] for stix in decoded(list_objects(library, hiding, ObjectQuery()))] == ["Crow"]
    assert json.loads(find_object(library, hiding, ObjectRequest("B10")).content) == GULL
