"""Tables as CSV or TSV: ids in the cells of one column. Quotes, line ends and all other cells stay as they are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ctibutler.errors import UnreadableFile
from ctibutler.forms.guard import guarded
from ctibutler.migration.columns import column_of, items_of_cell, new_cell
from ctibutler.migration.items import Item, Items, Joined, Place, Reading, Replacements, Written
from ctibutler.migration.texts import BOM, Edit, Lines, decoded, spliced

_DELIMITERS = {"csv": (",", ";"), "tsv": ("\t",)}
_SAMPLE = 200
ADDED_COLUMNS = ("outcome", "new_name", "note")


@dataclass(frozen=True, slots=True)
class _Cell:
    start: int
    end: int
    value: str


def is_table(text: str, name: str) -> bool:
    """Whether a text is a table with the delimiters of `csv` or `tsv`: equal numbers of columns in nine of ten rows."""
    return _delimiter(text, name) is not None


def read(content: bytes, reading: Reading, name: str) -> list[Item]:
    """Return the ids in the column that the reading names, else in the one that is named like an id or has the most.

    Raises UnreadableFile for a quote that is not closed, InvalidRequest for an unknown column.
    """
    text = decoded(content)
    rows = list(_rows(text, _delimiter(text, name) or ","))
    lines = Lines(text)
    header = [cell.value.strip(BOM + " ") for cell in rows[0]] if rows else []
    column, has_header = column_of(reading, header, ([cell.value for cell in row] for row in rows[: _SAMPLE + 1]))
    items: list[Item] = []
    for number, row in enumerate(rows):
        if (number == 0 and has_header) or column >= len(row):
            continue
        cell = row[column]
        place = lines.place(cell.start)
        shown = Place(line=place.line, column=place.column)
        items += items_of_cell(reading.kb, cell.value, shown, cell.start, cell.end, slot=number)
    return items


def write(content: bytes, reading: Reading, items: Items, replacements: Replacements, name: str) -> Written:
    """Return the table with the replacements in it, and further columns if the reading asks for them."""
    text = decoded(content)
    edits: list[Edit] = []
    joined: list[Joined] = []
    for numbers in _slots(items).values():
        if any(number in replacements for number in numbers):
            first = items[numbers[0]]
            raw = text[first.start : first.end]
            quoted = raw.startswith('"')
            value = raw[1:-1].replace('""', '"') if quoted else raw
            new, met = new_cell(value, items, numbers, replacements)
            joined += met
            if new != value:
                edits.append((first.start, first.end, _as_cell(new, quoted, _delimiter(text, name) or ",")))
    if reading.add_columns:
        edits += _more_cells(text, _delimiter(text, name) or ",", items, reading)
    return Written(spliced(text, edits).encode(), tuple(joined))


def _slots(items: Items) -> dict[int | None, list[int]]:
    slots: dict[int | None, list[int]] = {}
    for number, item in enumerate(items):
        slots.setdefault(item.slot, []).append(number)
    return slots


def _as_cell(value: str, quoted: bool, delimiter: str) -> str:
    if quoted or any(char in value for char in (delimiter, '"', "\n", "\r")):
        return '"' + value.replace('"', '""') + '"'
    return value


def _more_cells(text: str, delimiter: str, items: Items, reading: Reading) -> list[tuple[int, int, str]]:
    notes: dict[int | None, list[tuple[str, str, str]]] = {}
    for number, item in enumerate(items):
        if number in reading.notes:
            notes.setdefault(item.slot, []).append(reading.notes[number])
    edits = []
    rows = list(_rows(text, delimiter))
    for number, row in enumerate(rows):
        if len(row) == 1 and not row[0].value:
            continue
        if number == 0 and number not in notes:
            cells = list(ADDED_COLUMNS)
        else:
            columns = zip(*notes.get(number, [("", "", "")]), strict=True)
            outcomes, names, reasons = [list(dict.fromkeys(filter(None, values))) for values in columns]
            cells = ["; ".join(outcomes), "; ".join(names), " ".join(reasons)]
        end = row[-1].end
        edits.append((end, end, "".join(delimiter + _as_cell(guarded(cell), False, delimiter) for cell in cells)))
    return edits


def _delimiter(text: str, name: str) -> str | None:
    for delimiter in _DELIMITERS[name]:
        if delimiter in text[: 64 * 1024] and _is_even(text, delimiter):
            return delimiter
    return None


def _is_even(text: str, delimiter: str) -> bool:
    widths: Counter[int] = Counter()
    try:
        for row in _rows(text, delimiter):
            if len(row) > 1 or row[0].value.strip():
                widths[len(row)] += 1
    except UnreadableFile:
        # A quote that is not closed: a table if what comes before it is one.
        pass
    if not widths:
        return False
    width, rows = widths.most_common(1)[0]
    return width > 1 and rows > 1 and rows * 10 >= sum(widths.values()) * 9


def _rows(text: str, delimiter: str) -> Iterator[list[_Cell]]:
    """Yield the cells of each row with their places.

    Raises UnreadableFile if a quote is not closed.
    """
    pattern = _cells(delimiter)
    at = 1 if text.startswith(BOM) else 0
    row: list[_Cell] = []
    while at <= len(text):
        if text.startswith('"', at):
            end = _closing(text, at)
            raw = text[at:end]
            row.append(_Cell(at, end, raw[1:-1].replace('""', '"')))
        else:
            match = pattern.match(text, at)
            end = at if match is None else match.end()
            row.append(_Cell(at, end, text[at:end]))
        if text.startswith(delimiter, end):
            at = end + 1
            continue
        yield row
        row = []
        rest = end
        if text.startswith("\r\n", rest):
            rest += 2
        elif rest < len(text) and text[rest] in "\r\n":
            rest += 1
        elif rest < len(text):
            raise UnreadableFile(f"{Lines(text).place(rest)}: something follows after a closing quote")
        else:
            return
        if rest >= len(text):
            return
        at = rest


def _closing(text: str, start: int) -> int:
    at = start + 1
    while True:
        quote = text.find('"', at)
        if quote == -1:
            raise UnreadableFile(f"{Lines(text).place(start)}: a quote that is not closed")
        if not text.startswith('"', quote + 1):
            return quote + 1
        at = quote + 2


def _cells(delimiter: str) -> re.Pattern[str]:
    return re.compile(rf"[^{re.escape(delimiter)}\r\n]*")
