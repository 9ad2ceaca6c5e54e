"""The command `check`: whether the catalogue is whole."""

from __future__ import annotations

from itertools import groupby

import click

from ctibutler.cli.declaring import declared
from ctibutler.cli.options import JsonOption
from ctibutler.cli.output import text as output
from ctibutler.cli.session import session_of

# A lost table would make a line for each of its rows.
_SHOWN = 20


def check(context: click.Context, as_json: JsonOption = False) -> None:
    """Check the catalogue for damage.

    Reads everything: the bytes of each object against their digest, everything that is indexed against these bytes, the
    members of each release, links, references, the text index and the database itself. Imports may go on meanwhile. Says
    what is wrong and where, and exits with 1 then.
    """
    from ctibutler.catalog import checking
    from ctibutler.catalog.reading import open_to_read
    from ctibutler.cli.output.progress import board

    session = session_of(context)
    database = open_to_read(session.settings.url)
    try:
        with board(quiet=True) if as_json else board() as shown:

            def progress(stage: str, done: int, total: int | None) -> None:
                shown.show("check", stage, done, total)

            findings = list(checking.check(database, session.knowledge_bases, progress))
        counts = checking.counts(database)
    finally:
        database.close()
    if as_json:
        output.write_json({"sound": not findings, "rows": counts, "findings": findings})
    for table, found in () if as_json else groupby(findings, key=lambda finding: finding.table):
        every = list(found)
        for finding in every[:_SHOWN]:
            output.line(output.printable(f"{table}: {finding.where}: {finding.what}"))
        if len(every) > _SHOWN:
            output.line(f"{table}: {len(every) - _SHOWN:,} more; --json prints all")
    if findings:
        output.note(f"ctibutler: {output.counted(len(findings), 'problem')} in {database}")
        raise click.exceptions.Exit(1)
    if not as_json:
        releases, objects = output.counted(counts["release"], "release"), output.counted(counts["object"], "object")
        output.line(f"nothing wrong: {releases}, {objects}, {sum(counts.values()):,} rows")


command = declared(check, "ctibutler check", "ctibutler check --json")
