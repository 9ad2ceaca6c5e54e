"""Which knowledge bases have, or had, an object with an id."""

from __future__ import annotations

from collections.abc import Sequence

from ctibutler.answers.library import Library
from ctibutler.answers.naming import candidates_of
from ctibutler.catalog import releases
from ctibutler.knowledge_bases.declaration import KnowledgeBase


def holders(library: Library, kbs: Sequence[KnowledgeBase], object_id: str) -> list[tuple[KnowledgeBase, set[str]]]:
    """Return those of these knowledge bases of which any installed release has an object with this id, each with the STIX ids
    of these objects."""
    with library.database.read() as connection:
        found = []
        for kb in kbs:
            named = candidates_of(connection, kb, object_id, releases.installed(connection, kb.slug))
            found.append((kb, {one.stix_id for one in named}))
    return [(kb, stix_ids) for kb, stix_ids in found if stix_ids]
