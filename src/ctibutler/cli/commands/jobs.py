"""The command `jobs`: what was asked for, and how it went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import click

from ctibutler.answers.pages import Sort
from ctibutler.cli.completion import candidates
from ctibutler.cli.declaring import argument, declared, option
from ctibutler.cli.options import SEVERAL, JsonOption, PageOption, PageSizeOption, words
from ctibutler.cli.output import text as output
from ctibutler.cli.output.short_times import short_duration, short_time
from ctibutler.cli.output.tables import Column, write_table
from ctibutler.cli.session import session_of
from ctibutler.errors import InvalidRequest

if TYPE_CHECKING:
    from ctibutler.catalog.job_records import Job, JobProgress

_STATES = ("pending", "processing", "completed", "failed", "cancelled")


def jobs(
    context: click.Context,
    job_id: Annotated[str | None, argument("ID", "Show only this job.", candidates.job)] = None,
    state: Annotated[
        list[str] | None,
        option(
            "--state",
            metavar="STATE",
            help=f"Show only jobs in these states: {', '.join(_STATES)}. {SEVERAL}",
            complete=candidates.several(candidates.words(*_STATES)),
        ),
    ] = None,
    types: Annotated[
        list[str] | None,
        option(
            "--type",
            metavar="TYPE",
            help=f"Show only jobs of these types, such as cwe-update. {SEVERAL}",
            complete=candidates.several(candidates.job_type),
        ),
    ] = None,
    page: PageOption = 1,
    page_size: PageSizeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List jobs, or show one in full."""
    from ctibutler.answers.jobs import JobQuery, find_job, list_jobs
    from ctibutler.forms.jobs import job_form
    from ctibutler.forms.json_form import page_as_json, record_as_json

    session = session_of(context)
    states = words(state)
    wrong = [word for word in states or () if word.lower() not in _STATES]
    if wrong:
        raise InvalidRequest(f"--state: `{wrong[0]}` is none of {', '.join(_STATES)}")
    with session.library() as library:
        if job_id is not None:
            job = find_job(library, job_id)
            output.write_json(record_as_json(job_form(job))) if as_json else _show(job)
            return
        query = JobQuery(
            types=words(types),
            states=None if states is None else [word.lower() for word in states],
            sort=Sort("run_datetime", True),
            page=session.page(page, page_size),
        )
        found = list_jobs(library, query)
    if as_json:
        output.write_json(page_as_json(found.with_items([job_form(job) for job in found.items]), "jobs"))
        return
    write_table(
        [
            Column("ID"),
            Column("JOB"),
            Column("STATE"),
            Column("WHEN"),
            Column("TOOK", right=True, optional=True),
        ],
        [[job.id, _job_name(job), job.state, short_time(job.created), _took(job)] for job in found.items],
    )
    output.note(output.page_note(found, "job"))


def _job_name(job: Job) -> str:
    """What a job is about, in few words: `attack-enterprise@18.1`, or the mode of links."""
    from ctibutler.catalog.job_records import InstallJob

    return f"{job.knowledge_base}@{job.label}" if isinstance(job, InstallJob) else job.parameters.mode


def _took(job: Job) -> str:
    """How long a job took from the request to its end, or takes already; nothing while it waits."""
    from ctibutler.stix.times import now

    return "" if job.state == "pending" else short_duration((job.completed or now()) - job.created)


def _show(job: Job) -> None:
    from ctibutler.catalog.job_records import as_json
    from ctibutler.stix.times import rfc3339

    facts = [
        ("id", job.id),
        ("job", _job_name(job)),
        ("type", job.type),
        ("state", job.state),
        ("asked for", rfc3339(job.created)),
        ("ended", "" if job.completed is None else rfc3339(job.completed)),
        ("progress", "" if job.progress is None else _progress_text(job.progress)),
        ("parameters", as_json(job.parameters)),
        *(("error", sentence) for sentence in job.errors),
    ]
    for label, value in facts:
        if value:
            output.line(f"{label:<12}{output.printable(value)}")


def _progress_text(progress: JobProgress) -> str:
    """How far a job is: `store 1,200 of 24,772`."""
    if progress.total:
        return f"{progress.stage} {progress.done:,} of {progress.total:,}"
    return f"{progress.stage} {progress.done:,}" if progress.done else progress.stage


command = declared(
    jobs,
    "ctibutler jobs",
    "ctibutler jobs --state failed",
    "ctibutler jobs fbc43f28-6929-4b55-9559-326191701e48 --json",
)
