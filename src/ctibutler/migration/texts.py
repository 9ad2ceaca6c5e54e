"""Files as text: decoded, their places counted in lines, and spots in them replaced."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable

from ctibutler.errors import UnreadableFile
from ctibutler.migration.items import Place

BOM = "\ufeff"
_LINE_END = re.compile("\n")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")

Edit = tuple[int, int, str]
"""From where to where, and what stands there instead."""


def decoded(content: bytes) -> str:
    """Return a file's text, with its byte order mark.

    Raises UnreadableFile if it is not UTF-8, or holds NUL characters as no text does.
    """
    if content.startswith(_UTF_16):
        raise UnreadableFile("the file is UTF-16; save it as UTF-8")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as failure:
        line = content.count(b"\n", 0, failure.start) + 1
        raise UnreadableFile(f"line {line}: not UTF-8 at byte {failure.start}") from None
    if "\x00" in text:
        where = Lines(text).place(text.index("\x00"))
        raise UnreadableFile(f"{where}: a NUL character, as no text has it")
    return text


class Lines:
    """Where the lines of a text begin."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(text))]

    def line(self, offset: int) -> int:
        """Return the line of a character, counted from 1."""
        return bisect_right(self._starts, offset)

    def place(self, offset: int) -> Place:
        """Return line and column of a character."""
        line = self.line(offset)
        return Place(line=line, column=offset - self._starts[line - 1] + 1)


def spliced(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with these spots replaced. They must not overlap."""
    parts: list[str] = []
    done = 0
    for start, end, new in sorted(edits):
        parts += (text[done:start], new)
        done = end
    parts.append(text[done:])
    return "".join(parts)
