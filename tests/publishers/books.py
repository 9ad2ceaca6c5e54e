"""Minimal workbooks for tests."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"

Rows = Sequence[Sequence[str | float | None]]


def book(sheets: Mapping[str, Rows | str], **parts: str) -> bytes:
    """A workbook with these sheets: rows of values, or the XML of a sheet's rows. `parts` are further files under `xl`."""
    members = {
        "_rels/.rels": relations({"r1": f"{_OFFICE}/officeDocument xl/workbook.xml"}),
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        + "".join(f'<sheet name="{escape(name)}" sheetId="{n}" r:id="s{n}"/>' for n, name in enumerate(sheets))
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": relations(
            {f"s{number}": f"{_OFFICE}/worksheet sheet{number}.xml" for number in range(len(sheets))}
            | {name: f"{_OFFICE}/{name} {name}.xml" for name in parts}
        ),
        **{f"xl/{name}.xml": content for name, content in parts.items()},
    }
    for number, rows in enumerate(sheets.values()):
        data = rows if isinstance(rows, str) else "".join(map(_row, rows))
        members[f"xl/sheet{number}.xml"] = f'<worksheet xmlns="{_MAIN}"><sheetData>{data}</sheetData></worksheet>'
    return archive(members)


def shared_texts(items: str, claims: str = "") -> str:
    """The texts that cells share, from the XML of their items."""
    return f'<sst xmlns="{_MAIN}" {claims}>{items}</sst>'


def relations(targets: Mapping[str, str]) -> str:
    """The relations of a part: an id → a type, a space, and a target."""
    entries = (
        '<Relationship Id="{}" Type="{}" Target="{}"/>'.format(key, *target.split()) for key, target in targets.items()
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{"".join(entries)}</Relationships>'


def archive(members: Mapping[str, str | bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return content.getvalue()


def members_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return {name: file.read(name) for name in file.namelist()}


def _row(values: Sequence[str | float | None]) -> str:
    return f"<row>{''.join(map(_cell, values))}</row>"


def _cell(value: str | float | None) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    return f"<c><v>{value}</v></c>"
