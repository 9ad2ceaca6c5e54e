"""Changes as Atom feeds, by the rules of RFC 4287."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from ctibutler.answers.changes import ChangesQuery
from ctibutler.answers.library import Library
from ctibutler.answers.pages import Sort
from ctibutler.answers.tables.change_tables import changes_table
from ctibutler.answers.tables.feeds import Feed, FeedEntry
from ctibutler.answers.tables.table import Table
from ctibutler.errors import InvalidRequest
from ctibutler.forms.table_forms import TABLE_FORMS
from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import Catalogues

ATOM = "{http://www.w3.org/2005/Atom}"
TAG = re.compile(r"tag:[a-z.]+,\d{4}(-\d\d(-\d\d)?)?:[\w.~/@:+-]+")


def checked(content: bytes) -> list[ElementTree.Element]:
    """The entries of a feed that keeps the rules of RFC 4287, section 4.1: what an element must have, once."""
    feed = ElementTree.fromstring(content)  # noqa: S314 - made here
    assert feed.tag == f"{ATOM}feed"
    entries = feed.findall(f"{ATOM}entry")
    for element in (feed, *entries):
        for name in ("id", "title", "updated"):
            [only] = element.findall(f"{ATOM}{name}")
            assert only.text
        assert TAG.fullmatch(element.findtext(f"{ATOM}id") or "")
        assert datetime.fromisoformat(element.findtext(f"{ATOM}updated") or "").tzinfo is not None
    assert feed.find(f"{ATOM}author/{ATOM}name") is not None
    for entry in entries:
        # Without content there must be a link to it.
        assert entry.findtext(f"{ATOM}content")
    ids = [entry.findtext(f"{ATOM}id") for entry in entries]
    assert len(set(ids)) == len(ids)
    return entries


def written(table: Table) -> bytes:
    return b"".join(TABLE_FORMS["atom"].written(table).chunks)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Two releases of DISARM."""
    with Catalogues("sqlite", tmp_path_factory.mktemp("feeds")) as made:
        yield Library(made.with_releases("disarm@1.5", "disarm@1.6"), HOSTED)


@pytest.mark.real
def test_changes_are_entries_with_ids_that_stay(library: Library) -> None:
    query = ChangesQuery(since="1.5", sort=Sort("id"))
    disarm = HOSTED.named("disarm")
    table = changes_table(library, disarm, "1.6", query)
    rows = [dict(zip(table.columns, row.cells, strict=True)) for row in table.rows]
    content = written(changes_table(library, disarm, "1.6", query))
    entries = checked(content)
    ids = [(entry.findtext(f"{ATOM}id") or "").rpartition("/")[2] for entry in entries]
    assert ids == [row["stix_id"] for row in rows]
    for entry, row in zip(entries, rows, strict=True):
        assert (entry.findtext(f"{ATOM}title") or "").endswith(f": {row['change']}")
        assert f"disarm/1.5/1.6/{row['stix_id']}" in (entry.findtext(f"{ATOM}id") or "")
    assert written(changes_table(library, disarm, "1.6", query)) == content


def test_hostile_texts_stay_texts() -> None:
    entry = FeedEntry("attack-pattern--1", "</title><script>&\x00\ud800", None, '"><x', "a < b & c\x1b")
    feed = Feed(("changes", "made-up"), "<b>", lambda: iter([entry]))
    table = Table("x", "A & <b>", (), iter(()), {"rows": "1"}, 1_700_000_000_000_000, feed=feed)
    [shown] = checked(written(table))
    assert (shown.findtext(f"{ATOM}title") or "").startswith("</title><script>&")
    assert shown.find(f"{ATOM}category").get("term") == '"><x'  # type: ignore[union-attr]
    assert shown.findtext(f"{ATOM}updated") == "2023-11-14T22:13:20Z"


def test_other_tables_are_no_feeds(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="`atom` does not fit these rows; these do: json, ndjson, csv, xlsx, md"):
        written(Table("x", "x", (), iter(()), {"rows": "0"}, 0))
