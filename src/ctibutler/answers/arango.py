"""A release for ArangoDB: two files of documents, one JSON document a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ctibutler.answers.library import Library
from ctibutler.answers.naming import installed_release
from ctibutler.catalog.contract.collections import release_collections
from ctibutler.catalog.engine.connection import Connection
from ctibutler.knowledge_bases.declaration import KnowledgeBase


def arango_files(library: Library, kb: KnowledgeBase, label: str | None) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Return the names of a release's files, vertices first, each with its lines.

    Raises NotFound if the release is not installed, and, while lines are read, InvalidRequest for an id that ArangoDB cannot
    store.
    """
    with library.database.read() as connection:
        release = installed_release(connection, kb, label)
        collections = release_collections(connection, library.knowledge_bases, kb, release)
    return iter(
        (
            (f"{kb.vertex_collection}.jsonl", _lines(library, collections.vertices)),
            (f"{kb.edge_collection}.jsonl", _lines(library, collections.edges)),
        )
    )


def _lines(library: Library, read: Callable[[Connection], Iterator[bytes]]) -> Iterator[bytes]:
    """Lines read in one transaction, so that a file shows one state of the catalogue."""
    with library.database.read() as connection:
        yield from read(connection)
