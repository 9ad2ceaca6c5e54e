"""Converts XHTML to plain text, with line breaks where a browser shows them."""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

from ctibutler.publishers.converters.xml_files import local_name

_BLOCKS: Final = frozenset(("div", "p", "ul", "ol", "li", "dl", "dt", "dd", "table", "thead", "tbody", "tr", "pre"))
_STEP: Final = "  "
_SOURCE_LINE_BREAK: Final = re.compile(r"[ \t]*[\t\r\n][ \t\r\n]*")


def plain_text(element: etree._Element) -> str:
    """The text of an element, with entities resolved.

    Paragraphs, list items, table rows and other blocks start on a new line. Indented blocks are indented by two spaces.
    Line breaks in the source have no meaning in XHTML and become spaces.
    """
    if not len(element):
        return _SOURCE_LINE_BREAK.sub(" ", element.text or "").strip()
    page = _Page()
    page.put_content(element)
    return page.text()


class _Page:
    """Collects the lines of text."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line = ""
        self._indent = ""
        # Replaces the last part of the indent of the next line.
        self._marker: str | None = None
        self._is_apart = False

    def text(self) -> str:
        self._end_block(is_apart=False)
        return "\n".join(self._lines).strip("\n")

    def put_content(self, element: etree._Element) -> None:
        self._write(element.text)
        for child in element:
            self._put(child)
            self._write(child.tail)

    def _put(self, element: etree._Element) -> None:
        tag = local_name(element)
        if tag == "br":
            self._end_line()
        elif tag == "img":
            self._write(f"[{': '.join(text for text in (element.get('alt'), element.get('src')) if text)}]")
        elif tag in _BLOCKS:
            self._put_block(element, tag)
        else:
            self._write({"sup": "^", "sub": "_"}.get(tag))
            if tag in ("td", "th") and element.getprevious() is not None:
                self._line = f"{self._line.rstrip()} | "
            self.put_content(element)
            address = element.get("href")
            if address and address != element.text:
                self._write(f" ({address})")

    def _put_block(self, element: etree._Element, tag: str) -> None:
        parent = element.getparent()
        is_apart = tag == "p" and (parent is None or local_name(parent) not in ("li", "td", "th"))
        self._end_block(is_apart)
        outer = self._indent
        if tag == "li":
            assert parent is not None
            self._marker = f"{parent.index(element) + 1}. " if local_name(parent) == "ol" else "- "
            self._indent += " " * len(self._marker)
        elif tag == "tr":
            self._marker = ""
            self._indent += _STEP
        elif "margin-left" in element.get("style", ""):
            self._indent += _STEP
        self.put_content(element)
        self._end_block(is_apart)
        self._indent, self._marker = outer, None

    def _write(self, text: str | None) -> None:
        if text:
            joined = _SOURCE_LINE_BREAK.sub(" ", text)
            self._line += joined.lstrip(" ") if not self._line or self._line.endswith(" ") else joined

    def _end_block(self, is_apart: bool) -> None:
        if self._line.strip():
            self._end_line()
        self._line = ""
        self._is_apart = self._is_apart or is_apart

    def _end_line(self) -> None:
        line = self._line.rstrip()
        if line and self._is_apart and self._lines and self._lines[-1]:
            self._lines.append("")
        if line:
            start = self._indent
            if self._marker is not None:
                start = start[: len(start) - len(self._marker or _STEP)] + self._marker
            line, self._marker, self._is_apart = start + line, None, False
        self._lines.append(line)
        self._line = ""
