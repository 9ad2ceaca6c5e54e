"""Jobs that other processes run, followed until they end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from ctibutler.answers.library import Library
from ctibutler.catalog import jobs, releases
from ctibutler.catalog.job_records import InstallJob, Job, JobProgress, LinkJob
from ctibutler.cli.output.progress import Board, without_name
from ctibutler.cli.output.text import counted

POLL_SECONDS = 0.3
ENDED = ("completed", "failed", "cancelled")
_BEGINNING = JobProgress("download", 0, None)


def follow(
    library: Library, job_ids: Iterable[str], board: Board, check: Callable[[], None] = lambda: None
) -> list[Job]:
    """Show the progress of these jobs until all have ended; return them as they ended. `check` is called while waiting."""
    waiting = list(job_ids)
    ended = []
    while waiting:
        check()
        with library.database.read() as connection:
            found = [job for job_id in waiting if (job := jobs.find(connection, job_id)) is not None]
        for job in found:
            if job.state in ENDED:
                report_end(library, job, board)
                ended.append(job)
            elif job.state == "processing":
                far = job.progress or _BEGINNING
                board.show(name_of(job), far.stage, far.done, far.total)
        waiting = [job.id for job in found if job.state not in ENDED]
        if waiting:
            time.sleep(POLL_SECONDS)
    return ended


def links_since(library: Library, moment: int) -> list[str]:
    """The ids of the link jobs created since this instant (microseconds)."""
    with library.database.read() as connection:
        return [job.id for job in jobs.all_jobs(connection) if isinstance(job, LinkJob) and job.created >= moment]


def report_end(library: Library, job: Job, board: Board) -> None:
    """Print how a job ended."""
    if job.state == "completed":
        board.end(name_of(job), _success(library, job))
    else:
        name = name_of(job)
        board.end(name, f"{job.state}: {without_name(name, '; '.join(job.errors))}", failed=True)


def name_of(job: Job) -> str:
    """What a job is about: `cwe 4.15`, `links cwe-capec`."""
    return f"{job.knowledge_base} {job.label}" if isinstance(job, InstallJob) else f"links {job.parameters.mode}"


def _success(library: Library, job: Job) -> str:
    if isinstance(job, LinkJob):
        return "; ".join(job.errors) or "created"
    with library.database.read() as connection:
        release = releases.find(connection, job.knowledge_base, job.label)
    if release is None:
        return "completed"
    if release.job_id != job.id:
        return "was installed already, nothing changed"
    objects = sum(release.facts.get("counts_by_type", {}).values())
    return f"installed from {release.origin.source}: {counted(objects, 'object')}"
