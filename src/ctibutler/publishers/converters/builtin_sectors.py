"""The built-in sectors, from `builtin_sectors.json`.

Names, aliases and parents are those of OpenCTI's data set of sectors, from which upstream makes its ids. The descriptions
are our own. An `&amp;` in an alias is as published.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources

import msgspec

from ctibutler.publishers.converters.sectors import Sector


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    description: str
    aliases: tuple[str, ...] = ()
    subsectors: tuple[_Entry, ...] = ()


def sectors() -> list[Sector]:
    """The sectors of release 1.0, each before its subsectors."""
    return [
        Sector(entry.name, entry.description, entry.aliases)
        for parent in _entries()
        for entry in (parent, *parent.subsectors)
    ]


def subsectors() -> list[tuple[str, str]]:
    """The name of each subsector, with the name of its sector."""
    return [(child.name, parent.name) for parent in _entries() for child in parent.subsectors]


def _entries() -> Sequence[_Entry]:
    content = resources.files(__package__).joinpath("builtin_sectors.json").read_bytes()
    return msgspec.json.decode(content, type=tuple[_Entry, ...])
