"""Tables as Excel workbooks. Cells are texts: never formulas, links or numbers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from ctibutler.answers.tables.release_sheets import ReleaseSheets
from ctibutler.answers.tables.table import Row, Sheet, Table
from ctibutler.errors import InvalidRequest
from ctibutler.forms.xml_text import xml_text

MOST_ROWS = 1_048_576
"""So many rows fit into a sheet, headings included."""

LONGEST_CELL = 32_767
"""So many characters fit into a cell."""

_CUT = " … [cut]"
_CHUNK = 256 * 1024


def table_as_workbook(table: Table) -> Iterator[bytes]:
    """Yield a workbook with the sheets `results`, `evidence` where there is any, and `about`.

    The same table gives the same bytes. It is written to a temporary file row by row, so that its size takes no memory. Texts
    that are too long for a cell are cut, and `about` says how many.

    Raises InvalidRequest if there are more rows than a sheet can hold.
    """
    return _by_way_of_a_file(lambda path: _write(table, path))


def release_as_workbook(release: ReleaseSheets) -> Iterator[bytes]:
    """Yield a workbook with the sheets of a release, and `about`. It is written as a table is.

    Raises InvalidRequest if there are more rows than a sheet can hold.
    """
    return _by_way_of_a_file(lambda path: _write_release(release, path))


def _by_way_of_a_file(write: Callable[[Path], None]) -> Iterator[bytes]:
    with tempfile.TemporaryDirectory(prefix="ctibutler-") as folder:
        path = Path(folder, "table.xlsx")
        write(path)
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk


def _write_release(release: ReleaseSheets, path: Path) -> None:
    facts = {"release": release.title, "digest": release.digest}
    _write_book(path, release.title, release.installed_at, release.sheets, facts)


def _write(table: Table, path: Path) -> None:
    sheets = [("results", Sheet(table.columns, table.rows))]
    if table.evidence is not None:
        sheets.append(("evidence", table.evidence()))
    _write_book(path, table.title, table.changed_at, sheets, table.facts)


def _write_book(
    path: Path, title: str, changed_at: int, sheets: Iterable[tuple[str, Sheet]], facts: Mapping[str, str]
) -> None:
    with Workbook(path, {"constant_memory": True, "tmpdir": str(path.parent)}) as book:
        # The time of the release, not of the request: a workbook depends on the catalogue alone.
        made = datetime.fromtimestamp(changed_at // 1_000_000, UTC)
        book.set_properties({"title": title, "created": made})
        bold = book.add_format({"bold": True})
        cut = sum(_write_sheet(book, name, sheet, bold) for name, sheet in sheets)
        about = book.add_worksheet("about")
        for number, fact in enumerate({**facts, **({"cells cut": str(cut)} if cut else {})}.items()):
            _write_row(about, number, fact)


def _write_sheet(book: Workbook, name: str, sheet: Sheet, bold: Format) -> int:
    """Write a sheet with its headings, and return how many of its cells were cut."""
    written = book.add_worksheet(name)
    written.freeze_panes(1, 0)
    _write_row(written, 0, sheet.columns, bold)
    return sum(_write_row(written, number, row.cells) for number, row in enumerate(_that_fit(sheet.rows), start=1))


def _that_fit(rows: Iterable[Row]) -> Iterator[Row]:
    for number, row in enumerate(rows, start=1):
        if number >= MOST_ROWS:
            raise InvalidRequest.of("format", f"More than {MOST_ROWS - 1:,} rows do not fit into a workbook; use csv.")
        yield row


def _write_row(sheet: Worksheet, number: int, cells: Sequence[str], *style: object) -> int:
    """Write a row, and return how many of its cells were cut."""
    cut = 0
    for place, cell in enumerate(cells):
        text = xml_text(cell)
        if len(text) > LONGEST_CELL:
            text, cut = text[: LONGEST_CELL - len(_CUT)] + _CUT, cut + 1
        sheet.write_string(number, place, text, *style)
    return cut
