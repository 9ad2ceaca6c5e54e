"""A job as JSON."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from ctibutler.catalog import job_records
from ctibutler.catalog.job_records import InstallParameters, JobProgress, LinkParameters, State
from ctibutler.stix.times import Instant


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for, and how it goes. `progress` is there from the moment that a worker has begun."""

    id: Annotated[str, msgspec.Meta(extra_json_schema={"format": "uuid"})]
    type: str
    state: State
    errors: tuple[Annotated[str, msgspec.Meta(max_length=1024)], ...]
    run_datetime: Instant
    completion_time: Instant | None
    parameters: InstallParameters | LinkParameters
    progress: JobProgress | UnsetType = UNSET


def job_form(job: job_records.Job) -> Job:
    """The JSON form of a job."""
    return Job(
        id=job.id,
        type=job.type,
        state=job.state,
        errors=job.errors,
        run_datetime=Instant(job.created),
        completion_time=None if job.completed is None else Instant(job.completed),
        parameters=job.parameters,
        progress=job.progress or UNSET,
    )
