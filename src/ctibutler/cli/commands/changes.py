"""The command `changes`: what differs from one release to another."""

from __future__ import annotations

from typing import Annotated

import click

from ctibutler.answers.pages import Sort
from ctibutler.cli.completion import candidates
from ctibutler.cli.declaring import argument, declared, option
from ctibutler.cli.options import (
    SEVERAL,
    ColumnsOption,
    FormatOption,
    JsonOption,
    OutputOption,
    PageOption,
    PageSizeOption,
    words,
)
from ctibutler.cli.session import session_of
from ctibutler.errors import InvalidRequest

_KINDS = ("added", "modified", "removed", "revoked", "deprecated")


def changes(
    context: click.Context,
    kb: Annotated[str, argument("KB", "A knowledge base.", candidates.knowledge_base)],
    since: Annotated[str, argument("FROM", "The older release, such as 17.1.", candidates.release)],
    release: Annotated[
        str, argument("TO", "The newer release, such as 18.1, or `latest`.", candidates.release_or_latest)
    ],
    change: Annotated[
        list[str] | None,
        option(
            "--change",
            metavar="CHANGE",
            help=f"Show only what was {', '.join(_KINDS[:-1])} or {_KINDS[-1]}. {SEVERAL}",
            complete=candidates.several(candidates.words(*_KINDS)),
        ),
    ] = None,
    types: Annotated[
        list[str] | None,
        option(
            "--type",
            metavar="TYPE",
            help=f"Show only these STIX types. {SEVERAL}",
            complete=candidates.several(candidates.stix_type),
        ),
    ] = None,
    objects: Annotated[bool, option("--objects", help="With --json: include each object before and after.")] = False,
    page: PageOption = 1,
    page_size: PageSizeOption = None,
    form: FormatOption = None,
    file: OutputOption = None,
    columns: ColumnsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two releases of a knowledge base.

    Counts what was added, modified, removed, revoked or deprecated, and lists each of these objects with the properties
    that changed.
    """
    from ctibutler.answers.changes import ChangesQuery
    from ctibutler.answers.changes import changes as compared
    from ctibutler.answers.tables.change_tables import changes_table
    from ctibutler.cli.finding import refuse_absent
    from ctibutler.cli.output.changes import write_changes
    from ctibutler.cli.output.table_files import destination
    from ctibutler.forms.changes import facts_of, rows_of
    from ctibutler.forms.json_form import page_as_json

    session = session_of(context)
    known = session.knowledge_base(kb)
    kinds = words(change)
    wrong = [kind for kind in kinds or () if kind.lower() not in _KINDS]
    if wrong:
        raise InvalidRequest(f"--change: `{wrong[0]}` is none of {', '.join(_KINDS)}")
    stix_types = words(types)
    query = ChangesQuery(
        since=since,
        change=None if kinds is None else [kind.lower() for kind in kinds],
        types=stix_types,
        page=session.page(page, page_size),
        sort=Sort("number"),
    )
    with session.library() as library:
        for label in (since, release):
            refuse_absent(library, [known], label)
        to = destination(form, file, as_json=as_json)
        if to.form is not None:
            to.write_table(changes_table(library, known, release, query, words(columns)))
            return
        found = compared(library, known, release, query)
    if to.is_json:
        to.write_json(page_as_json(rows_of(found, include_objects=objects), "changes", facts_of(found)))
    else:
        write_changes(found, known, stix_types, filtered=not (kinds is None and stix_types is None))


command = declared(
    changes,
    "ctibutler changes attack-enterprise 17.1 18.1",
    "ctibutler changes attack-enterprise 17.1 18.1 --change added --type tool",
    "ctibutler changes cwe 4.14 latest --json",
)
