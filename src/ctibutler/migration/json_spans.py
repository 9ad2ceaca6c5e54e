"""JSON with the places of its values, so that one value can be replaced and all else stays byte for byte."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]  # what JSONDecoder itself reads texts with

from ctibutler.errors import UnreadableFile
from ctibutler.migration.texts import BOM, Lines

MOST_DEPTH = 64

_BLANKS = re.compile(r"[ \t\r\n]*")
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_DECODER = json.JSONDecoder(strict=True)


@dataclass(frozen=True, slots=True)
class Member:
    """A value in an object or list: its key, empty in a list, the key's beginning, and where the value begins and ends."""

    key: str
    value: object
    key_start: int
    start: int
    end: int


def whole_value(text: str) -> tuple[object, int]:
    """Return the JSON value that a text is, and where it begins.

    Raises UnreadableFile with line and column if it is none, or nests too deeply.
    """
    start = beginning(text)
    _refuse_deep(text)
    try:
        value, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as failure:
        raise UnreadableFile(f"{_place(text, failure.pos)}: not JSON: {failure.msg}") from None
    except (RecursionError, ValueError) as failure:
        raise UnreadableFile(f"not JSON that can be read: {failure}") from None
    if _skip(text, end) != len(text):
        raise UnreadableFile(f"{_place(text, end)}: something follows after the JSON value")
    return value, start


def beginning(text: str) -> int:
    """Return where the JSON value begins that a text is known to be."""
    return _skip(text, 1 if text.startswith(BOM) else 0)


def members(text: str, start: int) -> Iterator[Member]:
    """Yield the members of the object, or the values of the list, that begins here, of a text that is known to be JSON."""
    is_object = text[start] == "{"
    at = _skip(text, start + 1)
    while text[at] not in "}]":
        key, key_start = "", at
        if is_object:
            key, at = scanstring(text, at + 1, True)
            at = _skip(text, _skip(text, at) + 1)
        value, end = _DECODER.raw_decode(text, at)
        yield Member(key, value, key_start, at, end)
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


def removed(text: str, spans: list[tuple[int, int]], gone: set[int]) -> list[tuple[int, int]]:
    """Return what to cut so that these values of a list go, each with a comma. `spans` are those of all its values."""
    cuts = []
    kept = [number for number in range(len(spans)) if number not in gone]
    last_kept = kept[-1] if kept else -1
    for number in sorted(gone):
        start, end = spans[number]
        if number < last_kept:
            cuts.append((start, spans[number + 1][0]))
        elif last_kept >= 0:
            cuts.append((spans[number - 1][1], end))
        else:
            # All go: the commas as well.
            cuts.append((start, spans[number + 1][0] if number + 1 < len(spans) else end))
    return cuts


def escaped(value: object, ascii_only: bool) -> str:
    """Return a value as JSON; with characters beyond ASCII escaped if that is how the file has them."""
    return json.dumps(value, ensure_ascii=ascii_only)


def _skip(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    return at if match is None else match.end()


def _place(text: str, offset: int) -> str:
    return str(Lines(text).place(min(offset, len(text))))


def _refuse_deep(text: str) -> None:
    depth = 0
    for match in _BRACKETS.finditer(text):
        char = match[0][0]
        if char in "[{":
            depth += 1
            if depth > MOST_DEPTH:
                raise UnreadableFile(f"{_place(text, match.start())}: nested more than {MOST_DEPTH} deep")
        elif char in "]}":
            depth -= 1
