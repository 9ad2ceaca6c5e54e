"""What a search costs is bounded, whatever is asked."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import pytest

from ctibutler.answers.library import Library
from ctibutler.answers.pages import PageRequest
from ctibutler.answers.search import MOST_WORDS, SearchQuery, search, search_by_relevance
from ctibutler.catalog import objects
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.text import words_asked
from ctibutler.errors import InvalidRequest
from ctibutler.http.parameters import LONGEST_TEXT, Parameter, Table
from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import Catalogues, install, made_content

OBJECTS = [
    {
        "type": "weakness",
        "spec_version": "2.1",
        "id": f"weakness--{UUID(int=number)}",
        "created": "2020-01-01T00:00:00.000Z",
        "modified": "2020-01-02T00:00:00.000Z",
        "name": f"Weakness number {number}",
        "description": "It denies the service of an application.",
        "external_references": [{"source_name": "cwe", "external_id": f"CWE-{number}"}],
    }
    for number in range(1, 200)
]


@pytest.fixture
def library(catalogues: Catalogues) -> Library:
    """A library with many objects that all match."""
    database = catalogues.empty()
    install(database, "cwe@4.14", made_content(OBJECTS))
    return Library(database, HOSTED)


@pytest.mark.parametrize("text", ["the", "w n", "denied denying DENY of the application"])
def test_ranking_reads_only_the_objects_that_are_shown(
    library: Library, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    read: list[int] = []
    contents = objects.contents

    def noting(connection: Connection, keys: Sequence[int]) -> list[bytes]:
        read.extend(keys)
        return contents(connection, keys)

    monkeypatch.setattr(objects, "contents", noting)
    page = search_by_relevance(library, SearchQuery(text=text, page=PageRequest(2, 7)))
    assert page.total == len(OBJECTS)
    assert len(read) == 7


def test_a_word_counts_once_however_often_it_is_asked() -> None:
    assert words_asked("deny DENY dény " * 200) == ["deny"]


@pytest.mark.parametrize("find", [search, search_by_relevance])
def test_a_query_has_a_limited_number_of_words(library: Library, find: object) -> None:
    assert callable(find)
    most = " ".join(f"w{number}" for number in range(MOST_WORDS))
    assert find(library, SearchQuery(text=most)).total == 0
    with pytest.raises(InvalidRequest, match=f"text: Must have no more than {MOST_WORDS} different words"):
        find(library, SearchQuery(text=f"{most} more"))


def test_a_text_in_a_url_has_a_limited_length() -> None:
    table = Table([Parameter("name", "text", "Part of the name.")])
    assert table.read(f"name={'x' * LONGEST_TEXT}").text("name") == "x" * LONGEST_TEXT
    with pytest.raises(InvalidRequest, match=f"name: Must have no more than {LONGEST_TEXT} characters") as refused:
        table.read(f"name={'x' * (LONGEST_TEXT + 1)}")
    assert list(refused.value.details) == ["name"]
