"""Lists of jobs as tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ctibutler.answers.jobs import JobQuery, list_jobs
from ctibutler.answers.library import Library
from ctibutler.answers.pages import WHOLE
from ctibutler.answers.tables.table import Table, TableColumn, chosen, names_of, rows_of
from ctibutler.catalog.job_records import Job
from ctibutler.stix.times import rfc3339

JOB_COLUMNS: tuple[TableColumn[Job], ...] = (
    TableColumn("id", lambda item: item.id),
    TableColumn("type", lambda item: item.type),
    TableColumn("state", lambda item: item.state),
    TableColumn("version", lambda item: item.parameters.version),
    TableColumn("run_datetime", lambda item: rfc3339(item.created)),
    TableColumn("completion_time", lambda item: None if item.completed is None else rfc3339(item.completed)),
    TableColumn("errors", lambda item: item.errors),
)


def job_table(
    library: Library, query: JobQuery, listed: Callable[[Job], object], columns: Sequence[str] | None = None
) -> Table:
    """Return all jobs that pass the filters. `listed` returns what a JSON list has in the place of a job.

    Raises InvalidRequest for an unknown column.
    """
    shown = chosen(JOB_COLUMNS, columns)
    found = list_jobs(library, replace(query, page=WHOLE)).items
    return Table(
        name="jobs",
        title="Jobs",
        columns=names_of(shown),
        rows=rows_of(shown, [found], listed),
        facts={"rows": str(len(found))},
        changed_at=max((job.completed or job.created for job in found), default=0),
    )
