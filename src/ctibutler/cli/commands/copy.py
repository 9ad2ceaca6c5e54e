"""The command `copy`: the catalogue into another database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import click

from ctibutler.cli.copying import ReplaceOption, run_copy
from ctibutler.cli.declaring import declared, option
from ctibutler.cli.options import JsonOption
from ctibutler.cli.session import session_of

if TYPE_CHECKING:
    from ctibutler.catalog.copying import CopyReport, Progress


def copy(
    context: click.Context,
    to: Annotated[str, option("--to", metavar="URL", help="The database to copy to, as in CTIBUTLER_DATABASE_URL.")],
    replace: ReplaceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Copy everything to another database.

    Copies between SQLite and PostgreSQL, in both directions, and compares the hashes of what was written. Copies what
    `backup` does. Afterwards, set CTIBUTLER_DATABASE_URL to the new database.
    """
    from ctibutler.catalog.copying import copy as copy_catalogue
    from ctibutler.catalog.opening import open_catalogue
    from ctibutler.catalog.reading import open_to_read
    from ctibutler.errors import InvalidRequest

    session = session_of(context)
    source = open_to_read(session.settings.url)
    try:
        if source.url.text == to:
            raise InvalidRequest("--to: this is the database that is copied")
        target = open_catalogue(to, session.knowledge_bases)
        try:

            def run(progress: Progress) -> CopyReport:
                return copy_catalogue(source, target, replace=replace, progress=progress)

            run_copy("copy", run, str(target), as_json=as_json)
        finally:
            target.close()
    finally:
        source.close()


command = declared(
    copy,
    "ctibutler copy --to postgresql://ctibutler@db.example.org/ctibutler",
    "ctibutler copy --to sqlite:////var/lib/ctibutler.sqlite",
)
