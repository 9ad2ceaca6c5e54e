"""Releases, written as files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ctibutler.answers.arango import arango_files
from ctibutler.answers.exports import release_objects
from ctibutler.answers.library import Library
from ctibutler.cli.output import text as output
from ctibutler.cli.output.files import write_file
from ctibutler.cli.targets import Target
from ctibutler.forms.stix_bundle import release_as_bundle


def export_bundle(library: Library, target: Target, path: Path, *, include_derived: bool) -> list[tuple[Path, int]]:
    """Write a release as a STIX bundle. Return its path and size in bytes."""
    found = release_objects(library, target.kb, target.label, include_derived=include_derived)
    return [(path, write_file(path, release_as_bundle(found)))]


def print_bundle(library: Library, target: Target, *, include_derived: bool) -> None:
    """Write a release as a STIX bundle to standard output."""
    found = release_objects(library, target.kb, target.label, include_derived=include_derived)
    for chunk in release_as_bundle(found):
        output.write_bytes(chunk)


def export_workbook(library: Library, target: Target, path: Path) -> list[tuple[Path, int]]:
    """Write a release as an Excel workbook. Return its path and size in bytes."""
    return [(path, write_file(path, _workbook(library, target)))]


def print_workbook(library: Library, target: Target) -> None:
    """Write a release as an Excel workbook to standard output."""
    for chunk in _workbook(library, target):
        output.write_bytes(chunk)


def _workbook(library: Library, target: Target) -> Iterator[bytes]:
    from ctibutler.answers.tables.release_sheets import release_sheets
    from ctibutler.forms.workbook import release_as_workbook

    return release_as_workbook(release_sheets(library, target.kb, target.label))


def export_arangodb(library: Library, target: Target, folder: Path) -> list[tuple[Path, int]]:
    """Write a release as collections for ArangoDB: a file for each, a JSON document a line. Return paths and sizes."""
    written = []
    for name, lines in arango_files(library, target.kb, target.label):
        folder.mkdir(parents=True, exist_ok=True)
        written.append((folder / name, write_file(folder / name, lines)))
    return written
