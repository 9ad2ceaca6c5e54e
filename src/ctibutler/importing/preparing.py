"""Prepares a release for import: everything that can be done before the transaction."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from ctibutler.catalog import details, releases, writing
from ctibutler.catalog.engine import packing
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.rows import ObjectRow, row_of
from ctibutler.catalog.writing import Member, StoredObject
from ctibutler.errors import MalformedFile
from ctibutler.importing.details import read_details
from ctibutler.importing.progress import REPORT_EVERY, Progress
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.release_files import ReleaseFile
from ctibutler.settings import SOURCES
from ctibutler.stix import links as stix_links
from ctibutler.stix.bundles import Bundle, Limits, Properties, check_limits, read_bundle
from ctibutler.stix.objects import RELATIONSHIP, StixObject, is_deprecated, is_revoked

_TACTIC = "x-mitre-tactic"
_LINKED = ("attack-pattern", _TACTIC)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A release, ready to be stored.

    `rows` are its new objects, and `packed` their compressed bytes. `stored` are the keys of the objects that it shares with
    other releases. `tactic_links` are relationships from techniques to tactics. `known_releases` are the marks of the
    installed releases. If these have changed by the time the release is stored, another process may have removed objects
    that were not new.
    """

    members: list[Member]
    rows: list[ObjectRow]
    packed: packing.Packed
    stored: dict[bytes, int]
    details: details.Prepared
    tactic_links: list[Mapping[str, object]]
    bundle_id: str
    digest: str
    facts: dict[str, object]
    known_releases: list[releases.Mark]


def prepare(
    connection: Connection, kb: KnowledgeBase, file: ReleaseFile, limits: Limits, progress: Progress
) -> Prepared:
    """Read a release; index and compress its new objects, without writing anything.

    Raises MalformedFile if the bundle, a time in it or the details cannot be read.
    """
    progress("parse", 0, None)
    index = _Index(kb, file.file_name, writing.stored_objects(connection, kb.slug), progress)
    bundle = _read(file, limits, index)
    objects = len(bundle.objects)
    progress("parse", objects, objects)
    _require_main_types(kb, file, {stix_object.type for stix_object in bundle.objects})
    own_details = _own_details(kb, bundle, file)
    digest = _digest(bundle)
    bundle_id = bundle.id or f"bundle--{uuid.UUID(hex=digest)}"
    del bundle
    progress("index", 0, len(index.rows))
    packed = packing.pack(connection, kb.slug, [row.content for row in index.rows])
    progress("index", len(index.rows), len(index.rows))
    return Prepared(
        members=index.members,
        rows=index.rows,
        packed=packed,
        stored=index.shared,
        details=details.prepare(connection, kb.slug, own_details),
        tactic_links=index.tactic_links(),
        bundle_id=bundle_id,
        digest=digest,
        facts=index.facts(),
        known_releases=releases.marks(connection, kb.slug),
    )


class _Index:
    """Collects what is stored about the objects of a release, one object at a time."""

    def __init__(
        self, kb: KnowledgeBase, file_name: str, stored: Mapping[bytes, StoredObject], progress: Progress
    ) -> None:
        self.members: list[Member] = []
        self.rows: list[ObjectRow] = []
        self.shared: dict[bytes, int] = {}
        self.stored = stored
        self._kb = kb
        self._file_name = file_name
        self._progress = progress
        self._seen: Counter[str] = Counter()
        self._types: Counter[str] = Counter()
        self._revoked = self._deprecated = 0
        self._linked: list[Properties] = []

    def add(self, stix_object: StixObject, properties: Properties | None) -> None:
        """Add an object; `properties` are not needed of one that is stored."""
        stix_id, stix_type, digest = stix_object.id, stix_object.type, stix_object.digest
        if len(self.members) % REPORT_EVERY == 0:
            self._progress("parse", len(self.members), None)
        self.members.append(Member(digest, stix_type, stix_object.position, self._seen[stix_id]))
        self._seen[stix_id] += 1
        self._types[stix_type] += 1
        before = self.stored.get(digest)
        if before is not None:
            self.shared[digest] = before.key
            revoked, deprecated = before.revoked, before.deprecated
        else:
            properties = stix_object.properties() if properties is None else properties
            self.rows.append(row_of(self._kb, stix_object, properties, self._file_name))
            revoked, deprecated = is_revoked(properties), is_deprecated(properties)
        if stix_type != RELATIONSHIP:
            self._revoked += revoked
            self._deprecated += deprecated
            if stix_type in _LINKED:
                self._linked.append(stix_object.properties() if properties is None else properties)

    def tactic_links(self) -> list[Mapping[str, object]]:
        """The relationships from techniques to tactics."""
        return list(stix_links.technique_tactics(self._linked)) if self._types[_TACTIC] else []

    def facts(self) -> dict[str, object]:
        """The facts about the release that are stored with it."""
        return {
            "counts_by_type": dict(self._types.most_common()),
            "revoked": self._revoked,
            "deprecated": self._deprecated,
        }


def _read(file: ReleaseFile, limits: Limits, index: _Index) -> Bundle:
    """Read the objects of a release, from the publisher's bundle or from a converter, and index each."""
    if isinstance(file.bundle, bytes):
        return read_bundle(file.bundle, file.file_name, limits, index.stored, index.add)
    check_limits(file.bundle, file.file_name, limits)
    for stix_object in file.bundle.objects:
        index.add(stix_object, None)
    return file.bundle


def _require_main_types(kb: KnowledgeBase, file: ReleaseFile, types: set[str]) -> None:
    """Refuse a publisher's file that cannot be a release. Users' own files may contain what they like."""
    missing = [stix_type for stix_type in kb.main_types or kb.listed_types if stix_type not in types]
    if missing and file.origin.source in SOURCES:
        raise MalformedFile(
            f"{file.file_name}: no object of type {' or '.join(missing)}; every release of {kb.title} has some"
        )


def _own_details(kb: KnowledgeBase, bundle: Bundle, file: ReleaseFile) -> dict[str, bytes]:
    """The details of the release's objects, by STIX id."""
    if file.details is None:
        return {}
    read = read_details(file.details, kb.details_file_name(file.label) or f"details of {file.file_name}")
    own = {stix_object.id for stix_object in bundle.objects}
    return {stix_id: detail for stix_id, detail in read.items() if stix_id in own}


def _digest(bundle: Bundle) -> str:
    """The digest of the whole release: of every object in the order of the file, and of the id of the bundle."""
    whole = blake2b((bundle.id or "").encode(), digest_size=16)
    for stix_object in bundle.objects:
        whole.update(stix_object.digest)
    return whole.hexdigest()
