"""Which column of a table holds the ids, and what is in its cells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from ctibutler.errors import InvalidRequest
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.migration.ids import field_id, in_case_of, read_id
from ctibutler.migration.items import Item, Items, Joined, Place, Reading, Replacements

_WORDS = re.compile(r"[^\s,;|/]+(?:/\d+)?")
_NAMED = (
    "technique_id",
    "techniqueid",
    "technique",
    "attack_id",
    "ttp",
    "mitre_id",
    "cwe_id",
    "cwe",
    "capec_id",
    "capec",
    "id",
)
_NOT_WORD = re.compile(r"[^a-z0-9]+")


def column_of(reading: Reading, header: Sequence[str], rows: Iterable[Sequence[str]]) -> tuple[int, bool]:
    """Return the column that holds the ids, and whether the first row is a header.

    It is the one that the reading names, else one named like an id that holds some, else the one with the most.

    Raises InvalidRequest if there is none of the name.
    """
    counts: dict[int, int] = {}
    for row in rows:
        for place, value in enumerate(row):
            if len(value) <= 1000 and any(True for _ in ids_in(reading.kb, value)):
                counts[place] = counts.get(place, 0) + 1
    has_header = not any(read_id(reading.kb, value) for value in header)
    if reading.column is not None:
        wanted = reading.column.strip().casefold()
        for place, value in enumerate(header):
            if value.casefold() == wanted:
                return place, True
        named = ", ".join(value for value in header[:12] if value)
        raise InvalidRequest.of("column", f"`{reading.column[:40]}` is none of {named or 'no columns'}.")
    if has_header:
        names = [_NOT_WORD.sub("_", value.lower()).strip("_") for value in header]
        for wanted in _NAMED:
            if wanted in names and counts.get(names.index(wanted)):
                return names.index(wanted), True
    most = max(counts.items(), key=lambda item: (item[1], -item[0]), default=(0, 0))
    return most[0], has_header


def ids_in(kb: KnowledgeBase, value: str) -> Iterator[tuple[str, int, int]]:
    """Yield the ids in a cell with their places in it: the cell's value, or several with blanks, commas or the like between."""
    whole = value.strip()
    if found := read_id(kb, whole):
        start = value.index(whole)
        yield found, start, start + len(whole)
        return
    for match in _WORDS.finditer(value):
        if found := read_id(kb, match[0].strip("()[]\"'.")):
            word = match[0].strip("()[]\"'.")
            start = match.start() + match[0].index(word)
            yield found, start, start + len(word)


def items_of_cell(kb: KnowledgeBase, value: str, place: Place, start: int, end: int, slot: int) -> list[Item]:
    """Return the ids in a cell, whose raw form is from `start` to `end`; the cell as an unreadable item if it is not blank and
    holds none."""
    found = [
        Item(object_id, value[first:last], place, start, end, slot=slot, form=f"{first}:{last}")
        for object_id, first, last in ids_in(kb, value)
    ]
    if not found and any(map(str.isdecimal, value)) and (word := field_id(kb, value)):
        return [
            Item(
                word,
                value.strip(),
                place,
                start,
                end,
                slot=slot,
                form=f"{value.index(value.strip())}:{len(value.rstrip())}",
            )
        ]
    if not found and value.strip():
        return [Item(value.strip(), value, place, start, end, slot=slot, readable=False, form=f"0:{len(value)}")]
    return found


def new_cell(value: str, items: Items, numbers: Sequence[int], replacements: Replacements) -> tuple[str, list[Joined]]:
    """Return a cell's new value, and the items that met another one in it."""
    changed = {number for number in numbers if number in replacements and replacements[number].mark is None}
    holders = {items[number].id.casefold(): number for number in reversed(numbers) if number not in changed}
    edits: list[tuple[int, int, str]] = []
    joined = []
    for number in numbers:
        if number not in changed:
            continue
        first, last = map(int, items[number].form.split(":"))
        new = []
        for one in replacements[number].new:
            if (key := one.id.casefold()) in holders:
                joined.append(Joined(number, holders[key]))
            else:
                holders[key] = number
                new.append(in_case_of(items[number].written, one.id))
        if new:
            edits.append((first, last, _separator(value).join(new)))
        else:
            edits.append((*_with_separator(value, first, last), ""))
    parts: list[str] = []
    done = 0
    for first, last, text in sorted(edits):
        parts += (value[done : max(first, done)], text)
        done = max(last, done)
    return "".join(parts) + value[done:], joined


def _separator(value: str) -> str:
    return next((mark for mark in ("; ", ";", ", ", ",", "|") if mark in value), ", ")


def _with_separator(value: str, first: int, last: int) -> tuple[int, int]:
    after = re.compile(r"\s*[,;|]?\s*").match(value, last)
    if after is not None and after.end() > last and after.end() < len(value):
        return first, after.end()
    before = first
    while before > 0 and value[before - 1] in " \t,;|":
        before -= 1
    return before, last
