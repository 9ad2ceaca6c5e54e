"""Which values an indexed field has in a release."""

from __future__ import annotations

from ctibutler.answers.library import Library
from ctibutler.answers.naming import installed_release
from ctibutler.catalog import objects
from ctibutler.knowledge_bases.declaration import KnowledgeBase


def field_values(library: Library, kb: KnowledgeBase, label: str, name: str) -> frozenset[str]:
    """Return the distinct values, folded, of an indexed field in the live objects of an installed release.

    Raises NotFound for a release that is not installed.
    """
    with library.database.read() as connection:
        return objects.field_values(connection, installed_release(connection, kb, label).key, name)
