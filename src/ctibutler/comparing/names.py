"""Names of objects as published, read without the rest of the objects."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ctibutler.catalog import objects
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.entries import Entry


class _Named(msgspec.Struct, gc=False):
    name: msgspec.Raw = msgspec.Raw(b"null")


_read = msgspec.json.Decoder(_Named).decode
_decode = msgspec.json.Decoder().decode


def names_in(connection: Connection, entries: Iterable[Entry]) -> dict[str, str | None]:
    """Return STIX id → name of these objects; None for one whose name is missing or no text."""
    wanted = list(entries)
    contents = objects.contents(connection, [entry.object_key for entry in wanted])
    return {entry.stix_id: _text(_decode(_read(content).name)) for entry, content in zip(wanted, contents, strict=True)}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
