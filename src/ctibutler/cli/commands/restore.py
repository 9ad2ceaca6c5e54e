"""The command `restore`: a backup back into the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from ctibutler.cli.copying import ReplaceOption, run_copy
from ctibutler.cli.declaring import argument, declared
from ctibutler.cli.options import JsonOption
from ctibutler.cli.session import session_of

if TYPE_CHECKING:
    from ctibutler.catalog.copying import CopyReport, Progress


def restore(
    context: click.Context,
    path: Annotated[Path, argument("FILE", "A file that `ctibutler backup` wrote.")],
    replace: ReplaceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Read a backup.

    Reads it into the database that CTIBUTLER_DATABASE_URL names, SQLite or PostgreSQL: all of it, or nothing. A server
    may run meanwhile; it answers from the old content until the new one is complete.
    """
    from ctibutler.catalog import backups

    with session_of(context).library() as library:

        def copy(progress: Progress) -> CopyReport:
            return backups.restore(path, library.database, library.knowledge_bases, replace=replace, progress=progress)

        run_copy("restore", copy, str(library.database), as_json=as_json)


command = declared(
    restore, "ctibutler restore ctibutler-2026-11-27.backup", "ctibutler restore --replace ctibutler-2026-11-27.backup"
)
