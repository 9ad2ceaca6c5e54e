"""The lease of a job: it keeps the job ours while its work goes on, and carries its progress."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from ctibutler.catalog import jobs
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.job_records import Job, JobProgress
from ctibutler.errors import StoreUnavailable

Progress = Callable[[str, int, int | None], None]
"""Told how far a job is: stage, done, total."""

_POLL_SECONDS = 0.5
_log = logging.getLogger(__name__)


class JobLost(Exception):
    """Another worker has taken our job: what we did is rolled back."""


def complete(connection: Connection, job: Job, sentences: Sequence[str] = ()) -> None:
    """End a job well, in the transaction that makes its work visible. The sentences are for the person who asked for it.

    Raises JobLost.
    """
    if not jobs.complete(connection, job, sentences):
        raise JobLost


class Lease:
    """Renews a job's lease in a thread of its own while work on the job goes on in this one."""

    def __init__(self, database: Database, job: Job, seconds: float, watch: Progress) -> None:
        self._database = database
        self._job = job
        self._seconds = seconds
        self._watch = watch
        self._now: JobProgress | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)

    def __enter__(self) -> Lease:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def progress(self, stage: str, done: int, total: int | None) -> None:
        """Say how far the job is. The job's row says so from the next renewal on."""
        self._now = JobProgress(stage, done, total)
        self._watch(stage, done, total)

    def _renew(self) -> None:
        told: JobProgress | None = None
        waited = 0.0
        while not self._stop.wait(_POLL_SECONDS):
            waited += _POLL_SECONDS
            if self._now != told or waited > self._seconds / 4:
                told, waited = self._now, 0.0
                try:
                    jobs.renew(self._database, self._job, self._seconds, told)
                except StoreUnavailable as failure:
                    _log.warning("job %s: its lease could not be renewed: %s", self._job.id, failure)
