"""A job as a record: what was asked for and how it goes, and the row that holds it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypeVar, get_args

import msgspec
from msgspec import UNSET, UnsetType

from ctibutler.knowledge_bases import release_labels
from ctibutler.stix.times import now

State = Literal["pending", "processing", "completed", "failed", "cancelled"]
STATES: tuple[State, ...] = get_args(State)
LINK_JOB = "arango-cti-processor"
COLUMNS = (
    "job_id", "type", "variant", "knowledge_base", "sort_key", "state", "parameters", "options", "errors", "progress",
    "created", "completed", "lease_holder", "attempts",
)  # fmt: skip

Part = TypeVar("Part")


class InstallParameters(msgspec.Struct, frozen=True, kw_only=True):
    """What the API shows of a request to install a release. Only ATT&CK has a matrix."""

    version: str
    ignore_embedded_relationships: bool = False
    ignore_embedded_relationships_sro: bool = False
    ignore_embedded_relationships_smo: bool = False
    matrix: str | UnsetType = UNSET


class InstallOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to install a release; for the worker alone.

    `force` installs the same content again. `file` is a local file to read, as the publisher's own format if `convert`.
    `source` is the only source to use: its name, or the folder or URL of a bucket.
    """

    force: bool = False
    file: str | None = None
    convert: bool = False
    source: str | None = None


class LinkParameters(msgspec.Struct, frozen=True, kw_only=True):
    """What the API shows of a request to make links: the mode, the releases of its owner and of the knowledge base that the
    links lead to (the latest if null), and the earliest times of source objects, as they were written."""

    mode: str
    version: str | None = None
    to_version: str | UnsetType = UNSET
    ignore_embedded_relationships: bool = False
    modified_min: str | None = None
    created_min: str | None = None


class JobProgress(msgspec.Struct, frozen=True):
    """How far a job is: its stage, and how much of that stage is done. `total` is null while it is not known."""

    stage: str
    done: int
    total: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _JobFacts:
    """What every job has. Times are microseconds; `errors` are sentences for the person who asked."""

    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: State = "pending"
    errors: tuple[str, ...] = ()
    progress: JobProgress | None = None
    created: int = field(default_factory=now)
    completed: int | None = None
    lease_holder: str | None = None
    attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallJob(_JobFacts):
    """A request to install one release of a knowledge base."""

    type: str
    knowledge_base: str
    parameters: InstallParameters
    options: InstallOptions

    @property
    def label(self) -> str:
        """The release's label as we write it: `4.15`."""
        return release_labels.shown(self.parameters.version)

    @property
    def variant(self) -> str:
        """What tells it apart from other jobs of its type: the matrix, if there are several."""
        return self.parameters.matrix or ""

    @property
    def sort_key(self) -> str | None:
        """The sort key of the release that it writes."""
        return release_labels.sort_key(self.parameters.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkJob(_JobFacts):
    """A request to make the links of one mode. `knowledge_base` owns the mode."""

    knowledge_base: str
    parameters: LinkParameters

    @property
    def type(self) -> str:
        """The type of all jobs that make links."""
        return LINK_JOB

    @property
    def variant(self) -> str:
        """What tells it apart from other jobs of its type: the mode."""
        return self.parameters.mode

    @property
    def sort_key(self) -> str | None:
        """None: links are made of a whole knowledge base."""
        return None


Job: TypeAlias = InstallJob | LinkJob


def values_of(job: Job) -> tuple[object, ...]:
    """The values of a job's row, in the order of `COLUMNS`."""
    return (
        job.id,
        job.type,
        job.variant,
        job.knowledge_base,
        job.sort_key,
        job.state,
        as_json(job.parameters),
        as_json(job.options if isinstance(job, InstallJob) else {}),
        as_json(job.errors),
        as_json(job.progress or {}),
        job.created,
        job.completed,
        job.lease_holder,
        job.attempts,
    )


def job_of(row: Any) -> Job:
    """The job that a row holds."""
    facts: dict[str, Any] = {
        "id": row.job_id,
        "state": row.state,
        "errors": _read(row.errors, tuple[str, ...]),
        "progress": None if row.progress == "{}" else _read(row.progress, JobProgress),
        "created": row.created,
        "completed": row.completed,
        "lease_holder": row.lease_holder,
        "attempts": row.attempts,
        "knowledge_base": row.knowledge_base,
    }
    if row.type == LINK_JOB:
        return LinkJob(parameters=_read(row.parameters, LinkParameters), **facts)
    return InstallJob(
        type=row.type,
        parameters=_read(row.parameters, InstallParameters),
        options=_read(row.options, InstallOptions),
        **facts,
    )


def as_json(value: msgspec.Struct | Sequence[str] | dict[str, object]) -> str:
    """A part of a job as the text that its row holds."""
    return msgspec.json.encode(value).decode()


def _read(text: str, kind: type[Part]) -> Part:
    return msgspec.json.decode(text, type=kind)
