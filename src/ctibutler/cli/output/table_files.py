"""Whole lists in the form that the user asks for: to standard output, or to a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ctibutler.cli.output import text as output
from ctibutler.errors import InvalidRequest

if TYPE_CHECKING:
    from ctibutler.answers.tables.table import Table
    from ctibutler.forms.table_forms import TableForm

TABLE, JSON = "table", "json"


def form_of(name: str | None, file: Path | None) -> TableForm | None:
    """Return the form of this name, else that of the file's extension; None for a table on the screen and for JSON.

    Raises InvalidRequest for an unknown name or extension, and for a form that a terminal cannot show.
    """
    from ctibutler.forms.table_forms import TABLE_FORMS

    if name is not None and name not in (TABLE, JSON) and name not in TABLE_FORMS:
        raise InvalidRequest(f"--format: `{name}` is none of {TABLE}, {JSON}, {', '.join(TABLE_FORMS)}")
    if name is None and file is not None:
        extensions = {form.extension: form.name for form in TABLE_FORMS.values()}
        name = extensions.get(file.suffix.lower())
        if name is None:
            raise InvalidRequest(
                f"-o: {file.name} ends in none of {', '.join(extensions)}; choose a form with --format"
            )
    form = TABLE_FORMS.get(name or TABLE)
    if form is None and file is not None:
        raise InvalidRequest(f"-o: --format {name} goes to standard output; use one of {', '.join(TABLE_FORMS)}")
    if form is not None and not form.is_text and file is None and output.on_terminal():
        raise InvalidRequest(f"--format {form.name}: a terminal cannot show it; write it to a file with -o")
    return form


def write_in_form(table: Table, form: TableForm, file: Path | None) -> None:
    """Write a table to a file, which is replaced whole or not at all, or to standard output.

    Says on standard error what was written. Raises InvalidRequest and OSError.
    """
    from ctibutler.cli.output.files import write_file

    if file is None:
        for chunk in form.write(table):
            output.write_bytes(chunk)
        return
    write_file(file, form.write(table))
    output.note(f"{file}: {table.title}, {output.counted(int(table.facts['rows']), 'row')}")
