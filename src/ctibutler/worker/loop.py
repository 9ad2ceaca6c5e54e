"""The worker: claims a job, runs it, says how it went."""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ctibutler import updates
from ctibutler.answers.library import Library
from ctibutler.catalog import jobs, offers, releases, update_checks
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.jobs import Job
from ctibutler.catalog.releases import ImportOptions
from ctibutler.errors import Busy, Problem, StoreUnavailable
from ctibutler.importing.links import LinkRequest, check_mapping, make_links
from ctibutler.importing.releases import import_release
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.links import LINK_MODES, modes_that_involve
from ctibutler.knowledge_bases.release_files import ReleaseFile
from ctibutler.publishers.sources.local_file import read_local_file
from ctibutler.publishers.sources.offers import Sources
from ctibutler.publishers.sources.source import OfferReport
from ctibutler.settings import Settings
from ctibutler.stix.bundles import Limits
from ctibutler.stix.times import microseconds, now

log = logging.getLogger(__name__)
IDLE_SECONDS = 0.5
_HOUR = 3600 * 1_000_000
_DAY = 24 * _HOUR


class _Lost(Exception):
    """Another worker has taken our job: what we did is rolled back."""


class Worker:
    """Runs jobs, one at a time. Any number of workers may run against one catalogue."""

    def __init__(
        self, database: Database, knowledge_bases: KnowledgeBases, settings: Settings, sources: Sources
    ) -> None:
        self._database = database
        self._knowledge_bases = knowledge_bases
        self._library = Library(database, knowledge_bases)
        self._settings = settings
        self._sources = sources
        # When this process asked last: offers say it too, but where nobody has anything there are none.
        self._id = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"

    def run(self, stop: threading.Event) -> None:
        """Run jobs until told to stop; a job that is under way is ended first."""
        try:
            while not stop.is_set():
                try:
                    jobs.worker_seen(self._database, self._id)
                    self._keep_house_or_say_why()
                    worked = self.run_next()
                except StoreUnavailable as failure:
                    log.warning("%s; trying again", failure)
                    worked = False
                    stop.wait(5)
                if not worked:
                    stop.wait(IDLE_SECONDS)
        finally:
            self._say_goodbye()

    def _say_goodbye(self) -> None:
        try:
            jobs.worker_gone(self._database, self._id)
        except StoreUnavailable as failure:
            log.warning("%s", failure)

    def run_until_idle(self) -> None:
        """Run every job that can run now."""
        while self.run_next():
            pass

    def run_next(self) -> bool:
        """Run the next job; False when there is none."""
        job = jobs.claim(self._database, self._id, self._settings.job_lease_seconds)
        if job is None:
            return False
        self._run(job)
        return True

    def run_job(self, job_id: str, watch: Callable[[str, int, int | None], None] = lambda *_: None) -> Job:
        """Run this job in this process; gives it as it ended. `watch` hears of progress: stage, done, total.

        Raises Busy when another worker has it, or a job before it is not done.
        """
        job = jobs.claim(self._database, self._id, self._settings.job_lease_seconds, job_id)
        if job is None:
            with self._database.read() as connection:
                held = jobs.find(connection, job_id)
                blocker = jobs.running_on(connection, held.knowledge_base) if held and held.knowledge_base else None
            who = f"job {blocker.id} of another process" if blocker else "another process"
            raise Busy(f"job {job_id} cannot run here: {who} holds it, or works on the same knowledge base")
        self._run(job, watch)
        with self._database.read() as connection:
            ended = jobs.find(connection, job_id)
        assert ended is not None
        return ended

    def refresh_offers(self) -> OfferReport:
        """Ask the sources what they have, and keep it for `versions/available/`."""
        with self._database.read() as connection:
            asked = update_checks.asked_at(connection)
        update_checks.begin_asking(self._database, asked, now())
        report = self._sources.offers(self._knowledge_bases.all)
        offers.replace(
            self._database,
            [
                offers.StoredOffer(offer.knowledge_base, offer.label, offer.source, offer.location, offer.size)
                for offer in report.offers
            ],
            # What a source that did not answer, or not wholly, offered last time still stands.
            silent={
                (problem.source, kb.slug)
                for problem in report.problems
                for kb in self._knowledge_bases.all
                if problem.concerns(kb.slug) and not problem.lasting
            },
        )
        return report

    def _keep_house_or_say_why(self) -> None:
        try:
            self._keep_house()
        except StoreUnavailable:
            raise
        except Exception:
            # An error of ours in what nobody waits for: jobs go on, and the next check is made when it is due.
            log.exception("the search for newer releases failed")

    def _keep_house(self) -> None:
        days = self._settings.job_retention_days
        looked = updates.look(self._library, self._settings.update_days, self.refresh_offers)
        if looked is not None:
            for sentence in updates.problems_of(looked.report):
                log.warning("%s", sentence)
        if self._is_first_to_ask():
            for sentence in updates.problems_of(self.refresh_offers()):
                log.warning("%s", sentence)
        if days is not None:
            with self._database.note() as connection:
                jobs.remove_older(connection, now() - days * _DAY)

    def _is_first_to_ask(self) -> bool:
        """Whether it is time to ask the sources again, and no other worker has begun to."""
        hours, moment = self._settings.offer_refresh_hours, now()
        if not hours:
            return False
        with self._database.read() as connection:
            asked = update_checks.asked_at(connection)
        return moment - (asked or 0) > hours * _HOUR and update_checks.begin_asking(self._database, asked, moment)

    def _run(self, job: Job, watch: Callable[[str, int, int | None], None] = lambda *_: None) -> None:
        log.info("job %s: %s %s", job.id, job.type, job.parameters)
        try:
            with _Lease(self._database, job, self._settings.job_lease_seconds, watch) as lease:
                if job.type == jobs.LINK_JOB:
                    self._link(job)
                else:
                    self._install(job, lease.progress)
        except _Lost:
            log.warning("job %s: another worker has taken it over", job.id)
        except StoreUnavailable as problem:
            # The lease runs out, and the next worker takes the job up; the last one says why it was in vain.
            if job.attempts >= jobs.MOST_ATTEMPTS:
                self._fail(job, str(problem))
            raise
        except Problem as problem:
            self._fail(job, str(problem))
        except Exception as failure:
            log.exception("job %s failed", job.id)
            self._fail(job, f"an error in ctibutler: {type(failure).__name__}: {failure}")
        else:
            log.info("job %s: completed", job.id)

    def _fail(self, job: Job, sentence: str) -> None:
        log.error("job %s: %s", job.id, sentence)
        with self._database.note() as connection:
            jobs.fail(connection, job, self._id, [sentence])

    def _install(self, job: Job, progress: Callable[[str, int, int | None], None]) -> None:
        kb = self._knowledge_bases.named(job.knowledge_base or "")
        label = str(job.options["label"])
        progress("download", 0, None)
        file = self._file(kb, job, label, lambda done, total: progress("download", done, total))
        if file.mapping is not None:
            check_mapping(file.mapping, kb.mapping_file_name(label) or file.file_name)
        import_release(
            self._database,
            kb,
            file,
            options=import_options(job),
            force=bool(job.options.get("force")),
            limits=self._limits(),
            job_id=job.id,
            progress=progress,
            finish=lambda connection: self._complete_install(connection, kb, job),
        )

    def _file(
        self, kb: KnowledgeBase, job: Job, label: str, progress: Callable[[int, int | None], None]
    ) -> ReleaseFile:
        given = job.options.get("file")
        if given:
            return read_local_file(
                kb, Path(str(given)), label, self._settings, convert=bool(job.options.get("convert"))
            )
        return self._sources.restricted_to(job.options.get("source")).fetch(kb, label, progress)

    def _complete_install(self, connection: Connection, kb: KnowledgeBase, job: Job) -> None:
        self._complete(connection, job)
        if self._settings.auto_link:
            queue_links(connection, self._knowledge_bases, kb, str(job.options["label"]))

    def _link(self, job: Job) -> None:
        asked = job.parameters
        mode = next(mode for mode in LINK_MODES if mode.name == asked["mode"])
        make_links(
            self._database,
            self._knowledge_bases,
            LinkRequest(
                mode,
                version=asked.get("version") or job.options.get("version"),
                ignore_embedded=bool(asked.get("ignore_embedded_relationships")),
                modified_min=_instant(asked.get("modified_min")),
                created_min=_instant(asked.get("created_min")),
            ),
            finish=lambda connection: self._complete(connection, job),
        )

    def _complete(self, connection: Connection, job: Job) -> None:
        if not jobs.complete(connection, job, self._id):
            raise _Lost

    def _limits(self) -> Limits:
        settings = self._settings
        return Limits(settings.bundle_max_bytes, settings.bundle_max_objects, settings.bundle_max_depth)


def import_options(job: Job) -> ImportOptions:
    """The options of an install job."""
    asked = job.parameters
    return ImportOptions(
        ignore_embedded=bool(asked.get("ignore_embedded_relationships")),
        ignore_embedded_sro=bool(asked.get("ignore_embedded_relationships_sro")),
        ignore_embedded_smo=bool(asked.get("ignore_embedded_relationships_smo")),
    )


def queue_links(
    connection: Connection, knowledge_bases: KnowledgeBases, kb: KnowledgeBase, label: str
) -> Sequence[str]:
    """Ask for the links that an installation allows; gives the ids of the jobs.

    The modes that involve the knowledge base, where all knowledge bases of the mode are installed: with the installed
    release if it is the source, else, if it is the latest of its knowledge base, with the latest source.
    """
    installed = {release.knowledge_base for release in releases.latest(connection)}
    release = releases.find(connection, kb.slug, label)
    queued = []
    for mode in modes_that_involve(kb.slug):
        is_source = mode.owner == kb.slug
        if release is None or not {mode.owner, *mode.others} <= installed or not (is_source or release.latest):
            continue
        if mode.owner == kb.slug and releases_lack_mapping(connection, mode.name, release.key):
            continue
        queued.append(
            jobs.add(
                connection,
                jobs.LINK_JOB,
                variant=mode.name,
                knowledge_base=mode.owner,
                parameters={
                    "mode": mode.name,
                    "version": release.label if is_source else None,
                    "ignore_embedded_relationships": False,
                    "modified_min": None,
                    "created_min": None,
                },
            )
        )
    return queued


def releases_lack_mapping(connection: Connection, mode_name: str, release_key: int) -> bool:
    """Whether links of this mode come from a mapping that this release was installed without."""
    return mode_name == "d3fend-knowledgebases" and releases.mapping(connection, release_key) is None


class _Lease:
    """Keeps a job ours while its work goes on in this thread, and tells its progress."""

    def __init__(
        self, database: Database, job: Job, seconds: float, watch: Callable[[str, int, int | None], None]
    ) -> None:
        self._database = database
        self._job = job
        self._seconds = seconds
        self._watch = watch
        self._now: dict[str, Any] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)

    def __enter__(self) -> _Lease:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def progress(self, stage: str, done: int, total: int | None) -> None:
        """Remember how far the job is; written with the next renewal."""
        self._now = {"stage": stage, "done": done, "total": total}
        self._watch(stage, done, total)

    def _renew(self) -> None:
        told: dict[str, Any] = {}
        waited = 0.0
        while not self._stop.wait(0.5):
            waited += 0.5
            if self._now != told or waited > self._seconds / 4:
                told, waited = self._now, 0.0
                try:
                    jobs.renew(self._database, self._job, self._seconds, told)
                except StoreUnavailable as failure:
                    log.warning("job %s: its lease could not be renewed: %s", self._job.id, failure)


def _instant(text: object) -> int | None:
    return microseconds(text) if isinstance(text, str) and text else None
