"""The command `path`: what leads from one object to another."""

from __future__ import annotations

from typing import Annotated

import click

from ctibutler.cli.completion import candidates
from ctibutler.cli.declaring import argument, declared, option
from ctibutler.cli.options import (
    ClosureOption,
    ColumnsOption,
    FormatOption,
    JsonOption,
    OutputOption,
    PinnedOption,
    words,
)
from ctibutler.cli.session import session_of


def path(
    context: click.Context,
    a: Annotated[str, argument("A", "The id of an object, such as CWE-521 or attack-ics/T0859.", candidates.object_id)],
    b: Annotated[str, argument("B", "The id of the object to reach.", candidates.object_id)],
    turns: Annotated[
        int | None, option("--turns", metavar="N", least=0, most=2, help="How often a path may turn. Default: 0 or 1.")
    ] = None,
    widen: Annotated[
        str,
        option(
            "--widen",
            metavar="WAY",
            help="Let a kind of an object stand for it (down), or an object for its kind (up). Default: none.",
            complete=candidates.words("none", "down", "up"),
        ),
    ] = "none",
    hops: Annotated[int, option("--hops", metavar="N", least=1, most=10, help="Length of the longest paths.")] = 6,
    limit: Annotated[
        int | None,
        option(
            "--limit", metavar="N", least=1, most=1000, help="Show at most this many. Default: 10; 1000 in whole lists."
        ),
    ] = None,
    pinned: PinnedOption = None,
    form: FormatOption = None,
    file: OutputOption = None,
    columns: ColumnsOption = None,
    closure: ClosureOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what leads from one object to another, also across knowledge bases.

    All shortest paths, with who states each relationship and when. If there is none, says how far each end gets.
    """
    from ctibutler.answers.onward.path_records import MOST_PATHS, PathQuery
    from ctibutler.answers.onward.paths import find_paths
    from ctibutler.answers.tables.path_tables import path_table
    from ctibutler.cli.output.paths import write_paths
    from ctibutler.cli.output.table_files import destination
    from ctibutler.cli.pinning import versions_of, widening
    from ctibutler.forms.json_form import record_as_json

    session = session_of(context)
    to = destination(form, file, as_json=as_json, closure=closure)
    limit = limit or (10 if to.form is None else MOST_PATHS)
    query = PathQuery(turns, widening(widen), hops, limit, versions_of(session, pinned))
    with session.library() as library:
        if to.form is not None:
            to.write_table(path_table(library, a, b, query, words(columns)))
            return
        found = find_paths(library, a, b, query)
    to.write_json(record_as_json(found)) if to.is_json else write_paths(found, session.knowledge_bases)


command = declared(
    path,
    "ctibutler path CWE-521 T1110",
    "ctibutler path CWE-287 T1078 --widen down",
    "ctibutler path G0016 D3-MFA --release attack-enterprise@18.1",
)
