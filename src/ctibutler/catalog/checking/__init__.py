"""Checks a whole catalogue: every byte, row and index entry against what it was made from.

Everything is read in one transaction, so imports and other changes may go on meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator

from ctibutler.catalog.checking.database import check_database
from ctibutler.catalog.checking.findings import Finding, Progress
from ctibutler.catalog.checking.keys import check_keys
from ctibutler.catalog.checking.links import check_links
from ctibutler.catalog.checking.objects import check_objects
from ctibutler.catalog.checking.releases import check_details, check_kinds, check_releases
from ctibutler.catalog.checking.texts import Texts
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database, first_line
from ctibutler.catalog.tables import TABLES
from ctibutler.knowledge_bases import KnowledgeBases


def check(
    database: Database, knowledge_bases: KnowledgeBases, progress: Progress = lambda *_: None
) -> Iterator[Finding]:
    """Yield everything that is wrong with a catalogue. Nothing is written.

    Raises StoreUnavailable if the database cannot be reached. What cannot be read because the file is damaged is a finding.
    """
    with database.read() as connection:
        try:
            yield from check_in(connection, knowledge_bases, progress)
        except database.driver.DatabaseError as failure:
            yield Finding("database", str(database), f"cannot be read any further: {first_line(failure)}")


def counts(database: Database) -> dict[str, int]:
    """Return the number of rows of each table."""
    with database.read() as connection:
        return {table.name: int(connection.value(f"SELECT count(*) FROM {table.name}")) for table in TABLES}


def check_in(
    connection: Connection, knowledge_bases: KnowledgeBases, progress: Progress = lambda *_: None
) -> Iterator[Finding]:
    """Yield everything that is wrong with a catalogue as a transaction sees it."""
    progress("database", 0, None)
    yield from check_database(connection)
    for number, table in enumerate(TABLES):
        progress("rows", number, len(TABLES))
        yield from check_keys(connection, table)
    progress("rows", len(TABLES), len(TABLES))
    texts = Texts()
    yield from check_objects(connection, knowledge_bases, texts, progress)
    yield from texts.check_whole(connection, progress)
    yield from check_releases(connection, knowledge_bases, progress)
    yield from check_details(connection)
    yield from check_kinds(connection, knowledge_bases)
    yield from check_links(connection, progress)
