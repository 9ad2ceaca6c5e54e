"""The worker: claims jobs, runs them and records how they end."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from dataclasses import dataclass

from ctibutler.answers.library import Library
from ctibutler.catalog import jobs
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.job_records import Job, LinkJob
from ctibutler.errors import Busy, Problem, StoreUnavailable
from ctibutler.importing.progress import Progress, no_progress
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.publishers.sources.offers import Sources
from ctibutler.settings import Settings
from ctibutler.worker.housekeeping import keep_house
from ctibutler.worker.install import install
from ctibutler.worker.lease import JobLost, Lease
from ctibutler.worker.link import link

_IDLE_SECONDS = 0.5
_STORE_SECONDS = 5.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Ending:
    """How a job ended: a sentence, its log level, and the exception if our code is at fault."""

    sentence: str
    level: int
    failure: Exception | None = None


class Worker:
    """Runs jobs, one at a time. Any number of workers can share a catalogue."""

    def __init__(
        self, database: Database, knowledge_bases: KnowledgeBases, settings: Settings, sources: Sources
    ) -> None:
        self._library = Library(database, knowledge_bases)
        self._database = database
        self._settings = settings
        self._sources = sources
        self.id = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"

    def run(self, stop: threading.Event) -> None:
        """Run jobs until `stop` is set, and finish the running one first.

        An exception such as `Stopped` ends it at once: the running job is undone and given back.
        """
        try:
            while not stop.is_set():
                try:
                    jobs.worker_seen(self._database, self.id)
                    keep_house(self._library, self._settings, self._sources)
                    worked = self.run_next()
                except StoreUnavailable as failure:
                    _log.warning("%s; trying again", failure)
                    worked = False
                    stop.wait(_STORE_SECONDS)
                if not worked:
                    stop.wait(_IDLE_SECONDS)
        finally:
            self._sign_off()

    def run_until_idle(self) -> None:
        """Run all jobs that can run now."""
        while self.run_next():
            pass

    def run_next(self) -> bool:
        """Run the next job and log how it ended. Return False if there is none."""
        job = jobs.claim(self._database, self.id, self._settings.job_lease_seconds)
        if job is None:
            return False
        fields: dict[str, object] = {"job": job.id, "type": job.type, "knowledge_base": job.knowledge_base}
        _log.info("job %s: %s %s", job.id, job.type, job.parameters, extra={"fields": fields})
        began = time.monotonic()
        ending = self._run(job)
        fields["seconds"] = round(time.monotonic() - began, 3)
        _log.log(ending.level, "job %s: %s", job.id, ending.sentence, exc_info=ending.failure, extra={"fields": fields})
        return True

    def run_job(self, job_id: str, watch: Progress = no_progress) -> Job:
        """Run this job and return its final state for the caller to report. `watch` is called with its progress.

        Raises Busy if another worker has the job, or if it has to wait for another job.
        """
        job = jobs.claim(self._database, self.id, self._settings.job_lease_seconds, job_id)
        if job is None:
            raise self._cannot_run(job_id)
        ending = self._run(job, watch)
        if ending.failure is not None:
            _log.debug("job %s: %s", job.id, ending.sentence, exc_info=ending.failure)
        with self._database.read() as connection:
            ended = jobs.find(connection, job_id)
        assert ended is not None
        return ended

    def _cannot_run(self, job_id: str) -> Busy:
        with self._database.read() as connection:
            held = jobs.find(connection, job_id)
            blocker = jobs.running_on(connection, held.knowledge_base) if held else None
        who = f"job {blocker.id} of another process" if blocker else "another process"
        return Busy(f"job {job_id} cannot run here: {who} holds it or uses the same knowledge base")

    def _run(self, job: Job, watch: Progress = no_progress) -> _Ending:
        try:
            with Lease(self._database, job, self._settings.job_lease_seconds, watch) as lease:
                self._work(job, lease.progress)
        except JobLost:
            return _Ending("taken over by another worker", logging.WARNING)
        except StoreUnavailable as problem:
            # The lease expires, and the next worker takes over the job. The last attempt records the reason.
            if job.attempts >= jobs.MOST_ATTEMPTS:
                self._fail(job, str(problem))
            raise
        except Problem as problem:
            return self._fail(job, str(problem))
        except Exception as failure:
            return self._fail(job, f"internal error in ctibutler: {type(failure).__name__}: {failure}", failure)
        return _Ending("completed", logging.INFO)

    def _work(self, job: Job, progress: Progress) -> None:
        if isinstance(job, LinkJob):
            link(self._database, self._library.knowledge_bases, job, progress)
        else:
            install(self._database, self._library.knowledge_bases, self._settings, self._sources, job, progress)

    def _fail(self, job: Job, sentence: str, failure: Exception | None = None) -> _Ending:
        with self._database.note() as connection:
            jobs.fail(connection, job, [sentence])
        return _Ending(sentence, logging.ERROR, failure)

    def _sign_off(self) -> None:
        try:
            with self._database.note() as connection:
                given_back = jobs.give_back(connection, self.id)
            if given_back:
                _log.info("its job is undone, and given back for another worker")
            jobs.worker_gone(self._database, self.id)
        except StoreUnavailable as failure:
            _log.warning("%s", failure)
