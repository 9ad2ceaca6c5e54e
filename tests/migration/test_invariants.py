"""What holds for every file: nothing is lost, nothing depends on the order, and what is done is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctibutler.answers.library import Library
from ctibutler.knowledge_bases import HOSTED
from ctibutler.migration.between import pairs_of
from ctibutler.migration.files import InputFile, Migration, Options
from ctibutler.migration.migrating import migrate
from ctibutler.migration.review import review_rows
from tests.catalogue import Catalogues, install_all, published
from tests.shared import SHARED

pytestmark = pytest.mark.real
KB = HOSTED.named("mitre-f3")
OLD, NEW = "1.0", "1.1"


def ids_of(label: str) -> list[str]:
    return [
        item["external_references"][0]["external_id"]
        for item in published("mitre-f3", label)
        if item["type"] in ("attack-pattern", "x-mitre-tactic")
    ]


IDS = ids_of(OLD) if (SHARED / "kb").exists() else ["F1001"]
SLUGS = ["defense-evasion", "initial-access", "execution", "reconnaissance"]
KNOWN = st.lists(st.sampled_from(IDS), min_size=1, max_size=12)
TAGS = st.lists(
    st.sampled_from([*(f"mitre-f3.{one.lower()}" for one in IDS), *(f"mitre-f3.{slug}" for slug in SLUGS), "cve.1"]),
    min_size=1,
    max_size=8,
    unique=True,
)
LINE_ENDS = st.sampled_from(["\n", "\r\n"])


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A list, a text, a table or a rule."""
    end, kind = draw(LINE_ENDS), draw(st.sampled_from(["list", "text", "table", "rule"]))
    if kind == "rule":
        quote = draw(st.sampled_from(["", "'", '"']))
        tags = draw(TAGS)
        lines = ["title: a", "tags:", *(f"  - {quote}{tag}{quote}  # {tag}" for tag in tags), "detection: {}"]
    elif kind == "table":
        lines = ["name,technique_id", *(f'"a, ""b""",{one}' for one in draw(KNOWN)), "c,"]
    elif kind == "text":
        lines = [f"We saw {one}; not X{one}." for one in draw(KNOWN)]
    else:
        lines = draw(KNOWN)
    return (draw(st.sampled_from(["", "\ufeff"])) + end.join(lines) + end).encode()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Catalogues("sqlite", tmp_path_factory.mktemp("invariants")) as made:
        database = made.empty()
        install_all(database, f"mitre-f3@{OLD}", f"mitre-f3@{NEW}")
        yield Library(database, HOSTED)


def brought(library: Library, contents: Sequence[bytes], source: str, target: str, **options: Any) -> Migration:
    given_files = [InputFile(str(number), content) for number, content in enumerate(contents)]
    return migrate(library, KB, given_files, Options(source=source, target=target, **options), pairs_of(library, KB))


EXAMPLES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@EXAMPLES
@given(content=files())
def test_a_file_stays_as_it_is_in_its_own_release(library: Library, content: bytes) -> None:
    for label in (OLD, NEW):
        [file] = brought(library, [content], label, label).files
        assert file.after == content


@EXAMPLES
@given(content=files())
def test_what_is_done_is_done(library: Library, content: bytes) -> None:
    [file] = brought(library, [content], OLD, NEW).files
    assert brought(library, [content], OLD, NEW).files[0].after == file.after
    assert brought(library, [file.after], NEW, NEW).files[0].after == file.after


@EXAMPLES
@given(content=files())
def test_every_item_is_in_the_review_once(library: Library, content: bytes) -> None:
    migration = brought(library, [content], OLD, NEW)
    rows = review_rows(migration)
    [file] = migration.files
    assert sorted((row.where, row.id) for row in rows) == sorted((str(one.place), one.written) for one in file.items)
    gone = sum(row.removed for row in rows)
    again = brought(library, [file.after], NEW, NEW).files[0]
    assert len(again.items) >= len(file.items) - gone
    human = [row.id for row in rows if row.handling == "human"]
    assert all(one.encode() in file.after for one in human)


@EXAMPLES
@given(contents=st.lists(files(), min_size=2, max_size=4))
def test_files_do_not_depend_on_each_other(library: Library, contents: list[bytes]) -> None:
    together = [file.after for file in brought(library, contents, OLD, NEW).files]
    backwards = [file.after for file in brought(library, contents[::-1], OLD, NEW).files]
    assert together == backwards[::-1] == [brought(library, [one], OLD, NEW).files[0].after for one in contents]


@EXAMPLES
@given(ids=KNOWN, data=st.data())
def test_the_order_of_items_does_not_matter(library: Library, ids: list[str], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(ids))
    found = [
        dict(zip(order, brought(library, ["\n".join(order).encode()], OLD, NEW).files[0].after.split(), strict=True))
        for order in (ids, shuffled)
    ]
    assert found[0] == found[1]
