"""Files that are migrated: read from the command line's paths, and written back."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ctibutler.cli.output import text as output
from ctibutler.errors import InvalidRequest, TooMuch
from ctibutler.migration.migrating import LARGEST_FILE, InputFile, Migration

if TYPE_CHECKING:
    from ctibutler.migration.review import ReviewRow

_KNOWN = frozenset((".json", ".yml", ".yaml", ".toml", ".csv", ".tsv", ".xlsx", ".txt", ".md"))
"""The extensions of files in folders that may be of a kind that is known."""


def read_files(paths: Sequence[str]) -> list[InputFile]:
    """Return the files that are named, and those in folders that are named. Names what is left alone in folders.

    Raises InvalidRequest for a path that does not exist, and TooMuch for a file that is too large.
    """
    files: list[InputFile] = []
    left: list[Path] = []
    for text in paths:
        path = Path(text)
        if text == "-":
            files.append(InputFile("standard input", sys.stdin.buffer.read(LARGEST_FILE + 1)))
        elif path.is_dir():
            for found in sorted(one for one in path.rglob("*") if one.is_file() and not one.is_symlink()):
                if found.suffix.lower() in _KNOWN and not any(
                    part.startswith(".") for part in found.parts[len(path.parts) :]
                ):
                    files.append(_read(found))
                else:
                    left.append(found)
        elif path.is_file():
            files.append(_read(path))
        else:
            raise InvalidRequest(f"{text}: no such file or folder")
    for path in left:
        output.note(f"{path}: left alone, of no kind that is known")
    if not files:
        raise InvalidRequest("no file of a kind that is known")
    return files


def _read(path: Path) -> InputFile:
    if path.stat().st_size > LARGEST_FILE:
        raise TooMuch(f"{path}: more than {LARGEST_FILE:,} bytes")
    return InputFile(str(path), path.read_bytes())


def write_in_place(migration: Migration) -> None:
    """Replace each file that changed, whole or not at all."""
    from ctibutler.cli.output.files import write_file

    for file in migration.files:
        if file.is_changed:
            path = Path(file.name).resolve()
            mode = path.stat().st_mode & 0o7777
            write_file(path, [file.after], mode=mode)


def write_migrated(migration: Migration, file: Path | None) -> None:
    """Write the migrated file to a file or to standard output."""
    from ctibutler.cli.output.files import write_file

    [migrated] = migration.files
    if file is not None:
        write_file(file, [migrated.after])
        return
    if migrated.kind is not None and migrated.kind.name == "xlsx" and output.on_terminal():
        raise InvalidRequest("a terminal cannot show a workbook; write it to a file with -o")
    output.write_bytes(migrated.after)


def write_review(migration: Migration, rows: Sequence[ReviewRow], file: Path) -> None:
    """Write the review in the form that the file's extension names.

    Raises InvalidRequest for an extension that names none.
    """
    from ctibutler.cli.output.files import write_file
    from ctibutler.forms.table_forms import TABLE_FORMS
    from ctibutler.migration.review import SHEETS, report_of, review_table

    if file.suffix.lower() == ".json":
        write_file(file, [output.json_lines(report_of(migration, rows))])
        return
    forms = {TABLE_FORMS[name].extension: TABLE_FORMS[name] for name in SHEETS}
    form = forms.get(file.suffix.lower())
    if form is None:
        raise InvalidRequest(f"--review: {file.name} ends in none of .json, {', '.join(forms)}")
    write_file(file, form.written(review_table(migration, rows)).chunks)
