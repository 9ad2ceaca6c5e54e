"""What commands print: tables, JSON, notes.

On a terminal tables fit its width; elsewhere they are plain text and nothing is cut.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import click
import msgspec

from ctibutler.answers.pages import Page

_GAP = "  "
_NARROWEST = 16
_WIDEST = 100


@dataclass(frozen=True)
class Column:
    """A column of a table. A `wide` one gives way when the terminal is narrow."""

    heading: str
    wide: bool = False
    right: bool = False


def write(text: str) -> None:
    """Put text on standard output. A reader that went away (`| head`) ends the command quietly."""
    write_bytes(text.encode(sys.stdout.encoding or "utf-8", "replace"))


def write_bytes(content: bytes) -> None:
    """Put bytes on standard output."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # Python flushes standard output once more at its end: let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(0) from None


def line(text: str = "") -> None:
    """One line on standard output."""
    write(text + "\n")


def note(text: str) -> None:
    """A line for people on standard error, beside what a command prints."""
    print(printable(text), file=sys.stderr)  # noqa: T201 - the one place


def write_json(value: object) -> None:
    """A value, or JSON as bytes, in lines for people and machines."""
    write_bytes(json_lines(value))


def json_lines(value: object) -> bytes:
    """A value, or JSON as bytes, as indented JSON with a line break at its end."""
    encoded = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return msgspec.json.format(encoded, indent=2) + b"\n"


def page_note(page: Page[Any], what: str) -> str:
    """Which part of a list was shown, and how the next one is had."""
    if not page.total:
        return f"no {what}"
    if not page.items:
        return f"page {page.request.number} is past the end of {page.total:,} {what}"
    first = page.request.start + 1
    last = page.request.start + len(page.items)
    if (first, last) == (1, page.total):
        return f"{page.total:,} {what}"
    more = f"; more with --page {page.request.number + 1}" if last < page.total else ""
    return f"{first:,} to {last:,} of {page.total:,} {what}{more}"


def on_terminal() -> bool:
    """Whether standard output is read by a person."""
    return sys.stdout.isatty()


def write_table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """Rows under headings; nothing where there are no rows."""
    cells = [[printable(cell) for cell in row] for row in rows]
    if not cells:
        return
    if on_terminal():
        _terminal_table(columns, cells)
    else:
        _plain_table(columns, cells)


def printable(text: str) -> str:
    """The text on one line, without characters that a terminal would obey."""
    return "".join(char if char.isprintable() else " " for char in text)


def paragraphs(text: str) -> str:
    """The text with its line breaks, without other characters that a terminal would obey."""
    return "\n".join(printable(part) for part in text.splitlines())


def filled(paragraph: str, indent: str = "", start: str = "") -> str:
    """A paragraph in lines of the terminal's width, the first after `start`, further ones indented; words, such as URLs,
    stay whole."""
    width = min(shutil.get_terminal_size().columns, _WIDEST) if on_terminal() else _WIDEST
    return textwrap.fill(
        paragraph,
        width,
        initial_indent=start,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def size_text(size: int | None) -> str:
    """A number of bytes for people: `1.5 MB`."""
    if size is None:
        return ""
    amount = float(size)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def _plain_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(column.heading), *(len(row[i]) for row in rows)) for i, column in enumerate(columns)]
    lines = [
        _GAP.join(
            cell.rjust(width) if column.right else cell.ljust(width)
            for column, cell, width in zip(columns, row, widths, strict=True)
        ).rstrip()
        for row in ([column.heading for column in columns], *rows)
    ]
    write("\n".join(lines) + "\n")


def _terminal_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=False)
    widths = [max(cell_len(column.heading), *(cell_len(row[i]) for row in rows)) for i, column in enumerate(columns)]
    wide = [i for i, column in enumerate(columns) if column.wide]
    others = sum(width for i, width in enumerate(widths) if i not in wide) + len(_GAP) * (len(columns) - 1)
    shares = _shares(console.width - others, [widths[i] for i in wide])
    table = Table(box=None, pad_edge=False, padding=(0, len(_GAP), 0, 0), header_style="bold")
    for i, column in enumerate(columns):
        table.add_column(
            column.heading,
            no_wrap=True,
            overflow="ellipsis",
            justify="right" if column.right else "left",
            max_width=shares[wide.index(i)] if i in wide else None,
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def _shares(room: int, widths: Sequence[int]) -> list[int]:
    """What each wide column gets of the room: what it needs, the widest giving way first."""
    shares = list(widths)
    while shares and sum(shares) > room and max(shares) > _NARROWEST:
        shares[shares.index(max(shares))] -= 1
    return shares
