"""The lease of a job: it reserves the job for this worker while it runs, and stores its progress."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from ctibutler.catalog import jobs
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.job_records import Job, JobProgress
from ctibutler.errors import StoreUnavailable
from ctibutler.importing.progress import Progress

_POLL_SECONDS = 0.5
_log = logging.getLogger(__name__)


class JobLost(Exception):
    """Another worker has taken the job. Our changes are rolled back."""


def complete(connection: Connection, job: Job, sentences: Sequence[str] = ()) -> None:
    """Complete a job, in the transaction that makes its work visible. The sentences are for whoever requested it.

    Raises JobLost.
    """
    if not jobs.complete(connection, job, sentences):
        raise JobLost


class Lease:
    """Renews the lease of a job in a separate thread while the job runs."""

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
        """Report the progress of the job. It is stored with the next renewal."""
        self._now = JobProgress(stage, done, total)
        self._watch(stage, done, total)

    def _renew(self) -> None:
        stored: JobProgress | None = None
        waited = 0.0
        while not self._stop.wait(_POLL_SECONDS):
            waited += _POLL_SECONDS
            if self._now != stored or waited > self._seconds / 4:
                stored, waited = self._now, 0.0
                try:
                    jobs.renew(self._database, self._job, self._seconds, stored)
                except StoreUnavailable as failure:
                    _log.warning("job %s: cannot renew its lease: %s", self._job.id, failure)
