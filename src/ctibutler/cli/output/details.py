"""What a publisher says about an object beyond STIX, for people: short lists as tables, the rest as paragraphs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ctibutler.cli.output import text as output
from ctibutler.cli.output.text import printable
from ctibutler.stix.objects import decode

_STEP = "  "
# A longer text does not go into a table, a wider table becomes a list, and a longer record has a line for each field.
_LONGEST_CELL = 40
_WIDEST_TABLE = 76
_LONGEST_PARAGRAPH = 100


def show_details(content: bytes) -> None:
    """Print details in their order: the short ones first, then a section for each of the others."""
    details = decode(content)
    facts = {name: text for name, text in details.items() if isinstance(text, str) and len(text) <= _LONGEST_CELL}
    indent = max(map(len, facts), default=0) + 2
    for name, text in facts.items():
        output.line(_words(name).ljust(indent) + printable(text))
    for name, value in details.items():
        if name not in facts:
            output.line()
            output.line(_words(name).capitalize())
            for line in _lines(value, _STEP):
                output.line(line)


def _lines(value: object, indent: str) -> Iterator[str]:
    """A value in lines that fit the terminal, each with its indent."""
    if isinstance(value, dict):
        yield from _record(value, indent, indent)
    elif isinstance(value, list):
        yield from _table(value, indent) or _items(value, indent)
    else:
        for line in str(value).splitlines():
            own = indent + " " * (len(line) - len(line.lstrip()))
            yield output.filled(printable(line.strip()), own, own)


def _items(items: Sequence[object], indent: str) -> Iterator[str]:
    inner = indent + _STEP
    for item in items:
        if isinstance(item, dict):
            yield from _record(item, f"{indent}- ", inner)
        else:
            first, *rest = _lines(item, inner)
            yield f"{indent}- {first.lstrip()}"
            yield from rest


def _record(record: Mapping[str, object], start: str, indent: str) -> Iterator[str]:
    """A record as one paragraph, or with a line or more for each of its fields. `start` comes before the first."""
    inline = {name: _inline(value) for name, value in record.items()}
    text = "; ".join(f"{_words(name)}: {value}" for name, value in inline.items())
    if None not in inline.values() and (len(record) == 1 or len(text) <= _LONGEST_PARAGRAPH):
        yield output.filled(printable(text), indent, start)
        return
    for name, value in record.items():
        short = inline[name]
        if short is not None:
            yield output.filled(f"{_words(name)}: {printable(short)}", indent + _STEP, start)
        else:
            yield f"{start}{_words(name)}:"
            yield from _lines(value, indent + _STEP)
        start = indent


def _inline(value: object) -> str | None:
    """A text of one line, or words with commas; None for anything longer."""
    if isinstance(value, list) and all(isinstance(item, str) and len(item) <= _LONGEST_CELL for item in value):
        return ", ".join(value)
    return None if isinstance(value, list | dict) or "\n" in str(value) else str(value)


def _table(items: Sequence[object], indent: str) -> list[str]:
    """Records as the lines of a table; none if they are not records, or do not fit."""
    records = [item for item in items if isinstance(item, dict)]
    names = list(dict.fromkeys(name for record in records for name in record))
    cells = [[printable(_inline(record.get(name, "")) or "") for name in names] for record in records]
    widths = [max(len(name), *(len(row[place]) for row in cells)) for place, name in enumerate(names)]
    is_whole = len(records) == len(items) and all(
        _inline(value) is not None for record in records for value in record.values()
    )
    if not is_whole or max(widths) > _LONGEST_CELL or sum(widths) + len(_STEP) * len(widths) > _WIDEST_TABLE:
        return []
    headings = [_words(name).upper() for name in names]
    return [
        indent + _STEP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (headings, *cells)
    ]


def _words(name: str) -> str:
    return printable(name.replace("_", " "))
