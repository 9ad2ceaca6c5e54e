"""Workbooks (xlsx, ECMA-376) as the texts in the cells of their sheets.

Read as the XML that they are. A spreadsheet library would lay out every cell between the first and the last: a workbook
of 2 kB with values in A1 and XFD1048576 ends the whole process in python-calamine 0.9.1, and so does one that claims to
share four billion texts. Here nothing takes more room than what the file holds.
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
"""How much a workbook may unpack to, and how much text a sheet may repeat. DISARM's of release 1.6 has 10.5 MB."""

_KINDS: Final[Mapping[str, str]] = {"n": "number", "b": "truth value", "e": "error", "d": "date"}
_REFERENCE: Final = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
# Characters that XML cannot hold or would change, by their number: `_x000D_` (ECMA-376 part 1, 22.9.2.19).
_ESCAPED: Final = re.compile(r"_x(?!0000|[Dd][89A-Fa-f])([0-9A-Fa-f]{4})_")


@dataclass(frozen=True, slots=True)
class NotText:
    """A value that the workbook holds as a number, truth value, error or date, as written there."""

    kind: str
    value: str

    def __str__(self) -> str:
        return f"the {self.kind} {self.value[:40]}"


Cell = str | NotText


@dataclass(frozen=True, slots=True)
class Row:
    """A row's number and its cells by the number of their column, both from 1. Blank cells are left out."""

    number: int
    cells: Mapping[int, Cell]


@dataclass(frozen=True)
class Workbook:
    """A workbook; `name` stands for it in messages, `modified` is the day that its own properties name."""

    name: str
    modified: date | None
    _sheets: Mapping[str, bytes] = field(repr=False)
    _shared: Sequence[str] = field(repr=False)

    def rows(self, sheet: str) -> Iterator[Row]:
        """The rows of a sheet that are not blank.

        Raises MalformedFile when there is no such sheet or it cannot be read.
        """
        if sheet not in self._sheets:
            raise MalformedFile(f"{self.name}: no sheet {sheet}")
        where = f"{self.name}: {sheet}"
        number = length = 0
        for element in parse_xml(self._sheets[sheet], where).iterfind("{*}sheetData/{*}row"):
            number = _row_number(element, number + 1, where)
            cells = dict(self._cells(element, f"{where}: row {number}"))
            # A text is in the file once, however many cells share it.
            length += sum(len(cell) for cell in cells.values() if isinstance(cell, str))
            if length > MAX_BYTES:
                raise MalformedFile(f"{where}: the cells hold more than {MAX_BYTES} characters")
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
            raise MalformedFile(f"{where}: a cell shares the text {value[:40]}, which is not there")
        return self._shared[int(value)]


def read_workbook(content: bytes, name: str) -> Workbook:
    """The workbook in a file; `name` stands for it in messages.

    Raises MalformedFile when it is no xlsx file, or one that is encrypted, damaged or larger than `MAX_BYTES` unpacked.
    """
    if not is_archive(content):
        raise MalformedFile(f"{name}: expected an xlsx workbook, found a file that begins with {content[:20]!r}")
    parts = all_members(content, name, MAX_BYTES)
    package = _relations(parts, "", name)
    main = _target(package, "officeDocument")
    if main not in parts:
        raise MalformedFile(f"{name}: expected an xlsx workbook, found a zip file without one")
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
"""What a part of a package says of another part: an id, the kind, and the other part's name."""


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
    # In one of two namespaces, by the writer's edition of the standard.
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
        raise MalformedFile(f"{where}: expected the number of a row, found {number[:40]}")
    return int(number)


def _column_number(cell: etree._Element, default: int, where: str) -> int:
    place = cell.get("r")
    if place is None:
        return default
    matched = _REFERENCE.fullmatch(place)
    if not matched:
        raise MalformedFile(f"{where}: expected the place of a cell, found {place[:40]}")
    number = 0
    for letter in matched[1]:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _text(holder: etree._Element) -> str:
    """The text of a cell, from one piece or several formatted runs, without phonetic hints."""
    return _unescaped("".join(part.text or "" for path in ("{*}t", "{*}r/{*}t") for part in holder.iterfind(path)))


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda escaped: chr(int(escaped[1], 16)), text)
