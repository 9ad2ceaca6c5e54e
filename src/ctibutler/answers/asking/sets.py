"""Two sets of objects, compared by the answers to one question: what both have, and what only one of them has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from ctibutler.answers.asking.answering import Answering, Row
from ctibutler.answers.asking.asked import Asked, asked_of
from ctibutler.answers.asking.question_records import QuestionQuery, Start
from ctibutler.answers.library import Library
from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.pages import Count, Page, cut
from ctibutler.knowledge_bases.declaration import KnowledgeBase

Side = Literal["both", "a", "b"]
SIDES: tuple[Side, ...] = ("both", "a", "b")


class ComparedRow(msgspec.Struct, frozen=True, kw_only=True):
    """An object that answers the question for one set or both; and the ways by which it does so for each."""

    object: ObjectView
    side: Side = msgspec.field(name="in")
    via_a: tuple[str, ...]
    via_b: tuple[str, ...]


class ComparedCounts(msgspec.Struct, frozen=True):
    """How many objects answer for each set, for both, and for only one; and what both share of all."""

    a: Count
    b: Count
    both: Count
    only_a: Count
    only_b: Count
    jaccard: float | None


@dataclass(frozen=True, slots=True)
class SetComparison:
    """Two sets, and a page of the objects that answer a question for either. Those of both come first. `gives` are the kinds
    that answer it."""

    question: str
    gives: tuple[str, ...]
    knowledge_base: str
    release: str
    via: tuple[str, ...]
    a: Sequence[Start]
    b: Sequence[Start]
    counts: ComparedCounts
    page: Page[ComparedRow]


def compare_sets(
    library: Library,
    kb: KnowledgeBase,
    a: Sequence[str],
    b: Sequence[str],
    by: str,
    query: QuestionQuery,
    sides: Sequence[str] | None = None,
) -> SetComparison:
    """Compare two sets of objects by the answers to a question. `sides` are those to list, None for all.

    Raises NotFound if there is no such question, and for an object that is asked of alone; InvalidRequest as `ask` does.
    """
    with library.database.read() as connection:
        answering = Answering(library, connection, query)
        first, second = (asked_of(connection, kb, ids, by, query) for ids in (a, b))
        both = [*first, *second]
        via_a, rows_a = _rows(answering, first)
        via_b, rows_b = _rows(answering, second)
        merged = [_merged(rows_a.get(node), rows_b.get(node)) for node in dict.fromkeys((*rows_a, *rows_b))]
        ordered = answering.ordered(both, merged)
        side_of = {row: _side(rows_a.get(row.node), rows_b.get(row.node)) for row in ordered}
        listed = [row for side in SIDES if sides is None or side in sides for row in ordered if side_of[row] == side]
        page = cut(listed, query.page)
        shown = answering.views(row.node for row in page.items)
        rows = [
            ComparedRow(
                object=shown[row.node],
                side=side_of[row],
                via_a=_via(rows_a.get(row.node)),
                via_b=_via(rows_b.get(row.node)),
            )
            for row in page.items
        ]
    return SetComparison(
        both[0].question.word,
        tuple(dict.fromkeys(kind for of_it in both for kind in of_it.question.gives)),
        kb.slug,
        both[0].release.label,
        tuple(dict.fromkeys((*via_a, *via_b))),
        [start for of_it in first for start in of_it.starts.values()],
        [start for of_it in second for start in of_it.starts.values()],
        _counts([side_of[row] for row in ordered]),
        page.with_items(rows),
    )


def _rows(answering: Answering, asked: Sequence[Asked]) -> tuple[Sequence[str], dict[tuple[int, int], Row]]:
    ways, rows = answering.rows(asked)
    return ways, {row.node: row for row in rows}


def _merged(a: Row | None, b: Row | None) -> Row:
    [first, *others] = [row for row in (a, b) if row is not None]
    return Row(first.node, [*first.found, *(found for other in others for found in other.found)])


def _side(a: Row | None, b: Row | None) -> Side:
    if a is not None and b is not None:
        return "both"
    return "b" if a is None else "a"


def _via(row: Row | None) -> tuple[str, ...]:
    return () if row is None else row.via


def _counts(sides: Sequence[Side]) -> ComparedCounts:
    both, only_a, only_b = (sides.count(side) for side in SIDES)
    jaccard = round(both / len(sides), 3) if sides else None
    return ComparedCounts(both + only_a, both + only_b, both, only_a, only_b, jaccard)
