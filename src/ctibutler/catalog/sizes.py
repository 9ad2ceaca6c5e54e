"""How much room the catalogue takes."""

from __future__ import annotations

from ctibutler.catalog.engine.connection import Connection


def size(connection: Connection) -> int:
    """Return the size of the database in bytes, without what has not been written to its place yet."""
    return int(
        connection.value(
            connection.by_engine(
                sqlite="SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
                postgresql="SELECT pg_database_size(current_database())",
            )
        )
    )
