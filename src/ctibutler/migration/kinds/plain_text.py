"""Running text: ids at word borders, in addresses and in MISP's tags. Everything else stays as it is."""

from __future__ import annotations

from ctibutler.migration.ids import mentions, written_as
from ctibutler.migration.items import Item, Items, Reading, Replacements, Written
from ctibutler.migration.texts import Lines, decoded, spliced


def read(content: bytes, reading: Reading) -> list[Item]:
    """Return the ids in a text."""
    text = decoded(content)
    lines = Lines(text)
    return [
        Item(found.id, text[found.start : found.end], lines.place(found.start), found.start, found.end, form=found.form)
        for found in mentions(reading.kb, text)
    ]


def write(content: bytes, reading: Reading, items: Items, replacements: Replacements) -> Written:
    """Return the text with the replacements in it. Several ids in the place of one are joined with commas."""
    edits = []
    for number, replacement in replacements.items():
        item = items[number]
        if replacement.mark is not None:
            continue
        new = [written_as(reading.kb, item.form, item.written, one.id, one.name) for one in replacement.new]
        if None not in new:
            edits.append((item.start, item.end, ", ".join(text for text in new if text)))
    return Written(spliced(decoded(content), edits).encode())
