"""Cells that a spreadsheet would take for formulas, made harmless."""

from __future__ import annotations

_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


def guarded(cell: str) -> str:
    """Return the cell, with an apostrophe in front if a spreadsheet might run it.

    Spreadsheets take a leading `=`, `+`, `-`, `@`, tab or carriage return for the start of a formula. A real one:
    ATT&CK names the contributor `@ionstorm`.
    """
    return "'" + cell if cell.startswith(_DANGEROUS) else cell
