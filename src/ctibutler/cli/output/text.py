"""What commands print: lines, JSON, notes. Paragraphs fit the terminal; nothing is wrapped in files and pipes."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from typing import Any

import click
import msgspec

from ctibutler.answers.pages import Page

_NO_BREAK = "\N{NO-BREAK SPACE}"
_WIDEST = 100


def write(text: str) -> None:
    """Write text to standard output. If its reader goes away (`| head`), the command ends quietly."""
    write_bytes(text.encode(sys.stdout.encoding or "utf-8", "replace"))


def write_bytes(content: bytes) -> None:
    """Write bytes to standard output, in the same way."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # Python flushes standard output once more at its end: let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(0) from None
    except OSError as failure:
        # A full disk. What is buffered would fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OSError(failure.errno, failure.strerror, "standard output") from None


def line(text: str = "") -> None:
    """Write a line to standard output."""
    write(text + "\n")


def note(text: str) -> None:
    """Write a line for people to standard error, next to what a command prints."""
    print(printable(text), file=sys.stderr)  # noqa: T201 - the one place


def write_json(value: object) -> None:
    """Write a value, or JSON as bytes, as indented JSON."""
    write_bytes(json_lines(value))


def json_lines(value: object) -> bytes:
    """A value, or JSON as bytes, as indented JSON that ends with a line break."""
    encoded = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return msgspec.json.format(encoded, indent=2) + b"\n"


def counted(number: int, noun: str) -> str:
    """A number of things: `1 object`, `2,000 objects`."""
    return f"{number:,} {noun if number == 1 else noun + 's'}"


def page_note(page: Page[Any], noun: str) -> str:
    """Which part of a list is shown, and how to see the next one: `1 to 50 of 172 objects; --page 2 shows more`."""
    if not page.total:
        return f"no {noun}s"
    if not page.items:
        return f"page {page.request.number} is past the end of {counted(page.total, noun)}"
    first = page.request.start + 1
    last = page.request.start + len(page.items)
    if (first, last) == (1, page.total):
        return counted(page.total, noun)
    shown = f"{first:,}" if first == last else f"{first:,} to {last:,}"
    more = f"; --page {page.request.number + 1} shows more" if last < page.total else ""
    return f"{shown} of {counted(page.total, noun)}{more}"


def on_terminal() -> bool:
    """Whether standard output is read by a person."""
    return sys.stdout.isatty()


def bold(line: str) -> str:
    """A line in bold on a terminal that has colours."""
    has_colours = on_terminal() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return f"\033[1m{line}\033[0m" if has_colours else line


def printable(text: str) -> str:
    """The text on one line, without characters that control a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)


def paragraphs(text: str) -> str:
    """The text with its line breaks, without other characters that control a terminal."""
    return "\n".join(printable(part) for part in text.splitlines())


def filled(paragraph: str, indent: str = "", start: str = "", whole: str = "") -> str:
    """A paragraph in lines of the terminal's width, the first after `start`, further ones indented; one line elsewhere.

    Words, such as URLs, stay whole, and so does `whole`, a part of the paragraph that may be copied.
    """
    if not on_terminal():
        return start + paragraph
    kept = whole.replace(" ", _NO_BREAK)
    lines = textwrap.fill(
        paragraph.replace(whole, kept) if whole else paragraph,
        min(shutil.get_terminal_size().columns, _WIDEST),
        initial_indent=start,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines.replace(kept, whole) if whole else lines


def time_text(moment: object) -> str:
    """A time as RFC 3339 writes it, to the second, for people: `2026-11-27 18:57:44`. Nothing for none."""
    return "" if moment is None else str(moment)[:19].replace("T", " ")


def size_text(size: int | None) -> str:
    """A number of bytes, for people: `1.5 MB`. Nothing for none."""
    if size is None:
        return ""
    amount = float(size)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
