"""The command `chain`: what an object leads to, and what leads to it."""

from __future__ import annotations

from typing import Annotated

import click

from ctibutler.cli.completion import candidates
from ctibutler.cli.declaring import argument, declared
from ctibutler.cli.options import (
    ClosureOption,
    ColumnsOption,
    FormatOption,
    JsonOption,
    KbOption,
    OutputOption,
    PinnedOption,
    words,
)
from ctibutler.cli.session import session_of


def chain(
    context: click.Context,
    object_id: Annotated[str, argument("ID", "The id of an object, such as CWE-521.", candidates.object_id)],
    kb: KbOption = None,
    pinned: PinnedOption = None,
    form: FormatOption = None,
    file: OutputOption = None,
    columns: ColumnsOption = None,
    closure: ClosureOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count what an object leads to, and what leads to it, also across knowledge bases.

    A weakness leads to attack patterns, these to techniques, and these to artifacts, mitigations and countermeasures.
    """
    from ctibutler.answers.onward.chains import chain as chain_of
    from ctibutler.answers.onward.path_records import PathQuery
    from ctibutler.answers.pages import PageRequest
    from ctibutler.answers.tables.path_tables import chain_table
    from ctibutler.cli.finding import find_in
    from ctibutler.cli.output.paths import write_chain
    from ctibutler.cli.output.table_files import destination
    from ctibutler.cli.pinning import versions_of
    from ctibutler.forms.json_form import page_as_json
    from ctibutler.forms.paths import facts_of_chain

    session = session_of(context)
    versions = versions_of(session, pinned)
    to = destination(form, file, as_json=as_json, closure=closure)
    leading = [known for known in session.asked(kb) if known.onward]
    with session.library() as library:
        first, *_ = find_in(library, leading or session.asked(kb), object_id, None)
        query = PathQuery(versions=versions)
        if to.form is not None:
            to.write_table(chain_table(library, first.kb, first.stix_id, query, columns=words(columns)))
            return
        found = chain_of(library, first.kb, first.stix_id, query, PageRequest(1, session.settings.max_page_size))
    if to.is_json:
        to.write_json(page_as_json(found.page, "objects", facts_of_chain(found)))
    else:
        write_chain(found, session.knowledge_bases)


command = declared(
    chain,
    "ctibutler chain CWE-521",
    "ctibutler chain T1110 --kb attack-enterprise",
)
