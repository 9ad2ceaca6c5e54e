"""Every word of whole objects is found, and counted as a reader of their JSON would."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctibutler.answers.library import Library
from ctibutler.catalog import objects, releases
from ctibutler.catalog.folding import words_of
from ctibutler.catalog.members import member_keys
from ctibutler.catalog.mentions import Mentions, mentions
from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import Catalogues, install, made_content

TITLES = ["Åland", "Łódź", "naïve_NAIVE", "日本語", "a\nb", "x" * 300, "ß and SS", "\u0000", "ĳ 4.10", "the The THE"]


def weakness(number: int, title: str) -> dict[str, Any]:
    return {
        "type": "weakness",
        "spec_version": "2.1",
        "id": f"weakness--{UUID(int=number)}",
        "created": "2020-01-01T00:00:00.000Z",
        "modified": "2020-01-02T00:00:00.000Z",
        "name": f"Weakness {number}",
        "external_references": [{"source_name": "cwe", "external_id": f"CWE-{number}", "description": title}],
    }


def least(content: bytes, words: list[str]) -> int:
    found = words_of(content.decode())
    return min(sum(word.startswith(wanted) for word in found) for wanted in words)


@pytest.fixture
def library(catalogues: Catalogues) -> Library:
    database = catalogues.empty()
    install(database, "cwe@4.14", made_content([weakness(number, title) for number, title in enumerate(TITLES, 1)]))
    return Library(database, HOSTED)


@pytest.fixture
def all_mentions(library: Library) -> tuple[Mentions, dict[int, bytes]]:
    with library.database.read() as connection:
        (release,) = releases.installed(connection, "cwe")
        keys = member_keys(connection, release)
        found = mentions(connection, release.key, relationships=False)
        return found, dict(zip(keys, objects.contents(connection, keys), strict=True))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(words=st.lists(st.text(min_size=1, max_size=4) | st.sampled_from(TITLES), min_size=1, max_size=3))
def test_words_are_counted_by_their_beginning(
    all_mentions: tuple[Mentions, dict[int, bytes]], words: list[str]
) -> None:
    found, contents = all_mentions
    asked = [word for text in words for word in words_of(text)]
    if asked:
        keys, times = found.of(asked)
        counts = {key: least(content, asked) for key, content in contents.items()}
        assert dict(zip(keys.tolist(), times.tolist(), strict=True)) == {key: n for key, n in counts.items() if n}


def test_no_word_finds_nothing(all_mentions: tuple[Mentions, dict[int, bytes]]) -> None:
    assert not len(all_mentions[0].of([])[0])


def test_relationships_are_apart(library: Library) -> None:
    with library.database.read() as connection:
        (release,) = releases.installed(connection, "cwe")
        assert not len(mentions(connection, release.key, relationships=True).of(["weakness"])[0])
