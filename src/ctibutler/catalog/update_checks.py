"""When the sources were last asked, and what the last check for newer releases found. Several workers share both."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database

STALE = 15 * 60 * 1_000_000
"""Microseconds after which an unfinished check counts as abandoned."""


class FoundRelease(msgspec.Struct, frozen=True, kw_only=True):
    """A release that is newer than the installed one (None: there was none), and the job that installs it."""

    knowledge_base: str
    installed: str | None
    label: str = msgspec.field(name="version")
    source: str
    location: str
    job_id: str


class SourceCondition(msgspec.Struct, frozen=True, kw_only=True):
    """What a source of a knowledge base has, and what is wrong with it: `released` is a date (`2026-09-30`) where the source
    tells it; a frozen source gets no new releases."""

    knowledge_base: str
    source: str
    location: str
    newest: str | None
    released: str | None
    answers: bool
    frozen: bool
    problems: tuple[str, ...]


class UpdateReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found: newer releases, what went wrong, and the condition of each source. `all_answered` if no source
    is worth asking again soon."""

    newer: tuple[FoundRelease, ...] = ()
    problems: tuple[str, ...] = ()
    sources: tuple[SourceCondition, ...] = ()
    all_answered: bool = False


@dataclass(frozen=True, slots=True)
class UpdateCheck:
    """The last check. Times are microseconds, None before the first one."""

    started_at: int | None
    ended_at: int | None
    report: UpdateReport

    def under_way(self, moment: int) -> bool:
        """Whether a worker is running the check."""
        if self.started_at is None or moment - self.started_at > STALE:
            return False
        return self.ended_at is None or self.ended_at < self.started_at


def last(connection: Connection) -> UpdateCheck:
    """Return the last check."""
    row = connection.row("SELECT started_at, ended_at, report FROM update_check")
    assert row is not None
    return UpdateCheck(row.started_at, row.ended_at, _report(row.report))


def asked_at(connection: Connection) -> int | None:
    """Return when a process last began to ask the sources what they offer, or None if none ever did."""
    return connection.value("SELECT asked_at FROM update_check")  # type: ignore[no-any-return]


def begin_asking(database: Database, seen: int | None, moment: int) -> bool:
    """Claim the refresh of offers. Return False if another process has claimed it since `seen`, the last time."""
    with database.note() as connection:
        return (
            connection.run(
                "UPDATE update_check SET asked_at = :moment WHERE one = 1 AND coalesce(asked_at, 0) = :seen",
                moment=moment,
                seen=seen or 0,
            )
            == 1
        )


def begin(database: Database, seen: UpdateCheck, moment: int) -> bool:
    """Claim the next check. Return False if another process has claimed it since `seen`."""
    with database.note() as connection:
        return (
            connection.run(
                "UPDATE update_check SET started_at = :moment WHERE one = 1 AND coalesce(started_at, 0) = :seen",
                moment=moment,
                seen=seen.started_at or 0,
            )
            == 1
        )


def end(database: Database, moment: int, report: UpdateReport) -> None:
    """Record what the check found."""
    with database.note() as connection:
        connection.run(
            "UPDATE update_check SET ended_at = :moment, report = :report WHERE one = 1",
            moment=moment,
            report=msgspec.json.encode(report).decode(),
        )


def _report(text: str) -> UpdateReport:
    return msgspec.json.decode(text, type=UpdateReport) if text else UpdateReport()
