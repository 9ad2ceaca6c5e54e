"""Zip archives: whole, within limits, or not at all."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctibutler.errors import MalformedFile
from ctibutler.publishers.web.archives import all_members, is_archive, single_member

LIMIT = 1_000_000
SHEET = b"<sheet>" + b"<row>A tactic</row>" * 200 + b"</sheet>"
WHOLE = {"xl/workbook.xml": b"<workbook/>", "xl/sheet1.xml": SHEET}


def zipped(members: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return content.getvalue()


def claiming(content: bytes, *, size: int | None = None, crc: int | None = None, flags: int | None = None) -> bytes:
    """The archive with false metadata of its first member, in the directory and in the member's own header."""
    changed = bytearray(content)
    for magic, shift in ((b"PK\x03\x04", 0), (b"PK\x01\x02", 2)):
        at = content.index(magic) + shift
        for offset, layout, value in ((6, "<H", flags), (14, "<L", crc), (22, "<L", size)):
            if value is not None:
                struct.pack_into(layout, changed, at + offset, value)
    return bytes(changed)


ARCHIVE = zipped(WHOLE.items())
FORMS = {
    "deflated": ARCHIVE,
    "stored": zipped(WHOLE.items(), zipfile.ZIP_STORED),
}


def single(content: bytes, max_bytes: int = LIMIT) -> bytes:
    return single_member(content, "1.xml", "x.zip", max_bytes)


def together(content: bytes, max_bytes: int = LIMIT) -> dict[str, bytes]:
    return all_members(content, "x.zip", max_bytes)


READERS: list[Callable[..., object]] = [single, together]


@pytest.mark.parametrize("form", FORMS)
def test_every_member_is_returned_whole(form: str) -> None:
    assert is_archive(FORMS[form])
    assert together(FORMS[form]) == WHOLE
    assert single(FORMS[form]) == SHEET


def test_one_member_is_unpacked_and_the_others_are_not() -> None:
    content = zipped([("BIG.TXT", bytes(LIMIT + 1)), ("CWE.XML", SHEET)])
    assert single_member(content, ".xml", "x.zip", LIMIT) == SHEET


@pytest.mark.parametrize("names", [(), ("a.xml", "b.xml")])
def test_a_suffix_must_match_exactly_one_member(names: tuple[str, ...]) -> None:
    with pytest.raises(MalformedFile, match=rf"^x.zip: expected one .xml file in the zip file, found {len(names)}$"):
        single_member(zipped((name, b"") for name in names), ".xml", "x.zip", LIMIT)


def test_archives_are_told_from_other_files() -> None:
    assert not is_archive(b"<!DOCTYPE html>")
    assert not is_archive(b"")
    assert is_archive(ARCHIVE[:100])
    assert is_archive(zipped([]))


@pytest.mark.parametrize("form", FORMS)
def test_the_limit_is_on_the_unpacked_size(form: str) -> None:
    total = sum(map(len, WHOLE.values()))
    assert together(FORMS[form], total) == WHOLE
    with pytest.raises(MalformedFile, match=rf"^x.zip: the zip file unpacks to more than the limit of {total - 1} "):
        together(FORMS[form], total - 1)
    assert single(FORMS[form], len(SHEET)) == SHEET
    with pytest.raises(MalformedFile, match="more than the limit"):
        single(FORMS[form], len(SHEET) - 1)


@pytest.mark.parametrize("read", READERS)
def test_a_zip_bomb_of_one_member_takes_little_memory(read: Callable[[bytes], object]) -> None:
    bomb = zipped([("sheet1.xml", bytes(100_000_000))])
    assert len(bomb) < 100_000
    tracemalloc.start()
    try:
        with pytest.raises(MalformedFile, match="unpacks to more than the limit of 1000000 bytes"):
            read(bomb)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_a_zip_bomb_of_many_small_members_exceeds_the_limit() -> None:
    bomb = zipped((f"sheet{number}.xml", bytes(100_000)) for number in range(11))
    with pytest.raises(MalformedFile, match="unpacks to more than the limit"):
        together(bomb)


@pytest.mark.parametrize("read", READERS)
def test_an_archive_of_too_many_members_is_refused_before_its_directory_is_read(
    read: Callable[[bytes], object],
) -> None:
    content = zipped((str(number), b"") for number in range(20_000))
    tracemalloc.start()
    try:
        with pytest.raises(MalformedFile, match=r"more members than the limit of 1000$"):
            read(content)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_false_size_is_detected(form: bytes, read: Callable[[bytes], object]) -> None:
    method = zipfile.ZipFile(io.BytesIO(form)).infolist()[0].compress_type
    content = zipped([("sheet1.xml", SHEET)], method)
    # A reader that trusts the directory reads 40 bytes, with the right checksum.
    short = claiming(content, size=40, crc=zlib.crc32(SHEET[:40]))
    assert zipfile.ZipFile(io.BytesIO(short)).read("sheet1.xml") == SHEET[:40]
    for lie in (short, claiming(content, size=40), claiming(content, size=len(SHEET) + 1)):
        with pytest.raises(
            MalformedFile, match=r"^x.zip: (.* in the zip file has 3815 bytes, but|the zip file is cut)"
        ):
            read(lie)


def test_a_zip_bomb_that_claims_to_be_small_is_refused() -> None:
    bomb = claiming(zipped([("sheet1.xml", bytes(50_000_000))]), size=10, crc=zlib.crc32(bytes(10)))
    for read in READERS:
        with pytest.raises(MalformedFile, match="more than the limit"):
            read(bomb)


def test_archives_inside_an_archive_are_not_unpacked() -> None:
    inner = zipped([("sheet1.xml", bytes(50_000_000))])
    assert together(zipped([("sheet1.xml", inner)])) == {"sheet1.xml": inner}
    assert single(zipped([("sheet1.xml", inner)])) == inner


@pytest.mark.parametrize("read", READERS)
def test_an_encrypted_member_is_refused(read: Callable[[bytes], object]) -> None:
    with pytest.raises(MalformedFile, match=r"^x.zip: 'sheet1.xml' in the zip file is encrypted$"):
        read(claiming(zipped([("sheet1.xml", SHEET)]), flags=1))


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compression_methods_without_a_limit_are_refused(method: int, read: Callable[[bytes], object]) -> None:
    with pytest.raises(MalformedFile, match=r"'sheet1.xml' in the zip file uses an unsupported compression method"):
        read(zipped([("sheet1.xml", SHEET)], method))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused() -> None:
    with pytest.raises(MalformedFile, match="two members named 'a'"):
        together(zipped([("a", b"1"), ("a", b"2")]))


@pytest.mark.parametrize("read", READERS)
@given(cut=st.integers(1, len(ARCHIVE)))
def test_a_truncated_archive_is_refused(read: Callable[[bytes], object], cut: int) -> None:
    with pytest.raises(MalformedFile, match=r"^x.zip: the zip file is cut off or damaged"):
        read(ARCHIVE[:-cut])


@pytest.mark.parametrize("form", FORMS)
def test_a_damaged_member_is_an_error(form: str) -> None:
    damaged = bytearray(FORMS[form])
    damaged[FORMS[form].index(b"xl/sheet1.xml") + 20] ^= 0xFF
    for read in READERS:
        with pytest.raises(MalformedFile, match=r"^x.zip: the zip file is cut off or damaged"):
            read(bytes(damaged))


@given(at=st.integers(0, len(ARCHIVE) - 1), put=st.binary(min_size=1, max_size=8))
def test_a_damaged_archive_is_read_or_refused_with_a_reason(at: int, put: bytes) -> None:
    damaged = ARCHIVE[:at] + put + ARCHIVE[at + len(put) :]
    try:
        members = together(damaged)
    except MalformedFile:
        return
    assert list(members.values()) == list(WHOLE.values())[: len(members)]
