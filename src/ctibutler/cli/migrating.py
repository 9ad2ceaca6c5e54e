"""Files that are migrated: read from the command line's paths, and written back."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ctibutler.cli.output import text as output
from ctibutler.errors import InvalidRequest, Problem, TooMuch, UnreadableFile
from ctibutler.migration.files import InputFile, Migration, Options
from ctibutler.migration.limits import Limits

if TYPE_CHECKING:
    from ctibutler.answers.library import Library
    from ctibutler.cli.session import Session
    from ctibutler.knowledge_bases.declaration import KnowledgeBase
    from ctibutler.migration.review import ReviewRow

STANDARD_INPUT = "-"

_KNOWN = frozenset((".json", ".yml", ".yaml", ".toml", ".csv", ".tsv", ".xlsx", ".txt", ".md"))
"""The extensions of files in folders that may be of a kind that is known."""

_MOST_NAMED = 20
_MOST_TOLD = 10


def read_files(paths: Sequence[str], limits: Limits) -> tuple[list[InputFile], list[Problem]]:
    """Return the files that are named, and those in folders that are named, with the errors of those that cannot be read.
    Names what is left alone in folders, but for hidden files.

    Raises InvalidRequest for a path that does not exist.
    """
    found: list[Path] = []
    left: list[Path] = []
    for text in paths:
        path = Path(text)
        if path.is_dir():
            for one in sorted(each for each in path.rglob("*") if each.is_file() and not each.is_symlink()):
                if not any(part.startswith(".") for part in one.parts[len(path.parts) :]):
                    (found if one.suffix.lower() in _KNOWN else left).append(one)
        elif text == STANDARD_INPUT or path.is_file():
            found.append(path)
        else:
            raise InvalidRequest(f"{text}: no such file or folder")
    for path in left[:_MOST_NAMED]:
        output.note(f"{path}: left alone, of no kind that is known")
    if len(left) > _MOST_NAMED:
        output.note(f"{output.counted(len(left) - _MOST_NAMED, 'more file')}: left alone, of no kind that is known")
    if not found:
        raise InvalidRequest("no file of a kind that is known")
    files: list[InputFile] = []
    broken: list[Problem] = []
    for path in dict.fromkeys(found):
        try:
            files.append(_read(path, limits))
        except TooMuch as problem:
            broken.append(problem)
        except OSError as failure:
            broken.append(UnreadableFile(f"{path}: {failure.strerror or failure}"))
    return files, broken


def _read(path: Path, limits: Limits) -> InputFile:
    if str(path) == STANDARD_INPUT:
        name, content = "standard input", sys.stdin.buffer.read(limits.size + 1)
    else:
        with path.open("rb") as file:
            name, content = str(path), file.read(limits.size + 1)
    if len(content) > limits.size:
        raise TooMuch(f"{name}: more than {limits.size:,} bytes")
    return InputFile(name, content)


def chosen(session: Session, library: Library, files: Sequence[InputFile], options: Options) -> KnowledgeBase:
    """Return the installed knowledge base that files speak of.

    Raises InvalidRequest if that is not certain.
    """
    from ctibutler.cli.finding import labels_of
    from ctibutler.migration.choosing import knowledge_base_of

    there = [kb for kb in session.knowledge_bases.all if labels_of(library, kb)]
    return knowledge_base_of(library, there, files, options)


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


def note_humans(rows: Sequence[ReviewRow]) -> None:
    """Name what needs a human, and for each the candidate that rests on more than similar words."""
    human = [row for row in rows if row.handling == "human"]
    for row in human[:_MOST_TOLD]:
        best = next((one for one in row.candidates if one.why != "similar"), None)
        candidate = "" if best is None else f" Candidate: {best.id} {best.name or ''}"
        shown = f"{row.id} {row.name}" if row.name else row.id
        output.note(f"human: {row.file}, {row.where}: {shown}: {row.reason}{candidate}".rstrip())
    if len(human) > _MOST_TOLD:
        output.note(f"human: {len(human) - _MOST_TOLD:,} more; --review FILE lists all")


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
