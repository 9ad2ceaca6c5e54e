"""A matrix as a table with a row for each cell, and as a layer of what its sets have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ctibutler.answers.asking.question_records import Start
from ctibutler.answers.library import Library
from ctibutler.answers.matrix import Matrix, MatrixCell, MatrixSet, MatrixTactic, MatrixTechnique
from ctibutler.answers.tables.ages import changed_at
from ctibutler.answers.tables.layers import MarkedTechnique, TechniqueLayer
from ctibutler.answers.tables.table import Table, TableColumn, names_of, rows_of
from ctibutler.catalog.folding import natural_order
from ctibutler.errors import InvalidRequest
from ctibutler.knowledge_bases.declaration import KnowledgeBase

Placed = tuple[MatrixTactic, MatrixCell, MatrixCell | None]
"""A cell with its tactic, and the technique that it is below."""

_COLUMNS: Sequence[TableColumn[Placed]] = (
    TableColumn("tactic_id", lambda at: at[0].external_id or at[0].id),
    TableColumn("tactic", lambda at: at[0].name),
    TableColumn("technique_id", lambda at: at[1].technique.external_id or at[1].technique.id),
    TableColumn("technique", lambda at: at[1].technique.name),
    TableColumn("below_id", lambda at: at[2].technique.external_id if at[2] else None),
    TableColumn("platforms", lambda at: at[1].technique.platforms),
    TableColumn("in", lambda at: at[1].technique.mark),
    TableColumn("change", lambda at: at[1].technique.change),
    TableColumn("a", lambda at: map(_id, at[1].technique.a)),
    TableColumn("b", lambda at: map(_id, at[1].technique.b)),
)

_SIDES = ("both", "a", "b")


def matrix_table(library: Library, kb: KnowledgeBase, matrix: Matrix, cells: Iterable[Placed]) -> Table:
    """Return these cells of a matrix as a table."""
    return Table(
        name=f"{kb.slug}-{matrix.release}-matrix",
        title=f"{kb.title} {matrix.release}: matrix",
        columns=names_of(_COLUMNS),
        rows=rows_of(_COLUMNS, [list(cells)]),
        facts={"knowledge base": kb.title, "release": matrix.release, "cells": str(matrix.counts.cells)},
        changed_at=changed_at(library, [(kb.slug, matrix.release)]),
    )


def layer_of_matrix(kb: KnowledgeBase, matrix: Matrix) -> TechniqueLayer:
    """Return the techniques of the sets as a layer: each with the number of objects that have it, and which these are.

    Raises InvalidRequest if no set has a technique, or the Navigator does not show the knowledge base.
    """
    if kb.navigator_domain is None:
        raise InvalidRequest(f"no layers of {kb.slug}: the Navigator does not show it")
    marked = {technique.id: technique for technique in _marked(matrix) if technique.external_id}
    if not marked:
        raise InvalidRequest("a layer shows the techniques of sets: name objects or techniques as `a` or `b`")
    a, b = (set_name(it) for it in (matrix.a, matrix.b))
    are_two = bool(matrix.a.given and matrix.b.given)
    name = " and ".join(filter(None, (a, b)))
    return TechniqueLayer(
        kb,
        matrix.release,
        name[:200],
        f"Techniques of {name} in {kb.title} {matrix.release}",
        [
            _on_layer(technique, are_two=are_two)
            for technique in sorted(marked.values(), key=lambda it: natural_order(it.external_id or ""))
        ],
        ("both", f"only {a}", f"only {b}") if are_two else (),
    )


def set_name(told: MatrixSet) -> str:
    """Return what a set is called: `G0016 APT29`; of many objects, the first and how many more."""
    names = [f"{start.external_id or start.id} {start.name or ''}".strip() for start in told.given]
    return ", ".join(names) if len(names) <= 3 else f"{', '.join(names[:2])} and {len(names) - 2:,} more"


def _marked(matrix: Matrix) -> Iterator[MatrixTechnique]:
    for _, cell, _ in matrix.cells():
        if cell.technique.mark:
            yield cell.technique
    yield from (technique for technique in matrix.without_tactic if technique.mark)


def _on_layer(technique: MatrixTechnique, *, are_two: bool) -> MarkedTechnique:
    # A technique that was named itself says nothing about whoever has it.
    given = list(dict.fromkeys((*technique.a, *technique.b)))
    comment = ", ".join(f"{_id(start)} {start.name or ''}".rstrip() for start in given if start.id != technique.id)
    group = _SIDES.index(technique.mark) if are_two and technique.mark else None
    return MarkedTechnique(technique.external_id or "", len(given), comment, group)


def _id(start: Start) -> str:
    return start.external_id or start.id
