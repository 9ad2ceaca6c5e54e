"""CSV and workbooks as LibreOffice opens them."""

from __future__ import annotations

import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ctibutler.answers.tables.table import Row, Table
from ctibutler.forms.guard import guarded
from ctibutler.forms.table_forms import TABLE_FORMS, FormOptions

OFFICE = shutil.which("soffice")
pytestmark = pytest.mark.skipif(OFFICE is None, reason="no LibreOffice (soffice)")

NAMES = {name: f"urn:oasis:names:tc:opendocument:xmlns:{name}:1.0" for name in ("table", "text", "office")}
COLUMNS = ("id", "name", "aliases", "description")
ROWS = (
    ("G0016", "APT29", "Cozy Bear; The Dukes", "Uses, among others, „Größe“ and 日本.\nA second line."),
    ("T1059", "=1+1", "@ionstorm; +1", '=HYPERLINK("http://127.0.0.1";"x")'),
    ("CWE-79", "-2+3", "a;b,c", '"quoted" and | piped'),
    ("AN0001", "\t=1+1", "", "=cmd|' /C calc'!A0"),
)


def table() -> Table:
    rows = iter([Row(cells, {}) for cells in ROWS])
    return Table("made-up", "Made up", COLUMNS, rows, {"release": "1.0", "rows": str(len(ROWS))}, 1_700_000_000_000_000)


def opened(folder: Path, form: str, *, bom: bool, read_as: Sequence[str]) -> ElementTree.Element:
    """The document that LibreOffice makes of a table in this form."""
    source = folder / f"made.{form}"
    source.write_bytes(b"".join(TABLE_FORMS[form].written(table(), FormOptions(bom=bom)).chunks))
    profile = f"-env:UserInstallation=file://{folder / 'profile'}"
    subprocess.run(
        [str(OFFICE), "--headless", profile, *read_as, "--convert-to", "fods", "--outdir", str(folder), str(source)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    return ElementTree.parse(folder / "made.fods").getroot()  # noqa: S314 - made here


def cells_of(document: ElementTree.Element) -> Iterator[list[str]]:
    """The texts of each row of the first sheet, without empty cells at the end."""
    sheet = document.find(".//table:table", NAMES)
    assert sheet is not None
    for row in sheet.iterfind(".//table:table-row", NAMES):
        texts: list[str] = []
        for cell in row.iterfind("table:table-cell", NAMES):
            repeated = int(cell.get(f"{{{NAMES['table']}}}number-columns-repeated", "1"))
            shown = "\n".join(_text(part) for part in cell.iterfind("text:p", NAMES))
            texts += [shown] * min(repeated, len(COLUMNS))
        while texts and not texts[-1]:
            texts.pop()
        if texts:
            yield texts


def _text(paragraph: ElementTree.Element) -> str:
    text = paragraph.text or ""
    for part in paragraph:
        kind = part.tag.rpartition("}")[2]
        text += {"tab": "\t", "s": " "}.get(kind, _text(part)) + (part.tail or "")
    return text


# Without a byte order mark, LibreOffice asks for the encoding, and without a window takes that of the locale.
UTF_8 = ("--infilter=Text - txt - csv (StarCalc):44,34,76,1",)


@pytest.mark.parametrize(("form", "bom", "read_as"), [("csv", False, UTF_8), ("csv", True, UTF_8), ("xlsx", False, ())])
def test_libreoffice_shows_the_columns_and_runs_no_formula(
    tmp_path: Path, form: str, bom: bool, read_as: Sequence[str]
) -> None:
    document = opened(tmp_path, form, bom=bom, read_as=read_as)
    assert not [cell for cell in document.iter() if f"{{{NAMES['table']}}}formula" in cell.attrib]
    expected = [guarded(cell) if form == "csv" else cell for row in (COLUMNS, *ROWS) for cell in row]
    assert [cell for row in cells_of(document) for cell in row] == expected
