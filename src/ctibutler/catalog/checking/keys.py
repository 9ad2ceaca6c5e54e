"""Whether rows refer to rows that exist, and whether anything needs them."""

from __future__ import annotations

from collections.abc import Iterator

from ctibutler.catalog.checking.findings import Finding, row_name
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.tables import BY_NAME, NO_ROW, Table


def check_keys(connection: Connection, table: Table) -> Iterator[Finding]:
    """Find rows of a table that refer to a row that does not exist, and rows that nothing needs.

    By EXCEPT: NOT IN takes PostgreSQL a scan for each row where the other side is large, NOT EXISTS takes SQLite one without
    an index.
    """
    shown = ", ".join(table.key)
    for column, target in table.refers_to.items():
        (key,) = BY_NAME[target].key
        no_row = f"AND {column} <> {NO_ROW[target]}" if target in NO_ROW else ""
        for row in connection.rows(
            f"""
            SELECT {shown}, {column} AS lost
              FROM {table.name}
             WHERE {column} IN (SELECT {column} FROM {table.name} EXCEPT SELECT {key} FROM {target}) {no_row}
            """
        ):
            yield Finding(
                table.name, row_name(table.key, row[:-1]), f"{column} is {row.lost}, and {target} has no such row"
            )
    condition = _orphan(table)
    if condition:
        for row in connection.rows(f"SELECT {shown} FROM {table.name} WHERE {condition}"):
            yield Finding(table.name, row_name(table.key, row), "is an orphan: nothing refers to it")


def _orphan(table: Table) -> str:
    if table.orphan_if or not table.kept_by:
        return table.orphan_if
    (key,) = table.key
    keepers = (place.partition(".") for place in table.kept_by)
    kept = "".join(f" EXCEPT SELECT {column} FROM {name}" for name, _, column in keepers)
    return f"{key} IN (SELECT {key} FROM {table.name}{kept})"
