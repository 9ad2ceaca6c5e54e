"""What became of the objects of a release, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ctibutler.answers.library import Library
from ctibutler.answers.outcome_changes import OutcomesPage, OutcomesQuery, outcome_changes
from ctibutler.answers.pages import WHOLE
from ctibutler.answers.tables.feeds import Feed, FeedEntry
from ctibutler.answers.tables.layers import layer_of_outcomes
from ctibutler.answers.tables.table import Table, TableColumn, chosen, names_of, rows_of
from ctibutler.comparing.outcomes import Outcome
from ctibutler.knowledge_bases.declaration import KnowledgeBase

OUTCOME_COLUMNS: tuple[TableColumn[Outcome], ...] = (
    TableColumn("handling", lambda row: row.handling),
    TableColumn("outcome", lambda row: row.outcome),
    TableColumn("id", lambda row: row.id),
    TableColumn("name", lambda row: row.name),
    TableColumn("type", lambda row: row.type),
    TableColumn("new_id", lambda row: row.new_id),
    TableColumn("new_name", lambda row: row.new_name),
    TableColumn("also", lambda row: row.also),
    TableColumn("similarity", lambda row: None if row.similarity is None else str(row.similarity)),
    TableColumn("reason", lambda row: row.reason),
    TableColumn("candidates", lambda row: [f"{one.id} {one.name or ''} ({one.why})" for one in row.candidates]),
    TableColumn("stix_id", lambda row: row.stix_id),
    TableColumn("new_stix_id", lambda row: row.new_stix_id),
)


def outcome_table(
    library: Library, kb: KnowledgeBase, label: str | None, query: OutcomesQuery, columns: Sequence[str] | None = None
) -> Table:
    """Return what became of all objects that pass the filters.

    Raises NotFound when a release is not installed, InvalidRequest for an unknown column.
    """
    shown = chosen(OUTCOME_COLUMNS, columns)
    found = outcome_changes(library, kb, label, replace(query, page=WHOLE))
    rows, since = found.page.items, found.since or "nothing"
    name = f"{kb.slug}-{since}-{found.release}-outcomes"
    title = f"{kb.title}: what became of {since} in {found.release}"
    return Table(
        name=name,
        title=title,
        columns=names_of(shown),
        rows=rows_of(shown, [rows]),
        facts={
            "knowledge base": kb.title,
            "from": since,
            "to": found.release,
            **{f"data model: {one}": said for one, said in _model(found)},
            "rows": str(len(rows)),
        },
        changed_at=found.installed_at,
        layer=(
            None
            if kb.navigator_domain is None
            else lambda: layer_of_outcomes(kb, f"{since} to {found.release}", title, found.release, rows)
        ),
        feed=Feed(("outcomes", kb.slug, since, found.release), kb.publisher, lambda: map(_entry, rows)),
    )


def _model(found: OutcomesPage) -> list[tuple[str, str]]:
    """What changed for all objects, each as a property and a phrase."""
    told = []
    for change in found.model:
        counts = [
            f"{number} {word} it" for number, word in ((change.lost, "lost"), (change.gained, "gained")) if number
        ]
        told.append((f"{change.property} of {change.type}", f"{' and '.join(counts)}, of {change.having}"))
    for words in found.vocabulary:
        sides = [
            f"{word} {', '.join(side)}" for word, side in (("without", words.removed), ("with", words.added)) if side
        ]
        told.append((f"{words.property} of {words.type}", f"{'; '.join(sides)}: {words.objects} objects"))
    return told


def _entry(row: Outcome) -> FeedEntry:
    named = f"{row.id} {row.name or ''}".rstrip()
    now = f", now {row.new_id}" if row.new_id not in (None, row.id) else ""
    return FeedEntry(row.stix_id or row.id, f"{named}: {row.outcome}{now}", None, row.outcome, row.reason)
