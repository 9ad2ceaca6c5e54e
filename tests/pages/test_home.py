"""The first page tells what the newest releases did, and which newer ones are available."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ctibutler.catalog import offers
from ctibutler.catalog.engine.database import Database
from ctibutler.comparing.outcomes import Outcome
from ctibutler.knowledge_bases import HOSTED
from ctibutler.pages.lately import sentence_of
from tests.catalogue import catalogue_with, published
from tests.pages.conftest import read
from tests.server.serving import Server, running


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with catalogue_with("sqlite", tmp_path_factory.mktemp("home"), "sector@1.0", "disarm@1.5", "disarm@1.6") as made:
        yield made


@pytest.fixture(scope="module")
def server(database: Database) -> Iterator[Server]:
    with running(database) as started:
        yield started


def outcome(word: str, stix_type: str = "attack-pattern", **more: Any) -> Outcome:
    return Outcome(id="X", outcome=word, handling="automatic", reason="", type=stix_type, **more)


def test_a_sentence_counts_what_became_of_each_kind_and_leaves_out_what_nobody_sees() -> None:
    kb = HOSTED.named("attack-enterprise")
    told = [
        *[outcome("added")] * 3,
        *[outcome("edited", "x-mitre-analytic")] * 1323,
        *[outcome("edited", "x-mitre-data-component")] * 67,
        outcome("edited", "malware"),
        outcome("edited"),
        outcome("dead_end"),
        outcome("touched"),
        outcome("unchanged"),
    ]
    assert sentence_of(kb, told) == (
        "3 techniques added; 1 technique dead end; 1,323 analytics, 67 data components and 2 more edited"
    )
    assert sentence_of(kb, [outcome("touched")]) == "Nothing changed that a reader sees"


@pytest.mark.real
def test_the_newest_release_is_told_with_what_it_did(server: Server) -> None:
    page = read(server, "/").text
    before, after = (
        {item["id"] for item in published("disarm", label) if item["type"] == "attack-pattern"}
        for label in ("1.5", "1.6")
    )
    assert f"{len(after - before)} techniques added" in page
    assert f"{len(before - after)} techniques gone" in page
    assert "1.5 → 1.6" in page
    assert 'href="/disarm/1.6/matrix?since=1.5"' in page
    assert 'href="/disarm/1.6/changes?since=1.5"' in page
    assert read(server, "/disarm/1.6/changes?since=1.5").status_code == 200
    assert page.index("1.5 → 1.6") < page.index(">Sectors</a></b>")


@pytest.mark.real
def test_a_newer_release_that_can_be_had_is_named_and_a_preview_is_not(server: Server, database: Database) -> None:
    assert "is available" not in read(server, "/").text
    found = [
        offers.StoredOffer("disarm", label, "publisher", "https://example.org", None) for label in ("1.7", "1.8-beta")
    ]
    offers.replace(database, found)
    assert "1.7 is available" in read(server, "/").text
