"""TOML with the places of its tables and values."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ctibutler.errors import UnreadableFile

_BLANK: Final = re.compile(r"[ \t]*(?:#[^\n]*)?\r?(?:\n|\Z)")
_HEADER: Final = re.compile(r"[ \t]*(\[\[?)[ \t]*([^\]\n]+?)[ \t]*\]\]?[ \t]*(?:#[^\n]*)?\r?(?:\n|\Z)")
_KEY: Final = re.compile(r"[ \t]*([^=\n]+?)[ \t]*=[ \t]*")
_REST: Final = re.compile(r"[^\n]*(?:\n|\Z)")
_PLAIN: Final = re.compile(r"[^,\]}#\s]+(?: [0-9:.Z+-]+)?")
_QUOTES: Final = ('"""', "'''", '"', "'")


@dataclass(frozen=True, slots=True)
class Statement:
    """A header (`brackets` of 1 or 2) or a key with its value (0), whose lines are from `start` to `end`."""

    brackets: int
    key: str
    start: int
    end: int
    value_start: int = 0
    value_end: int = 0


def refuse_broken(text: str) -> None:
    """Raise UnreadableFile, with the line, if a text is not TOML."""
    try:
        tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as failure:
        raise UnreadableFile(f"not TOML: {failure}") from None
    except (RecursionError, ValueError):
        raise UnreadableFile("not TOML that can be read: nested too deep, or a number too long") from None


def statements(text: str) -> Iterator[Statement]:
    """Yield the headers and values of a text that is known to be TOML."""
    at = 1 if text.startswith("\ufeff") else 0
    while at < len(text):
        if blank := _BLANK.match(text, at):
            at = blank.end()
        elif header := _HEADER.match(text, at):
            yield Statement(len(header[1]), header[2].replace(" ", ""), at, header.end())
            at = header.end()
        elif key := _KEY.match(text, at):
            value_end = _value_end(text, key.end())
            rest = _REST.match(text, value_end)
            end = len(text) if rest is None else rest.end()
            yield Statement(0, key[1].strip("\"'"), at, end, key.end(), value_end)
            at = end
        else:
            raise UnreadableFile(f"line {text.count(chr(10), 0, at) + 1}: not TOML")


def strings_in(text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """Yield the one-line texts of an array with their places, quotes included."""
    at = start
    while at < end:
        char = text[at]
        if char == "#":
            at = text.find("\n", at) if text.find("\n", at) != -1 else end
        elif char in "\"'":
            last = _value_end(text, at)
            if not text.startswith(('"""', "'''"), at):
                yield at, last, unquoted(text[at:last])
            at = last
        else:
            at += 1


def unquoted(raw: str) -> str:
    """Return the text that a value is, empty for one that is no text."""
    value = tomllib.loads(f"value = {raw}")["value"]
    return value if isinstance(value, str) else ""


def quoted(value: str, like: str) -> str:
    """Return a text as TOML, in the quotes of another value if it can be."""
    if like.startswith("'") and "'" not in value:
        return f"'{value}'"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _value_end(text: str, start: int) -> int:
    """Where the value that begins here ends."""
    depth, at = 0, start
    while at < len(text):
        char = text[at]
        if quote := next((quote for quote in _QUOTES if text.startswith(quote, at)), None):
            at = _string_end(text, at, quote)
        elif char in "[{":
            depth, at = depth + 1, at + 1
        elif char in "]}":
            depth, at = depth - 1, at + 1
        elif char == "#" and depth:
            line_end = text.find("\n", at)
            at = len(text) if line_end == -1 else line_end
        elif depth and (char.isspace() or char == ","):
            at += 1
        elif plain := _PLAIN.match(text, at):
            at = plain.end()
        else:
            at += 1
        if depth <= 0:
            return at
    return len(text)


def _string_end(text: str, start: int, quote: str) -> int:
    at = start + len(quote)
    while True:
        found = text.find(quote, at)
        if found == -1:
            return len(text)
        if quote[0] == '"':
            back = found
            while text[back - 1] == "\\":
                back -= 1
            if (found - back) % 2:
                at = found + 1
                continue
        end = found + len(quote)
        # `""""` ends a text whose last character is a quote.
        while len(quote) > 1 and text.startswith(quote[0], end):
            end += 1
        return end
