"""The command `coverage`: what leads from one knowledge base to the next."""

from __future__ import annotations

import click

from ctibutler.cli.declaring import declared
from ctibutler.cli.options import JsonOption, PinnedOption
from ctibutler.cli.output import text as output
from ctibutler.cli.session import session_of


def coverage(context: click.Context, pinned: PinnedOption = None, as_json: JsonOption = False) -> None:
    """Count what leads from one knowledge base to the next, and what leads nowhere."""
    from ctibutler.answers.onward.coverage import cover
    from ctibutler.cli.output.paths import write_coverage
    from ctibutler.cli.pinning import versions_of
    from ctibutler.forms.json_form import record_as_json

    session = session_of(context)
    versions = versions_of(session, pinned)
    with session.library() as library:
        found = cover(library, versions)
    output.write_json(record_as_json(found)) if as_json else write_coverage(found, session.knowledge_bases)


command = declared(coverage, "ctibutler coverage", "ctibutler coverage --release attack-enterprise@18.1")
