"""What a search costs is bounded, whatever is asked."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from string import ascii_lowercase
from uuid import UUID

import pytest

from ctibutler.answers.library import Library
from ctibutler.answers.mention_cache import MentionCache
from ctibutler.answers.pages import PageRequest
from ctibutler.answers.search import MOST_WORDS, SearchQuery, search, search_by_relevance
from ctibutler.catalog import mentions, objects, releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.text import words_asked
from ctibutler.errors import InvalidRequest
from ctibutler.http.parameters import LONGEST_TEXT, MOST_ITEMS, Parameter, Table
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


def _noted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The keys of the objects that are decompressed from now on."""
    read: list[int] = []
    contents = objects.contents

    def noting(connection: Connection, keys: Sequence[int]) -> list[bytes]:
        read.extend(keys)
        return contents(connection, keys)

    monkeypatch.setattr(objects, "contents", noting)
    monkeypatch.setattr(mentions, "contents", noting)
    return read


@pytest.mark.parametrize(
    ("text", "total"),
    [
        ("external", len(OBJECTS)),
        ("externalities", 0),
        (ascii_lowercase, 0),
        (" ".join(ascii_lowercase), 0),
        ("2020 01T00 external_references spec", len(OBJECTS)),
        (" ".join(f"rare{number}" for number in range(MOST_WORDS)), 0),
    ],
)
def test_the_last_resort_reads_each_object_once_and_then_only_those_that_are_shown(
    library: Library, monkeypatch: pytest.MonkeyPatch, text: str, total: int
) -> None:
    read = _noted(monkeypatch)
    query = SearchQuery(text=text, page=PageRequest(2, 7))
    shown = len(search_by_relevance(library, query).items)
    assert shown == min(7, total)
    assert len(read) == len(OBJECTS) + shown
    assert len(set(read)) == len(OBJECTS)
    compared: list[int] = []
    word = mentions.Mentions._word

    def comparing(self: mentions.Mentions, number: int) -> bytes:
        compared.append(number)
        return word(self, number)

    monkeypatch.setattr(mentions.Mentions, "_word", comparing)
    assert search_by_relevance(library, query).total == total
    assert len(read) == len(OBJECTS) + 2 * shown
    # Two searches among less than 2**11 words for each word that is asked.
    assert len(compared) <= 2 * 11 * len(words_asked(text))


def test_the_words_of_a_release_are_collected_once_however_many_ask(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = _noted(monkeypatch)
    with ThreadPoolExecutor(4) as threads:
        queries = [SearchQuery(text=f"rare{number}") for number in range(8)]
        assert [page.total for page in threads.map(partial(search_by_relevance, library), queries)] == [0] * 8
    assert len(read) == len(OBJECTS)


def test_the_words_of_a_release_are_collected_again_only_if_it_is_another(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert search_by_relevance(library, SearchQuery(text="cve")).total == 0
    read = _noted(monkeypatch)
    other = {**OBJECTS[0], "id": f"weakness--{UUID(int=1000)}", "x_note": "CVE-2021-44228"}
    install(library.database, "cwe@4.13", made_content([other]))
    assert search_by_relevance(library, SearchQuery(text="cve")).total == 0
    assert not read
    install(library.database, "cwe@4.15", made_content([other]))
    assert search_by_relevance(library, SearchQuery(text="cve")).total == 1
    assert len(read) == 1 + 1
    install(library.database, "cwe@4.15", made_content([other | {"x_note": "None"}]), force=True)
    assert search_by_relevance(library, SearchQuery(text="cve")).total == 0


def test_the_words_that_were_asked_for_longest_ago_are_given_up(library: Library) -> None:
    cache = MentionCache(size=1)
    with library.database.read() as connection:
        (key,) = [release.key for release in releases.latest(connection)]
        for relationships in (False, True, False):
            (found,) = cache.get(connection, [key], relationships=relationships)
            assert list(cache._kept._values.values()) == [found]
            assert len(found.keys) == (0 if relationships else len(OBJECTS))


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


def test_a_list_in_a_url_has_a_limited_number_of_items() -> None:
    table = Table([Parameter("source_ref", "csv", "STIX ids.")])
    most = [f"tool--{number}" for number in range(MOST_ITEMS)]
    assert table.read(f"source_ref={','.join(most)},,").csv("source_ref") == most
    with pytest.raises(InvalidRequest, match=f"source_ref: Must have no more than {MOST_ITEMS} items") as refused:
        table.read(f"source_ref={','.join(most)}&source_ref[]=tool--more")
    assert list(refused.value.details) == ["source_ref"]
