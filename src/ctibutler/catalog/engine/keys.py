"""Allocating the numbers that stand for rows."""

from __future__ import annotations

from ctibutler.catalog.engine.transaction import Transaction

# No transaction adds more: it needs one for a knowledge base, one for details and one for links.
DICTIONARIES_AT_ONCE = 4


def next_key(connection: Transaction, table: str, column: str) -> int:
    """Return the first free key of a table. Only one transaction writes at a time, so nobody else takes it."""
    return int(connection.value(f"SELECT coalesce(max({column}), 0) + 1 FROM {table}"))


def next_dictionary_key(connection: Transaction) -> int:
    """Return a key that no dictionary has or ever had: readers keep dictionaries by their key, removed ones too.

    The revision only grows, and by one with each transaction that adds or removes dictionaries.
    """
    revision = int(connection.value("SELECT revision FROM catalogue"))
    return max(next_key(connection, "dictionary", "dictionary_key"), DICTIONARIES_AT_ONCE * revision)
