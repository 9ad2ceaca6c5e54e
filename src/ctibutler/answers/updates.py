"""When newer releases were looked for, and what became of those that were found."""

from __future__ import annotations

import msgspec

from ctibutler.answers.library import Library
from ctibutler.catalog import jobs, update_checks
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.job_records import State
from ctibutler.catalog.update_checks import FoundRelease, SourceCondition
from ctibutler.stix.times import Instant


class NewerRelease(FoundRelease, frozen=True, kw_only=True):
    """A release that was newer than the installed one, and how the job stands that installs it (null: it was forgotten)."""

    job_state: State | None


class Updates(msgspec.Struct, frozen=True, kw_only=True):
    """The last search for newer releases of what is installed: when it ended, what it found, what kept it from more, and
    where each source of each knowledge base stood."""

    interval_days: float
    checked_at: Instant | None
    newer: list[NewerRelease]
    problems: tuple[str, ...]
    sources: tuple[SourceCondition, ...]


def last_check(library: Library, interval_days: float) -> Updates:
    """The last search for newer releases, with the jobs that install them as they stand now."""
    with library.database.read_newest() as connection:
        check = update_checks.last(connection)
        newer = [_newer(connection, found) for found in check.report.newer]
    return Updates(
        interval_days=interval_days,
        checked_at=None if check.ended_at is None else Instant(check.ended_at),
        newer=newer,
        problems=check.report.problems,
        sources=check.report.sources,
    )


def _newer(connection: Connection, found: FoundRelease) -> NewerRelease:
    job = jobs.find(connection, found.job_id)
    return NewerRelease(**msgspec.structs.asdict(found), job_state=None if job is None else job.state)
