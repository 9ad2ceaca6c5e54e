"""The queue of jobs: which worker runs which, and how they ended. The API shows the same rows."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.engine.dialect import CLAIMING_LOCK
from ctibutler.catalog.job_records import COLUMNS, Job, JobProgress, State, as_json, job_of, values_of
from ctibutler.stix.times import now

MOST_ATTEMPTS = 3
LONGEST_ERROR = 1024
DIED = "its worker died three times"
_DAY = 24 * 3600 * 1_000_000
_COLUMNS = ", ".join(COLUMNS)
# Whether a worker has this job at `:moment`. A lease that ends further ahead than it is long comes from a clock that was ahead.
_IS_HELD = "(job.state = 'processing' AND job.lease_until >= :moment AND job.lease_until <= :moment + job.lease_length)"
_IS_ABANDONED = f"(job.state = 'processing' AND NOT {_IS_HELD})"


def add(connection: Connection, job: Job) -> None:
    """Put a new job into the queue."""
    connection.insert("job", COLUMNS, [values_of(job)])


def find(connection: Connection, job_id: str) -> Job | None:
    """Return the job with this id, or None."""
    try:
        wanted = str(uuid.UUID(job_id))
    except ValueError:
        return None
    row = connection.row(f"SELECT {_COLUMNS} FROM job WHERE job_id = :job_id", job_id=wanted)
    return None if row is None else job_of(row)


def all_jobs(connection: Connection) -> list[Job]:
    """Return every stored job, oldest first."""
    return [job_of(row) for row in connection.rows(f"SELECT {_COLUMNS} FROM job ORDER BY created, job_id")]


@dataclass(frozen=True, slots=True)
class Tally:
    """The jobs of one type in one state: how many, when the oldest was asked for, and how long those that ended took in all.

    Times are microseconds. A job takes from the moment when it is asked for to its end.
    """

    type: str
    state: str
    count: int
    oldest: int
    taken: int


def tallies(connection: Connection) -> list[Tally]:
    """Return a tally for each type and state that a stored job has."""
    rows = connection.rows(
        """
        SELECT type, state, count(*) AS jobs, min(created) AS oldest, sum(coalesce(completed, created) - created) AS taken
          FROM job
         GROUP BY type, state
         ORDER BY type, state
        """
    )
    return [Tally(row.type, row.state, row.jobs, row.oldest, int(row.taken)) for row in rows]


def claim(database: Database, holder: str, lease_seconds: float, job_id: str | None = None) -> Job | None:
    """Claim the next job that may run, or this one, and return it. Return None if there is none.

    A job may run if it is pending or its worker's lease ran out. Each knowledge base has one running job at a time, in order
    of creation. A job whose worker died three times fails here.
    """
    length = int(lease_seconds * 1_000_000)
    with database.note() as connection:
        if connection.engine == "postgresql":  # one claim at a time: none decides by what another is about to change
            connection.run(f"SELECT pg_advisory_xact_lock({CLAIMING_LOCK})")
        moment = _moment(connection)
        _fail_the_thrice_dead(connection, moment)
        only = "" if job_id is None else "AND job.job_id = :job_id"
        skip_locked = connection.by_engine(sqlite="", postgresql="FOR UPDATE SKIP LOCKED")
        row = connection.row(
            f"""
            UPDATE job
               SET state = 'processing', lease_holder = :holder, lease_until = :until, lease_length = :length,
                   attempts = attempts + 1
             WHERE job_id = (
                   SELECT job.job_id
                     FROM job
                    WHERE (job.state = 'pending' OR {_IS_ABANDONED})
                      {only}
                      AND NOT EXISTS (
                          SELECT 1
                            FROM job earlier
                           WHERE earlier.state IN ('pending', 'processing')
                             AND earlier.job_id <> job.job_id
                             AND earlier.knowledge_base = job.knowledge_base
                             AND (earlier.created < job.created
                                  OR {_IS_HELD.replace("job.", "earlier.")}))
                    ORDER BY job.created, job.job_id
                    LIMIT 1 {skip_locked})
            RETURNING {_COLUMNS}
            """,
            holder=holder,
            until=moment + length,
            length=length,
            moment=moment,
            **({} if job_id is None else {"job_id": job_id}),
        )
        return None if row is None else job_of(row)


def renew(database: Database, job: Job, lease_seconds: float, progress: JobProgress | None) -> bool:
    """Extend the lease on a job and store its progress. Return False if another worker has taken it meanwhile."""
    length = int(lease_seconds * 1_000_000)
    with database.note() as connection:
        touched = connection.run(
            """
            UPDATE job SET lease_until = :until, lease_length = :length, progress = :progress
             WHERE job_id = :job_id AND lease_holder = :holder AND state = 'processing'
            """,
            job_id=job.id,
            holder=job.lease_holder,
            until=_moment(connection) + length,
            length=length,
            progress=as_json(progress or {}),
        )
        return touched == 1


def complete(connection: Connection, job: Job, sentences: Sequence[str] = ()) -> bool:
    """Complete a job, in the transaction that makes its work visible. Return False if another worker has taken it.

    The sentences say why there was nothing to do, or what could not be done.
    """
    return _end(connection, job, "completed", sentences)


def fail(connection: Connection, job: Job, errors: Sequence[str]) -> bool:
    """Fail a job, with sentences that say why. Return False if another worker has taken it."""
    return _end(connection, job, "failed", errors)


def cancel(connection: Connection, job: Job, sentence: str) -> bool:
    """Cancel a job, with a sentence that says why.

    Return False if it has ended already, or if a worker other than its `lease_holder` has it.
    """
    waiting = connection.run(
        """
        UPDATE job SET state = 'cancelled', errors = :errors, completed = :moment
         WHERE job_id = :job_id AND state = 'pending'
        """,
        job_id=job.id,
        errors=as_json([sentence]),
        moment=now(),
    )
    return waiting == 1 or _end(connection, job, "cancelled", [sentence])


def give_back(connection: Connection, holder: str) -> int:
    """Let others take the jobs that this worker was running, as if it had never claimed them. Return their number."""
    return connection.run(
        """
        UPDATE job SET state = 'pending', lease_holder = NULL, lease_until = NULL, progress = '{}', attempts = attempts - 1
         WHERE lease_holder = :holder AND state = 'processing'
        """,
        holder=holder,
    )


def abandoned(connection: Connection) -> set[str]:
    """Return the ids of the jobs whose worker is gone. The next worker takes them up."""
    rows = connection.rows(f"SELECT job_id FROM job WHERE {_IS_ABANDONED}", moment=_moment(connection))
    return {row.job_id for row in rows}


def running_on(connection: Connection, knowledge_base: str, sort_key: str | None = None) -> Job | None:
    """Return a running job that writes this knowledge base, or this release of it, or None."""
    rows = connection.rows(
        f"""
        SELECT {_COLUMNS} FROM job WHERE {_IS_HELD} AND knowledge_base = :knowledge_base
        """,
        moment=_moment(connection),
        knowledge_base=knowledge_base,
    )
    found = [job_of(row) for row in rows]
    return next((job for job in found if sort_key is None or job.sort_key in (None, sort_key)), None)


def any_running(connection: Connection) -> str | None:
    """Return the id of a running job, or None."""
    found = connection.value(f"SELECT job_id FROM job WHERE {_IS_HELD} LIMIT 1", moment=_moment(connection))
    return None if found is None else str(found)


def unfinished(connection: Connection, knowledge_base: str, sort_key: str) -> Job | None:
    """Return a pending or running job for this release, or None."""
    row = connection.row(
        f"""
        SELECT {_COLUMNS} FROM job
         WHERE state IN ('pending', 'processing') AND knowledge_base = :knowledge_base AND sort_key = :sort_key
         ORDER BY created LIMIT 1
        """,
        knowledge_base=knowledge_base,
        sort_key=sort_key,
    )
    return None if row is None else job_of(row)


def remove_older(connection: Connection, moment: int) -> int:
    """Delete jobs that ended before this moment. Return their number."""
    return connection.run("DELETE FROM job WHERE completed IS NOT NULL AND completed < :moment", moment=moment)


def worker_seen(database: Database, worker_id: str) -> None:
    """Record that a worker is alive. Workers not seen for a day are forgotten."""
    with database.note() as connection:
        connection.run(
            "DELETE FROM worker WHERE worker_id = :worker_id OR seen_at < :long_ago",
            worker_id=worker_id,
            long_ago=now() - _DAY,
        )
        connection.insert("worker", ("worker_id", "seen_at"), [(worker_id, now())])


def worker_gone(database: Database, worker_id: str) -> None:
    """Record that a worker ended."""
    with database.note() as connection:
        connection.run("DELETE FROM worker WHERE worker_id = :worker_id", worker_id=worker_id)


def workers_seen_since(connection: Connection, moment: int) -> int:
    """Return how many workers were seen alive since this moment."""
    return int(connection.value("SELECT count(*) FROM worker WHERE seen_at >= :moment", moment=moment))


def _moment(connection: Connection) -> int:
    """The time that leases are compared with, in microseconds: the server's, where workers run on several machines."""
    if connection.engine == "sqlite":
        return now()
    return int(connection.value("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)"))


def _fail_the_thrice_dead(connection: Connection, moment: int) -> None:
    connection.run(
        f"""
        UPDATE job SET state = 'failed', errors = :errors, completed = :moment, lease_until = NULL
         WHERE {_IS_ABANDONED} AND attempts >= :most
        """,
        errors=as_json([DIED]),
        moment=moment,
        most=MOST_ATTEMPTS,
    )


def _end(connection: Connection, job: Job, state: State, errors: Sequence[str]) -> bool:
    touched = connection.run(
        """
        UPDATE job SET state = :state, errors = :errors, completed = :moment, lease_until = NULL
         WHERE job_id = :job_id AND lease_holder = :holder AND state = 'processing'
        """,
        state=state,
        errors=as_json([error[:LONGEST_ERROR] for error in errors]),
        moment=now(),
        job_id=job.id,
        holder=job.lease_holder,
    )
    return touched == 1
