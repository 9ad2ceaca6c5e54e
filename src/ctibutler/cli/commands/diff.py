"""The command `diff`: what differs between two releases of an object."""

from __future__ import annotations

from typing import Annotated

import click

from ctibutler.cli.completion import candidates
from ctibutler.cli.declaring import argument, declared, option
from ctibutler.cli.options import SEVERAL, JsonOption, KbOption, words
from ctibutler.cli.session import session_of

# A copy, for the reason that `history` has one.
CLASS_WORDS = (
    *("status", "name", "place", "meaning", "detection", "sources", "housekeeping", "format", "model"),
    "vocabulary",
)


def diff(
    context: click.Context,
    object_id: Annotated[
        str, argument("ID", "An id such as T1059 or CWE-79, a name, or a STIX id.", candidates.object_id)
    ],
    since: Annotated[
        str | None,
        argument("[FROM]", "The first release. Default: the last one in which the object differs.", candidates.release),
    ] = None,
    release: Annotated[
        str | None,
        argument("[TO]", "The second release, or `latest`. Default: the latest one.", candidates.release_or_latest),
    ] = None,
    kb: KbOption = None,
    hide: Annotated[
        list[str] | None,
        option(
            "--hide",
            metavar="CLASS",
            help=f"Leave out properties of these classes, such as sources. {SEVERAL}",
            complete=candidates.several(candidates.words(*CLASS_WORDS)),
        ),
    ] = None,
    no_follow: Annotated[
        bool, option("--no-follow", help="Do not go on to what replaced an object that is dead in the second release.")
    ] = False,
    everything: Annotated[
        bool, option("--all", help="Show whole texts, all relationships, and what is otherwise only named.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what differs between two releases of an object.

    Properties are sorted by what they are about. Texts are compared word by word, without markup and citations. An object that
    was replaced is compared with what replaced it.
    """
    from ctibutler.answers.differences import DifferenceQuery, object_difference
    from ctibutler.cli.finding import find_over_time, refuse_absent
    from ctibutler.cli.output.differences import write_difference
    from ctibutler.forms.json_form import record_as_json

    session = session_of(context)
    asked = session.asked(kb)
    query = DifferenceQuery(since, release, words(hide) or (), follow=not no_follow)
    with session.library() as library:
        known, object_id = find_over_time(library, asked, object_id)
        for label in filter(None, (since, release)):
            refuse_absent(library, [known], label)
        found = object_difference(library, known, object_id, query)
    if as_json:
        from ctibutler.cli.output import text as output

        output.write_json(record_as_json(found))
    else:
        write_difference(found, known, everything=everything)


command = declared(
    diff,
    "ctibutler diff T1112 15.1 18.1",
    "ctibutler diff T1574.002 16.1",
    "ctibutler diff CAPEC-94",
    "ctibutler diff T1112 15.1 18.1 --json",
)
