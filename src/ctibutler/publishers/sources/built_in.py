"""Releases that come with ctibutler itself, for knowledge bases that no publisher offers as a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from types import MappingProxyType
from typing import Any, Final

import msgspec

from ctibutler.errors import NotFound
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.release_files import ReleaseFile
from ctibutler.publishers.converters import builtin_countries, builtin_sectors
from ctibutler.publishers.converters.locations import location_objects
from ctibutler.publishers.converters.sectors import sector_objects
from ctibutler.publishers.sources.source import Offer, OfferReport, bundle_id, published_bundle
from ctibutler.publishers.web.progress import Progress, no_progress
from ctibutler.stix.markings import TLP_1, TLP_2

RELEASES: Final[Mapping[tuple[str, str], Callable[[], list[dict[str, Any]]]]] = MappingProxyType(
    {
        ("location", "1.0"): lambda: location_objects(builtin_countries.countries()),
        ("sector", "1.0"): lambda: sector_objects(builtin_sectors.sectors(), builtin_sectors.subsectors()),
        ("tlp", "1"): lambda: deepcopy(list(TLP_1)),
        ("tlp", "2"): lambda: deepcopy(list(TLP_2)),
    }
)
"""(slug of the knowledge base, label) → a function that creates the objects of the release."""


class BuiltIn:
    """Releases that come with ctibutler itself."""

    name = "built-in"

    def offers(self, kbs: Iterable[KnowledgeBase]) -> OfferReport:
        """The built-in releases of these knowledge bases. Reports no problems."""
        wanted = {kb.slug for kb in kbs}
        return OfferReport(
            tuple(
                Offer(slug, label, self.name, f"ctibutler:{_file_name(slug, label)}")
                for slug, label in RELEASES
                if slug in wanted
            )
        )

    def unlisted(self, kb: KnowledgeBase, label: str) -> Offer | None:
        """None: all built-in releases are listed."""

    def fetch(self, kb: KnowledgeBase, offer: Offer, progress: Progress = no_progress) -> ReleaseFile:
        """Create the release. Raises NotFound if there is none with this label."""
        content = bundle(kb.slug, offer.label)
        progress(len(content), len(content))
        return published_bundle(offer, content, _file_name(kb.slug, offer.label))


def bundle(slug: str, label: str) -> bytes:
    """A built-in release as a STIX 2.1 bundle in JSON, always with the same bytes.

    Raises NotFound if there is no such built-in release.
    """
    objects = RELEASES.get((slug, label))
    if objects is None:
        raise NotFound(f"{slug} {label}: there is no such built-in release")
    return msgspec.json.encode({"type": "bundle", "id": bundle_id(slug, label), "objects": objects()})


def _file_name(slug: str, label: str) -> str:
    return f"{slug}-{label}.json"
