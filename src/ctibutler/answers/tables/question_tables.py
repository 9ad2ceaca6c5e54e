"""Answers to questions, and comparisons of two sets, as tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from ctibutler.answers.asking.question_records import QuestionAnswer, QuestionQuery, QuestionRow, Start
from ctibutler.answers.asking.questions import ask
from ctibutler.answers.asking.sets import ComparedRow, SetComparison, compare_sets
from ctibutler.answers.library import Library
from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.pages import WHOLE
from ctibutler.answers.tables.ages import changed_at
from ctibutler.answers.tables.object_tables import object_columns
from ctibutler.answers.tables.table import Cell, Table, TableColumn, chosen, names_of, rows_of
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.markup import plain_text
from ctibutler.stix.objects import external_references, text

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class _Shown:
    """A row, with the relationships of its evidence."""

    row: QuestionRow
    evidence: Sequence[ObjectView]


_ABOUT_ROWS: tuple[TableColumn[_Shown], ...] = (
    TableColumn("via", lambda item: item.row.via),
    TableColumn("matched", lambda item: item.row.matched),
    TableColumn("depth", lambda item: item.row.depth),
    TableColumn("evidence", lambda item: item.row.evidence_count),
    TableColumn("text", lambda item: _texts(item.evidence)),
    TableColumn("references", lambda item: _references(item.evidence)),
)
_OF: tuple[TableColumn[_Shown], ...] = (
    TableColumn("of_id", lambda item: item.row.of.external_id if item.row.of else None),
    TableColumn("of_name", lambda item: item.row.of.name if item.row.of else None),
)
_SIDES: tuple[TableColumn[ComparedRow], ...] = (
    TableColumn("in", lambda item: item.side),
    TableColumn("via_a", lambda item: item.via_a),
    TableColumn("via_b", lambda item: item.via_b),
)


def question_table(
    library: Library,
    kb: KnowledgeBase,
    ids: Sequence[str] | None,
    word: str,
    query: QuestionQuery,
    columns: Sequence[str] | None = None,
) -> Table:
    """Return all rows that answer a question, as `ask` does.

    `text` is what the relationships say that lead to a row, `references` are the web addresses that they name.

    Raises NotFound, Hidden and InvalidRequest as `ask` does, and InvalidRequest for an unknown column.
    """
    found = ask(library, kb, ids, word, replace(query, page=WHOLE, rows=True))
    by_id = {view.id: view for view in found.relationships}
    rows = [_shown(row, by_id) for row in found.page.items]
    pairs = _OF if any(row.of is not None for row in found.page.items) else ()
    of_objects = _with_object_columns(library, found.rows_from, rows, lambda item: item.row.object, _ABOUT_ROWS)
    shown = chosen([*pairs, *of_objects], columns)
    return Table(
        name="-".join((found.knowledge_base, found.release, *_file_words(found.of), found.question.word)),
        title=_title(kb, found.release, _named(found.of), found.question.word),
        columns=names_of(shown),
        rows=rows_of(shown, [rows], lambda item: item.row),
        facts={
            "knowledge base": kb.title,
            "release": found.release,
            "question": found.question.word,
            "of": _named(found.of),
            "via": ", ".join(found.via),
            **_counts(found),
            "rows": str(found.page.total),
        },
        changed_at=changed_at(library, [(kb.slug, found.release), (found.rows_from, found.rows_release)]),
    )


def comparison_table(
    library: Library,
    kb: KnowledgeBase,
    a: Sequence[str],
    b: Sequence[str],
    by: str,
    query: QuestionQuery,
    sides: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
) -> Table:
    """Return all rows of a comparison of two sets, as `compare_sets` does.

    Raises NotFound and InvalidRequest as `compare_sets` does, and InvalidRequest for an unknown column.
    """
    found = compare_sets(library, kb, a, b, by, replace(query, page=WHOLE), sides)
    shown = chosen(_with_object_columns(library, kb.slug, found.page.items, lambda item: item.object, _SIDES), columns)
    return Table(
        name="-".join((kb.slug, found.release, *_file_words(found.a), *_file_words(found.b), found.question)),
        title=_title(kb, found.release, f"{_named(found.a)} and {_named(found.b)}", found.question),
        columns=names_of(shown),
        rows=rows_of(shown, [found.page.items]),
        facts={
            "knowledge base": kb.title,
            "release": found.release,
            "question": found.question,
            "a": _named(found.a),
            "b": _named(found.b),
            **_side_counts(found),
            "rows": str(found.page.total),
        },
        changed_at=changed_at(library, [(kb.slug, found.release)]),
    )


def _shown(row: QuestionRow, by_id: Mapping[str, ObjectView]) -> _Shown:
    paths = dict.fromkeys(stix_id for evidence in row.evidence for stix_id in evidence.path)
    return _Shown(row, [by_id[stix_id] for stix_id in paths if stix_id in by_id])


def _with_object_columns(
    library: Library,
    slug: str,
    items: Sequence[Item],
    object_of: Callable[[Item], ObjectView],
    others: Sequence[TableColumn[Item]],
) -> list[TableColumn[Item]]:
    """The columns of the objects in rows of another kind, then those of the rows. Their own `via` and `text` come last but
    before the object's description, which is long."""
    kb = library.knowledge_bases.named(slug)
    types = {object_of(item).type for item in items}

    def lifted(column: TableColumn[ObjectView]) -> TableColumn[Item]:
        return TableColumn(column.name, lambda item: column.read(object_of(item)))

    *first, description = (lifted(column) for column in object_columns(kb, types))
    return [*first, *others, description]


def _texts(evidence: Sequence[ObjectView]) -> Cell:
    return [said for view in evidence if (said := plain_text(text(view.properties, "description") or ""))]


def _references(evidence: Sequence[ObjectView]) -> Cell:
    return [
        str(reference["url"])
        for view in evidence
        for reference in external_references(view.properties)
        if isinstance(reference.get("url"), str)
    ]


def _counts(found: QuestionAnswer) -> dict[str, str]:
    return {f"by {way}": str(count) for way, count in found.counts.ways.items()}


def _side_counts(found: SetComparison) -> dict[str, str]:
    counts = found.counts
    return {"in both": str(counts.both), "only in a": str(counts.only_a), "only in b": str(counts.only_b)}


def _title(kb: KnowledgeBase, release: str, of: str, word: str) -> str:
    return f"{of}: {word.replace('-', ' ')}, {kb.title} {release}"


def _named(starts: Sequence[Start]) -> str:
    """The objects asked of, the first few of many."""
    names = [" ".join(part for part in (start.external_id, start.name) if part) or start.id for start in starts[:3]]
    more = f" and {len(starts) - 3} more" if len(starts) > 3 else ""
    return ", ".join(names) + more if names else "All"


def _file_words(starts: Sequence[Start]) -> list[str]:
    return [start.external_id or start.id for start in starts[:3]]
