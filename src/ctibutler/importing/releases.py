"""Imports a release: all of it, or nothing."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ctibutler.catalog import details, link_sets, qualifiers, releases, writing
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.engine.keys import next_key
from ctibutler.catalog.link_sets import Link
from ctibutler.catalog.releases import ImportOptions, Release
from ctibutler.catalog.removal import remove_orphans, remove_release, remove_unused
from ctibutler.errors import Busy
from ctibutler.importing.preparing import Prepared, prepare
from ctibutler.importing.progress import Progress, no_progress
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.release_files import ReleaseFile
from ctibutler.stix.bundles import Limits
from ctibutler.stix.times import now

Finish = Callable[[Connection], None]
_TRIES = 3


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The result of an import: how many objects the release has, how many are new, and whether anything changed."""

    knowledge_base: str
    label: str
    objects: int
    new_contents: int
    changed: bool


@dataclass(frozen=True, slots=True)
class _ImportRequest:
    """What to store, and how."""

    kb: KnowledgeBase
    file: ReleaseFile
    options: ImportOptions
    force: bool
    job_id: str | None
    progress: Progress


def import_release(
    database: Database,
    kb: KnowledgeBase,
    file: ReleaseFile,
    *,
    options: ImportOptions = ImportOptions(),
    force: bool = False,
    limits: Limits = Limits(),
    job_id: str | None = None,
    progress: Progress = no_progress,
    finish: Finish = lambda _: None,
) -> ImportReport:
    """Store one release of a knowledge base.

    An object that is already stored with the same content is linked to the new release, not copied. Importing the same
    release again changes nothing, unless `force` is set. Different content or details under the same label replace the
    release. Details of ids that are not in the release are ignored. `finish` runs in the same transaction, so that its
    changes become visible together with the release, or not at all.

    Raises MalformedFile if the bundle or the details cannot be read, and Busy if other processes keep changing the knowledge
    base. The catalogue is then unchanged.
    """
    request = _ImportRequest(kb, file, options, force, job_id, progress)
    for _ in range(_TRIES):
        with _collector_paused():
            report = _import(database, request, limits, finish)
        if report is not None:
            return report
    raise Busy(f"{kb.slug} {release_labels.shown(file.label)}: other processes kept changing this knowledge base")


def _import(database: Database, request: _ImportRequest, limits: Limits, finish: Finish) -> ImportReport | None:
    """Import a release; None if other processes changed the knowledge base meanwhile."""
    with database.read() as connection:
        prepared = prepare(connection, request.kb, request.file, limits, request.progress)
    with database.write() as connection:
        if releases.marks(connection, request.kb.slug) != prepared.known_releases:
            return None  # another process imported or removed a release; objects that we did not compress may be gone
        report = _store(connection, request, prepared)
        finish(connection)
    return report


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Without the cyclic garbage collector: an import makes hundreds of thousands of records and no cycles, and a tenth
    of its time would go into looking for them."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _store(connection: Connection, request: _ImportRequest, prepared: Prepared) -> ImportReport:
    kb, shown = request.kb, release_labels.shown(request.file.label)
    present = releases.find(connection, kb.slug, shown)
    if present and not request.force and _is_same(connection, present, request, prepared):
        return ImportReport(kb.slug, shown, len(prepared.members), 0, changed=False)
    replaced = remove_release(connection, present) if present else []
    release_key = next_key(connection, "release", "release_key")
    added = _write_objects(connection, request, prepared, release_key)
    if present:
        remove_orphans(connection, replaced)
        remove_unused(connection, kb.slug)
    made_at = now()
    _write_tactic_links(connection, request, prepared, release_key, made_at)
    release = _release(request, prepared, release_key, made_at)
    releases.add(connection, release, request.file.mapping, details.digest_of_all(prepared.details.digests))
    releases.raise_revision(connection)
    connection.analyze()
    return ImportReport(kb.slug, shown, len(prepared.members), added, changed=True)


def _write_objects(connection: Connection, request: _ImportRequest, prepared: Prepared, release_key: int) -> int:
    """Store new objects, memberships and details. Return how many objects were new."""
    wrote = _counting(request.progress, writing.rows_to_write(prepared.rows) + len(prepared.members))
    added = writing.add_objects(connection, request.kb.slug, prepared.rows, prepared.packed, wrote)
    writing.add_members(connection, release_key, prepared.members, prepared.stored | added)
    wrote(len(prepared.members))
    details.add(connection, request.kb.slug, release_key, prepared.details)
    qualifiers.add(connection, request.kb, release_key)
    return len(added)


def _write_tactic_links(
    connection: Connection, request: _ImportRequest, prepared: Prepared, release_key: int, made_at: int
) -> None:
    count = len(prepared.tactic_links)
    request.progress("derive", 0, count)
    links = [Link.of(sro, release_key, release_key) for sro in prepared.tactic_links]
    link_sets.replace(connection, link_sets.TECHNIQUE_TACTIC, release_key, release_key, links, made_at)
    request.progress("derive", count, count)


def _release(request: _ImportRequest, prepared: Prepared, release_key: int, made_at: int) -> Release:
    file = request.file
    return Release(
        key=release_key,
        knowledge_base=request.kb.slug,
        label=release_labels.shown(file.label),
        sort_key=release_labels.sort_key(file.label),
        latest=False,
        origin=file.origin,
        file_name=file.file_name,
        size=file.size,
        bundle_id=prepared.bundle_id,
        digest=prepared.digest,
        facts=prepared.facts,
        options=request.options,
        installed_at=made_at,
        job_id=request.job_id,
    )


def _counting(progress: Progress, total: int) -> Callable[[int], None]:
    """A function that takes the number of rows just written, and reports the progress."""
    done = 0

    def wrote(number: int) -> None:
        nonlocal done
        done += number
        progress("store", done, total)

    wrote(0)
    return wrote


def _is_same(connection: Connection, present: Release, request: _ImportRequest, prepared: Prepared) -> bool:
    return (
        (present.digest, present.options) == (prepared.digest, request.options)
        and releases.mapping(connection, present.key) == request.file.mapping
        and details.digests_of(connection, present.key) == prepared.details.digests
    )
