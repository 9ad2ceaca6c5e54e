"""Comparisons of two releases as tables."""

from __future__ import annotations

from collections.abc import Sequence

from ctibutler.answers.changes import Change, ChangeFacts, ChangesQuery, changes_of, differences
from ctibutler.answers.library import Library
from ctibutler.answers.portions import Unchanged
from ctibutler.answers.tables.closures import TableObjects
from ctibutler.answers.tables.feeds import Feed, FeedEntry, published_time
from ctibutler.answers.tables.table import Table, TableColumn, chosen, names_of, rows_of
from ctibutler.catalog.engine.connection import Connection
from ctibutler.comparing.differences import Difference
from ctibutler.knowledge_bases.declaration import KnowledgeBase

CHANGE_COLUMNS: tuple[TableColumn[Change], ...] = (
    TableColumn("id", lambda item: item.external_id),
    TableColumn("name", lambda item: item.name),
    TableColumn("type", lambda item: item.type),
    TableColumn("change", lambda item: item.change),
    TableColumn("changed_properties", lambda item: item.changed_properties),
    TableColumn("before_modified", lambda item: item.before_modified),
    TableColumn("after_modified", lambda item: item.after_modified),
    TableColumn("stix_id", lambda item: item.id),
)


def changes_table(
    library: Library, kb: KnowledgeBase, label: str | None, query: ChangesQuery, columns: Sequence[str] | None = None
) -> Table:
    """Return all ids that differ between two releases and pass the filters. Bundles hold the objects as they are afterwards:
    those that were removed are not in them.

    Raises NotFound when a release is not installed, InvalidRequest for an unknown column.
    """
    shown = chosen(CHANGE_COLUMNS, columns)
    with library.database.read() as connection:
        comparison, passing = differences(library, connection, kb, label, query)
        compared = [release for release in (comparison.old, comparison.new) if release is not None]
        source = Unchanged.since(connection, library.database, compared)

    def read(connection: Connection, portion: Sequence[Difference]) -> Sequence[Change]:
        return changes_of(connection, kb, comparison, portion)

    since = comparison.old.label if comparison.old else "nothing"
    return Table(
        name=f"{kb.slug}-{since}-{comparison.new.label}",
        title=f"{kb.title}: changes from {since} to {comparison.new.label}",
        columns=names_of(shown),
        rows=rows_of(shown, source.portions(passing, read), _facts),
        facts={"knowledge base": kb.title, "from": since, "to": comparison.new.label, "rows": str(len(passing))},
        changed_at=comparison.new.installed_at,
        objects=TableObjects(
            library,
            lambda _: (
                view for portion in source.portions(passing, read) for change in portion for view in change.after
            ),
            [(kb.slug, comparison.new.label)],
        ),
        feed=Feed(
            ("changes", kb.slug, since, comparison.new.label),
            kb.publisher,
            lambda: (_entry(change) for portion in source.portions(passing, read) for change in portion),
        ),
    )


def _entry(change: Change) -> FeedEntry:
    named = f"{change.external_id or ''} {change.name or ''}".strip() or change.id
    properties = f": {', '.join(change.changed_properties)}" if change.changed_properties else ""
    return FeedEntry(
        change.id,
        f"{named}: {change.change}",
        published_time(change.after_modified),
        change.change,
        f"{change.type} {named} was {change.change}{properties}",
    )


def _facts(change: Change) -> ChangeFacts:
    return ChangeFacts(**{name: getattr(change, name) for name in ChangeFacts.__struct_fields__})
