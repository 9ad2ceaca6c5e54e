"""The command `history`: what happened to an object from release to release."""

from __future__ import annotations

from typing import Annotated

import click

from ctibutler.cli.completion import candidates
from ctibutler.cli.declaring import argument, declared, option
from ctibutler.cli.options import (
    SEVERAL,
    ColumnsOption,
    FormatOption,
    JsonOption,
    KbOption,
    OutputOption,
    PageOption,
    words,
)
from ctibutler.cli.session import session_of

# A copy: reading it where it is declared means importing half of the answers, for the help alone.
EVENT_WORDS = (
    *("added", "removed", "returned", "revived", "revoked", "deprecated", "lost-successor", "renumbered", "promoted"),
    *("demoted", "moved", "renamed", "edited", "silent", "touched"),
)


def history(
    context: click.Context,
    object_id: Annotated[
        str, argument("ID", "An id such as T1059 or CWE-79, a name, or a STIX id.", candidates.object_id)
    ],
    kb: KbOption = None,
    hide: Annotated[
        list[str] | None,
        option(
            "--hide",
            metavar="EVENT",
            help=f"Leave out these events, such as touched. {SEVERAL}",
            complete=candidates.several(candidates.words(*EVENT_WORDS)),
        ),
    ] = None,
    page: PageOption = 1,
    page_size: Annotated[
        int | None, option("--page-size", metavar="N", least=1, help="Events per page. Default: all.")
    ] = None,
    form: FormatOption = None,
    file: OutputOption = None,
    columns: ColumnsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what happened to an object from release to release.

    Compares each installed release with the one before. `silent` is an edit that left the date of the last change as it was,
    `touched` a change that does not matter: of markup, of words renamed everywhere, or of the data model.
    """
    from ctibutler.answers.history import HistoryQuery
    from ctibutler.answers.history import history as tell
    from ctibutler.answers.pages import WHOLE, PageRequest
    from ctibutler.answers.tables.history_tables import history_table
    from ctibutler.cli.finding import find_over_time
    from ctibutler.cli.output.history import write_history
    from ctibutler.cli.output.table_files import destination
    from ctibutler.forms.history import facts_of
    from ctibutler.forms.json_form import page_as_json

    session = session_of(context)
    asked = session.asked(kb)
    to = destination(form, file, as_json=as_json)
    query = HistoryQuery(words(hide) or (), PageRequest(page, page_size) if page_size else WHOLE)
    with session.library() as library:
        known, object_id = find_over_time(library, asked, object_id)
        if to.form is not None:
            to.write_table(history_table(library, known, object_id, query, words(columns)))
            return
        found = tell(library, known, object_id, query)
    to.write_json(page_as_json(found.page, "history", facts_of(found))) if to.is_json else write_history(found, known)


command = declared(
    history,
    "ctibutler history T1574.002",
    "ctibutler history T1454 --kb attack-mobile",
    "ctibutler history D3-CFP --hide touched",
    "ctibutler history AML.T0053 --format csv",
)
