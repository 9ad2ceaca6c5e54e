"""A job as JSON."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from ctibutler.catalog import job_records
from ctibutler.catalog.job_records import JobProgress as JobProgress
from ctibutler.catalog.job_records import State
from ctibutler.stix.times import Instant


class JobParameters(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for. Jobs that make links have a mode and times, those that install a release have neither; only those
    of ATT&CK have a matrix."""

    mode: str | UnsetType = UNSET
    version: str | None
    to_version: str | UnsetType = UNSET
    ignore_embedded_relationships: bool
    ignore_embedded_relationships_sro: bool | UnsetType = UNSET
    ignore_embedded_relationships_smo: bool | UnsetType = UNSET
    matrix: str | UnsetType = UNSET
    modified_min: str | UnsetType | None = UNSET
    created_min: str | UnsetType | None = UNSET


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for, and how it goes. `progress` is there from the moment that a worker has begun."""

    id: Annotated[str, msgspec.Meta(extra_json_schema={"format": "uuid"})]
    type: str
    state: State
    errors: tuple[Annotated[str, msgspec.Meta(max_length=1024)], ...]
    run_datetime: Instant
    completion_time: Instant | None
    parameters: JobParameters
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
        parameters=JobParameters(**msgspec.structs.asdict(job.parameters)),
        progress=job.progress or UNSET,
    )
