"""The bytes of many objects of a release."""

from __future__ import annotations

from collections.abc import Collection

from ctibutler.answers.library import Library
from ctibutler.answers.naming import installed_release
from ctibutler.catalog import members, objects
from ctibutler.knowledge_bases.declaration import KnowledgeBase


def stored_contents(library: Library, kb: KnowledgeBase, label: str, stix_ids: Collection[str]) -> dict[str, bytes]:
    """Return STIX id → bytes of those of these objects that an installed release has.

    Raises NotFound for a release that is not installed.
    """
    with library.database.read() as connection:
        release = installed_release(connection, kb, label)
        # Of several contents of one id, always the same.
        keys = dict(sorted(members.with_ids(connection, release.key, stix_ids)))
        contents = objects.contents(connection, list(keys.values()))
    return dict(zip(keys, contents, strict=True))
