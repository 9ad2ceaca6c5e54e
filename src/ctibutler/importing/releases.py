"""Importing a release: all of it, or nothing."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from ctibutler.catalog import details, link_sets, releases, writing
from ctibutler.catalog.engine import packing
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.engine.keys import next_key
from ctibutler.catalog.link_sets import Link
from ctibutler.catalog.releases import ImportOptions, Release
from ctibutler.catalog.removal import remove_orphans, remove_release, remove_unused
from ctibutler.catalog.rows import ObjectRow, row_of
from ctibutler.catalog.writing import Member
from ctibutler.errors import Busy
from ctibutler.importing.details import read_details
from ctibutler.knowledge_bases import versions
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.release_files import ReleaseFile
from ctibutler.stix import links as stix_links
from ctibutler.stix.bundles import Bundle, Limits, check_limits, read_bundle
from ctibutler.stix.objects import RELATIONSHIP, StixObject, encode, instant, is_deprecated, is_revoked
from ctibutler.stix.times import now

Progress = Callable[[str, int, int | None], None]
Finish = Callable[[Connection], None]
_TRIES = 3
_TELL_EVERY = 500


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did: how many objects the release has, how many of them are new, and whether anything changed."""

    knowledge_base: str
    label: str
    objects: int
    new_contents: int
    changed: bool


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Everything about a release that can be prepared outside the transaction."""

    members: list[Member]
    rows: list[ObjectRow]
    packed: packing.Packed
    details: details.Prepared
    tactic_links: list[Mapping[str, object]]
    digest: str
    facts: dict[str, object]
    known_releases: list[releases.Mark]


def import_release(
    database: Database,
    kb: KnowledgeBase,
    file: ReleaseFile,
    *,
    options: ImportOptions = ImportOptions(),
    force: bool = False,
    limits: Limits = Limits(),
    job_id: str | None = None,
    progress: Progress = lambda *_: None,
    finish: Finish = lambda _: None,
) -> ImportReport:
    """Store one release of a knowledge base.

    An object that is stored already with the same content is linked to the new release, not copied. Importing the same
    release again changes nothing, unless `force` is set. Other content or other details under the same label replace the
    release. Details of ids that the release does not have are ignored. `finish` runs in the same transaction: what it writes
    becomes visible together with the release, or not at all.

    Raises MalformedFile if the bundle or the details cannot be read; the catalogue is then as before. Raises Busy if other
    processes keep changing the knowledge base.
    """
    progress("parse", 0, None)
    bundle = _bundle(file, limits)
    own_details = _own_details(kb, bundle, file)
    progress("parse", len(bundle.objects), len(bundle.objects))
    for _ in range(_TRIES):
        with database.read() as connection:
            prepared = _prepare(connection, kb, bundle, own_details, file.file_name, progress)
        with database.write() as connection:
            if releases.marks(connection, kb.slug) != prepared.known_releases:
                continue  # another process imported or removed a release meanwhile: objects we did not compress may be gone
            report = _store(connection, kb, bundle, file, prepared, options, force, job_id, progress)
            finish(connection)
        return report
    raise Busy(f"{kb.slug} {versions.shown(file.label)}: other processes kept changing this knowledge base")


def _bundle(file: ReleaseFile, limits: Limits) -> Bundle:
    """The objects of a release: read from the publisher's bundle, or as a converter made them."""
    if isinstance(file.bundle, bytes):
        return read_bundle(file.bundle, file.file_name, limits)
    check_limits(file.bundle, file.file_name, limits)
    return file.bundle


def _own_details(kb: KnowledgeBase, bundle: Bundle, file: ReleaseFile) -> dict[str, bytes]:
    """The details of the release's objects, by STIX id."""
    if file.details is None:
        return {}
    read = read_details(file.details, kb.details_file_name(file.label) or f"details of {file.file_name}")
    own = {stix_object.id for stix_object in bundle.objects}
    return {stix_id: detail for stix_id, detail in read.items() if stix_id in own}


def _prepare(
    connection: Connection,
    kb: KnowledgeBase,
    bundle: Bundle,
    own_details: Mapping[str, bytes],
    file_name: str,
    progress: Progress,
) -> _Prepared:
    known = writing.known_contents(connection, kb.slug)
    new = [stix_object for stix_object in bundle.objects if stix_object.digest not in known]
    rows = []
    for number, stix_object in enumerate(new):
        if number % _TELL_EVERY == 0:
            progress("index", number, len(new))
        rows.append(row_of(kb, stix_object, file_name))
    progress("index", len(new), len(new))
    return _Prepared(
        members=_members(bundle.objects),
        rows=rows,
        packed=packing.pack(connection, kb.slug, [row.content for row in rows]),
        details=details.prepare(connection, kb.slug, own_details),
        tactic_links=_tactic_links(bundle.objects),
        digest=_digest(bundle),
        facts=_facts(bundle),
        known_releases=releases.marks(connection, kb.slug),
    )


def _store(
    connection: Connection,
    kb: KnowledgeBase,
    bundle: Bundle,
    file: ReleaseFile,
    prepared: _Prepared,
    options: ImportOptions,
    force: bool,
    job_id: str | None,
    progress: Progress,
) -> ImportReport:
    shown = versions.shown(file.label)
    present = releases.find(connection, kb.slug, shown)
    if present and not force and _is_same(connection, present, file, prepared, options):
        return ImportReport(kb.slug, shown, len(prepared.members), 0, changed=False)
    replaced = remove_release(connection, present) if present else []
    release_key = next_key(connection, "release", "release_key")
    wrote = _counting(progress, writing.rows_to_write(prepared.rows) + len(prepared.members))
    added = writing.add_objects(connection, kb.slug, prepared.rows, prepared.packed, wrote)
    keys = writing.known_contents(connection, kb.slug)
    writing.add_members(connection, release_key, prepared.members, keys)
    wrote(len(prepared.members))
    details.add(connection, kb.slug, release_key, prepared.details)
    if present:
        remove_orphans(connection, replaced)
        remove_unused(connection, kb.slug)
    progress("derive", 0, len(prepared.tactic_links))
    made_at = now()
    link_sets.replace(
        connection,
        link_sets.TECHNIQUE_TACTIC,
        release_key,
        release_key,
        [_tactic_link(link, release_key) for link in prepared.tactic_links],
        made_at,
    )
    progress("derive", len(prepared.tactic_links), len(prepared.tactic_links))
    release = Release(
        key=release_key,
        knowledge_base=kb.slug,
        label=shown,
        sort_key=versions.sort_key(file.label),
        latest=False,
        origin=file.origin,
        file_name=file.file_name,
        size=file.size,
        bundle_id=bundle.id or f"bundle--{uuid.UUID(hex=prepared.digest)}",
        digest=prepared.digest,
        facts=prepared.facts,
        options=options,
        installed_at=made_at,
        job_id=job_id,
    )
    releases.add(connection, release, file.mapping)
    releases.raise_revision(connection)
    connection.analyze()
    return ImportReport(kb.slug, shown, len(prepared.members), len(added), changed=True)


def _counting(progress: Progress, total: int) -> Callable[[int], None]:
    """Takes how many rows were written, and tells how many of all of them are."""
    done = 0

    def wrote(number: int) -> None:
        nonlocal done
        done += number
        progress("store", done, total)

    wrote(0)
    return wrote


def _is_same(
    connection: Connection, present: Release, file: ReleaseFile, prepared: _Prepared, options: ImportOptions
) -> bool:
    return (
        (present.digest, present.options) == (prepared.digest, options)
        and releases.mapping(connection, present.key) == file.mapping
        and details.digests_of(connection, present.key) == prepared.details.digests
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


def _tactic_link(properties: Mapping[str, object], release_key: int) -> Link:
    return Link(
        id=str(properties["id"]),
        source=str(properties["source_ref"]),
        target=str(properties["target_ref"]),
        relationship_type=str(properties["relationship_type"]),
        source_release=release_key,
        target_release=release_key,
        created=instant(properties, "created"),
        modified=instant(properties, "modified"),
        content=encode(properties),
    )


def _digest(bundle: Bundle) -> str:
    """The digest of a release as a whole: of every object in the order of the file, and of the id of the bundle."""
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
