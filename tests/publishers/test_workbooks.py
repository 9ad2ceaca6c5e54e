"""Reading the cells of workbooks, including malicious ones."""

from __future__ import annotations

import tracemalloc
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctibutler.errors import MalformedFile
from ctibutler.publishers.converters import workbooks
from ctibutler.publishers.converters.workbooks import Cell, NotText, read_workbook
from tests.publishers.books import archive, book, members_of, relations, shared_texts
from tests.shared import shared_path

EXCERPT = Path(__file__).parent / "data/disarm-1.6-excerpt.xlsx"
FAR_APART = (
    '<row r="1"><c r="A1" t="inlineStr"><is><t>near</t></is></c></row>'
    '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>far</t></is></c></row>'
)
ONE_SHARED = '<row><c t="s"><v>0</v></c></row>'


def cells(content: bytes, sheet: str = "tactics") -> dict[tuple[int, int], Cell]:
    """The cells of a sheet by row and column."""
    rows = read_workbook(content, "x.xlsx").rows(sheet)
    return {(row.number, column): cell for row in rows for column, cell in row.cells.items()}


def test_cells_have_their_positions_and_blank_ones_are_left_out() -> None:
    rows = '<row r="3"><c r="B3" t="str"><v>a</v></c><c t="str"><v>b</v></c><c r="AA3" t="str"><v> c </v></c></row>'
    more = '<row><c t="str"><v>d</v></c><c r="B4"/><c><v></v></c><c t="str"><v> \n</v></c></row><row r="9"/>'
    assert cells(book({"tactics": rows + more})) == {(3, 2): "a", (3, 3): "b", (3, 27): " c ", (4, 1): "d"}


def test_texts_are_read_in_every_way_of_storing_them() -> None:
    items = "<si><t>plain</t></si><si><r><t>two </t></r><r><rPr><b/></rPr><t>looks</t></r><rPh><t>sound</t></rPh></si>"
    rows = (
        '<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c><c t="inlineStr"><is><r><t>in</t></r><r><t>line</t></r></is></c>'
        '<c t="str"><f>A1</f><v>result</v></c><c t="s"><v>0</v></c></row>'
    )
    content = book({"tactics": rows}, sharedStrings=shared_texts(items))
    assert list(cells(content).values()) == ["plain", "two looks", "inline", "result", "plain"]


def test_escaped_characters_are_decoded() -> None:
    written = {"a_x000D_b": "a\rb", "_x005F_x000D_": "_x000D_", "_xD83D_": "_xD83D_", "_x0000_": "_x0000_"}
    content = book({"tactics": [list(written)]})
    assert list(cells(content).values()) == list(written.values())


def test_values_that_are_not_texts_are_described() -> None:
    rows = (
        '<row><c><v>2.50</v></c><c t="b"><v>1</v></c><c t="e"><v>#N/A</v></c><c t="d"><v>2024-11-22</v></c>'
        '<c t="n"><v>7</v></c></row>'
    )
    found = list(cells(book({"tactics": rows})).values())
    assert found[0] == NotText("number", "2.50")
    assert [str(cell) for cell in found[1:]] == [
        "the boolean 1",
        "the error #N/A",
        "the date 2024-11-22",
        "the number 7",
    ]


def test_a_workbook_has_a_date() -> None:
    workbook = read_workbook(EXCERPT.read_bytes(), "x.xlsx")
    assert workbook.modified == date(2024, 11, 22)


@pytest.mark.parametrize("stored", ["", "yesterday", "2024-13-01T00:00:00Z", None])
def test_a_missing_or_invalid_date_is_unknown(stored: str | None) -> None:
    members = members_of(EXCERPT.read_bytes())
    core = members.pop("docProps/core.xml").replace(b"2024-11-22T16:27:03Z", (stored or "").encode())
    if stored is not None:
        members["docProps/core.xml"] = core
    assert read_workbook(archive(members), "x.xlsx").modified is None


def test_parts_may_have_any_path_and_relations_either_namespace() -> None:
    strict = "http://purl.oclc.org/ooxml/officeDocument/relationships"
    content = archive(
        {
            "_rels/.rels": relations({"a": f"{strict}/officeDocument odd/book22.xml"}),
            "odd/book22.xml": f'<workbook xmlns="http://purl.oclc.org/ooxml/spreadsheetml/main" xmlns:q="{strict}">'
            '<sheets><sheet name="tactics" sheetId="1" q:id="b"/></sheets></workbook>',
            "odd/_rels/book22.xml.rels": relations({"b": f"{strict}/worksheet /sheets/../sheets/one.xml"}),
            "sheets/one.xml": '<worksheet xmlns="http://purl.oclc.org/ooxml/spreadsheetml/main"><sheetData>'
            '<row><c t="str"><v>here</v></c></row></sheetData></worksheet>',
        }
    )
    assert cells(content) == {(1, 1): "here"}


def test_cells_far_apart_take_little_memory() -> None:
    content = book({"tactics": FAR_APART})
    tracemalloc.start()
    try:
        assert cells(content) == {(1, 1): "near", (1048576, 16384): "far"}
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_false_count_of_texts_takes_no_memory() -> None:
    claims = 'count="4294967295" uniqueCount="4294967295"'
    content = book({"tactics": ONE_SHARED}, sharedStrings=shared_texts("<si><t>one</t></si>", claims))
    assert cells(content) == {(1, 1): "one"}


def test_texts_shared_by_very_many_cells_are_limited() -> None:
    text = "long " * 200_000
    content = book({"tactics": ONE_SHARED * 100}, sharedStrings=shared_texts(f"<si><t>{text}</t></si>"))
    assert len(content) < 20_000
    with pytest.raises(MalformedFile, match=rf"^x.xlsx: tactics: the cells have more than {workbooks.MAX_BYTES} char"):
        cells(content)


def test_the_unpacked_size_of_a_workbook_is_limited() -> None:
    content = book({"tactics": ONE_SHARED}, theme=" " * (workbooks.MAX_BYTES + 1))
    with pytest.raises(MalformedFile, match=r"^x.xlsx: the zip file unpacks to more than the limit"):
        cells(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html>\n<html>", "expected an xlsx workbook, found a file that begins with b'<!DOCTYPE html>"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", r"expected an xlsx workbook, found a file that begins with b'\\xd0\\xcf"),
        (b"", "expected an xlsx workbook, found a file that begins with b''"),
        (EXCERPT.read_bytes()[:-100], "the zip file is cut off or damaged"),
        (archive({"report.txt": b""}), "expected an xlsx workbook, found another zip file"),
        (archive({"_rels/.rels": b"<a"}), "_rels/.rels: not well-formed XML"),
        (book({"other": []}), "sheet tactics is missing"),
        (book({"tactics": "<row"}), "tactics: not well-formed XML"),
        (book({"tactics": ONE_SHARED}), "tactics: row 1: a cell refers to the shared string 0, which does not exist"),
        (
            book({"tactics": ONE_SHARED.replace("0", "-1")}, sharedStrings=shared_texts("<si/>")),
            ".*the shared string -1, which",
        ),
        (book({"tactics": '<row r="x"/>'}), "tactics: expected a row number, found x"),
        (book({"tactics": '<row><c r="7A"/></row>'}), "tactics: row 1: expected a cell reference, found 7A"),
        (
            book({"tactics": ONE_SHARED}, sharedStrings='<!DOCTYPE s [<!ENTITY a "aa">]><s>&a;</s>'),
            "xl/sharedStrings.xml: document types are not allowed",
        ),
    ],
)
def test_a_file_that_is_not_such_a_workbook_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(MalformedFile, match=rf"^x.xlsx: {message}"):
        cells(content)


SMALL = members_of(book({"tactics": [["a", 1.5]]}, sharedStrings=shared_texts("<si><t>shared</t></si>")))


@given(
    part=st.sampled_from(sorted(SMALL)),
    at=st.integers(0, 400),
    put=st.sampled_from(
        [b"<", b">", b"/", b'"', b"&", b"9", b"A", b" ", b"\x00", b"\xff", b"_x0041_", b"r", b"t", b"s"]
    ),
    cut=st.integers(0, 30),
)
def test_a_damaged_workbook_is_read_or_refused_with_a_reason(part: str, at: int, put: bytes, cut: int) -> None:
    damaged = SMALL[part][:at] + put + SMALL[part][at + cut :]
    try:
        found = cells(archive({**SMALL, part: damaged}))
    except MalformedFile:
        return
    assert all(isinstance(cell, str | NotText) for cell in found.values())


@pytest.mark.real
@pytest.mark.parametrize("label", ["1.4", "1.5", "1.6"])
def test_cells_of_published_workbooks_are_those_that_a_spreadsheet_library_reads(label: str) -> None:
    library = pytest.importorskip("python_calamine")
    path = shared_path(f"kb-primary/disarm/DISARM_FRAMEWORKS_MASTER-v{label}.xlsx")
    theirs, count = library.load_workbook(str(path)), 0
    for sheet in theirs.sheet_names:
        expected = {
            (row, column): value
            for row, values in enumerate(theirs.get_sheet_by_name(sheet).to_python(skip_empty_area=False), start=1)
            for column, value in enumerate(values, start=1)
            if not isinstance(value, str) or value.strip()
        }
        found = cells(path.read_bytes(), sheet)
        assert found.keys() == expected.keys()
        texts = {place: value for place, value in expected.items() if isinstance(value, str)}
        assert {place: found[place] for place in texts} == texts
        assert all(isinstance(found[place], NotText) for place in expected.keys() - texts.keys())
        count += len(found)
    assert count == {"1.4": 5397, "1.5": 5607, "1.6": 5886}[label]
