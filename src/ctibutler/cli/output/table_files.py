"""Answers in the form that the user asks for: to standard output, or to a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ctibutler.cli.output import text as output
from ctibutler.errors import InvalidRequest

if TYPE_CHECKING:
    from ctibutler.answers.tables.closures import Closure
    from ctibutler.answers.tables.table import Table
    from ctibutler.forms.table_forms import TableForm, Written

TABLE, JSON, LAYER = "table", "json", "layer"


@dataclass(frozen=True)
class Destination:
    """Where an answer goes, and as what: a form for whole lists; else JSON, or text for people."""

    form: TableForm | None
    is_json: bool
    file: Path | None
    closure: Closure | None = None

    def write_table(self, table: Table) -> None:
        """Write a whole list in its form, and say on standard error what was written.

        A file is replaced whole or not at all. Raises InvalidRequest if the form does not fit the table, and OSError.
        """
        from ctibutler.forms.table_forms import FormOptions

        assert self.form is not None
        written = self.form.written(table, FormOptions(closure=self.closure))
        self._check(written)
        rows = output.counted(int(table.facts["rows"]), "row")
        if self.file is not None:
            _write_file(self.file, written.chunks)
            output.note(f"{self.file}: {table.title}, {rows}")
        else:
            for chunk in written.chunks:
                output.write_bytes(chunk)
            output.note(f"{table.title}: {rows}")
        if written.missing:
            output.note(f"in no installed release: {', '.join(written.missing)}")

    def _check(self, written: Written) -> None:
        """Raises InvalidRequest if several layers would get the name of one, or the other way round, or go to a terminal."""
        from ctibutler.forms.layer_archive import EXTENSION

        if self.file is not None:
            is_named = self.file.name.lower().endswith(EXTENSION)
            if written.extension == EXTENSION and not is_named:
                raise InvalidRequest(
                    f"-o: there is a layer for each object; the name of the file has to end in {EXTENSION}"
                )
            if is_named and written.extension != EXTENSION:
                raise InvalidRequest(
                    f"-o: {self.file.name} would hold one layer; add --per start for one for each object"
                )
        elif written.extension == EXTENSION and output.on_terminal():
            raise InvalidRequest("--per start: a terminal cannot show a zip; write it to a file with -o")

    def write_json(self, value: object) -> None:
        """Write a value, or JSON as bytes, as indented JSON."""
        if self.file is None:
            output.write_json(value)
            return
        size = _write_file(self.file, [output.json_lines(value)])
        output.note(f"{self.file}: {output.size_text(size)}")


def destination(
    name: str | None, file: Path | None, *, as_json: bool = False, closure: str | None = None
) -> Destination:
    """Return where an answer goes by the options of a command: in the form of this name, else in that of the file's extension.

    Raises InvalidRequest for an unknown name or extension, and for a form that a terminal cannot show.
    """
    from ctibutler.cli.output.files import file_named
    from ctibutler.forms.table_forms import TABLE_FORMS

    file = file_named(file)
    known = (TABLE, JSON, *TABLE_FORMS)
    if name is not None and name not in known:
        raise InvalidRequest(f"--format: `{name}` is none of {', '.join(known)}")
    if as_json:
        if name not in (None, JSON):
            raise InvalidRequest(f"--json cannot be used with --format {name}")
        if file is not None and name is None and _form_of(file) != JSON:
            raise InvalidRequest(f"-o: {file.name} has the extension of another form than --json")
        name = JSON
    if file is not None and file.is_dir():  # said before anything is read
        raise InvalidRequest(f"{file} is a folder; name a file")
    if name is None and file is not None:
        name = _form_of(file)
    form = TABLE_FORMS.get(name or TABLE)
    if name == TABLE and file is not None:
        raise InvalidRequest(f"-o: --format {TABLE} goes to standard output; use one of {', '.join(known[1:])}")
    if form is not None and not form.is_text and file is None and output.on_terminal():
        raise InvalidRequest(f"--format {form.name}: a terminal cannot show it; write it to a file with -o")
    return Destination(form, name == JSON, file, _closure(closure, form))


def _closure(word: str | None, form: TableForm | None) -> Closure | None:
    from ctibutler.answers.tables.closures import CLOSURES

    if word is None:
        return None
    known = [closure for closure in CLOSURES if closure == word]
    if not known:
        raise InvalidRequest(f"--closure: `{word}` is none of {', '.join(CLOSURES)}")
    if form is None or form.name != "stix":
        raise InvalidRequest("--closure is for --format stix")
    return known[0]


def _form_of(file: Path) -> str:
    from ctibutler.forms.layer_archive import EXTENSION
    from ctibutler.forms.table_forms import TABLE_FORMS

    # Longer ones first: `.stix.json` ends in `.json` too.
    extensions = {form.extension: form.name for form in TABLE_FORMS.values()} | {".json": JSON, EXTENSION: LAYER}
    ending = [known for known in extensions if file.name.lower().endswith(known)]
    if not ending:
        raise InvalidRequest(f"-o: {file.name} ends in none of {', '.join(extensions)}; choose a form with --format")
    return extensions[max(ending, key=len)]


def _write_file(file: Path, chunks: Iterable[bytes]) -> int:
    from ctibutler.cli.output.files import write_file

    return write_file(file, chunks)
