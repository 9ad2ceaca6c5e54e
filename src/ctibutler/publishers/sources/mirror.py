"""Writes releases into a folder laid out like a bucket, for use in air-gapped networks."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import zstandard

from ctibutler.errors import Problem
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.release_files import ReleaseFile
from ctibutler.publishers.sources.bucket import VERSIONS_FILE, read_versions
from ctibutler.publishers.web.unpacking import SUFFIXES

_FORM = ".zst"
# Measured on Enterprise 18.1 (50.7 MB): level 12 gives 4.0 MB in 1.2 s, level 19 3.4 MB in 21 s.
_LEVEL = 12


def write_release(folder: Path, kb: KnowledgeBase, release: ReleaseFile) -> list[tuple[Path, int]]:
    """Write a release into the folder and replace one with the same label. Returns its files with their sizes in bytes.

    A file is never half written, and the release is listed only after all of its files are there. Raises Problem if the
    folder cannot be written.
    """
    place = folder / kb.bucket.folder
    try:
        place.mkdir(parents=True, exist_ok=True)
        written = [_write(place, name, _packed(content)) for name, content in _files(kb, release)]
        _name_release(place, release.label)
    except OSError as failure:
        raise Problem(f"{failure.filename or place} cannot be written: {failure.strerror}") from None
    return written


def _files(kb: KnowledgeBase, release: ReleaseFile) -> Iterator[tuple[str, bytes]]:
    """The names and contents of the files of a release; the bundle comes last."""
    for name, content in (
        (kb.origin_file_name(release.label), release.origin.first.to_json()),
        (kb.mapping_file_name(release.label), release.mapping),
        (kb.details_file_name(release.label), release.details),
        (kb.file_name(release.label), release.bundle_bytes),
    ):
        if name is not None and content is not None:
            yield name, content


def _packed(content: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=_LEVEL, write_content_size=True, write_checksum=True).compress(content)


def _write(place: Path, name: str, packed: bytes) -> tuple[Path, int]:
    path = place / (name + _FORM)
    _replace(path, packed)
    # The same file with another compression would be another copy of the release.
    for suffix in SUFFIXES:
        if suffix != _FORM:
            (place / (name + suffix)).unlink(missing_ok=True)
    return path, len(packed)


def _name_release(place: Path, label: str) -> None:
    path = place / VERSIONS_FILE
    known = read_versions(path.read_bytes()).labels if path.is_file() else ()
    labels = {release_labels.sort_key(one): one for one in (*known, label)}
    lines = [labels[key] for key in sorted(labels)]
    _replace(path, ("\n".join(lines) + "\n").encode())


def _replace(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=".", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)  # a temporary file is private, but another user may serve the mirror
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
