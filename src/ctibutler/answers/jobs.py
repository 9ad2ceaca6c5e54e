"""Jobs: asked for, and how they go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ctibutler.answers.library import Library
from ctibutler.answers.pages import Page, PageRequest, Sort, cut
from ctibutler.catalog import jobs as catalog
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.jobs import Job
from ctibutler.errors import NotFound
from ctibutler.knowledge_bases import versions
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.links import LinkMode
from ctibutler.stix.times import rfc3339


@dataclass(frozen=True, slots=True)
class JobQuery:
    """Filters over jobs. `types` may name a variant: `attack-update--ics`."""

    page: PageRequest = PageRequest()
    sort: Sort = Sort("run_datetime", descending=True)
    types: Sequence[str] | None = None
    states: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class InstallRequest:
    """A release to install: `parameters` as the API shows them. `force` installs again what is there already; `file` is
    a file of one's own on the worker's machine, which is read as the publisher's if it is no bundle, or `convert` says so;
    `source` is the one source to take it from: its word, or the folder or URL
    of a bucket."""

    version: str
    ignore_embedded_relationships: bool = False
    ignore_embedded_relationships_sro: bool = False
    ignore_embedded_relationships_smo: bool = False
    force: bool = False
    file: str | None = None
    convert: bool = False
    source: str | None = None


def list_jobs(library: Library, query: JobQuery) -> Page[dict[str, Any]]:
    """The jobs that pass the filters."""
    with library.database.read() as connection:
        everything = catalog.all_jobs(connection)
    passing = [job for job in everything if _passes(job, query)]
    passing.sort(key=lambda job: job.id)
    passing.sort(key=lambda job: _sort_value(job, query.sort.key), reverse=query.sort.descending)
    shown = cut(passing, query.page)
    return shown.with_items([described(job) for job in shown.items])


def find_job(library: Library, job_id: str) -> dict[str, object]:
    """One job.

    Raises NotFound.
    """
    with library.database.read() as connection:
        job = catalog.find(connection, job_id)
    if job is None:
        raise NotFound(f"no job `{job_id[:64]}`")
    return described(job)


def request_install(library: Library, kb: KnowledgeBase, request: InstallRequest) -> dict[str, object]:
    """Ask for a release to be installed; gives the job. Whether there is such a release is for the worker to find out."""
    with library.database.note() as connection:
        return _described_again(connection, add_install(connection, kb, request))


def add_install(connection: Connection, kb: KnowledgeBase, request: InstallRequest) -> str:
    """The job of an installation as a row; gives its id."""
    parameters: dict[str, object] = {
        "version": request.version,
        "ignore_embedded_relationships": request.ignore_embedded_relationships,
        "ignore_embedded_relationships_sro": request.ignore_embedded_relationships_sro,
        "ignore_embedded_relationships_smo": request.ignore_embedded_relationships_smo,
    }
    if kb.matrix:
        parameters["matrix"] = kb.matrix
    return catalog.add(
        connection,
        kb.job_type,
        variant=kb.matrix or "",
        knowledge_base=kb.slug,
        sort_key=versions.sort_key(request.version),
        parameters=parameters,
        options={
            "label": versions.shown(request.version),
            "force": request.force,
            "file": request.file,
            "convert": request.convert,
            "source": request.source,
        },
    )


def request_links(
    library: Library,
    mode: LinkMode,
    version: str | None = None,
    ignore_embedded: bool = False,
    modified_min: str | None = None,
    created_min: str | None = None,
) -> dict[str, object]:
    """Ask for the links of a mode to be made; gives the job."""
    with library.database.note() as connection:
        job_id = catalog.add(
            connection,
            catalog.LINK_JOB,
            variant=mode.name,
            knowledge_base=mode.owner,
            parameters={
                "mode": mode.name,
                "version": version,
                "ignore_embedded_relationships": ignore_embedded,
                "modified_min": modified_min,
                "created_min": created_min,
            },
        )
        return _described_again(connection, job_id)


def described(job: Job) -> dict[str, object]:
    """A job as the API shows it."""
    shown: dict[str, object] = {
        "id": job.id,
        "type": job.type,
        "state": job.state,
        "errors": list(job.errors),
        "run_datetime": rfc3339(job.created),
        "completion_time": None if job.completed is None else rfc3339(job.completed),
        "parameters": dict(job.parameters),
    }
    if job.progress:
        shown["progress"] = dict(job.progress)
    return shown


def _described_again(connection: Connection, job_id: str) -> dict[str, object]:
    job = catalog.find(connection, job_id)
    assert job is not None
    return described(job)


def _passes(job: Job, query: JobQuery) -> bool:
    names = {job.type, f"{job.type}--{job.variant}"}
    if query.types is not None and not names & set(query.types):
        return False
    return query.states is None or job.state in query.states


def _sort_value(job: Job, key: str) -> str | int:
    values: Mapping[str, str | int] = {"state": job.state, "type": job.type, "id": job.id}
    return values.get(key, job.created)
