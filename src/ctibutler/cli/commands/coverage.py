"""The command `coverage`: what leads from one knowledge base to the next."""

from __future__ import annotations

import click

from ctibutler.cli.declaring import declared
from ctibutler.cli.options import ColumnsOption, FormatOption, JsonOption, OutputOption, PinnedOption, words
from ctibutler.cli.session import session_of


def coverage(
    context: click.Context,
    pinned: PinnedOption = None,
    form: FormatOption = None,
    file: OutputOption = None,
    columns: ColumnsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count what leads from one knowledge base to the next, and what leads nowhere."""
    from ctibutler.answers.onward.coverage import cover
    from ctibutler.answers.tables.path_tables import coverage_table
    from ctibutler.cli.output.paths import write_coverage
    from ctibutler.cli.output.table_files import destination
    from ctibutler.cli.pinning import versions_of
    from ctibutler.forms.json_form import record_as_json

    session = session_of(context)
    versions = versions_of(session, pinned)
    to = destination(form, file, as_json=as_json)
    with session.library() as library:
        if to.form is not None:
            to.write_table(coverage_table(library, versions, words(columns)))
            return
        found = cover(library, versions)
    to.write_json(record_as_json(found)) if to.is_json else write_coverage(found, session.knowledge_bases)


command = declared(coverage, "ctibutler coverage", "ctibutler coverage --release attack-enterprise@18.1")
