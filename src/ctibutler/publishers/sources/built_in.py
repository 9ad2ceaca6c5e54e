"""Releases that come with ctibutler itself, for knowledge bases that no publisher offers as a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from types import MappingProxyType
from typing import Any, Final

from ctibutler.errors import NotFound
from ctibutler.publishers.converters import builtin_countries, builtin_sectors
from ctibutler.publishers.converters.locations import location_objects
from ctibutler.publishers.converters.sectors import sector_objects
from ctibutler.publishers.sources.source import bundle_of
from ctibutler.stix.markings import TLP_1, TLP_2

RELEASES: Final[Mapping[tuple[str, str], Callable[[], list[dict[str, Any]]]]] = MappingProxyType(
    {
        ("location", "1.0"): lambda: location_objects(builtin_countries.countries()),
        ("sector", "1.0"): lambda: sector_objects(builtin_sectors.sectors(), builtin_sectors.subsectors()),
        ("tlp", "1"): lambda: deepcopy(list(TLP_1)),
        ("tlp", "2"): lambda: deepcopy(list(TLP_2)),
    }
)
"""(slug of the knowledge base, label) → the release's objects, made anew at each call."""


def bundle(slug: str, label: str) -> bytes:
    """A built-in release as a STIX 2.1 bundle in JSON, byte for byte the same each time.

    Raises NotFound when there is no such built-in release.
    """
    objects = RELEASES.get((slug, label))
    if objects is None:
        raise NotFound(f"{slug} {label}: no built-in release")
    return bundle_of(slug, label, objects())
