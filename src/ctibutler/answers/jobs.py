"""Jobs: what was asked for, and how it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ctibutler.answers.library import Library
from ctibutler.answers.pages import Page, PageRequest, Sort, cut
from ctibutler.catalog import job_records, jobs
from ctibutler.catalog.job_records import Job
from ctibutler.errors import NotFound
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.knowledge_bases.links import LINK_MODES

STATES: tuple[job_records.State, ...] = job_records.STATES


@dataclass(frozen=True, slots=True)
class JobQuery:
    """Filters over jobs. `types` may name a variant: `attack-update--ics`."""

    page: PageRequest = PageRequest()
    sort: Sort = Sort("run_datetime", descending=True)
    types: Sequence[str] | None = None
    states: Sequence[str] | None = None


def list_jobs(library: Library, query: JobQuery) -> Page[Job]:
    """The jobs that pass the filters."""
    with library.database.read_newest() as connection:
        everything = jobs.all_jobs(connection)
    passing = [job for job in everything if _passes(job, query)]
    passing.sort(key=lambda job: job.id)
    passing.sort(key=lambda job: _sort_value(job, query.sort.key), reverse=query.sort.descending)
    return cut(passing, query.page)


def find_job(library: Library, job_id: str) -> Job:
    """One job.

    Raises NotFound.
    """
    with library.database.read_newest() as connection:
        job = jobs.find(connection, job_id)
    if job is None:
        raise NotFound(f"no job `{job_id[:64]}`")
    return job


def abandoned(library: Library) -> set[str]:
    """The ids of jobs that were being run by a worker that is gone. The next worker takes them up."""
    with library.database.read_newest() as connection:
        return jobs.abandoned(connection)


def type_names(knowledge_bases: KnowledgeBases) -> list[str]:
    """The types of jobs, with their variants behind `--`."""
    installs = [kb.job_type + (f"--{kb.matrix}" if kb.matrix else "") for kb in knowledge_bases.all]
    return [*installs, *(f"{job_records.LINK_JOB}--{mode.name}" for mode in LINK_MODES)]


def _passes(job: Job, query: JobQuery) -> bool:
    names = {job.type, f"{job.type}--{job.variant}"}
    if query.types is not None and not names & set(query.types):
        return False
    return query.states is None or job.state in query.states


def _sort_value(job: Job, key: str) -> str | int:
    values: Mapping[str, str | int] = {"state": job.state, "type": job.type, "id": job.id}
    return values.get(key, job.created)
