"""The JSON of relationships. That of embedded ones is made when it is asked for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import msgspec

from ctibutler.catalog import objects
from ctibutler.catalog.edges import Edge, Family
from ctibutler.catalog.engine.connection import Connection
from ctibutler.stix.objects import encode
from ctibutler.stix.references import embedded_relationship


class EdgeContent(msgspec.Struct, frozen=True, gc=False):
    """Of a relationship, what its JSON is read or made from. Long lists are kept of these."""

    family: Family
    key: int
    relationship_type: str
    target: str


def content_of(edge: Edge) -> EdgeContent:
    """Return the part of an edge that `contents` needs."""
    return EdgeContent(edge.family, edge.key, sys.intern(edge.relationship_type), sys.intern(edge.target))


def contents(connection: Connection, edges: Sequence[Edge | EdgeContent]) -> list[bytes]:
    """Return the JSON of these relationships, in this order."""
    natives = sorted({edge.key for edge in edges if edge.family == "native"})
    bodies = dict(zip(natives, objects.contents(connection, natives), strict=True))
    owners = _owners(connection, {edge.key for edge in edges if edge.family == "embedded"})
    links = _links(connection, [edge.key for edge in edges if edge.family == "link"])
    made: list[bytes] = []
    for edge in edges:
        if edge.family == "native":
            made.append(bodies[edge.key])
        elif edge.family == "link":
            made.append(links[edge.key])
        else:
            made.append(encode(embedded_relationship(owners[edge.key], edge.relationship_type, edge.target)))
    return made


def _links(connection: Connection, link_keys: Sequence[int]) -> dict[int, bytes]:
    if not link_keys:
        return {}
    rows = connection.rows(
        f"SELECT link_key, dictionary_key, content FROM link WHERE link_key IN {connection.in_list('link_keys')}",
        link_keys=list(link_keys),
    )
    return {row.link_key: connection.content(row.dictionary_key, row.content) for row in rows}


class _Owner(msgspec.Struct):
    """What an embedded relationship takes over from the object that holds the reference."""

    id: str
    created: Any = msgspec.UNSET
    modified: Any = msgspec.UNSET
    object_marking_refs: Any = msgspec.UNSET


_read_owner = msgspec.json.Decoder(_Owner).decode


def _owners(connection: Connection, keys: set[int]) -> dict[int, dict[str, Any]]:
    """The objects that hold references, by key: of large ones the head that is kept apart, of others the bytes."""
    rows = connection.rows(
        f"SELECT object_key, content FROM head WHERE object_key IN {connection.in_list('keys')}", keys=sorted(keys)
    )
    heads = {row.object_key: bytes(row.content) for row in rows}
    small = sorted(keys - heads.keys())
    heads |= zip(small, objects.contents(connection, small), strict=True)
    return {key: _owner(content) for key, content in heads.items()}


def _owner(content: bytes) -> dict[str, Any]:
    read = _read_owner(content)
    named = {name: getattr(read, name) for name in read.__struct_fields__}
    return {name: value for name, value in named.items() if value is not msgspec.UNSET}
