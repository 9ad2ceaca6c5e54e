"""What the engine says about its own files, and whether tables, indexes and the catalogue's single rows are there."""

from __future__ import annotations

from collections.abc import Iterator

from ctibutler.catalog.checking.findings import Finding
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.migrations import index_names

_TABLES_OF_ONE_ROW = ("catalogue", "update_check")


def check_database(connection: Connection) -> Iterator[Finding]:
    """Find damage that the engine knows of, indexes that are missing, and single rows that are."""
    if connection.engine == "sqlite":
        yield from _sqlite(connection)
    else:
        yield from _postgresql(connection)
    present = connection.by_engine(
        sqlite="SELECT name FROM sqlite_master WHERE type = 'index'",
        postgresql="SELECT indexname FROM pg_indexes WHERE schemaname = ANY (current_schemas(FALSE))",
    )
    missing = index_names(connection.engine) - {row[0] for row in connection.rows(present)}
    for name in sorted(missing):
        yield Finding("index", name, "is missing")
    for table in _TABLES_OF_ONE_ROW:
        count = connection.value(f"SELECT count(*) FROM {table}")
        if count != 1:
            yield Finding(table, "one 1", f"expected a single row, found {count}")


def _sqlite(connection: Connection) -> Iterator[Finding]:
    for row in connection.rows("PRAGMA integrity_check"):
        if row[0] != "ok":
            yield Finding("database", "integrity_check", str(row[0]))
    for row in connection.rows("PRAGMA foreign_key_check"):
        yield Finding(str(row[0]), f"rowid {row[1]}", f"refers to a row of {row[2]} that does not exist")


def _postgresql(connection: Connection) -> Iterator[Finding]:
    """Invalid indexes; the pages of B-trees too, if the database has the extension amcheck and lets us use it."""
    for row in connection.rows(
        "SELECT CAST(indexrelid AS regclass) AS name FROM pg_index WHERE NOT indisvalid OR NOT indisready"
    ):
        yield Finding("index", str(row.name), "is invalid")
