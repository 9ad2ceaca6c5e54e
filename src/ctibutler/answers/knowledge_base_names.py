"""Objects of several knowledge bases, each with the name of its own."""

from __future__ import annotations

from collections.abc import Sequence

from ctibutler.catalog import objects
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import Release
from ctibutler.stix.objects import decode, encode


def with_knowledge_base(
    connection: Connection, object_keys: Sequence[int], contents: Sequence[bytes], among: Sequence[Release]
) -> list[bytes]:
    """Return the objects with `knowledgebase_name` as their last property. `among` are the releases that they may be in."""
    names = {release.key: release.knowledge_base for release in among}
    homes = objects.releases_of(connection, object_keys, list(names))
    return [
        encode({**decode(content), "knowledgebase_name": names[homes[key]]})
        for key, content in zip(object_keys, contents, strict=True)
    ]
