"""When newer releases were looked for, and what became of those that were found."""

from __future__ import annotations

from typing import Any

from ctibutler.answers.library import Library
from ctibutler.catalog import jobs, update_checks
from ctibutler.stix.times import rfc3339


def last_check(library: Library, interval_days: float) -> dict[str, Any]:
    """The last search for newer releases, with the jobs that install them as they stand now."""
    with library.database.read() as connection:
        check = update_checks.last(connection)
        found = []
        for item in check.report.get("newer", ()):
            job = jobs.find(connection, item["job_id"])
            found.append({**item, "job_state": None if job is None else job.state})
    return {
        "interval_days": interval_days,
        "checked_at": None if check.ended_at is None else rfc3339(check.ended_at),
        "newer": found,
        "problems": list(check.report.get("problems", ())),
    }
