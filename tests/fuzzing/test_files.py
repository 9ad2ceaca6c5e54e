"""Publishers' files with anything wrong in them are read, or refused with a reason: never another error."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctibutler.catalog.rows import row_of
from ctibutler.errors import MalformedFile
from ctibutler.importing.details import read_details
from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.release_files import read_origin
from ctibutler.publishers.converters import CONVERTERS
from ctibutler.publishers.converters.conversion import Edition
from ctibutler.stix.bundles import bundle_chunks, read_bundle
from tests.faults.small import small_bundle_bytes
from tests.fuzzing.budget import examples
from tests.fuzzing.seeds import FILES
from tests.publishers.books import members_of

# What is likely to matter in one of the formats.
TOKENS = st.sampled_from(
    [
        *(
            b"<",
            b">",
            b"</",
            b"&amp;",
            b"&#0;",
            b"<!DOCTYPE a>",
            b"<![CDATA[",
            b'"',
            b"'",
            b"{",
            b"}",
            b"[",
            b"]",
            b",",
            b":",
        ),
        *(
            b"\n",
            b"null",
            b"1e999",
            b"-1",
            b"NaN",
            b"\x00",
            b"\xff\xfe",
            b"\xed\xa0\x80",
            b"\\u0000",
            b"\\ud800",
            b"- ",
        ),
        *(b"&a *a", b"!!", b"2024-13-45", b"9" * 400, b"[" * 200),
    ]
)
CHANGES = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 40), TOKENS | st.binary(max_size=8)), min_size=1, max_size=5
)


def changed(content: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    """The content with some bytes replaced: at a share of its length, so many, by these."""
    for share, length, new in changes:
        start = int(share * len(content))
        content = content[:start] + new + content[start + length :]
    return content


def inside(content: bytes, part: int, changes: list[tuple[float, int, bytes]]) -> bytes:
    """A zip archive with one of its members changed."""
    members = members_of(content)
    names = sorted(members)
    members[names[part % len(names)]] = changed(members[names[part % len(names)]], changes)
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return made.getvalue()


def converts_or_refuses(name: str, content: bytes) -> None:
    try:
        converted = CONVERTERS[name].convert(content, Edition(FILES[name][0]))
    except MalformedFile as refused:
        assert str(refused)
    else:
        assert all(item["id"] for item in converted.objects)
        json.dumps(converted.objects)


@pytest.mark.parametrize("name", FILES)
@examples(60)
@given(changes=CHANGES)
def test_a_damaged_file_is_converted_or_refused(name: str, changes: list[tuple[float, int, bytes]]) -> None:
    converts_or_refuses(name, changed(FILES[name][1], changes))


@examples(60)
@given(part=st.integers(0, 30), changes=CHANGES)
def test_a_workbook_with_a_damaged_part_is_converted_or_refused(
    part: int, changes: list[tuple[float, int, bytes]]
) -> None:
    converts_or_refuses("disarm-xlsx", inside(FILES["disarm-xlsx"][1], part, changes))


@examples(300)
@given(changes=CHANGES)
def test_a_damaged_bundle_is_read_and_indexed_or_refused(changes: list[tuple[float, int, bytes]]) -> None:
    try:
        bundle = read_bundle(changed(small_bundle_bytes(), changes), "damaged.json")
        for kb in HOSTED.all:
            for stix_object in bundle.objects:
                row_of(kb, stix_object, stix_object.properties(), "damaged.json")
    except MalformedFile as refused:
        assert str(refused).startswith("damaged.json")
        return
    # What was read can be written and read again.
    again = read_bundle(b"".join(bundle_chunks("bundle--1", (item.content for item in bundle.objects))), "again.json")
    assert [item.digest for item in again.objects] == [item.digest for item in bundle.objects]


@examples(200)
@given(changes=CHANGES)
def test_damaged_details_and_origins_are_read_or_refused(changes: list[tuple[float, int, bytes]]) -> None:
    details = b'{"weakness--1":{"notes":"a","related":[{"cwe_id":"CWE-1"}]},"weakness--2":{}}'
    origin = b'{"source":"bucket","location":"a","sha256":"00","fetched_at":"2026-01-01T00:00:00Z","converter":null}'
    for read, content in ((read_details, details), (read_origin, origin)):
        try:
            read(changed(content, changes), "damaged.json")
        except MalformedFile as refused:
            assert str(refused).startswith("damaged.json")
