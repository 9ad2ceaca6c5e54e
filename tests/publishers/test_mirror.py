"""A mirror is a bucket: releases written to it are read from it unchanged."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ctibutler.errors import Problem
from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.release_files import ReleaseFile
from ctibutler.publishers.sources.mirror import write_release
from ctibutler.publishers.sources.offers import Sources
from ctibutler.publishers.sources.source import Offer, published_bundle
from tests.configured import settings_with
from tests.shared import shared_path

F3 = HOSTED.named("mitre-f3")
D3FEND = HOSTED.named("d3fend")


def release(slug: str, label: str, content: bytes = b'{"type": "bundle"}', mapping: bytes | None = None) -> ReleaseFile:
    return published_bundle(Offer(slug, label, "test", "nowhere"), content, "x.json", mapping=mapping)


def read_back(folder: Path, slug: str, label: str | None = None) -> ReleaseFile:
    return Sources(settings_with(bucket=str(folder))).fetch(HOSTED.named(slug), label)


def test_a_release_written_to_a_mirror_is_read_from_it(tmp_path: Path) -> None:
    _, (path, size) = write_release(tmp_path / "kb", F3, release("mitre-f3", "1.1", b'{"a": 1}'))
    assert path == tmp_path / "kb" / "mitre-f3-repo-data" / "f3-stix-v1_1.json.zst"
    assert path.stat().st_size == size
    found = read_back(tmp_path / "kb", "mitre-f3")
    assert (found.label, found.bundle, found.origin.source) == ("1.1", b'{"a": 1}', "bucket")


def test_releases_are_listed_earliest_first(tmp_path: Path) -> None:
    for label in ("1.10", "1.2", "1.2", "1.9"):
        write_release(tmp_path, F3, release("mitre-f3", label))
    assert (tmp_path / "mitre-f3-repo-data" / "version.txt").read_text() == "1.2\n1.9\n1.10\n"


def test_files_of_somebody_else_are_kept(tmp_path: Path) -> None:
    place = tmp_path / "mitre-f3-repo-data"
    place.mkdir()
    (place / "version.txt").write_text("v1_0\n")
    (place / "f3-stix-v1_0.json").write_text("{}")
    write_release(tmp_path, F3, release("mitre-f3", "1.1"))
    assert (place / "version.txt").read_text() == "1.0\n1.1\n"
    assert (place / "f3-stix-v1_0.json").read_text() == "{}"


def test_an_older_copy_in_another_format_does_not_hide_the_new_one(tmp_path: Path) -> None:
    place = tmp_path / "mitre-f3-repo-data"
    place.mkdir()
    for name in ("f3-stix-v1_1.json", "f3-stix-v1_1.json.gz"):
        (place / name).write_bytes(b"old")
    write_release(tmp_path, F3, release("mitre-f3", "1.1", b'{"new": 1}'))
    assert sorted(path.name for path in place.iterdir()) == [
        "f3-stix-v1_1.json.zst",
        "f3-stix-v1_1.origin.json.zst",
        "version.txt",
    ]
    assert read_back(tmp_path, "mitre-f3").bundle == b'{"new": 1}'


def test_the_mapping_is_mirrored_too(tmp_path: Path) -> None:
    written = write_release(tmp_path, D3FEND, release("d3fend", "1.2.0", mapping=b"[]"))
    assert [path.name for path, _ in written] == [
        "d3fend-v1_2_0-bundle.origin.json.zst",
        "d3fend-v1_2_0-external-relationships.json.zst",
        "d3fend-v1_2_0-bundle.json.zst",
    ]
    assert read_back(tmp_path, "d3fend").mapping == b"[]"


def test_the_origin_of_a_release_survives_repeated_mirroring(tmp_path: Path) -> None:
    original = release("mitre-f3", "1.1")
    write_release(tmp_path / "first", F3, original)
    copy = read_back(tmp_path / "first", "mitre-f3")
    assert copy.origin.source == "bucket"
    assert copy.origin.mirrored_from == original.origin
    assert copy.origin.mirrored_from.location == "nowhere"
    write_release(tmp_path / "second", F3, copy)
    assert read_back(tmp_path / "second", "mitre-f3").origin.mirrored_from == original.origin


@pytest.mark.parametrize("content", [b"", b"{}", b'{"source": 1}', b"\x28\xb5\x2f\xfd", b"x" * 100_000])
def test_a_release_with_an_unreadable_origin_is_accepted(tmp_path: Path, content: bytes) -> None:
    *_, (path, _) = write_release(tmp_path, F3, release("mitre-f3", "1.1"))
    path.with_name("f3-stix-v1_1.origin.json.zst").write_bytes(content)
    assert read_back(tmp_path, "mitre-f3").origin.mirrored_from is None


def test_a_file_that_could_not_be_written_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_release(tmp_path, F3, release("mitre-f3", "1.0"))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(Problem, match="cannot be written: No space left on device"):
        write_release(tmp_path, F3, release("mitre-f3", "1.1"))
    names = sorted(path.name for path in (tmp_path / "mitre-f3-repo-data").iterdir())
    assert names == ["f3-stix-v1_0.json.zst", "f3-stix-v1_0.origin.json.zst", "version.txt"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is served whatever the mode says")
def test_other_users_can_read_the_mirror(tmp_path: Path) -> None:
    *_, (path, _) = write_release(tmp_path, F3, release("mitre-f3", "1.0"))
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.real
@pytest.mark.parametrize("slug", ["d3fend", "attack-ics", "location", "tlp"])
def test_a_mirror_of_the_real_bucket_gives_the_same_releases(tmp_path: Path, slug: str) -> None:
    real = Sources(settings_with(bucket=str(shared_path("kb"))))
    original = real.fetch(HOSTED.named(slug))
    write_release(tmp_path, HOSTED.named(slug), original)
    copy = read_back(tmp_path, slug, original.label)
    assert (copy.origin.sha256, copy.size, copy.mapping) == (original.origin.sha256, original.size, original.mapping)
    assert json.loads(copy.bundle_bytes)["type"] == "bundle"
