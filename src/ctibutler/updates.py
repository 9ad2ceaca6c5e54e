"""Checks at intervals for newer releases of the installed knowledge bases, and queues jobs that install them."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ctibutler.answers.library import Library
from ctibutler.catalog import jobs, releases, update_checks
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.update_checks import FoundRelease, SourceCondition, UpdateCheck, UpdateReport
from ctibutler.importing.offers import problems_of, refresh_offers
from ctibutler.knowledge_bases import release_labels
from ctibutler.publishers.sources.offers import Sources
from ctibutler.publishers.sources.source import Offer, OfferReport
from ctibutler.publishers.sources.states import SourceState
from ctibutler.requesting import InstallRequest, add_install
from ctibutler.stix.times import now

_DAY = 24 * 3600 * 1_000_000
_SOON = 1.0
"""Days until the next check after a temporary failure."""
_DAYS_AGO = re.compile(r"\b[0-9]+ days ago\b")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Looked:
    """What the sources offer, and the ids of the jobs that install newer releases."""

    report: OfferReport
    job_ids: list[str]


def look(library: Library, sources: Sources, interval_days: float, *, missing_too: bool = False) -> Looked | None:
    """Ask the sources what they offer, and queue releases that are newer than the installed ones. Those stay installed.

    A check is due if `interval_days` have passed since the last one, or a day after a source did not answer or a job failed.
    Only one process makes it, even if several try. With `missing_too` it is always due, and includes knowledge bases that
    are not installed. Returns None if no check is due.
    """
    moment = now()
    with library.database.read() as connection:
        seen = update_checks.last(connection)
        due = _is_due(connection, seen, interval_days, moment)
    if not (missing_too or due):
        return None
    if not update_checks.begin(library.database, seen, moment) and not missing_too:
        return None
    report = refresh_offers(library.database, library.knowledge_bases, sources)
    wanted = newer_than_installed(library, report, missing_too=missing_too)
    found = [_described(library, offer, job_id) for offer, job_id in zip(wanted, queue(library, wanted), strict=True)]
    problems = problems_of(report)
    _log_found(found, problems)
    all_answered = all(problem.lasting for problem in report.problems)
    conditions = _conditions(library, sources)
    _warn_of_new_problems(seen.report.sources, conditions, problems)
    result = UpdateReport(newer=tuple(found), problems=tuple(problems), sources=conditions, all_answered=all_answered)
    update_checks.end(library.database, now(), result)
    return Looked(report, [item.job_id for item in found])


def _is_due(connection: Connection, seen: UpdateCheck, interval_days: float, moment: int) -> bool:
    installing = [jobs.find(connection, item.job_id) for item in seen.report.newer]
    if any(job is not None and job.state == "failed" for job in installing):
        interval_days = min(interval_days, _SOON)
    return interval_days > 0 and moment >= next_check(seen, interval_days) and not seen.under_way(moment)


def _log_found(found: Sequence[FoundRelease], problems: Sequence[str]) -> None:
    for item in found:
        _log.info(
            "%s %s is newer than %s: job %s installs it",
            item.knowledge_base,
            item.label,
            item.installed or "nothing",
            item.job_id,
        )
    if not found:
        _log.info("no newer release of what is installed%s", f"; {'; '.join(problems)}" if problems else "")


def next_check(last: UpdateCheck, interval_days: float) -> int:
    """When the next check is due, in microseconds."""
    if last.ended_at is None:
        return 0
    days = interval_days if last.report.all_answered else min(interval_days, _SOON)
    return last.ended_at + int(days * _DAY)


def newer_than_installed(library: Library, report: OfferReport, *, missing_too: bool) -> list[Offer]:
    """The best offer of each knowledge base whose latest installed release is older.

    With `missing_too`, knowledge bases that are not installed are included. A preview is chosen only if there is nothing
    else, because it would become the latest release without being requested.
    """
    with library.database.read() as connection:
        latest = {release.knowledge_base: release.sort_key for release in releases.latest(connection)}
    offered = [report.of(kb.slug) for kb in library.knowledge_bases.all]
    best = [
        next((one for one in some if not release_labels.is_preview(one.label)), some[0]) for some in offered if some
    ]
    return [
        offer
        for offer in best
        if release_labels.sort_key(offer.label) > latest.get(offer.knowledge_base, "")
        and (missing_too or offer.knowledge_base in latest)
    ]


def queue(library: Library, wanted: Iterable[Offer]) -> list[str]:
    """Queue these releases. Return the ids of their jobs in this order. A release that is already queued keeps its job."""
    ids = []
    with library.database.note() as connection:
        for offer in wanted:
            before = jobs.unfinished(connection, offer.knowledge_base, release_labels.sort_key(offer.label))
            kb = library.knowledge_bases.named(offer.knowledge_base)
            job = before or add_install(connection, kb, InstallRequest(offer.label))
            ids.append(job.id)
    return ids


def _conditions(library: Library, sources: Sources) -> tuple[SourceCondition, ...]:
    """Where each source is, and whether it still is as its declaration says."""
    states = sources.states(library.knowledge_bases.all, datetime.now(UTC).date())
    return tuple(condition_of(state) for state in states)


def condition_of(state: SourceState) -> SourceCondition:
    """The state of a source as a record that is stored and answered."""
    return SourceCondition(
        knowledge_base=state.knowledge_base,
        source=state.source,
        location=state.location,
        newest=state.newest,
        released=None if state.released is None else state.released.isoformat(),
        answers=state.answers,
        frozen=state.is_frozen,
        problems=state.problems,
    )


def _warn_of_new_problems(
    before: Iterable[SourceCondition], conditions: Iterable[SourceCondition], already_reported: Iterable[str]
) -> None:
    """Log problems of sources that the last check did not have, and that are not already reported.

    Numbers of days are ignored, because they grow with each check.
    """
    reported = " ".join(already_reported)
    known = {_without_days(sentence) for condition in before for sentence in condition.problems}
    new: dict[str, list[str]] = {}
    for condition in conditions:
        for sentence in condition.problems:
            if sentence not in reported and _without_days(sentence) not in known:
                new.setdefault(f"{condition.source}: {sentence}", []).append(condition.knowledge_base)
    for sentence, slugs in new.items():
        _log.warning("%s (%s)", sentence, ", ".join(slugs))


def _without_days(sentence: str) -> str:
    return _DAYS_AGO.sub("", sentence)


def _described(library: Library, offer: Offer, job_id: str) -> FoundRelease:
    with library.database.read() as connection:
        installed = releases.find(connection, offer.knowledge_base, None)
    return FoundRelease(
        knowledge_base=offer.knowledge_base,
        installed=installed.label if installed else None,
        label=offer.label,
        source=offer.source,
        location=offer.location,
        job_id=job_id,
    )
