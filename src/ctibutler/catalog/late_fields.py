"""Indexed fields that were declared after releases had been imported."""

from __future__ import annotations

from collections.abc import Iterable

from ctibutler.catalog import objects
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.words import ensure_words
from ctibutler.catalog.rows import values_of
from ctibutler.knowledge_bases.declaration import IndexedField, KnowledgeBase
from ctibutler.stix.objects import RELATIONSHIP, decode

_AT_ONCE = 2000

Missing = list[tuple[KnowledgeBase, IndexedField]]


def missing(connection: Connection, kbs: Iterable[KnowledgeBase]) -> Missing:
    """Return the late fields that no object of their knowledge base has a value of, where it has objects."""
    return [
        (kb, field)
        for kb in kbs
        for field in kb.indexed_fields
        if field.is_late and _has_objects(connection, kb) and not _has_values(connection, kb, field)
    ]


def add(connection: Connection, kb: KnowledgeBase, field: IndexedField) -> None:
    """Store the values of a field. Needs a transaction that writes."""
    name = ensure_words(connection, [field.name])[field.name]
    rows = connection.rows(
        "SELECT object_key FROM object WHERE base_key = :base AND type_key <> :relationship ORDER BY object_key",
        base=connection.key(kb.slug),
        relationship=connection.key(RELATIONSHIP),
    )
    keys = [row.object_key for row in rows]
    for start in range(0, len(keys), _AT_ONCE):
        portion = keys[start : start + _AT_ONCE]
        values = [
            (key, name, value)
            for key, content in zip(portion, objects.contents(connection, portion), strict=True)
            for value in values_of(field, decode(content))
        ]
        connection.insert("field", ("object_key", "name_key", "value"), values)


def _has_objects(connection: Connection, kb: KnowledgeBase) -> bool:
    found = connection.value("SELECT 1 FROM release WHERE knowledge_base = :slug LIMIT 1", slug=kb.slug)
    return found is not None


def _has_values(connection: Connection, kb: KnowledgeBase, field: IndexedField) -> bool:
    found = connection.value(
        """
        SELECT 1
          FROM field
          JOIN object ON object.object_key = field.object_key
         WHERE field.name_key = :name
           AND object.base_key = :base
         LIMIT 1
        """,
        name=connection.key(field.name),
        base=connection.key(kb.slug),
    )
    return found is not None
