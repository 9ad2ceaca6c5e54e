"""STIX ids, stored as numbers."""

from __future__ import annotations

from collections.abc import Iterable

from ctibutler.catalog.engine.keys import next_key
from ctibutler.catalog.engine.transaction import Transaction


def ensure_identifiers(connection: Transaction, stix_ids: Iterable[str]) -> dict[str, int]:
    """Return the keys of these STIX ids; insert those that are missing. Needs a transaction that writes."""
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


def remove_unused_identifiers(connection: Transaction, identifiers: list[int]) -> None:
    """Delete those of these identifiers that no row refers to any more."""
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
