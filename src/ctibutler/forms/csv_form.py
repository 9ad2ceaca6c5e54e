"""Tables as CSV (RFC 4180): UTF-8, lines that end with CRLF, and no cell that a spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from ctibutler.answers.tables.table import Table
from ctibutler.forms.guard import guarded

_CHUNK = 64 * 1024
BOM = b"\xef\xbb\xbf"


def table_as_csv(table: Table, *, bom: bool = False) -> Iterator[bytes]:
    """Yield the table as CSV, its headings first. `bom` puts the mark in front that old versions of Excel need."""
    written = io.StringIO()
    write = csv.writer(written, lineterminator="\r\n").writerow
    if bom:
        yield BOM
    write(table.columns)
    for row in table.rows:
        write(_guarded(row.cells))
        if written.tell() >= _CHUNK:
            yield _taken(written)
    yield _taken(written)


def _guarded(cells: Sequence[str]) -> list[str]:
    return [guarded(cell) for cell in cells]


def _taken(written: io.StringIO) -> bytes:
    # Half a surrogate pair, which JSON can express, has no form in UTF-8.
    text = written.getvalue().encode("utf-8", "replace")
    written.seek(0)
    written.truncate()
    return text
