"""What is installed, what can be had, and facts about one release."""

from __future__ import annotations

from collections.abc import Sequence

from ctibutler.answers.library import Library
from ctibutler.answers.naming import installed_release
from ctibutler.answers.objects import shown_types
from ctibutler.catalog import objects as catalog
from ctibutler.catalog import offers, relationships, releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import Release
from ctibutler.catalog.selections import Selection
from ctibutler.knowledge_bases import versions
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.release_files import Origin
from ctibutler.stix.times import rfc3339


def installed(library: Library, kb: KnowledgeBase) -> dict[str, object]:
    """The labels of the installed releases, newest first, and the latest of them."""
    with library.database.read() as connection:
        labels = [release.label for release in releases.installed(connection, kb.slug)]
    return {"latest": labels[0] if labels else None, "versions": labels}


def listed_types(library: Library, kb: KnowledgeBase) -> list[str]:
    """The types that its lists show: those declared, then those that came with an installed release."""
    with library.database.read() as connection:
        present = releases.installed(connection, kb.slug)
    came = sorted({name for release in present for name in release.types if kb.is_new(name)})
    return [*kb.listed_types, *came]


def available(
    library: Library, kb: KnowledgeBase, details: bool = False, order: Sequence[str] | None = None
) -> list[object]:
    """The labels of releases that can be installed or are, newest first; with `details` where each comes from. `order` is
    that of the sources, where it is another one than the knowledge base declares."""
    with library.database.read() as connection:
        present = {release.sort_key: release for release in releases.installed(connection, kb.slug)}
        offered = offers.of_knowledge_base(connection, kb.slug)
    best: dict[str, offers.StoredOffer] = {}
    for offer in sorted(offered, key=lambda offer: _rank(order or kb.sources, offer.source)):
        best.setdefault(versions.sort_key(offer.label), offer)
    listed: list[object] = []
    for sort_key in sorted(present.keys() | best.keys(), reverse=True):
        release, known = present.get(sort_key), best.get(sort_key)
        label = release.label if release else known.label if known else ""
        if not details:
            listed.append(label)
            continue
        listed.append(
            {
                "version": label,
                "installed": release is not None,
                "source": release.origin.source if release else known.source if known else None,
                "size": release.size if release else known.size if known else None,
                "origin": origin(release.origin) if release else None,
            }
        )
    return listed


def about(library: Library, kb: KnowledgeBase, label: str) -> dict[str, object]:
    """Where a release came from, and what is in it.

    Raises NotFound when it is not installed.
    """
    with library.database.read() as connection:
        release = installed_release(connection, kb, label)
        derived = relationships.counts_of_derived(connection, release)
    counts = release.facts["counts_by_type"]
    return {
        "knowledge_base": kb.slug,
        "version": release.label,
        "latest": release.latest,
        "installed_at": rfc3339(release.installed_at),
        "job_id": release.job_id,
        "source": release.origin.location,
        "file_name": release.file_name,
        "size": release.size,
        "sha256": release.origin.sha256,
        "origin": origin(release.origin),
        "total_objects": sum(counts.values()),
        "counts_by_type": counts,
        "revoked": release.facts["revoked"],
        "deprecated": release.facts["deprecated"],
        "derived_relationships": derived,
        "parameters": {
            "ignore_embedded_relationships": release.options.ignore_embedded,
            "ignore_embedded_relationships_sro": release.options.ignore_embedded_sro,
            "ignore_embedded_relationships_smo": release.options.ignore_embedded_smo,
        },
    }


def knowledge_base_list(library: Library) -> dict[str, object]:
    """Every knowledge base, with its releases and the number of objects that its list shows."""
    with library.database.read() as connection:
        present = releases.installed(connection)
        listed = [
            _described(connection, kb, [release for release in present if release.knowledge_base == kb.slug])
            for kb in library.knowledge_bases.all
        ]
    return {"knowledge_bases": listed}


def _described(connection: Connection, kb: KnowledgeBase, present: list[Release]) -> dict[str, object]:
    count = 0
    if present:
        shown = Selection(
            releases=[present[0].key],
            types=shown_types(kb, present[0]),
            include_revoked=not kb.hides_dead,
            include_deprecated=not kb.hides_dead,
        )
        count = catalog.count(connection, shown)
    return {
        "name": kb.slug,
        "title": kb.title,
        "publisher": kb.publisher,
        "licence": kb.licence,
        "aliases": list(kb.aliases),
        "id_parameter": kb.id_parameter,
        "version_parameter": kb.version_parameter,
        "latest": present[0].label if present else None,
        "versions": [release.label for release in present],
        "objects_count": count,
        "url": f"/api/v1/{kb.slug}/",
    }


def origin(of: Origin) -> dict[str, object]:
    """Where a release came from: source, address, time, digest of the file, and the converter; for a copy from a mirror
    also the origin that the mirror states."""
    return {
        **_read_from(of),
        "mirrored_from": None if of.mirrored_from is None else _read_from(of.mirrored_from),
    }


def _read_from(of: Origin) -> dict[str, object]:
    return {
        "source": of.source,
        "location": of.location,
        "fetched_at": None if of.fetched_at is None else rfc3339(of.fetched_at),
        "sha256": of.sha256,
        "converter": of.converter,
        "converter_version": of.converter_version,
    }


def _rank(order: Sequence[str], source: str) -> int:
    return order.index(source) if source in order else len(order)
