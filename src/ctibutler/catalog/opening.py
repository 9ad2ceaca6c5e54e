"""Opening a catalogue."""

from __future__ import annotations

from ctibutler.catalog import late_fields, qualifiers, releases
from ctibutler.catalog.contract.views import refresh_contract_views
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.engine.migrations import Steps, bring_up_to_date
from ctibutler.catalog.reindexing import index_again
from ctibutler.knowledge_bases import KnowledgeBases

STEPS: Steps = {"a008": index_again}


def open_catalogue(url: str, knowledge_bases: KnowledgeBases) -> Database:
    """Return the catalogue at this URL, with current tables and the public views of these knowledge bases.

    A new database gets its tables, one of an earlier version is brought up to date. Raises InvalidRequest for a URL that
    cannot be used, StoreUnavailable if the database cannot be reached or was written by a later version.
    """
    database = Database(url)
    try:
        bring_up_to_date(database, STEPS)
        _add_what_is_new(database, knowledge_bases)
        refresh_contract_views(database, knowledge_bases)
        database.keep_reserve()
    except BaseException:
        database.close()
        raise
    return database


def _add_what_is_new(database: Database, knowledge_bases: KnowledgeBases) -> None:
    """Store what is read from objects and details since this version, for releases that were imported before."""
    with database.read() as connection:
        if not (
            qualifiers.without(connection, knowledge_bases.all) or late_fields.missing(connection, knowledge_bases.all)
        ):
            return
    with database.write() as connection:
        added = 0
        for kb, release in qualifiers.without(connection, knowledge_bases.all):
            added += qualifiers.add(connection, kb, release.key)
        for kb, field in late_fields.missing(connection, knowledge_bases.all):
            late_fields.add(connection, kb, field)
            added += 1
        if added:
            releases.raise_revision(connection)
