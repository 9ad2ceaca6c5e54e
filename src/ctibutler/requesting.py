"""Requests for work: queues jobs that install releases or create links."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import UNSET

from ctibutler.catalog import jobs, releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.job_records import InstallJob, InstallOptions, InstallParameters, LinkJob, LinkParameters
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.links import LinkMode, modes_that_involve


@dataclass(frozen=True, slots=True)
class InstallRequest:
    """A release to install, and how.

    The `ignore` flags leave out relationships from embedded references: all of them, those of relationships, or those of
    meta objects. `force` installs the same content again. `file` is a file on the worker's machine; it is converted from the
    publisher's format if it is not a bundle, or if `convert` is set. `source` is the only source to use: its name, or the
    folder or URL of a bucket.
    """

    version: str
    ignore_embedded_relationships: bool = False
    ignore_embedded_relationships_sro: bool = False
    ignore_embedded_relationships_smo: bool = False
    force: bool = False
    file: str | None = None
    convert: bool = False
    source: str | None = None


def request_install(database: Database, kb: KnowledgeBase, request: InstallRequest) -> InstallJob:
    """Queue the installation of a release. The worker finds out whether a source has it."""
    with database.note() as connection:
        return add_install(connection, kb, request)


def add_install(connection: Connection, kb: KnowledgeBase, request: InstallRequest) -> InstallJob:
    """Queue the installation of a release, within a transaction."""
    job = InstallJob(
        type=kb.job_type,
        knowledge_base=kb.slug,
        parameters=InstallParameters(
            version=request.version,
            ignore_embedded_relationships=request.ignore_embedded_relationships,
            ignore_embedded_relationships_sro=request.ignore_embedded_relationships_sro,
            ignore_embedded_relationships_smo=request.ignore_embedded_relationships_smo,
            matrix=kb.matrix or UNSET,
        ),
        options=InstallOptions(force=request.force, file=request.file, convert=request.convert, source=request.source),
    )
    jobs.add(connection, job)
    return job


def request_links(
    database: Database,
    mode: LinkMode,
    version: str | None = None,
    *,
    ignore_embedded: bool = False,
    modified_min: str | None = None,
    created_min: str | None = None,
    to_version: str | None = None,
) -> LinkJob:
    """Queue the links of a mode, from this release of the mode's owner or from its latest one, to this release of the knowledge
    base that they lead to or to its latest one."""
    parameters = LinkParameters(
        mode=mode.name,
        version=version,
        ignore_embedded_relationships=ignore_embedded,
        modified_min=modified_min,
        created_min=created_min,
        to_version=UNSET if to_version is None else to_version,
    )
    with database.note() as connection:
        return _add_links(connection, mode, parameters)


def add_links_after_install(
    connection: Connection, knowledge_bases: KnowledgeBases, kb: KnowledgeBase, label: str
) -> list[LinkJob]:
    """Queue the links that a new release makes possible, within the transaction that installs it.

    A mode is queued if it involves the knowledge base and all its knowledge bases are installed. A release of the mode's
    owner is always linked. A release of another knowledge base is linked only if it is the latest, to the latest release
    of the owner.
    """
    installed = {release.knowledge_base for release in releases.latest(connection)}
    release = releases.find(connection, kb.slug, label)
    assert release is not None
    queued = []
    for mode in modes_that_involve(kb.slug):
        is_owner = mode.owner == kb.slug
        if not {mode.owner, *mode.others} <= installed or not (is_owner or release.latest):
            continue
        if is_owner and mode.needs_mapping and releases.mapping(connection, release.key) is None:
            continue
        parameters = LinkParameters(mode=mode.name, version=release.label if is_owner else None)
        queued.append(_add_links(connection, mode, parameters))
    return queued


def _add_links(connection: Connection, mode: LinkMode, parameters: LinkParameters) -> LinkJob:
    job = LinkJob(knowledge_base=mode.owner, parameters=parameters)
    jobs.add(connection, job)
    return job
