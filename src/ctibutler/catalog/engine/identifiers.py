"""STIX ids and the small numbers that stand for them, and the next free number of any table."""

from __future__ import annotations

from collections.abc import Iterable

from ctibutler.catalog.engine.connection import Connection


def next_key(connection: Connection, table: str, column: str) -> int:
    """The first free key of a table. Only one transaction writes at a time, so nobody else takes it."""
    return int(connection.value(f"SELECT coalesce(max({column}), 0) + 1 FROM {table}"))


def ensure_identifiers(connection: Connection, stix_ids: Iterable[str]) -> dict[str, int]:
    """The keys of these STIX ids, made where they are missing."""
    wanted = set(stix_ids)
    rows = connection.rows(
        f"SELECT stix_id, identifier_key FROM identifier WHERE stix_id IN {connection.in_list('stix_ids', 'text')}",
        stix_ids=sorted(wanted),
    )
    keys: dict[str, int] = {row.stix_id: row.identifier_key for row in rows}
    first = next_key(connection, "identifier", "identifier_key")
    made = {stix_id: first + place for place, stix_id in enumerate(sorted(wanted - keys.keys()))}
    connection.insert("identifier", ("identifier_key", "stix_id"), [(key, name) for name, key in made.items()])
    return keys | made


def remove_unused_identifiers(connection: Connection, identifiers: list[int]) -> None:
    """Delete those of these identifiers that no row names any more."""
    connection.run(
        f"""
        DELETE FROM identifier
         WHERE identifier_key IN {connection.in_list("identifiers")}
           AND NOT EXISTS (SELECT 1 FROM object WHERE object.identifier_key = identifier.identifier_key)
           AND NOT EXISTS (SELECT 1 FROM reference WHERE reference.target_key = identifier.identifier_key)
           AND NOT EXISTS (SELECT 1 FROM reference WHERE reference.source_key = identifier.identifier_key)
           AND NOT EXISTS (SELECT 1 FROM relationship WHERE relationship.source_key = identifier.identifier_key)
           AND NOT EXISTS (SELECT 1 FROM relationship WHERE relationship.target_key = identifier.identifier_key)
           AND NOT EXISTS (SELECT 1 FROM link WHERE link.identifier_key = identifier.identifier_key)
           AND NOT EXISTS (SELECT 1 FROM link WHERE link.source_key = identifier.identifier_key)
           AND NOT EXISTS (SELECT 1 FROM link WHERE link.target_key = identifier.identifier_key)
        """,
        identifiers=identifiers,
    )
