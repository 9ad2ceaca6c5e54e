"""Tables: complete in files and pipes, as wide as the terminal for people."""

from __future__ import annotations

import os
import shutil
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ctibutler.cli.output.text import on_terminal, printable, write

_GAP = "  "
# The longest kind, `Detection Strategy`, is not cut.
_NARROWEST = 18


@dataclass(frozen=True)
class Column:
    """A column of a table. If a row is too long for the terminal, columns are cut that say `first`, then those that say `last`.

    The others are never cut, such as ids, which people copy: their rows go over the edge.
    """

    heading: str
    cut: Literal["never", "first", "last"] = "never"
    right: bool = False
    narrowest: int = _NARROWEST
    keep_from: str = ""
    """A sign in the cells; where a cell is cut, what follows it stays, such as the release in `attack-ent…@18.1`."""


def write_table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under headings; nothing if there are no rows."""
    cells = [[printable(cell) for cell in row] for row in rows]
    if not cells:
        return
    headings = [column.heading for column in columns]
    widths = [max(map(_width, (heading, *values))) for heading, *values in zip(headings, *cells, strict=True)]
    if on_terminal():
        widths = fitted(columns, widths, shutil.get_terminal_size().columns)
    lines = [_line(columns, row, widths) for row in (headings, *cells)]
    if on_terminal() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb":
        lines[0] = f"\033[1m{lines[0]}\033[0m"
    write("\n".join(lines) + "\n")


def fitted(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """The widths of the columns in a line of this length."""
    found = list(widths)
    excess = sum(found) + len(_GAP) * (len(found) - 1) - room
    for turn in ("first", "last"):
        giving = [place for place, column in enumerate(columns) if column.cut == turn]
        giving = [place for place in giving if found[place] > columns[place].narrowest]
        while excess > 0 and giving:
            found[max(giving, key=found.__getitem__)] -= 1
            excess -= 1
            giving = [place for place in giving if found[place] > columns[place].narrowest]
    return found


def _line(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    shown = []
    for column, cell, width in zip(columns, cells, widths, strict=True):
        text = _cut(cell, width, column.keep_from)
        space = " " * (width - _width(text))
        shown.append(space + text if column.right else text + space)
    return _GAP.join(shown).rstrip()


def _cut(text: str, width: int, keep_from: str = "") -> str:
    if _width(text) <= width:
        return text
    kept = text.rfind(keep_from) if keep_from and keep_from in text else len(text)
    beginning, end = text[:kept], text[kept:]
    while beginning and _width(beginning + end) >= width:
        beginning = beginning[:-1]
    return f"{beginning.rstrip()}…{end}"


def _width(text: str) -> int:
    """How many cells of a terminal a text takes: two for a Chinese character, none for an accent of its own."""
    if text.isascii():
        return len(text)
    return sum(
        2 if unicodedata.east_asian_width(char) in "WF" else 0 if unicodedata.combining(char) else 1 for char in text
    )
