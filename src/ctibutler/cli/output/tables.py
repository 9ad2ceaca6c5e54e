"""Tables: complete in files and pipes, as wide as the terminal for people."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ctibutler.cli.output.text import bold, on_terminal, printable, write

_GAP = "  "
# The longest kind, `Detection Strategy`, is not cut.
_NARROWEST = 18


@dataclass(frozen=True)
class Column:
    """A column of a table. If a row is too long for the terminal, optional columns are left out; then columns are cut that
    say `first`, then those that say `last`.

    The others are never cut, such as ids, which people copy: their rows go over the edge.
    """

    heading: str
    cut: Literal["never", "first", "last"] = "never"
    right: bool = False
    optional: bool = False


def write_table(
    columns: Sequence[Column],
    rows: Iterable[Sequence[str]],
    below: Sequence[Sequence[str]] = (),
    *,
    indent_to: int = 1,
) -> None:
    """Print rows under headings; nothing if there are no rows.

    `below` has lines to print under each row, from the column `indent_to` on. On a terminal each is cut to its width.
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    if not cells:
        return
    headings = [column.heading for column in columns]
    widths = [max(map(_width, (heading, *values))) for heading, *values in zip(headings, *cells, strict=True)]
    rows = [headings, *cells]
    if on_terminal():
        room = shutil.get_terminal_size().columns
        shown = needed(columns, widths, room)
        rows = [[row[place] for place in shown] for row in rows]
        columns = [columns[place] for place in shown]
        widths = fitted(columns, [widths[place] for place in shown], room)
    lines = [_line(columns, row, widths) for row in rows]
    indent = " " * sum(width + len(_GAP) for width in widths[:indent_to])
    if below:
        under = [[], *below]
        lines = [part for line, more in zip(lines, under, strict=True) for part in (line, *_indented(more, indent))]
    lines[0] = bold(lines[0])
    write("\n".join(lines) + "\n")


def _indented(lines: Iterable[str], indent: str) -> list[str]:
    room = shutil.get_terminal_size().columns - len(indent)
    return [indent + (_cut(line, max(room, _NARROWEST)) if on_terminal() else line) for line in map(printable, lines)]


def needed(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """The places of the columns that a line of this length shows: all, or if they are too long those that are not optional."""
    fits = _excess(widths, room) <= 0
    return [place for place, column in enumerate(columns) if fits or not column.optional]


def fitted(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """The widths of the columns in a line of this length."""
    found = list(widths)
    excess = _excess(found, room)
    for turn in ("first", "last"):
        giving = [place for place, column in enumerate(columns) if column.cut == turn]
        giving = [place for place in giving if found[place] > _NARROWEST]
        while excess > 0 and giving:
            found[max(giving, key=found.__getitem__)] -= 1
            excess -= 1
            giving = [place for place in giving if found[place] > _NARROWEST]
    return found


def _excess(widths: Sequence[int], room: int) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1) - room


def _line(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    shown = []
    for column, cell, width in zip(columns, cells, widths, strict=True):
        text = _cut(cell, width)
        space = " " * (width - _width(text))
        shown.append(space + text if column.right else text + space)
    return _GAP.join(shown).rstrip()


def _cut(text: str, width: int) -> str:
    if _width(text) <= width:
        return text
    while text and _width(text) >= width:
        text = text[:-1]
    return f"{text.rstrip()}…"


def _width(text: str) -> int:
    """How many cells of a terminal a text takes: two for a Chinese character, none for an accent of its own."""
    if text.isascii():
        return len(text)
    return sum(
        2 if unicodedata.east_asian_width(char) in "WF" else 0 if unicodedata.combining(char) else 1 for char in text
    )
