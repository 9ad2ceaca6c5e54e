"""Reads the text in the cells of workbooks (xlsx, ECMA-376).

The XML is read directly, so that memory is limited by the size of the file. A spreadsheet library allocates every cell
between the first and the last: a workbook of 2 kB with values in A1 and XFD1048576 kills the process in
python-calamine 0.9.1, and so does one that claims to have four billion shared strings.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from lxml import etree

from ctibutler.errors import MalformedFile
from ctibutler.publishers.converters.xml_files import parse_xml
from ctibutler.publishers.web.archives import all_members, is_archive

MAX_BYTES: Final = 64 * 1024 * 1024
"""The largest size of an unpacked workbook, and of the text in one sheet. DISARM 1.6 has 10.5 MB."""

_KINDS: Final[Mapping[str, str]] = {"n": "number", "b": "boolean", "e": "error", "d": "date"}
_REFERENCE: Final = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
# Escapes of characters that XML cannot contain or would change: `_x000D_` (ECMA-376 part 1, 22.9.2.19).
_ESCAPED: Final = re.compile(r"_x(?!0000|[Dd][89A-Fa-f])([0-9A-Fa-f]{4})_")


@dataclass(frozen=True, slots=True)
class NotText:
    """A number, boolean, error or date, as written in the workbook."""

    kind: str
    value: str

    def __str__(self) -> str:
        return f"the {self.kind} {self.value[:40]}"


Cell = str | NotText


@dataclass(frozen=True, slots=True)
class Row:
    """The number of a row, and its cells by the number of their column. Both start at 1. Blank cells are left out."""

    number: int
    cells: Mapping[int, Cell]


@dataclass(frozen=True)
class Workbook:
    """A workbook. `name` is its name in messages, and `modified` the day on which it was saved, if it states one."""

    name: str
    modified: date | None
    _sheets: Mapping[str, bytes] = field(repr=False)
    _shared: Sequence[str] = field(repr=False)

    def rows(self, sheet: str) -> Iterator[Row]:
        """The rows of a sheet that are not blank.

        Raises MalformedFile if there is no such sheet, or if it cannot be read.
        """
        if sheet not in self._sheets:
            raise MalformedFile(f"{self.name}: sheet {sheet} is missing")
        where = f"{self.name}: {sheet}"
        number = length = 0
        for element in parse_xml(self._sheets[sheet], where).iterfind("{*}sheetData/{*}row"):
            number = _row_number(element, number + 1, where)
            cells = dict(self._cells(element, f"{where}: row {number}"))
            # Cells can share a text that is in the file only once.
            length += sum(len(cell) for cell in cells.values() if isinstance(cell, str))
            if length > MAX_BYTES:
                raise MalformedFile(f"{where}: the cells have more than {MAX_BYTES} characters")
            if cells:
                yield Row(number, cells)

    def _cells(self, row: etree._Element, where: str) -> Iterator[tuple[int, Cell]]:
        column = 0
        for element in row.iterfind("{*}c"):
            column = _column_number(element, column + 1, where)
            cell = self._cell(element, where)
            if isinstance(cell, NotText) or cell.strip():
                yield column, cell

    def _cell(self, element: etree._Element, where: str) -> Cell:
        kind = element.get("t", "n")
        if kind == "inlineStr":
            return "".join(_text(inline) for inline in element.iterfind("{*}is"))
        value = element.findtext("{*}v") or ""
        if kind == "str" or not value:
            return _unescaped(value)
        if kind != "s":
            return NotText(_KINDS.get(kind, "value"), value)
        if not _NUMBER.fullmatch(value) or int(value) >= len(self._shared):
            raise MalformedFile(f"{where}: a cell refers to the shared string {value[:40]}, which does not exist")
        return self._shared[int(value)]


def read_workbook(content: bytes, name: str) -> Workbook:
    """Read a workbook. `name` is its name in messages.

    Raises MalformedFile if it is not an xlsx file, is encrypted or damaged, or is larger than `MAX_BYTES` when unpacked.
    """
    if not is_archive(content):
        raise MalformedFile(f"{name}: expected an xlsx workbook, found a file that begins with {content[:20]!r}")
    parts = all_members(content, name, MAX_BYTES)
    package = _relations(parts, "", name)
    main = _target(package, "officeDocument")
    if main not in parts:
        raise MalformedFile(f"{name}: expected an xlsx workbook, found another zip file")
    related = _relations(parts, main, name)
    targets = {relation_id: target for relation_id, _, target in related}
    named = {
        sheet.get("name", ""): targets.get(_relation_id(sheet), "")
        for sheet in parse_xml(parts[main], f"{name}: {main}").iterfind("{*}sheets/{*}sheet")
    }
    return Workbook(
        name,
        _day_of_change(parts, _target(package, "core-properties"), name),
        {sheet: parts[part] for sheet, part in named.items() if part in parts},
        _shared_texts(parts, _target(related, "sharedStrings"), name),
    )


_Relation = tuple[str, str, str]
"""A reference from one part of a package to another: its id, its kind, and the name of the other part."""


def _relations(parts: Mapping[str, bytes], part: str, name: str) -> list[_Relation]:
    folder, file = posixpath.split(part)
    where = posixpath.join(folder, "_rels", f"{file}.rels")
    if where not in parts:
        return []
    return [
        (
            entry.get("Id", ""),
            entry.get("Type", "").rpartition("/")[2],
            posixpath.normpath(posixpath.join("/", folder, entry.get("Target", ""))).lstrip("/"),
        )
        for entry in parse_xml(parts[where], f"{name}: {where}").iterfind("{*}Relationship")
    ]


def _target(relations: Sequence[_Relation], kind: str) -> str:
    return next((target for _, found, target in relations if found == kind), "")


def _relation_id(sheet: etree._Element) -> str:
    # The namespace depends on the edition of the standard.
    return next((str(value) for key, value in sheet.items() if str(key).endswith("/relationships}id")), "")


def _shared_texts(parts: Mapping[str, bytes], part: str, name: str) -> list[str]:
    if part not in parts:
        return []
    return [_text(item) for item in parse_xml(parts[part], f"{name}: {part}").iterfind("{*}si")]


def _day_of_change(parts: Mapping[str, bytes], part: str, name: str) -> date | None:
    if part not in parts:
        return None
    modified = parse_xml(parts[part], f"{name}: {part}").findtext("{http://purl.org/dc/terms/}modified") or ""
    try:
        return date.fromisoformat(modified.strip()[:10])
    except ValueError:
        return None


def _row_number(row: etree._Element, default: int, where: str) -> int:
    number = row.get("r")
    if number is None:
        return default
    if not _NUMBER.fullmatch(number):
        raise MalformedFile(f"{where}: expected a row number, found {number[:40]}")
    return int(number)


def _column_number(cell: etree._Element, default: int, where: str) -> int:
    place = cell.get("r")
    if place is None:
        return default
    matched = _REFERENCE.fullmatch(place)
    if not matched:
        raise MalformedFile(f"{where}: expected a cell reference, found {place[:40]}")
    number = 0
    for letter in matched[1]:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _text(holder: etree._Element) -> str:
    """The text of a cell, which can have several formatted runs. Phonetic hints are left out."""
    return _unescaped("".join(part.text or "" for path in ("{*}t", "{*}r/{*}t") for part in holder.iterfind(path)))


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda escaped: chr(int(escaped[1], 16)), text)
