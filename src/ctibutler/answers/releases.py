"""What is installed, what is available, and facts about one release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ctibutler.answers.library import Library
from ctibutler.answers.naming import installed_release
from ctibutler.answers.objects import shown_types
from ctibutler.answers.pages import Count
from ctibutler.catalog import objects as catalog
from ctibutler.catalog import offers, relationships, releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.selections import Selection
from ctibutler.knowledge_bases import release_files, release_labels
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.times import Instant, rfc3339


class MirroredOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a release was read: the source, its address, when, the digest of the file, and the converter if there was one."""

    source: str
    location: str
    fetched_at: Instant | None
    sha256: str
    converter: str | None
    converter_version: Count | None


class Origin(MirroredOrigin, frozen=True, kw_only=True):
    """Where a release came from; for a copy from a mirror also the origin that the mirror states."""

    mirrored_from: MirroredOrigin | None


class InstalledReleases(msgspec.Struct, frozen=True):
    """The labels of the installed releases, newest first, and the latest of them."""

    latest: str | None
    labels: list[str] = msgspec.field(name="versions")


@dataclass(frozen=True, slots=True)
class ReadFrom:
    """The file that a release was read from, and the day when it was installed."""

    file_name: str
    day: str


class AvailableRelease(msgspec.Struct, frozen=True, kw_only=True):
    """A release that is installed or can be, and the source that it came from or would come from."""

    label: str = msgspec.field(name="version")
    installed: bool
    source: str | None
    size: Count | None
    origin: Origin | None


class ReleaseParameters(msgspec.Struct, frozen=True, kw_only=True):
    """Which embedded relationships a release was installed without."""

    ignore_embedded_relationships: bool
    ignore_embedded_relationships_sro: bool
    ignore_embedded_relationships_smo: bool


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """Where an installed release came from, and what is in it. Relationships that we made are counted by their kind."""

    knowledge_base: str
    label: str = msgspec.field(name="version")
    latest: bool
    installed_at: Instant
    job_id: str | None
    location: str = msgspec.field(name="source")
    file_name: str
    size: Count
    sha256: str
    origin: Origin
    total_objects: Count
    counts_by_type: dict[str, Count]
    revoked: Count
    deprecated: Count
    derived_relationships: dict[str, Count]
    parameters: ReleaseParameters


class HostedKnowledgeBase(msgspec.Struct, frozen=True, kw_only=True):
    """A knowledge base, its installed releases, and the number of objects in its list."""

    slug: str = msgspec.field(name="name")
    title: str
    publisher: str
    licence: str
    aliases: tuple[str, ...]
    id_parameter: str
    version_parameter: str
    latest: str | None
    labels: list[str] = msgspec.field(name="versions")
    objects_count: Count


@dataclass(frozen=True, slots=True)
class LatelyInstalled:
    """A release, the installed one before it if there is one, and the day when it was installed."""

    knowledge_base: str
    label: str
    before: str | None
    day: str


def installed(library: Library, kb: KnowledgeBase) -> InstalledReleases:
    """The installed releases of a knowledge base."""
    with library.database.read() as connection:
        labels = [release.label for release in releases.installed(connection, kb.slug)]
    return InstalledReleases(labels[0] if labels else None, labels)


def read_from(library: Library, kb: KnowledgeBase) -> dict[str, ReadFrom]:
    """Return the files that the installed releases of a knowledge base were read from, by label, the newest first."""
    with library.database.read() as connection:
        return {
            release.label: ReadFrom(release.file_name, _day(release))
            for release in releases.installed(connection, kb.slug)
        }


def lately(library: Library, most: int) -> list[LatelyInstalled]:
    """The newest release of each knowledge base that was installed last."""
    with library.database.read() as connection:
        latest = sorted(releases.latest(connection), key=lambda it: (-it.installed_at, it.knowledge_base))[:most]
        made = []
        for release in latest:
            labels = [it.label for it in releases.installed(connection, release.knowledge_base)]
            before = next(iter(labels[labels.index(release.label) + 1 :]), None)
            made.append(LatelyInstalled(release.knowledge_base, release.label, before, _day(release)))
    return made


def listed_types(library: Library, kb: KnowledgeBase) -> list[str]:
    """The types that its lists show: those declared, then those that came with an installed release."""
    with library.database.read() as connection:
        present = releases.installed(connection, kb.slug)
    came = sorted({name for release in present for name in release.types if kb.is_new(name)})
    return [*kb.listed_types, *came]


def available(library: Library, kb: KnowledgeBase, order: Sequence[str] | None = None) -> list[AvailableRelease]:
    """The releases that are installed or can be, newest first.

    `order` is the order of preference of the sources, if it is not the one that the knowledge base declares.
    """
    with library.database.read() as connection:
        present = {release.sort_key: release for release in releases.installed(connection, kb.slug)}
        offered = offers.of_knowledge_base(connection, kb.slug)
    best: dict[str, offers.StoredOffer] = {}
    for offer in sorted(offered, key=lambda offer: _rank(order or kb.sources, offer.source)):
        best.setdefault(release_labels.sort_key(offer.label), offer)
    known = {sort_key: _offered(offer) for sort_key, offer in best.items()}
    known |= {sort_key: _present(release) for sort_key, release in present.items()}
    return [known[sort_key] for sort_key in sorted(known, reverse=True)]


def about(library: Library, kb: KnowledgeBase, label: str) -> Release:
    """Where a release came from, and what is in it.

    Raises NotFound when it is not installed.
    """
    with library.database.read() as connection:
        release = installed_release(connection, kb, label)
        derived = relationships.counts_of_derived(connection, release)
    counts = release.facts["counts_by_type"]
    return Release(
        knowledge_base=kb.slug,
        label=release.label,
        latest=release.latest,
        installed_at=Instant(release.installed_at),
        job_id=release.job_id,
        location=release.origin.location,
        file_name=release.file_name,
        size=release.size,
        sha256=release.origin.sha256,
        origin=_origin(release.origin),
        total_objects=sum(counts.values()),
        counts_by_type=counts,
        revoked=release.facts["revoked"],
        deprecated=release.facts["deprecated"],
        derived_relationships=derived,
        parameters=ReleaseParameters(
            ignore_embedded_relationships=release.options.ignore_embedded,
            ignore_embedded_relationships_sro=release.options.ignore_embedded_sro,
            ignore_embedded_relationships_smo=release.options.ignore_embedded_smo,
        ),
    )


def knowledge_base_list(library: Library) -> list[HostedKnowledgeBase]:
    """Every knowledge base, with its releases and the number of objects that its list shows."""
    with library.database.read() as connection:
        present = releases.installed(connection)
        return [
            _hosted(connection, kb, [release for release in present if release.knowledge_base == kb.slug])
            for kb in library.knowledge_bases.all
        ]


def _day(release: releases.Release) -> str:
    """When it was installed."""
    return rfc3339(Instant(release.installed_at))[:10]


def _hosted(connection: Connection, kb: KnowledgeBase, present: list[releases.Release]) -> HostedKnowledgeBase:
    count = 0
    if present:
        shown = Selection(
            releases=[present[0].key],
            types=shown_types(kb, present[0]),
            include_revoked=not kb.hides_dead,
            include_deprecated=not kb.hides_dead,
        )
        count = catalog.count(connection, shown)
    return HostedKnowledgeBase(
        slug=kb.slug,
        title=kb.title,
        publisher=kb.publisher,
        licence=kb.licence,
        aliases=kb.aliases,
        id_parameter=kb.id_parameter,
        version_parameter=kb.version_parameter,
        latest=present[0].label if present else None,
        labels=[release.label for release in present],
        objects_count=count,
    )


def _offered(offer: offers.StoredOffer) -> AvailableRelease:
    return AvailableRelease(label=offer.label, installed=False, source=offer.source, size=offer.size, origin=None)


def _present(release: releases.Release) -> AvailableRelease:
    return AvailableRelease(
        label=release.label,
        installed=True,
        source=release.origin.source,
        size=release.size,
        origin=_origin(release.origin),
    )


def _origin(of: release_files.Origin) -> Origin:
    first = of.mirrored_from
    return Origin(**_read_from(of), mirrored_from=None if first is None else MirroredOrigin(**_read_from(first)))


def _read_from(of: release_files.Origin) -> dict[str, Any]:
    return {
        "source": of.source,
        "location": of.location,
        "fetched_at": None if of.fetched_at is None else Instant(of.fetched_at),
        "sha256": of.sha256,
        "converter": of.converter,
        "converter_version": of.converter_version,
    }


def _rank(order: Sequence[str], source: str) -> int:
    return order.index(source) if source in order else len(order)
