"""The command `status`: what this installation contains and does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ctibutler import __version__
from ctibutler.cli.declaring import declared
from ctibutler.cli.options import JsonOption
from ctibutler.cli.output import text as output
from ctibutler.cli.output.tables import Column, write_table
from ctibutler.cli.session import session_of

if TYPE_CHECKING:
    from ctibutler.answers.library import Library
    from ctibutler.settings import Settings

_RECENTLY = 30 * 1_000_000


def status(context: click.Context, as_json: JsonOption = False) -> None:
    """Show what is installed and what is running."""
    session = session_of(context)
    with session.library() as library:
        found = _status(library, session.settings)
    if as_json:
        output.write_json(found)
        return
    size = found["database_bytes"]
    output.line(f"ctibutler  {found['version']}")
    output.line(f"database   {found['database']}" + (f"  ({output.size_text(size)})" if size is not None else ""))
    output.line(f"bucket     {found['bucket'] or 'none'}")
    workers = found["workers"]
    output.line(f"workers    {workers or 'none running'}")
    jobs = ", ".join(f"{number:,} {state}" for state, number in found["jobs"].items() if number)
    output.line(f"jobs       {jobs or 'none'}")
    output.line()
    write_table(
        [Column("KNOWLEDGE BASE"), Column("LATEST"), Column("RELEASES", right=True), Column("OBJECTS", right=True)],
        [[kb.slug, kb.latest or "-", str(len(kb.labels)), f"{kb.objects_count:,}"] for kb in found["knowledge_bases"]],
    )


def _status(library: Library, settings: Settings) -> dict[str, Any]:
    from ctibutler.answers.releases import knowledge_base_list
    from ctibutler.catalog import jobs
    from ctibutler.catalog.job_records import STATES
    from ctibutler.forms.knowledge_bases import knowledge_bases_form
    from ctibutler.settings import without_secrets
    from ctibutler.stix.times import now

    with library.database.read() as connection:
        every = jobs.all_jobs(connection)
        workers = jobs.workers_seen_since(connection, now() - _RECENTLY)
    return {
        "version": __version__,
        "database": str(library.database),
        "database_bytes": _size(library),
        "bucket": without_secrets(settings.bucket),
        "workers": workers,
        "jobs": {state: sum(job.state == state for job in every) for state in STATES},
        "knowledge_bases": knowledge_bases_form(knowledge_base_list(library)).knowledge_bases,
    }


def _size(library: Library) -> int | None:
    """The size of the database's files in bytes; None for a server's."""
    url = library.database.url
    if url.engine != "sqlite":
        return None
    path = Path(url.name)
    files = [path, path.with_name(path.name + "-wal")]
    return sum(file.stat().st_size for file in files if file.exists())


command = declared(status, "ctibutler status", "ctibutler status --json")
