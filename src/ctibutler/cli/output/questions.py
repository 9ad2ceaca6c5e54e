"""Answers to questions, for people: tables, with what publishers say about each way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ctibutler.answers.asking.evidence import said, through
from ctibutler.answers.asking.question_records import (
    AskedCount,
    AskedCounts,
    QuestionAnswer,
    QuestionRow,
    Start,
)
from ctibutler.answers.asking.sets import SetComparison
from ctibutler.answers.tables.layers import side_names
from ctibutler.cli.output import text as output
from ctibutler.cli.output.tables import Column, write_table
from ctibutler.cli.output.text import printable
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.questions import Question
from ctibutler.stix.markup import plain_text

_MOST_NAMED = 3
# The way to what is related to the object itself.
_OWN = "own"
_HIERARCHY = ("parents", "children", "ancestors", "descendants")


def write_answer(found: QuestionAnswer, kb: KnowledgeBase, *, with_sub: bool, evidence: bool) -> None:
    """Print what an answer is about with its counts, then its rows; with `evidence`, what is said about each of them."""
    output.line(output.filled(f"{_about(found, kb)}: {_counts(found, with_sub=with_sub)}"))
    if not found.page.items:
        return
    output.line()
    several, shared = len(found.of) > 1, found.question.sort.startswith("evidence")
    pairs = any(row.of for row in found.page.items)
    columns = [
        *([Column("OF")] if pairs else []),
        Column("ID"),
        Column("NAME", cut="last"),
        *([Column("MATCHED", right=True)] if several else []),
        *([Column("IN COMMON", right=True)] if shared else []),
        Column("VIA", cut="first"),
    ]
    rows = [
        [
            *([_id(row.of)] if pairs and row.of else []),
            row.object.external_id or row.object.id,
            row.object.name or "",
            *([f"{row.matched} of {len(found.of)}"] if several else []),
            *([str(row.evidence_count)] if shared else []),
            ", ".join(row.via),
        ]
        for row in found.page.items
    ]
    names = _names(found)
    below = [_told(found, row, names) if evidence else [] for row in found.page.items]
    write_table(columns, rows, below, indent_to=1 if not pairs else 2)
    if len(found.page.items) < found.page.total:
        output.note(output.page_note(found.page, "result"))


def write_counts(found: AskedCounts, kb: KnowledgeBase) -> None:
    """Print what an object can be asked, with the numbers of answers."""
    output.line(printable(f"{_named(found.of)}, {found.kind} of {kb.title} {found.release}"))
    if not found.questions:
        output.line("Nothing can be asked about it.")
        return
    output.line()
    rows = [
        [
            item.question,
            f"{item.counts.default:,}",
            f"{item.counts.all:,}",
            "" if item.counts.with_sub is None else f"{item.counts.with_sub.default:,}",
            item.description,
        ]
        for item in found.questions
    ]
    columns = [
        Column("QUESTION"),
        Column("ANSWERS", right=True),
        Column("ALL WAYS", right=True),
        Column("WITH SUB", right=True),
        Column("WHAT", cut="last"),
    ]
    write_table(columns, rows)


def write_questions(kb: KnowledgeBase) -> None:
    """Print what can be asked about the objects of a knowledge base."""
    if not kb.questions:
        output.line(f"Nothing can be asked about objects of {kb.title}.")
        return
    rows = [
        [
            question.word,
            ", ".join(question.of) if len(question.of) <= _MOST_NAMED else "all kinds",
            ", ".join(known.name if known.default else f"({known.name})" for known in question.ways),
            question.says,
        ]
        for question in kb.questions
    ]
    write_table(
        [Column("QUESTION"), Column("OF", cut="first"), Column("WAYS", cut="first"), Column("WHAT", cut="last")], rows
    )
    output.note("ways in parentheses are taken with --via NAME or --via all")


def write_next_questions(found: AskedCounts, object_id: str) -> None:
    """Print what can be asked next, with an example: `66 techniques, 49 software: ctibutler get G0016 techniques`; nothing if
    nothing has an answer."""
    answered = _distinct([item for item in found.questions if item.counts.default or item.counts.all])
    if not answered:
        return
    counts = ", ".join(_tally(item) for item in answered)
    example = next((item for item in answered if item.question not in _HIERARCHY), answered[0])
    command = f"ctibutler get {object_id} {example.question}"
    output.line()
    output.line(output.filled(f"{counts}: {command}", whole=command))


def write_comparison(found: SetComparison) -> None:
    """Print what two sets have in common, and what only one of them has."""
    counts = found.counts
    a, b = (", ".join(_id(start) for start in side) for side in (found.a, found.b))
    share = "" if counts.jaccard is None else f" (Jaccard index {counts.jaccard:.3f})"
    output.line(
        output.filled(
            f"{found.question} in {found.knowledge_base} {found.release}: {counts.both:,} in common{share},"
            f" {counts.only_a:,} only {a}, {counts.only_b:,} only {b}"
        )
    )
    if not found.page.items:
        return
    output.line()
    sides = side_names(found)
    rows = [
        [
            row.object.external_id or row.object.id,
            row.object.name or "",
            sides[row.side],
        ]
        for row in found.page.items
    ]
    write_table([Column("ID"), Column("NAME", cut="last"), Column("IN", cut="first")], rows)
    if len(found.page.items) < found.page.total:
        output.note(output.page_note(found.page, "result"))


def _about(found: QuestionAnswer, kb: KnowledgeBase) -> str:
    where = f"{kb.title} {found.release}"
    if not found.of:
        return where
    if len(found.of) > 1:
        return f"{', '.join(_id(start) for start in found.of)}, {where}"
    return f"{_named(found.of[0])}, {where}"


def _counts(found: QuestionAnswer, *, with_sub: bool) -> str:
    """`119 techniques; 249 with --via all`."""
    parts = [counted_as(found.question, found.page.total)]
    counts = found.counts.with_sub if with_sub and found.counts.with_sub else found.counts
    if counts.all > found.page.total:
        parts.append(f"{counts.all:,} with --via all")
    if not with_sub and found.counts.with_sub and found.counts.with_sub.default > found.page.total:
        parts.append(f"{found.counts.with_sub.default:,} with --sub")
    return "; ".join(parts)


def counted_as(question: Question, number: int) -> str:
    """A number of answers: `1 technique`, `49 software`, `precedes 3`."""
    one, many = question.nouns
    noun = one if number == 1 else many
    return noun.replace("{}", f"{number:,}") if "{}" in noun else f"{number:,} {noun}"


def _tally(item: AskedCount) -> str:
    """`66 techniques (119 with campaigns)`: by the first way that is taken by default, and with the others."""
    first, *others = [known.name for known in item.asked.ways if known.default]
    own, default = item.counts.ways.get(first, 0), item.counts.default
    if not 0 < own < default or first != _OWN:
        return counted_as(item.asked, default)
    return f"{counted_as(item.asked, own)} ({default:,} with {', '.join(others)})"


def _distinct(counted: Sequence[AskedCount]) -> list[AskedCount]:
    """Those without what says the same over all distances as over one."""
    known = {item.question: item.counts.default for item in counted}
    same = {
        far
        for near, far in (("parents", "ancestors"), ("children", "descendants"))
        if near in known and known.get(far) == known[near]
    }
    return [item for item in counted if item.question not in same and item.counts.default]


def _named(start: Start) -> str:
    return printable(f"{_id(start)} {start.name or ''}".rstrip())


def _id(start: Start) -> str:
    return start.external_id or start.id


def _names(found: QuestionAnswer) -> Mapping[str, str]:
    """STIX id → id and name of what lies between."""
    return {view.id: f"{view.external_id or ''} {view.name or ''}".strip() for view in found.through}


def _told(found: QuestionAnswer, row: QuestionRow, names: Mapping[str, str]) -> list[str]:
    """What is said about each path to a row, with what it leads through."""
    relationships = {view.id: view.properties for view in found.relationships}
    lines = []
    for path in row.evidence:
        lead = ", ".join(names[node] for node in through(path, relationships) if names.get(node))
        words = plain_text(said(path, relationships) or "").splitlines()
        lines.append(printable(": ".join(part for part in (lead, " ".join(words)) if part)))
    if row.evidence_count > len(row.evidence):
        lines.append(f"and {row.evidence_count - len(row.evidence):,} more")
    return [line for line in dict.fromkeys(lines) if line]
