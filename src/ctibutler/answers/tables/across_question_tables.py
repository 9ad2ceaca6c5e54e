"""A question over all knowledge bases as one table: the rows of each that holds the object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ctibutler.answers.across.questions import holding
from ctibutler.answers.asking.question_records import QuestionQuery
from ctibutler.answers.library import Library
from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.tables.closures import Closure, TableObjects
from ctibutler.answers.tables.layers import TechniqueLayer
from ctibutler.answers.tables.question_tables import EVIDENCE_COLUMNS, Per, question_table
from ctibutler.answers.tables.table import Row, Sheet, Table, TableColumn, chosen, names_of
from ctibutler.errors import NotFound
from ctibutler.knowledge_bases.declaration import KnowledgeBase

_HOME = ("knowledge_base", "release")
_Answered = Sequence[tuple[KnowledgeBase, Table]]


def question_across_table(
    library: Library,
    object_id: str,
    word: str,
    query: QuestionQuery,
    columns: Sequence[str] | None = None,
    *,
    per: Per = "result",
) -> Table:
    """Return the rows of all knowledge bases that hold an object and have the question for it, each with its knowledge base and
    release. Layers are one for each knowledge base.

    Raises NotFound as `ask_across` does, and InvalidRequest for an unknown column.
    """
    stix_id, bases = holding(library, object_id)
    answered, missing = [], None
    for kb in bases:
        try:
            answered.append((kb, question_table(library, kb, [stix_id], word, query, per=per)))
        except NotFound as problem:
            missing = missing or problem
    if not answered:
        raise missing or NotFound(f"no latest release has the object `{stix_id}`")
    tables = [table for _, table in answered]
    known = dict.fromkeys((*_HOME, *(name for table in tables for name in table.columns)))
    shown = chosen([_column(name) for name in known], columns)
    first = tables[0].objects
    assert first is not None
    return Table(
        name=f"{tables[0].facts['of'].partition(' ')[0]}-{word}",
        title="; ".join(dict.fromkeys(table.title for table in tables)),
        columns=names_of(shown),
        rows=_rows(answered, shown),
        facts={
            "of": tables[0].facts["of"],
            "question": word,
            "releases": ", ".join(f"{kb.slug} {table.facts['release']}" for kb, table in answered),
            **{f"in {kb.slug}": table.facts["rows"] for kb, table in answered},
            "rows": str(sum(int(table.facts["rows"]) for table in tables)),
        },
        changed_at=max(table.changed_at for table in tables),
        objects=TableObjects(
            library,
            lambda closure: _views(tables, closure),
            [named for table in tables if table.objects for named in table.objects.named_in],
            first.closures,
        ),
        layer=next((table.layer for table in tables if table.layer is not None), None),
        layers=(lambda: _layers(answered)) if len(tables) > 1 or per == "start" else None,
        evidence=(lambda: _evidence(answered)) if any(table.evidence for table in tables) else None,
    )


def _column(name: str) -> TableColumn[Mapping[str, str]]:
    return TableColumn(name, lambda cells: cells.get(name, ""))


def _rows(answered: _Answered, shown: Sequence[TableColumn[Mapping[str, str]]]) -> Iterator[Row]:
    for kb, table in answered:
        home = {"knowledge_base": kb.slug, "release": table.facts["release"]}
        for row in table.rows:
            cells = home | dict(zip(table.columns, row.cells, strict=True))
            yield Row(
                tuple(cells.get(column.name, "") for column in shown),
                {"knowledge_base": kb.slug, "version": table.facts["release"], "result": row.item},
            )


def _views(tables: Sequence[Table], closure: Closure) -> Iterator[ObjectView]:
    for table in tables:
        if table.objects is not None:
            yield from table.objects.views(closure)


def _layers(answered: _Answered) -> Iterator[tuple[str, TechniqueLayer]]:
    for kb, table in answered:
        if table.layer is not None:
            yield kb.slug, table.layer()


def _evidence(answered: _Answered) -> Sheet:
    def rows() -> Iterator[Row]:
        for kb, table in answered:
            for row in table.evidence().rows if table.evidence else ():
                yield Row((kb.slug, *row.cells), row.item)

    return Sheet((_HOME[0], *EVIDENCE_COLUMNS), rows())
