"""Prepares a release for import: everything that can be done before the transaction."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from ctibutler.catalog import details, releases, writing
from ctibutler.catalog.engine import packing
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.rows import ObjectRow, row_of
from ctibutler.catalog.writing import Member
from ctibutler.importing.progress import REPORT_EVERY, Progress
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix import links as stix_links
from ctibutler.stix.bundles import Bundle
from ctibutler.stix.objects import RELATIONSHIP, StixObject, is_deprecated, is_revoked


@dataclass(frozen=True, slots=True)
class Prepared:
    """A release, ready to be stored.

    `rows` are its new objects, and `packed` their compressed bytes. `tactic_links` are relationships from techniques to
    tactics. `known_releases` are the marks of the installed releases. If these have changed by the time the release is
    stored, another process may have removed objects that were not new.
    """

    members: list[Member]
    rows: list[ObjectRow]
    packed: packing.Packed
    details: details.Prepared
    tactic_links: list[Mapping[str, object]]
    bundle_id: str
    digest: str
    facts: dict[str, object]
    known_releases: list[releases.Mark]


def prepare(
    connection: Connection,
    kb: KnowledgeBase,
    bundle: Bundle,
    own_details: Mapping[str, bytes],
    file_name: str,
    progress: Progress,
) -> Prepared:
    """Index and compress the new objects of a release, without writing anything. `file_name` is used in messages.

    Raises MalformedFile if a time cannot be read.
    """
    known = writing.known_contents(connection, kb.slug)
    new = [stix_object for stix_object in bundle.objects if stix_object.digest not in known]
    rows = []
    for number, stix_object in enumerate(new):
        if number % REPORT_EVERY == 0:
            progress("index", number, len(new))
        rows.append(row_of(kb, stix_object, file_name))
    progress("index", len(new), len(new))
    digest = _digest(bundle)
    return Prepared(
        members=_members(bundle.objects),
        rows=rows,
        packed=packing.pack(connection, kb.slug, [row.content for row in rows]),
        details=details.prepare(connection, kb.slug, own_details),
        tactic_links=_tactic_links(bundle.objects),
        bundle_id=bundle.id or f"bundle--{uuid.UUID(hex=digest)}",
        digest=digest,
        facts=_facts(bundle),
        known_releases=releases.marks(connection, kb.slug),
    )


def _members(objects: Sequence[StixObject]) -> list[Member]:
    seen: Counter[str] = Counter()
    members = []
    for stix_object in objects:
        members.append(Member(stix_object.digest, stix_object.type, stix_object.position, seen[stix_object.id]))
        seen[stix_object.id] += 1
    return members


def _tactic_links(objects: Sequence[StixObject]) -> list[Mapping[str, object]]:
    wanted = ("attack-pattern", "x-mitre-tactic")
    if not any(stix_object.type == "x-mitre-tactic" for stix_object in objects):
        return []
    return list(stix_links.technique_tactics(item.properties() for item in objects if item.type in wanted))


def _digest(bundle: Bundle) -> str:
    """The digest of the whole release: of every object in the order of the file, and of the id of the bundle."""
    whole = blake2b((bundle.id or "").encode(), digest_size=16)
    for stix_object in bundle.objects:
        whole.update(stix_object.digest)
    return whole.hexdigest()


def _facts(bundle: Bundle) -> dict[str, object]:
    counts = Counter(stix_object.type for stix_object in bundle.objects)
    dead = [
        (is_revoked(properties), is_deprecated(properties))
        for properties in (item.properties() for item in bundle.objects if item.type != RELATIONSHIP)
    ]
    return {
        "counts_by_type": dict(counts.most_common()),
        "revoked": sum(revoked for revoked, _ in dead),
        "deprecated": sum(deprecated for _, deprecated in dead),
    }
