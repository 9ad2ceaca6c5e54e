"""The work of a link job: create the links of a mode."""

from __future__ import annotations

from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.job_records import LinkJob
from ctibutler.errors import InvalidRequest
from ctibutler.importing.links import LinkRequest, make_links
from ctibutler.importing.progress import Progress
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.knowledge_bases.links import mode_named
from ctibutler.stix.times import microseconds
from ctibutler.worker.lease import complete


def link(database: Database, knowledge_bases: KnowledgeBases, job: LinkJob, progress: Progress) -> None:
    """Create the links of a job. If a knowledge base that they need is not installed, the job reports it.

    Raises Problem if the release that they start from is not installed, and JobLost if another worker has taken the job.
    The catalogue is then unchanged.
    """
    wanted = job.parameters
    mode = mode_named(wanted.mode)
    if mode is None:
        raise InvalidRequest(f"`{wanted.mode}` is not a link mode")
    request = LinkRequest(
        mode,
        version=wanted.version,
        ignore_embedded=wanted.ignore_embedded_relationships,
        modified_min=_instant(wanted.modified_min),
        created_min=_instant(wanted.created_min),
        to_version=wanted.to_version or None,
    )
    make_links(
        database,
        knowledge_bases,
        request,
        progress=progress,
        finish=lambda connection, sentences: complete(connection, job, sentences),
    )


def _instant(text: str | None) -> int | None:
    return microseconds(text) if text else None
