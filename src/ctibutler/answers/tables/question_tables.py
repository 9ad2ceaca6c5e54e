"""Answers to questions, and comparisons of two sets, as tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, TypeVar

from ctibutler.answers.asking.answering import MOST_EVIDENCE
from ctibutler.answers.asking.evidence import starts_of, through
from ctibutler.answers.asking.question_records import QuestionAnswer, QuestionQuery, QuestionRow, Start
from ctibutler.answers.asking.questions import ask
from ctibutler.answers.asking.sets import ComparedRow, SetComparison, compare_sets
from ctibutler.answers.library import Library
from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.pages import WHOLE
from ctibutler.answers.tables.ages import changed_at
from ctibutler.answers.tables.closures import Closure, TableObjects
from ctibutler.answers.tables.layers import (
    TechniqueLayer,
    gives_techniques,
    layer_of_answer,
    layer_of_comparison,
)
from ctibutler.answers.tables.object_tables import object_columns
from ctibutler.answers.tables.table import BETWEEN_VALUES, Cell, Sheet, Table, TableColumn, chosen, names_of, rows_of
from ctibutler.catalog import members, objects, releases
from ctibutler.catalog.folding import natural_order
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.markup import plain_text
from ctibutler.stix.objects import external_references, text

Item = TypeVar("Item")
Per = Literal["result", "evidence", "start"]
"""What there is a row for in a table: each object that answers, each path that leads to one, or each object asked about and
each that answers for it."""

_CLOSURES: tuple[Closure, ...] = ("evidence", "none", "full")


@dataclass(frozen=True, slots=True)
class _Shown:
    """A row, or one path to it: with the relationships of its evidence."""

    row: QuestionRow
    evidence: Sequence[ObjectView]


@dataclass(frozen=True, slots=True)
class LedPath:
    """A path to a row: the object that it begins at, what it leads through, and its relationships."""

    row: QuestionRow
    via: str
    start: Start | None
    between_ids: Sequence[str]
    between: Sequence[str]
    evidence: Sequence[ObjectView]

    @property
    def text(self) -> Cell:
        """What its relationships say."""
        return _texts(self.evidence)


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
_PATHS: tuple[TableColumn[LedPath], ...] = (
    TableColumn("of_id", lambda item: item.start.external_id if item.start else None),
    TableColumn("of_name", lambda item: item.start.name if item.start else None),
    TableColumn("id", lambda item: item.row.object.external_id),
    TableColumn("name", lambda item: item.row.object.name),
    TableColumn("via", lambda item: item.via),
    TableColumn("through", lambda item: item.between),
    TableColumn("text", lambda item: item.text),
    TableColumn("references", lambda item: _references(item.evidence)),
    TableColumn("created", lambda item: BETWEEN_VALUES.join(view.created or "" for view in item.evidence)),
    TableColumn("modified", lambda item: BETWEEN_VALUES.join(view.modified or "" for view in item.evidence)),
    TableColumn("stix_id", lambda item: item.row.object.id),
    TableColumn("relationships", lambda item: [view.id for view in item.evidence]),
)
EVIDENCE_COLUMNS = names_of(_PATHS)
"""The columns of a table with a row for each path."""
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
    *,
    per: Per = "result",
) -> Table:
    """Return all rows that answer a question, as `ask` does. `per` says what there is a row for; `start` also makes a layer for
    each object asked about.

    `text` is what the relationships say that lead to a row, `references` are the web addresses that they name.

    Raises NotFound, Hidden and InvalidRequest as `ask` does, and InvalidRequest for an unknown column.
    """
    by_path = per == "evidence"
    limit = MOST_EVIDENCE if by_path else query.evidence_limit
    query = replace(query, by_start=per == "start")
    found = ask(
        library, kb, ids, word,
        replace(query, page=WHOLE, rows=True, evidence=query.evidence or by_path, evidence_limit=limit),
    )  # fmt: skip
    title = _title(kb, found.release, _named(found.of), found.question.word)

    @cache
    def every_path() -> QuestionAnswer:
        return ask(
            library, kb, ids, word, replace(query, page=WHOLE, rows=True, evidence=True, evidence_limit=MOST_EVIDENCE)
        )

    by_id = {view.id: view for view in found.relationships}
    rows = [_shown(row, by_id) for row in found.page.items]
    pairs = _OF if any(row.of is not None for row in found.page.items) else ()
    of_objects = _with_object_columns(library, found.rows_from, rows, lambda item: item.row.object, _ABOUT_ROWS)
    if by_path:
        by_paths = chosen(_PATHS, columns)
        paths = list(led_paths(found))
        names, made, number = names_of(by_paths), rows_of(by_paths, [paths], _path_item), len(paths)
    else:
        shown = chosen([*pairs, *of_objects], columns)
        names, made, number = names_of(shown), rows_of(shown, [rows], lambda item: item.row), found.page.total
    far = library.knowledge_bases.named(found.rows_from)
    described = f"{_named(found.of)}: {found.question.word.replace('-', ' ')} in {far.title} {found.rows_release or ''}"
    return Table(
        name="-".join((found.knowledge_base, found.release, *_file_words(found.of), found.question.word)),
        title=title,
        columns=names,
        rows=made,
        facts={
            "knowledge base": kb.title,
            "release": found.release,
            "question": found.question.word,
            "of": _named(found.of),
            "via": ", ".join(found.via),
            **_counts(found),
            "rows": str(number),
        },
        changed_at=changed_at(library, [(kb.slug, found.release), (found.rows_from, found.rows_release)]),
        objects=TableObjects(
            library,
            lambda closure: _views(library, kb, found if closure == "none" else every_path(), closure),
            [(kb.slug, found.release), (found.rows_from, found.rows_release)],
            _CLOSURES,
        ),
        layer=(lambda: layer_of_answer(far, _named(found.of), described, found))
        if gives_techniques(far, found.question.gives)
        else None,
        layers=(lambda: _layers(kb, far, found)) if per == "start" else None,
        evidence=None if by_path or not query.evidence else lambda: _evidence_sheet(every_path()),
    )


def _layers(kb: KnowledgeBase, far: KnowledgeBase, found: QuestionAnswer) -> Iterator[tuple[str, TechniqueLayer]]:
    """A layer for each object asked about that has an answer, in the order of their ids."""
    rows: dict[Start, list[QuestionRow]] = {}
    for row in found.page.items:
        if row.of is not None:
            rows.setdefault(row.of, []).append(row)
    for start in sorted(rows, key=lambda start: (natural_order(start.external_id or ""), start.id)):
        of_it = replace(found, of=[start], page=replace(found.page, items=rows[start], total=len(rows[start])))
        title = _title(kb, found.release, _named([start]), found.question.word)
        yield _file_words([start])[0], layer_of_answer(far, _named([start]), title, of_it)


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
    listed = {row.object.id for row in found.page.items}

    @cache
    def told(limit: int) -> QuestionAnswer:
        asked = replace(query, page=WHOLE, rows=True, evidence=True, evidence_limit=limit)
        answer = ask(library, kb, list(dict.fromkeys((*a, *b))), by, asked)
        return _only(answer, listed)

    title = _title(kb, found.release, f"{_named(found.a)} and {_named(found.b)}", found.question)

    def layer() -> TechniqueLayer:
        name = f"{_named(found.a)} and {_named(found.b)}"
        return layer_of_comparison(kb, name, title, found, told(query.evidence_limit or _FEW))

    return Table(
        name="-".join((kb.slug, found.release, *_file_words(found.a), *_file_words(found.b), found.question)),
        title=title,
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
        objects=TableObjects(
            library,
            lambda closure: (
                (row.object for row in found.page.items)
                if closure == "none"
                else _views(library, kb, told(MOST_EVIDENCE), closure)
            ),
            [(kb.slug, found.release)],
            _CLOSURES,
        ),
        layer=layer if gives_techniques(kb, found.gives) else None,
        evidence=lambda: _evidence_sheet(told(MOST_EVIDENCE)),
    )


_FEW = 5
"""So many paths to each technique are told where the request says nothing."""


def _only(found: QuestionAnswer, ids: set[str]) -> QuestionAnswer:
    """The answer without rows of other objects, and without what leads to these alone."""
    rows = [row for row in found.page.items if row.object.id in ids]
    used = {name for row in rows for path in row.evidence for name in path.path}
    relationships = [view for view in found.relationships if view.id in used]
    ends = {text(view.properties, end) for view in relationships for end in ("source_ref", "target_ref")}
    return replace(
        found,
        page=replace(found.page, items=rows, total=len(rows)),
        relationships=relationships,
        through=[view for view in found.through if view.id in ends],
    )


def _views(library: Library, kb: KnowledgeBase, found: QuestionAnswer, closure: Closure) -> Iterator[ObjectView]:
    """The objects of a bundle: the rows; and unless the closure is `none`, what was asked of before them, and what lies between
    with the relationships after them."""
    if closure != "none":
        starts = [*found.of, *(row.of for row in found.page.items if row.of)]
        yield from _starts(library, kb, found.release, list(dict.fromkeys(start.id for start in starts)))
    for row in found.page.items:
        yield row.object
    if closure != "none":
        yield from found.through
        yield from found.relationships


def _starts(library: Library, kb: KnowledgeBase, label: str, ids: Sequence[str]) -> list[ObjectView]:
    with library.database.read() as connection:
        release = releases.find(connection, kb.slug, label)
        keys = dict(members.with_ids(connection, release.key, ids)) if release else {}
        contents = objects.contents(connection, [keys[name] for name in ids if name in keys])
    return [ObjectView(content, kb, label) for content in contents]


def _evidence_sheet(found: QuestionAnswer) -> Sheet:
    return Sheet(EVIDENCE_COLUMNS, rows_of(_PATHS, [list(led_paths(found))]))


def led_paths(found: QuestionAnswer) -> Iterator[LedPath]:
    """Yield all paths of an answer, row by row."""
    by_id = {view.id: view for view in found.relationships}
    properties = {name: view.properties for name, view in by_id.items()}
    names = {view.id: f"{view.external_id or ''} {view.name or ''}".strip() for view in found.through}
    starts = {start.id: start for start in found.of}
    for row in found.page.items:
        for path in row.evidence:
            begun = starts_of(path, properties, starts)
            between = [name for name in through(path, properties) if name in names]
            yield LedPath(
                row,
                path.via,
                row.of or (starts[begun[0]] if begun else None),
                between,
                [names[name] for name in between],
                [by_id[name] for name in path.path],
            )


def _path_item(led: LedPath) -> dict[str, object]:
    """What stands for a path in lines of JSON."""
    path = [view.id for view in led.evidence]
    return {"object": led.row.object, "of": led.start, "via": led.via, "through": led.between, "path": path}


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
