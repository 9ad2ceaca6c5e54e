"""Making the text index anew, from the objects that are stored."""

from __future__ import annotations

from ctibutler.catalog import objects
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.rows import texts_of
from ctibutler.catalog.text import index_texts
from ctibutler.stix.objects import RELATIONSHIP, decode

_OBJECTS_AT_ONCE = 5000


def index_again(connection: Connection) -> None:
    """Fill an empty text index. Relationships are not in it."""
    rows = connection.rows(
        """
        SELECT object.object_key
          FROM object
          JOIN body ON body.object_key = object.object_key
         WHERE object.type_key <> :relationship
         ORDER BY object.object_key
        """,
        relationship=connection.key(RELATIONSHIP),
    )
    keys = [row.object_key for row in rows]
    for start in range(0, len(keys), _OBJECTS_AT_ONCE):
        portion = keys[start : start + _OBJECTS_AT_ONCE]
        texts = [texts_of(decode(content)) for content in objects.contents(connection, portion)]
        index_texts(connection, [(key, *pair) for key, pair in zip(portion, texts, strict=True) if pair])
