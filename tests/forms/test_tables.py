"""Tables in every form: what is read back is what was written, and no cell runs."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from ctibutler.answers.tables.table import Row, Table, as_text
from ctibutler.errors import InvalidRequest
from ctibutler.forms import workbook
from ctibutler.forms.csv_form import table_as_csv
from ctibutler.forms.markdown_form import table_as_markdown
from ctibutler.forms.table_forms import TABLE_FORMS
from ctibutler.forms.workbook import LONGEST_CELL, table_as_workbook

HOSTILE = (
    "=1+1",
    "+1",
    "-1",
    "@ionstorm",
    "\tx",
    "\rx",
    '=HYPERLINK("http://127.0.0.1")',
    "a|b",
    "<b>",
    "`x`",
    "a,b",
    'q"q',
)
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


def table(rows: Sequence[Sequence[str]], columns: tuple[str, ...] = ("id", "name")) -> Table:
    def made() -> Iterator[Row]:
        for cells in rows:
            yield Row(tuple(cells), {"id": cells[0]})

    return Table(
        "cwe-4.14",
        "MITRE CWE 4.14",
        columns,
        made(),
        {"release": "4.14", "rows": str(len(rows))},
        1_700_000_000_000_000,
    )


def read_csv(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True))


def sheet(content: bytes, name: str) -> list[list[str]]:
    return [
        [str(cell) for cell in row]
        for row in CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_name(name).to_python()
    ]


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=5))
def test_csv_reads_back_as_it_was_written_but_for_the_guard(rows: list[list[str]]) -> None:
    read = read_csv(b"".join(table_as_csv(table(rows))))
    assert read[0] == ["id", "name"]
    expected = [["'" + cell if cell.startswith(DANGEROUS) else cell for cell in row] for row in rows]
    assert read[1:] == expected


@pytest.mark.parametrize("cell", HOSTILE)
def test_no_cell_of_csv_or_markdown_begins_like_a_formula(cell: str) -> None:
    [_, row] = read_csv(b"".join(table_as_csv(table([[cell, "x"]]))))
    assert not row[0].startswith(DANGEROUS)
    last = b"".join(table_as_markdown(table([[cell, "x"]]))).decode().splitlines()[-1]
    assert not last.removeprefix("| ").startswith(DANGEROUS)


def test_csv_ends_lines_with_crlf_and_has_a_mark_in_front_on_demand() -> None:
    content = b"".join(table_as_csv(table([["CWE-79", "Größe"]]), bom=True))
    assert content == "\ufeffid,name\r\nCWE-79,Größe\r\n".encode()


def test_half_a_surrogate_pair_is_no_error() -> None:
    for form in TABLE_FORMS.values():
        if form.name in ("csv", "xlsx", "md"):  # others hold what was read from JSON
            assert b"".join(form.written(table([["\ud800", "x"]])).chunks)


def test_markdown_shows_pipes_tags_and_links_as_text() -> None:
    text = b"".join(table_as_markdown(table([["a|b", "<img src=x> [x](y)\nz"]]))).decode()
    assert text.splitlines()[-1] == "| a\\|b | \\<img src=x\\> \\[x\\](y) z |"
    assert "- release: 4.14" in text


def test_lines_of_json_hold_the_items_of_the_json_list() -> None:
    content = b"".join(TABLE_FORMS["ndjson"].written(table([["1", "x"], ["2", "y"]])).chunks)
    assert [json.loads(line) for line in content.splitlines()] == [{"id": "1"}, {"id": "2"}]


def test_a_workbook_holds_texts_and_no_formula() -> None:
    content = b"".join(table_as_workbook(table([[cell, "https://127.0.0.1/"] for cell in HOSTILE])))
    assert sheet(content, "results")[0] == ["id", "name"]
    assert [row[0] for row in sheet(content, "results")[1:]] == list(HOSTILE)
    assert sheet(content, "about")[0] == ["release", "4.14"]
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        xml = b"".join(parts.read(name) for name in parts.namelist() if name.startswith("xl/worksheets/"))
        assert b"<f>" not in xml
        assert b"hyperlink" not in xml


@given(st.lists(st.text(max_size=20), min_size=2, max_size=2))
def test_a_workbook_takes_any_text(cells: list[str]) -> None:
    content = b"".join(table_as_workbook(table([cells])))
    assert len(sheet(content, "results")) == 2 or not any(cells)


def test_the_same_table_gives_the_same_workbook() -> None:
    first, second = (hashlib.sha256(b"".join(table_as_workbook(table([["1", "x"]])))).digest() for _ in range(2))
    assert first == second


def test_a_text_too_long_for_a_cell_is_cut_and_counted() -> None:
    content = b"".join(table_as_workbook(table([["x" * (LONGEST_CELL + 1), "y"]])))
    cell = sheet(content, "results")[1][0]
    assert len(cell) == LONGEST_CELL
    assert cell.endswith("[cut]")
    assert ["cells cut", "1"] in sheet(content, "about")


def test_more_rows_than_a_sheet_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", 3)
    assert len(sheet(b"".join(table_as_workbook(table([["1", "a"], ["2", "b"]]))), "results")) == 3
    with pytest.raises(InvalidRequest, match="use csv"):
        b"".join(table_as_workbook(table([["1", "a"], ["2", "b"], ["3", "c"]])))


def test_values_of_a_list_are_joined_by_semicolons() -> None:
    assert as_text(["Doe, Jane", "Roe"]) == "Doe, Jane; Roe"
    assert (as_text(None), as_text(True), as_text(3)) == ("", "true", "3")
