"""Lists of ids: one on each line, or with commas between them."""

from __future__ import annotations

import re

from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.migration.ids import field_id, in_case_of, read_id
from ctibutler.migration.items import Item, Items, Reading, Replacements, Written
from ctibutler.migration.texts import BOM, Lines, decoded, spliced

_PART = re.compile(r"[^,;\r\n]+")
_INSIDE = re.compile(r"\s")
_LONGEST = 100
_COMMENT = "#"


def is_list(text: str, kb: KnowledgeBase) -> bool:
    """Whether every part between commas and line breaks is one word, and most of them are ids."""
    parts = ids = 0
    for match in _PART.finditer(text):
        part = match[0].strip(BOM + " \t")
        if not part or part.startswith(_COMMENT):
            continue
        if len(part) > _LONGEST or _INSIDE.search(part):
            return False
        parts += 1
        ids += read_id(kb, part) is not None
    return parts > 0 and ids * 2 > parts


def read(content: bytes, reading: Reading) -> list[Item]:
    """Return every part that is not blank; those that are no ids as unreadable. Lines that begin with `#` are comments."""
    text = decoded(content)
    lines = Lines(text)
    items = []
    for match in _PART.finditer(text):
        part = match[0].strip(BOM + " \t")
        if part and not part.startswith(_COMMENT):
            start = match.start() + match[0].index(part)
            found = field_id(reading.kb, part)
            place = lines.place(start)
            items.append(Item(found or part, part, place, start, start + len(part), readable=found is not None))
    return items


def write(content: bytes, reading: Reading, items: Items, replacements: Replacements) -> Written:
    """Return the list with the replacements in it. Several ids in the place of one are written as the list writes them."""
    text = decoded(content)
    commas = "," in text
    between = ", " if ", " in text else "," if commas else "\r\n" if "\r\n" in text else "\n"
    edits = []
    for number, replacement in replacements.items():
        if replacement.mark is not None:
            continue
        item = items[number]
        new = between.join(in_case_of(item.written, one.id) for one in replacement.new)
        start, end = (item.start, item.end) if new else _with_separator(text, item.start, item.end)
        edits.append((start, end, new))
    return Written(spliced(text, edits).encode())


def _with_separator(text: str, start: int, end: int) -> tuple[int, int]:
    """What goes when an item is dropped: the item and the comma or line break that follows it."""
    while end < len(text) and text[end] in " \t":
        end += 1
    for separator in ("\r\n", "\n", ",", ";"):
        if text.startswith(separator, end):
            end += len(separator)
            while separator in ",;" and end < len(text) and text[end] == " ":
                end += 1
            break
    return start, end
