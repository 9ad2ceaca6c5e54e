"""Compressed files are unpacked completely and within a limit, or not at all."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ctibutler.errors import MalformedFile
from ctibutler.publishers.web.unpacking import unpack, unpacked_size
from tests.shared import read_shared, shared_path

LIMIT = 10_000_000
CONTENT = b'{"type": "bundle", "objects": [' + b'{"id": "malware--1"},' * 5000 + b"{}]}"
FORMS = {
    "gzip": gzip.compress(CONTENT),
    "two gzip members": gzip.compress(CONTENT[:9000]) + gzip.compress(CONTENT[9000:]),
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress(CONTENT),
    "zstd without its size": zstandard.ZstdCompressor(write_content_size=False).compress(CONTENT),
    "two zstd frames": zstandard.compress(CONTENT[:9000]) + zstandard.compress(CONTENT[9000:]),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_format_is_unpacked(form: str) -> None:
    assert unpack(FORMS[form], "x", LIMIT) == CONTENT


def test_an_uncompressed_file_is_unchanged() -> None:
    assert unpack(CONTENT, "x", LIMIT) == CONTENT
    assert unpack(b"", "x", LIMIT) == b""


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_truncated_file_is_an_error(form: str, cut: int) -> None:
    with pytest.raises(MalformedFile, match=r"^x.json: the compressed file is (cut off|damaged)"):
        unpack(FORMS[form][:-cut], "x.json", LIMIT)


@given(st.binary(min_size=1, max_size=20_000), st.integers(1, 20_000))
def test_a_zstd_file_truncated_anywhere_is_an_error(content: bytes, cut: int) -> None:
    packed = zstandard.compress(content)
    part = packed[: -min(cut, len(packed) - 4)]
    with pytest.raises(MalformedFile):
        unpack(part, "x", LIMIT)


@pytest.mark.parametrize("form", ["gzip", "zstd"])
def test_a_damaged_file_is_an_error(form: str) -> None:
    damaged = bytearray(FORMS[form])
    damaged[len(damaged) // 2] ^= 0xFF
    with pytest.raises(MalformedFile, match=r"^x.json: the compressed file is"):
        unpack(bytes(damaged), "x.json", LIMIT)


def test_trailing_garbage_is_an_error() -> None:
    for form in ("gzip", "zstd"):
        with pytest.raises(MalformedFile, match="damaged"):
            unpack(FORMS[form] + b"rubbish", "x", LIMIT)


@pytest.mark.parametrize("form", ["plain", "gzip", "zstd"])
def test_the_limit_is_on_the_unpacked_size(form: str) -> None:
    packed = FORMS.get(form, CONTENT)
    assert unpack(packed, "x", len(CONTENT)) == CONTENT
    with pytest.raises(MalformedFile, match=rf"^x: larger than the limit of {len(CONTENT) - 1} bytes"):
        unpack(packed, "x", len(CONTENT) - 1)


def test_a_compression_bomb_takes_little_memory() -> None:
    bomb = zstandard.compress(bytes(1_000_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(MalformedFile, match="larger than the limit"):
            unpack(bomb, "x", LIMIT)
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.real
def test_the_unpacked_size_of_a_published_file_is_known() -> None:
    name = "kb/mitre-attack-ics-repo-data/ics-attack-18_1.json.zst"
    assert unpacked_size(shared_path(name).read_bytes()[:18]) == len(read_shared(name)) == 3491940


def test_a_size_that_is_not_stored_is_unknown() -> None:
    assert unpacked_size(FORMS["zstd without its size"][:18]) is None
    assert unpacked_size(FORMS["gzip"][:18]) is None
    assert unpacked_size(b"") is None
    assert unpacked_size(FORMS["zstd"][:5]) is None
