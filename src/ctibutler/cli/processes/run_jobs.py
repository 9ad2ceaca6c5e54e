"""Jobs written and run in this process, as `install` does without a server."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress

from ctibutler.answers.library import Library
from ctibutler.catalog import jobs
from ctibutler.catalog.job_records import Job
from ctibutler.cli.output.job_progress import ENDED, follow, links_since, name_of, report_end
from ctibutler.cli.output.progress import Board
from ctibutler.cli.processes.supervision import Stopped
from ctibutler.errors import Busy, StoreUnavailable
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.publishers.sources.offers import Sources
from ctibutler.requesting import InstallRequest, request_install
from ctibutler.settings import Settings
from ctibutler.stix.times import now
from ctibutler.worker.loop import Worker

_PATIENCE_SECONDS = 0.5
_UNDONE = "interrupted; what it had stored was undone, and the catalogue is as before"


class Runner:
    """Runs jobs in this process, one after the other, and shows their progress."""

    def __init__(self, library: Library, settings: Settings, sources: Sources, board: Board) -> None:
        self._library = library
        self._worker = Worker(library.database, library.knowledge_bases, settings, sources)
        self._board = board

    def install(self, requests: Iterable[tuple[KnowledgeBase, InstallRequest]]) -> list[Job]:
        """Install these releases and create the links that follow. Return the jobs as they ended.

        Raises Busy when another process is installing one of them.
        """
        wanted = list(requests)
        for kb, request in wanted:
            self._refuse_held(kb, request)
        started = now()
        ended = [self._run(request_install(self._library.database, kb, request).id) for kb, request in wanted]
        return [*ended, *(self._run(job_id) for job_id in links_since(self._library, started))]

    def _refuse_held(self, kb: KnowledgeBase, request: InstallRequest) -> None:
        with self._library.database.read() as connection:
            held = jobs.running_on(connection, kb.slug, release_labels.sort_key(request.version))
        if held is not None:
            raise Busy(
                f"{kb.slug} {release_labels.shown(request.version)}: another process is installing it (job {held.id});"
                f" `ctibutler jobs {held.id}` shows how it goes"
            )

    def _run(self, job_id: str) -> Job:
        """Run a job here, or watch it if a running server was quicker to take it.

        A signal cancels the job, unless another process runs it.
        """
        try:
            return self._ended(job_id)
        except Stopped:
            self._cancel(job_id)
            raise
        except StoreUnavailable as problem:
            with suppress(StoreUnavailable):
                self._fail(job_id, str(problem))
            raise

    def _ended(self, job_id: str) -> Job:
        name = name_of(self._find(job_id))
        reported = False
        while True:
            try:
                job = self._worker.run_job(
                    job_id, lambda stage, done, total: self._board.show(name, stage, done, total)
                )
            except Busy:
                if self._find(job_id).state != "pending":
                    return follow(self._library, [job_id], self._board)[0]
            else:
                report_end(self._library, job, self._board)
                return job
            # A job before it is not done: left over by a process that ended, or run by another one right now.
            if not self._worker.run_next():
                if not reported:
                    reported = True
                    self._board.line(f"{name}: waiting for a job of another process on the same knowledge base")
                time.sleep(_PATIENCE_SECONDS)

    def _cancel(self, job_id: str) -> None:
        """Cancel a job of ours, and say what became of it. What it did was rolled back on the way here."""
        job = self._find(job_id)
        if job.state == "pending" or job.lease_holder == self._worker.id:
            with self._library.database.note() as connection:
                jobs.cancel(connection, job, _UNDONE)
                jobs.give_back(connection, self._worker.id)  # a job before it that was left over
            job = self._find(job_id)
        if job.state in ENDED:
            report_end(self._library, job, self._board)
        else:
            self._board.end(name_of(job), "another process goes on with it", failed=True)

    def _fail(self, job_id: str, sentence: str) -> None:
        job = self._find(job_id)
        if job.lease_holder == self._worker.id:
            with self._library.database.note() as connection:
                jobs.fail(connection, job, [sentence])

    def _find(self, job_id: str) -> Job:
        with self._library.database.read() as connection:
            job = jobs.find(connection, job_id)
        assert job is not None
        return job
