"""The command `compare`: two sets of objects, by the answers to a question."""

from __future__ import annotations

from typing import Annotated

import click

from ctibutler.cli.completion import candidates
from ctibutler.cli.declaring import argument, declared, option
from ctibutler.cli.options import (
    SEVERAL,
    ClosureOption,
    ColumnsOption,
    FormatOption,
    JsonOption,
    KbOption,
    OutputOption,
    ReleaseOption,
    words,
)
from ctibutler.cli.session import session_of


def compare(
    context: click.Context,
    a: Annotated[str, argument("A", f"The id of an object, such as G0016. {SEVERAL}", candidates.object_id)],
    b: Annotated[str, argument("B", "The ids to compare with.", candidates.object_id)],
    by: Annotated[
        str,
        option(
            "--by", metavar="QUESTION", help="Compare by the answers to this question.", complete=candidates.question
        ),
    ] = "techniques",
    via: Annotated[
        list[str] | None, option("--via", metavar="WAY", help=f"Take these ways, or `all`. {SEVERAL}")
    ] = None,
    sub: Annotated[bool, option("--sub", help="Ask about sub-techniques and other kinds of the objects too.")] = False,
    kb: KbOption = None,
    release: ReleaseOption = None,
    form: FormatOption = None,
    file: OutputOption = None,
    columns: ColumnsOption = None,
    closure: ClosureOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two objects, or two sets of them, by what they have in common.

    Lists the techniques of both groups, say, then those of only one of them.
    """
    from ctibutler.answers.asking.question_records import QuestionQuery
    from ctibutler.answers.asking.sets import compare_sets
    from ctibutler.answers.pages import WHOLE
    from ctibutler.answers.tables.question_tables import comparison_table
    from ctibutler.cli.asking import first_with_all, ids_of
    from ctibutler.cli.output.questions import write_comparison
    from ctibutler.cli.output.table_files import destination
    from ctibutler.forms.json_form import page_as_json
    from ctibutler.forms.questions import facts_of_comparison

    session = session_of(context)
    to = destination(form, file, as_json=as_json, closure=closure)
    query = QuestionQuery(release=release, page=WHOLE, via=words(via), include_sub=sub, evidence=False)
    with session.library() as library:
        known, ids = first_with_all(library, session.asked(kb), [*ids_of(a), *ids_of(b)], release)
        of_a = len(ids_of(a))
        if to.form is not None:
            to.write_table(comparison_table(library, known, ids[:of_a], ids[of_a:], by, query, columns=words(columns)))
            return
        found = compare_sets(library, known, ids[:of_a], ids[of_a:], by, query)
    if to.is_json:
        to.write_json(page_as_json(found.page, "results", facts_of_comparison(found)))
    else:
        write_comparison(found)


command = declared(
    compare,
    "ctibutler compare G0016 G0007",
    "ctibutler compare G0016,G0007 G0034 --by software",
    "ctibutler compare T1059 T1055 --by groups --sub",
)
