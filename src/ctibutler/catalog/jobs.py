"""Jobs: what was asked for, who works on it, how it went. The queue and the API's jobs are the same rows."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database
from ctibutler.stix.times import now

State = Literal["pending", "processing", "completed", "failed"]
STATES: tuple[State, ...] = ("pending", "processing", "completed", "failed")
MOST_ATTEMPTS = 3
LONGEST_ERROR = 1024
LINK_JOB = "arango-cti-processor"
DIED = "its worker died three times"
_DAY = 24 * 3600 * 1_000_000
_COLUMNS = (
    "job_id, type, variant, knowledge_base, sort_key, state, parameters, options, errors, progress, created, completed,"
    " lease_until, lease_holder, attempts"
)


@dataclass(frozen=True, slots=True)
class Job:
    """One request to do something in the background.

    `variant` is the matrix or link mode that tells jobs of one type apart; `parameters` is what was asked for, as the API
    shows it; `options` is for the worker alone. Times are microseconds.
    """

    id: str
    type: str
    variant: str
    knowledge_base: str | None
    sort_key: str | None
    state: State
    parameters: Mapping[str, Any]
    options: Mapping[str, Any]
    errors: Sequence[str]
    progress: Mapping[str, Any]
    created: int
    completed: int | None
    lease_holder: str | None
    attempts: int


def add(
    connection: Connection,
    job_type: str,
    *,
    variant: str = "",
    knowledge_base: str | None = None,
    sort_key: str | None = None,
    parameters: Mapping[str, Any],
    options: Mapping[str, Any] | None = None,
) -> str:
    """Ask for a job; gives its id."""
    job_id = str(uuid.uuid4())
    connection.run(
        """
        INSERT INTO job (job_id, type, variant, knowledge_base, sort_key, state, parameters, options, errors, progress,
                         created)
        VALUES (:job_id, :type, :variant, :knowledge_base, :sort_key, 'pending', :parameters, :options, '[]', '{}', :created)
        """,
        job_id=job_id,
        type=job_type,
        variant=variant,
        knowledge_base=knowledge_base,
        sort_key=sort_key,
        parameters=_json(parameters),
        options=_json(options or {}),
        created=now(),
    )
    return job_id


def find(connection: Connection, job_id: str) -> Job | None:
    """One job, or None."""
    try:
        wanted = str(uuid.UUID(job_id))
    except ValueError:
        return None
    row = connection.row(f"SELECT {_COLUMNS} FROM job WHERE job_id = :job_id", job_id=wanted)
    return None if row is None else _job(row)


def all_jobs(connection: Connection) -> list[Job]:
    """Every job that is kept, oldest first."""
    return [_job(row) for row in connection.rows(f"SELECT {_COLUMNS} FROM job ORDER BY created, job_id")]


def claim(database: Database, holder: str, lease_seconds: float, job_id: str | None = None) -> Job | None:
    """Take the next job that may run, or this one; None when there is none.

    May run: a pending job, or one whose worker's lease ran out; of each knowledge base only one at a time, in order of
    creation. A job that was taken up three times already is failed here.
    """
    with database.note() as connection:
        if connection.engine == "postgresql":  # one claim at a time: none decides by what another is about to change
            connection.run("SELECT pg_advisory_xact_lock(7221968130063)")
        moment = now()
        _fail_the_thrice_dead(connection, moment)
        only = "" if job_id is None else "AND job.job_id = :job_id"
        skip_locked = connection.by_engine(sqlite="", postgresql="FOR UPDATE SKIP LOCKED")
        row = connection.row(
            f"""
            UPDATE job
               SET state = 'processing', lease_holder = :holder, lease_until = :until, attempts = attempts + 1
             WHERE job_id = (
                   SELECT job.job_id
                     FROM job
                    WHERE (job.state = 'pending' OR (job.state = 'processing' AND job.lease_until < :moment))
                      {only}
                      AND NOT EXISTS (
                          SELECT 1
                            FROM job earlier
                           WHERE earlier.state IN ('pending', 'processing')
                             AND earlier.job_id <> job.job_id
                             AND earlier.knowledge_base = job.knowledge_base
                             AND (earlier.created < job.created
                                  OR (earlier.state = 'processing' AND earlier.lease_until >= :moment)))
                    ORDER BY job.created, job.job_id
                    LIMIT 1 {skip_locked})
            RETURNING {_COLUMNS}
            """,
            holder=holder,
            until=moment + int(lease_seconds * 1_000_000),
            moment=moment,
            **({} if job_id is None else {"job_id": job_id}),
        )
        return None if row is None else _job(row)


def renew(database: Database, job: Job, lease_seconds: float, progress: Mapping[str, Any]) -> bool:
    """Keep a job for a while longer, and say how far it is. False when another worker has taken it meanwhile."""
    with database.note() as connection:
        touched = connection.run(
            """
            UPDATE job SET lease_until = :until, progress = :progress
             WHERE job_id = :job_id AND lease_holder = :holder AND state = 'processing'
            """,
            job_id=job.id,
            holder=job.lease_holder,
            until=now() + int(lease_seconds * 1_000_000),
            progress=_json(progress),
        )
        return touched == 1


def complete(connection: Connection, job: Job, holder: str) -> bool:
    """End a job well, in the transaction that makes its work visible. False when it is no longer ours."""
    return _end(connection, job, holder, "completed", [])


def fail(connection: Connection, job: Job, holder: str, errors: Sequence[str]) -> bool:
    """End a job with the sentences that say why."""
    return _end(connection, job, holder, "failed", [error[:LONGEST_ERROR] for error in errors])


def running_on(connection: Connection, knowledge_base: str, sort_key: str | None = None) -> Job | None:
    """A job that writes this knowledge base now (or this release of it), or None."""
    rows = connection.rows(
        f"""
        SELECT {_COLUMNS} FROM job
         WHERE state = 'processing' AND lease_until >= :moment AND knowledge_base = :knowledge_base
        """,
        moment=now(),
        knowledge_base=knowledge_base,
    )
    found = [_job(row) for row in rows]
    return next((job for job in found if sort_key is None or job.sort_key in (None, sort_key)), None)


def unfinished(connection: Connection, knowledge_base: str, sort_key: str) -> Job | None:
    """A job that is pending or running for this release, or None."""
    row = connection.row(
        f"""
        SELECT {_COLUMNS} FROM job
         WHERE state IN ('pending', 'processing') AND knowledge_base = :knowledge_base AND sort_key = :sort_key
         ORDER BY created LIMIT 1
        """,
        knowledge_base=knowledge_base,
        sort_key=sort_key,
    )
    return None if row is None else _job(row)


def remove_older(connection: Connection, moment: int) -> int:
    """Delete jobs that ended before this moment; gives their number."""
    return connection.run("DELETE FROM job WHERE completed IS NOT NULL AND completed < :moment", moment=moment)


def worker_seen(database: Database, worker_id: str) -> None:
    """Say that a worker is alive; those that have not said so for a day are forgotten."""
    with database.note() as connection:
        connection.run(
            "DELETE FROM worker WHERE worker_id = :worker_id OR seen_at < :long_ago",
            worker_id=worker_id,
            long_ago=now() - _DAY,
        )
        connection.insert("worker", ("worker_id", "seen_at"), [(worker_id, now())])


def worker_gone(database: Database, worker_id: str) -> None:
    """Say that a worker ended."""
    with database.note() as connection:
        connection.run("DELETE FROM worker WHERE worker_id = :worker_id", worker_id=worker_id)


def workers_seen_since(connection: Connection, moment: int) -> int:
    """How many workers said that they are alive since this moment."""
    return int(connection.value("SELECT count(*) FROM worker WHERE seen_at >= :moment", moment=moment))


def _fail_the_thrice_dead(connection: Connection, moment: int) -> None:
    connection.run(
        """
        UPDATE job SET state = 'failed', errors = :errors, completed = :moment, lease_until = NULL
         WHERE state = 'processing' AND lease_until < :moment AND attempts >= :most
        """,
        errors=_json([DIED]),
        moment=moment,
        most=MOST_ATTEMPTS,
    )


def _end(connection: Connection, job: Job, holder: str, state: State, errors: Sequence[str]) -> bool:
    touched = connection.run(
        """
        UPDATE job SET state = :state, errors = :errors, completed = :moment, lease_until = NULL
         WHERE job_id = :job_id AND lease_holder = :holder AND state = 'processing'
        """,
        state=state,
        errors=_json(errors),
        moment=now(),
        job_id=job.id,
        holder=holder,
    )
    return touched == 1


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _job(row: Any) -> Job:
    return Job(
        id=row.job_id,
        type=row.type,
        variant=row.variant,
        knowledge_base=row.knowledge_base,
        sort_key=row.sort_key,
        state=row.state,
        parameters=msgspec.json.decode(row.parameters),
        options=msgspec.json.decode(row.options),
        errors=msgspec.json.decode(row.errors),
        progress=msgspec.json.decode(row.progress),
        created=row.created,
        completed=row.completed,
        lease_holder=row.lease_holder,
        attempts=row.attempts,
    )
