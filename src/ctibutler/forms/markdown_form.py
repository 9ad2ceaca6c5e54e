"""Tables as Markdown: the facts, then the table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ctibutler.answers.tables.table import Table
from ctibutler.forms.guard import guarded

# What would end a cell, start markup or HTML, or make a link.
_MARKUP = re.compile(r"([\\`*_\[\]<>|~])")
_BLANKS = re.compile(r"\s+")


def table_as_markdown(table: Table) -> Iterator[bytes]:
    """Yield the table as GitHub's Markdown. Texts of publishers stay text: their markup is escaped."""
    yield f"# {escaped(table.title)}\n\n".encode("utf-8", "replace")
    for name, value in table.facts.items():
        yield f"- {escaped(name)}: {escaped(value)}\n".encode("utf-8", "replace")
    yield f"\n{_line(table.columns)}\n{_line(['---'] * len(table.columns))}\n".encode()
    for row in table.rows:
        cells = [escaped(guarded(cell)) for cell in row.cells]
        yield f"{_line(cells)}\n".encode("utf-8", "replace")


def escaped(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line."""
    return _MARKUP.sub(r"\\\1", _BLANKS.sub(" ", text).strip())


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
