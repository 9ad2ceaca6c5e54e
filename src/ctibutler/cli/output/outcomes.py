"""What became of the objects of a release, for people."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TypeVar

from ctibutler.answers.outcome_changes import STALE, OutcomesPage
from ctibutler.cli.output import text as output
from ctibutler.cli.output.text import printable
from ctibutler.comparing.outcomes import Outcome
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.kinds import kind_of

_Word = TypeVar("_Word", bound=str)
_INDENT = " " * 10
_HEADINGS = ("HANDLING", "OUTCOME", "ID", "NAME")


def write_outcomes(found: OutcomesPage, kb: KnowledgeBase, hidden: Collection[str]) -> None:
    """Print how many objects have which outcome, what the release changed for all objects, then the rows of the page with the
    reason of each below it. `hidden` are the outcomes that were left out."""
    output.line(f"{found.knowledge_base} {found.since or 'nothing'} to {found.release}")
    _write_counts(found)
    _write_wide(found, kb)
    _write_rows(found)
    left_out = f"; not shown: {', '.join(hidden)} (--hide none shows all)" if hidden else ""
    output.note(f"{output.page_note(found.page, 'row')}{left_out}")


def _write_counts(found: OutcomesPage) -> None:
    counts, stale = found.counts, found.counts.stale
    outcomes = _said(counts.outcomes, stale.outcomes)
    handling = _said(counts.handling, stale.handling)
    for heading, said in (("outcomes", outcomes), ("handling", handling)):
        output.line(output.filled(said or "none", _INDENT, f"{heading:<{len(_INDENT)}}"))
    dead_before = sum(stale.outcomes.values())
    if dead_before:
        output.line(f"{'stale':<{len(_INDENT)}}{dead_before:,} dead in {found.since} already, not counted above")
    if counts.silent:
        output.line(f"{'silent':<{len(_INDENT)}}{counts.silent:,} edited without a new date")


def _said(whole: Mapping[_Word, int], dead: Mapping[_Word, int]) -> str:
    left = {word: number - dead.get(word, 0) for word, number in whole.items()}
    return ", ".join(f"{number:,} {word}" for word, number in left.items() if number)


def _write_wide(found: OutcomesPage, kb: KnowledgeBase) -> None:
    """Print what changed for all objects of a type, told once."""
    lines = []
    for change in found.model:
        counts = [
            f"{word} by {number:,} of {change.having:,}"
            for number, word in ((change.lost, "lost"), (change.gained, "gained"))
            if number
        ]
        lines.append(f"{kind_of(kb, change.type)}: {change.property} {', '.join(counts)}")
    for words in found.vocabulary:
        sides = "; ".join(filter(None, (_side("-", words.removed), _side("+", words.added))))
        lines.append(f"{kind_of(kb, words.type)}: {words.property} {sides} (nothing else in {words.objects:,})")
    if lines:
        output.line()
        output.line(output.bold("Changed for all"))
    for line in lines:
        output.line(output.filled(printable(line), " " * 4, "  "))


def _side(sign: str, words: Iterable[str]) -> str:
    joined = ", ".join(words)
    return f"{sign} {joined}" if joined else ""


def _write_rows(found: OutcomesPage) -> None:
    rows = [(row, (row.handling, row.outcome, _id(row), _name(row))) for row in found.page.items]
    if not rows:
        return
    widths = [max(len(heading), *(len(cells[place]) for _, cells in rows)) for place, heading in enumerate(_HEADINGS)]
    output.line()
    output.line(output.bold(_line(_HEADINGS, widths)))
    indent = " " * (widths[0] + 2)
    for row, cells in rows:
        output.line(output.filled(printable(cells[-1]), indent + "  ", _line((*cells[:-1], ""), widths, keep=True)))
        for line in _below(row):
            output.line(output.filled(printable(line), indent, indent))


def _line(cells: Iterable[str], widths: Iterable[int], *, keep: bool = False) -> str:
    line = "  ".join(cell.ljust(width) for cell, width in zip(cells, (*list(widths)[:-1], 0), strict=True))
    return line if keep else line.rstrip()


def _id(row: Outcome) -> str:
    """The primary id; one without is told by its STIX id, in a line of its own."""
    return "" if row.id == row.stix_id else row.id


def _name(row: Outcome) -> str:
    name = row.name or ""
    if row.new_id not in (None, row.id):
        return f"{name} → {row.new_id} {row.new_name or ''}".strip()
    return name


def _below(row: Outcome) -> Iterator[str]:
    """The lines below a row: why, and what a human may choose."""
    if row.id == row.stix_id:
        yield row.id
    also = [word for word in row.also if word != STALE]
    yield f"{row.reason} ({', '.join(also)})" if also else row.reason
    if row.candidates:
        yield "Perhaps " + "; ".join(f"{one.id} {one.name or ''}".strip() for one in row.candidates)
