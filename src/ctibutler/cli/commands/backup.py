"""The command `backup`: everything in one file."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import click

from ctibutler.cli.copying import run_copy
from ctibutler.cli.declaring import argument, declared
from ctibutler.cli.options import JsonOption
from ctibutler.cli.session import session_of


def backup(
    context: click.Context,
    path: Annotated[Path, argument("FILE", "The file to write. It must not exist yet.")],
    as_json: JsonOption = False,
) -> None:
    """Write a backup of everything to a file.

    Works while the server runs and releases are installed, on SQLite and PostgreSQL. The file is an SQLite database with
    all releases, links, API keys (as hashes), jobs that have ended, and what sources offered. Settings, running jobs
    and downloaded files are not in it. Only its owner can read it.
    """
    from ctibutler.catalog.backups import back_up
    from ctibutler.catalog.reading import open_to_read

    database = open_to_read(session_of(context).settings.url)
    try:
        run_copy("backup", partial(back_up, database, path), str(path), as_json=as_json)
    finally:
        database.close()


command = declared(backup, "ctibutler backup ctibutler-2026-11-27.backup")
