"""A release in a local file, and the files beside it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import zstandard

from ctibutler.errors import MalformedFile, SourceUnavailable
from ctibutler.knowledge_bases import HOSTED
from ctibutler.publishers.sources.local_file import read_local_file
from tests.configured import settings_with

CWE, D3FEND = HOSTED.named("cwe"), HOSTED.named("d3fend")
BUNDLE = b'{"type": "bundle", "id": "bundle--1", "objects": []}'
DETAILS = b'{"weakness--1": {"status": "Draft"}}'
SETTINGS = settings_with()


@pytest.mark.parametrize(
    ("suffix", "packed"),
    [("", DETAILS), (".zst", zstandard.compress(DETAILS)), (".gz", gzip.compress(DETAILS))],
    ids=["plain", "zst", "gz"],
)
def test_details_beside_a_file_are_read_with_it(tmp_path: Path, suffix: str, packed: bytes) -> None:
    (tmp_path / "mine.json").write_bytes(BUNDLE)
    (tmp_path / f"cwe-details-v4_15.json{suffix}").write_bytes(packed)
    release = read_local_file(CWE, tmp_path / "mine.json", "4.15", SETTINGS)
    assert (release.bundle_bytes, release.details, release.mapping) == (BUNDLE, DETAILS, None)
    assert read_local_file(CWE, tmp_path / "mine.json", "4.14", SETTINGS).details is None
    assert read_local_file(D3FEND, tmp_path / "mine.json", "4.15", SETTINGS).details is None


def test_a_mapping_beside_a_file_may_be_compressed_too(tmp_path: Path) -> None:
    (tmp_path / "mine.json.gz").write_bytes(gzip.compress(BUNDLE))
    (tmp_path / "d3fend-v1_3_0-external-relationships.json.zst").write_bytes(zstandard.compress(b"[]"))
    release = read_local_file(D3FEND, tmp_path / "mine.json.gz", "1.3.0", SETTINGS)
    assert (release.bundle_bytes, release.mapping, release.file_name) == (BUNDLE, b"[]", "mine.json")


def test_unreadable_files_are_reported(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_bytes(BUNDLE)
    (tmp_path / "cwe-details-v4_15.json.gz").write_bytes(gzip.compress(DETAILS)[:-6])
    with pytest.raises(MalformedFile, match=r"cwe-details-v4_15.json.gz: the compressed file is cut off"):
        read_local_file(CWE, tmp_path / "mine.json", "4.15", SETTINGS)
    with pytest.raises(SourceUnavailable, match=r"other.json: cannot be read"):
        read_local_file(CWE, tmp_path / "other.json", "4.15", SETTINGS)
