"""Excel workbooks: ids in the cells of one column of each sheet. Only these cells change; formats, formulas and all other parts
stay as they are."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat
from xml.sax.saxutils import escape

from ctibutler.errors import UnreadableFile
from ctibutler.migration.columns import column_of, items_of_cell, new_cell
from ctibutler.migration.items import Item, Items, Joined, Place, Reading, Replacements, Written

LARGEST_UNPACKED: Final = 200 * 1024 * 1024
LARGEST_RATIO: Final = 200
"""So many times larger than in the file may a part be. XML of repetitive tables reaches about 50."""

MOST_PARTS: Final = 10_000
_SMALL: Final = 1024 * 1024
_LONGEST_CELL: Final = 32_767
_SAMPLE: Final = 200
_CELL: Final = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_NOT_IN_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(slots=True)
class _Cell:
    """A cell that holds a text: where its element begins and ends in its part, in bytes."""

    name: str
    row: int
    column: int
    start: int
    end: int
    style: str | None
    value: str


@dataclass(slots=True)
class _Sheet:
    name: str
    part: str
    cells: list[_Cell] = field(default_factory=list)
    prefix: str = ""


def is_workbook(content: bytes) -> bool:
    """Whether a file is a zip with a workbook in it."""
    if not content.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return False


def read(content: bytes, reading: Reading) -> list[Item]:
    """Return the ids in the column of each sheet that the reading names, else in the one that has the most.

    Raises UnreadableFile if the workbook is broken, has macros, or is larger than it may be.
    """
    items: list[Item] = []
    slot = 0
    for sheet in _sheets(_parts(content)):
        rows: dict[int, dict[int, _Cell]] = {}
        for cell in sheet.cells:
            rows.setdefault(cell.row, {})[cell.column] = cell
        if not rows:
            continue
        numbers = sorted(rows)
        width = max(max(row) for row in rows.values()) + 1
        table = [[_value(rows[number].get(column)) for column in range(width)] for number in numbers[: _SAMPLE + 1]]
        column, has_header = column_of(reading, table[0], table)
        for number in numbers[1 if has_header else 0 :]:
            if column in rows[number]:
                slot += 1
                held = rows[number][column]
                place = Place(sheet=sheet.name, cell=held.name)
                items += items_of_cell(reading.kb, held.value, place, held.start, held.end, slot)
    return items


def write(content: bytes, reading: Reading, items: Items, replacements: Replacements) -> Written:
    """Return the workbook with the replacements in its cells. Every other part keeps its bytes."""
    parts = _parts(content)
    joined: list[Joined] = []
    changed: dict[str, bytes] = {}
    for sheet in _sheets(parts):
        cells = {(cell.name, cell.start): cell for cell in sheet.cells}
        slots: dict[int | None, list[int]] = {}
        for number, item in enumerate(items):
            if item.place.sheet == sheet.name and (item.place.cell or "", item.start) in cells:
                slots.setdefault(item.slot, []).append(number)
        edits = []
        for numbers in slots.values():
            if not any(number in replacements for number in numbers):
                continue
            cell = cells[items[numbers[0]].place.cell or "", items[numbers[0]].start]
            value, met = new_cell(cell.value, items, numbers, replacements)
            joined += met
            if value != cell.value:
                edits.append((cell.start, cell.end, _written(cell, value, sheet.prefix)))
        if edits:
            changed[sheet.part] = _spliced(parts[sheet.part], edits)
    return Written(_packed(content, changed) if changed else content, tuple(joined))


def _value(cell: _Cell | None) -> str:
    return "" if cell is None else cell.value


def _written(cell: _Cell, value: str, prefix: str) -> bytes:
    style = f' s="{cell.style}"' if cell.style is not None else ""
    if not value:
        return f'<{prefix}c r="{cell.name}"{style}/>'.encode()
    text = escape(_NOT_IN_XML.sub("\ufffd", value[:_LONGEST_CELL]))
    space = ' xml:space="preserve"' if text != text.strip() or "\n" in text else ""
    inner = f"<{prefix}is><{prefix}t{space}>{text}</{prefix}t></{prefix}is>"
    return f'<{prefix}c r="{cell.name}"{style} t="inlineStr">{inner}</{prefix}c>'.encode()


def _spliced(part: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    pieces, done = [], 0
    for start, end, new in sorted(edits):
        pieces += [part[done:start], new]
        done = end
    return b"".join([*pieces, part[done:]])


def _packed(content: bytes, changed: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(written, "w") as new:
        for entry in old.infolist():
            part = changed.get(entry.filename)
            new.writestr(entry, old.read(entry) if part is None else part, compress_type=entry.compress_type)
    return written.getvalue()


def _parts(content: bytes) -> dict[str, bytes]:
    """Unpack the parts that are read: the workbook, its relations, the sheets and the shared texts."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            _refuse_bomb(entries)
            names = {entry.filename for entry in entries}
            if "xl/vbaProject.bin" in names:
                raise UnreadableFile("the workbook has macros; save it as .xlsx without them")
            wanted = re.compile(
                r"\[Content_Types\]\.xml|xl/workbook\.xml|xl/_rels/workbook\.xml\.rels|xl/sharedStrings\.xml|xl/worksheets/[^/]+\.xml"
            )
            parts = {name: archive.read(name) for name in sorted(names) if wanted.fullmatch(name)}
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, OSError, NotImplementedError, RuntimeError) as failure:
        raise UnreadableFile(f"not a zip that can be read: {failure}") from None
    if b"macroEnabled" in parts.get("[Content_Types].xml", b""):
        raise UnreadableFile("the workbook has macros; save it as .xlsx without them")
    return parts


def _refuse_bomb(entries: list[zipfile.ZipInfo]) -> None:
    total = sum(entry.file_size for entry in entries)
    if len(entries) > MOST_PARTS or total > LARGEST_UNPACKED:
        raise UnreadableFile(
            f"the workbook unpacks to {total:,} bytes in {len(entries):,} parts: more than it may have"
        )
    for entry in entries:
        if entry.file_size > _SMALL and entry.file_size > LARGEST_RATIO * max(entry.compress_size, 1):
            raise UnreadableFile(f"{entry.filename[:80]}: unpacks to {entry.file_size:,} bytes, as a zip bomb does")
        if entry.flag_bits & 1:
            raise UnreadableFile("the workbook is encrypted")


def _sheets(parts: dict[str, bytes]) -> Iterator[_Sheet]:
    shared = _shared_texts(parts["xl/sharedStrings.xml"]) if "xl/sharedStrings.xml" in parts else []
    for name, part in _sheet_names(parts):
        if part in parts:
            sheet = _Sheet(name, part)
            _read_cells(sheet, parts[part], shared)
            yield sheet


def _sheet_names(parts: dict[str, bytes]) -> list[tuple[str, str]]:
    targets: dict[str, str] = {}
    sheets: list[tuple[str, str]] = []

    def relation(name: str, attributes: dict[str, str]) -> None:
        if _local(name) == "Relationship":
            target = attributes.get("Target", "")
            targets[attributes.get("Id", "")] = posixpath.normpath(posixpath.join("xl", target)).lstrip("/")

    def sheet(name: str, attributes: dict[str, str]) -> None:
        if _local(name) == "sheet":
            key = next((value for key, value in attributes.items() if _local(key) == "id"), "")
            sheets.append((attributes.get("name", ""), key))

    _parse("xl/_rels/workbook.xml.rels", parts.get("xl/_rels/workbook.xml.rels", b""), relation)
    _parse("xl/workbook.xml", parts.get("xl/workbook.xml", b""), sheet)
    return [(name, targets.get(key, "")) for name, key in sheets]


def _parse(name: str, part: bytes, start: object, end: object = None, text: object = None) -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    _set_up(parser, name, start, end, text)
    try:
        parser.Parse(part, True)
    except expat.ExpatError as failure:
        raise UnreadableFile(f"{name}: not XML: {failure}") from None
    return parser


def _set_up(parser: expat.XMLParserType, name: str, start: object, end: object, text: object) -> None:
    def refuse(*_: object) -> None:
        raise UnreadableFile(f"{name}: has a document type, as no part of a workbook does")

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start  # type: ignore[assignment]
    if end is not None:
        parser.EndElementHandler = end  # type: ignore[assignment]
    if text is not None:
        parser.CharacterDataHandler = text  # type: ignore[assignment]


def _shared_texts(part: bytes) -> list[str]:
    texts: list[str] = []
    pieces: list[str] = []
    inside = {"t": False, "rPh": False}

    def start(name: str, _: dict[str, str]) -> None:
        if (local := _local(name)) == "si":
            pieces.clear()
        elif local in inside:
            inside[local] = True

    def end(name: str) -> None:
        if (local := _local(name)) == "si":
            texts.append("".join(pieces))
        elif local in inside:
            inside[local] = False

    def text(data: str) -> None:
        if inside["t"] and not inside["rPh"]:
            pieces.append(data)

    _parse("xl/sharedStrings.xml", part, start, end, text)
    return texts


def _read_cells(sheet: _Sheet, part: bytes, shared: list[str]) -> None:
    """Fill in the cells that hold texts. Cells with formulas are left alone."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    found: dict[str, str] = {}
    pieces: list[str] = []
    begun = 0
    is_formula = in_text = False

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal found, begun, is_formula, in_text
        local = _local(name)
        if local == "c":
            found, begun, is_formula = attributes, parser.CurrentByteIndex, False
            pieces.clear()
            sheet.prefix = name[: -len(local)]
        elif local == "f":
            is_formula = True
        elif local in ("v", "t"):
            in_text = True

    def end(name: str) -> None:
        nonlocal in_text
        local = _local(name)
        if local in ("v", "t"):
            in_text = False
        elif local == "c":
            value = _text_of(found.get("t", ""), "".join(pieces), shared)
            at = _CELL.fullmatch(found.get("r", ""))
            if value and at is not None and not is_formula:
                last = part.index(b">", parser.CurrentByteIndex) + 1
                sheet.cells.append(_Cell(at[0], int(at[2]), _number(at[1]), begun, last, found.get("s"), value))

    def text(data: str) -> None:
        if in_text:
            pieces.append(data)

    _set_up(parser, sheet.part, start, end, text)
    try:
        parser.Parse(part, True)
    except expat.ExpatError as failure:
        raise UnreadableFile(f"{sheet.part}: not XML: {failure}") from None


def _text_of(kind: str, raw: str, shared: list[str]) -> str:
    if kind == "s":
        return shared[int(raw)] if raw.isdecimal() and int(raw) < len(shared) else ""
    return raw if kind in ("inlineStr", "str") else ""


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def rows_of_first_sheet(content: bytes) -> list[list[str]]:
    """Return the texts of the first sheet of a workbook, row by row.

    Raises UnreadableFile.
    """
    sheet = next(_sheets(_parts(content)), None)
    rows: dict[int, dict[int, str]] = {}
    for cell in sheet.cells if sheet is not None else ():
        rows.setdefault(cell.row, {})[cell.column] = cell.value
    return [
        [rows.get(number, {}).get(column, "") for column in range(max(rows.get(number, {0: ""}), default=0) + 1)]
        for number in range(1, max(rows, default=0) + 1)
    ]
