"""Inferred techniques as tables."""

from __future__ import annotations

from collections.abc import Sequence

from ctibutler.answers.inference import TECHNIQUE, infer
from ctibutler.answers.library import Library
from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.objects import ObjectQuery
from ctibutler.answers.tables.ages import changed_at
from ctibutler.answers.tables.closures import TableObjects
from ctibutler.answers.tables.object_tables import object_columns
from ctibutler.answers.tables.table import Table, TableColumn, chosen, names_of, rows_of
from ctibutler.knowledge_bases.declaration import KnowledgeBase


def inference_table(
    library: Library,
    kb: KnowledgeBase,
    observed: Sequence[str],
    query: ObjectQuery,
    limit: int,
    columns: Sequence[str] | None = None,
) -> Table:
    """Return the techniques that most likely go with those observed, with their scores, the likeliest first.

    Raises InvalidRequest and NotFound as `infer` does, and InvalidRequest for an unknown column.
    """
    found = infer(library, kb, observed, query, limit)
    scores: dict[str, float] = {
        view.id: score for view, score in zip(found.objects, found.scores.values(), strict=True)
    }
    score: TableColumn[ObjectView] = TableColumn("score", lambda item: str(scores[item.id]))
    identifier, name, *others = object_columns(kb, [TECHNIQUE])
    shown = chosen([identifier, name, score, *others], columns)
    label = next((view.release for view in found.objects), query.release) or ""
    return Table(
        name=f"{kb.slug}-{label}-tie",
        title=f"What goes with {', '.join(observed)}, {kb.title} {label}",
        columns=names_of(shown),
        rows=rows_of(shown, [found.objects]),
        facts={
            "knowledge base": kb.title,
            "release": label,
            "observed": ", ".join(observed),
            "rows": str(len(found.objects)),
        },
        changed_at=changed_at(library, [(kb.slug, label or None)]),
        objects=TableObjects(library, lambda _: found.objects, [(kb.slug, label or None)]),
    )
