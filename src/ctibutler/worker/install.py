"""The work of an install job: fetch a release and import it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.job_records import InstallJob, InstallParameters
from ctibutler.catalog.releases import ImportOptions
from ctibutler.importing.link_rules import check_mapping
from ctibutler.importing.progress import Progress
from ctibutler.importing.releases import import_release
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.release_files import ReleaseFile
from ctibutler.publishers.sources.local_file import read_local_file
from ctibutler.publishers.sources.offers import Sources
from ctibutler.requesting import add_links_after_install
from ctibutler.settings import Settings
from ctibutler.stix.bundles import Limits
from ctibutler.worker.lease import complete


def install(
    database: Database,
    knowledge_bases: KnowledgeBases,
    settings: Settings,
    sources: Sources,
    job: InstallJob,
    progress: Progress,
) -> None:
    """Install the release of a job, and queue the links that it makes possible.

    Raises Problem if the release cannot be fetched or read, and JobLost if another worker has taken the job. The catalogue
    is then unchanged.
    """
    kb = knowledge_bases.named(job.knowledge_base)

    def finish(connection: Connection) -> None:
        complete(connection, job)
        if settings.auto_link:
            add_links_after_install(connection, knowledge_bases, kb, job.label)

    progress("download", 0, None)
    file = _file(kb, settings, sources, job, lambda done, total: progress("download", done, total))
    if file.mapping is not None:
        check_mapping(file.mapping, kb.mapping_file_name(job.label) or file.file_name)
    import_release(
        database,
        kb,
        file,
        options=_import_options(job.parameters),
        force=job.options.force,
        limits=Limits(settings.bundle_max_bytes, settings.bundle_max_objects, settings.bundle_max_depth),
        job_id=job.id,
        progress=progress,
        finish=finish,
    )


def _file(
    kb: KnowledgeBase,
    settings: Settings,
    sources: Sources,
    job: InstallJob,
    progress: Callable[[int, int | None], None],
) -> ReleaseFile:
    options = job.options
    if options.file is not None:
        return read_local_file(kb, Path(options.file), job.label, settings, convert=options.convert)
    return sources.restricted_to(options.source).fetch(kb, job.label, progress)


def _import_options(parameters: InstallParameters) -> ImportOptions:
    return ImportOptions(
        ignore_embedded=parameters.ignore_embedded_relationships,
        ignore_embedded_sro=parameters.ignore_embedded_relationships_sro,
        ignore_embedded_smo=parameters.ignore_embedded_relationships_smo,
    )
