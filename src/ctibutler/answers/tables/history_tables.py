"""Histories of objects as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ctibutler.answers.history import HistoryEvent, HistoryQuery, history
from ctibutler.answers.library import Library
from ctibutler.answers.pages import WHOLE
from ctibutler.answers.tables.feeds import Feed, FeedEntry, published_time
from ctibutler.answers.tables.table import Table, TableColumn, chosen, names_of, rows_of
from ctibutler.answers.told_events import told
from ctibutler.knowledge_bases.declaration import KnowledgeBase

HISTORY_COLUMNS: tuple[TableColumn[HistoryEvent], ...] = (
    TableColumn("version", lambda event: event.label),
    TableColumn("event", lambda event: event.event),
    TableColumn("id", lambda event: event.external_id),
    TableColumn("name", lambda event: event.name),
    TableColumn("detail", told),
    TableColumn("modified", lambda event: event.modified),
    TableColumn("stix_id", lambda event: event.stix_id),
)


def history_table(
    library: Library, kb: KnowledgeBase, object_id: str, query: HistoryQuery, columns: Sequence[str] | None = None
) -> Table:
    """Return all events of an object that are not hidden.

    Raises NotFound if no installed release has the object, InvalidRequest for an unknown column.
    """
    shown = chosen(HISTORY_COLUMNS, columns)
    found = history(library, kb, object_id, replace(query, page=WHOLE))
    events, first = found.page.items, found.threads[0]
    named = f"{first.external_id or first.stix_id} {first.name or ''}".rstrip()
    return Table(
        name=f"{kb.slug}-{first.external_id or first.stix_id}-history",
        title=f"{kb.title}: history of {named}",
        columns=names_of(shown),
        rows=rows_of(shown, [events]),
        facts={
            "knowledge base": kb.title,
            "object": named,
            "from": found.labels[0],
            "to": found.labels[-1],
            "rows": str(len(events)),
        },
        changed_at=found.installed_at,
        feed=Feed(
            ("history", kb.slug, first.external_id or first.stix_id),
            kb.publisher,
            lambda: map(_entry, reversed(events)),
        ),
    )


def _entry(event: HistoryEvent) -> FeedEntry:
    named = f"{event.external_id or event.stix_id} {event.name or ''}".rstrip()
    said = told(event)
    return FeedEntry(
        f"{event.label}/{event.stix_id}/{event.event}",
        f"{named}: {event.event} in {event.label}",
        published_time(event.modified),
        event.event,
        f"{event.event} in {event.label}: {said}" if said else f"{event.event} in {event.label}",
    )
