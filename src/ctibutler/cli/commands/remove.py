"""The command `remove`: releases out of the catalogue."""

from __future__ import annotations

from typing import Annotated

import click

from ctibutler.cli.completion import candidates
from ctibutler.cli.declaring import argument, declared
from ctibutler.cli.output import text as output
from ctibutler.cli.session import session_of
from ctibutler.cli.targets import read_targets, require_release


def remove(
    context: click.Context,
    targets: Annotated[list[str], argument("KB@RELEASE", "A release, such as cwe@4.15.", candidates.removable)],
) -> None:
    """Remove releases.

    Removes the links from and to their objects too.
    """
    from ctibutler.importing.removal import remove_release

    session = session_of(context)
    asked = [require_release(target) for target in read_targets(session, targets)]
    with session.library() as library:
        for target in asked:
            report = remove_release(library.database, target.kb, str(target.label))
            output.line(_removed(str(target), report.removed, report.kept))


def _removed(target: str, removed: int, kept: int) -> str:
    """Such as `cwe@4.15: 12 objects removed, 1 is in other releases too`."""
    stay = f", {kept:,} {'is' if kept == 1 else 'are'} in other releases too" if kept else ""
    return f"{target}: {output.counted(removed, 'object')} removed{stay}"


command = declared(remove, "ctibutler remove cwe@4.15", "ctibutler remove attack-ics@16.0 attack-ics@16.1")
