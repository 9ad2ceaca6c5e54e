"""The command `questions`: what can be asked, of a knowledge base or of one object."""

from __future__ import annotations

from typing import Annotated

import click

from ctibutler.cli.completion import candidates
from ctibutler.cli.declaring import argument, declared
from ctibutler.cli.options import JsonOption, KbOption, ReleaseOption
from ctibutler.cli.output import text as output
from ctibutler.cli.session import session_of


def questions(
    context: click.Context,
    about: Annotated[
        str | None,
        argument("[KB|ID]", "A knowledge base, or the id of an object.", candidates.knowledge_base_or_id),
    ] = None,
    kb: KbOption = None,
    release: ReleaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the questions that `get ID QUESTION` answers.

    Without an argument, names the questions of each knowledge base. For an object, counts the answers.
    """
    from ctibutler.answers.asking.questions import asked_counts
    from ctibutler.answers.naming import ObjectRequest
    from ctibutler.cli.finding import find_in
    from ctibutler.cli.output.questions import write_counts, write_questions
    from ctibutler.forms.json_form import record_as_json
    from ctibutler.forms.questions import asked_questions, known_questions

    session = session_of(context)
    if about is None:
        asked = session.asked(kb)
        if as_json:
            output.write_json(record_as_json([known_questions(known) for known in asked]))
            return
        for known in asked:
            of_known = ", ".join(dict.fromkeys(item.word for item in known.questions)) or "none"
            output.line(output.filled(of_known, " " * 19, f"{known.slug:<19}"))
        return
    if kb is None and about.strip().lower() in session.knowledge_bases.names:
        known = session.knowledge_base(about)
        output.write_json(record_as_json(known_questions(known))) if as_json else write_questions(known)
        return
    with session.library() as library:
        first, *_ = find_in(library, session.asked(kb), about, release)
        found = asked_counts(
            library,
            first.kb,
            ObjectRequest(first.stix_id, first.release, include_revoked=True, include_deprecated=True),
        )
    output.write_json(record_as_json(asked_questions(found))) if as_json else write_counts(found, first.kb)


command = declared(
    questions,
    "ctibutler questions",
    "ctibutler questions attack-enterprise",
    "ctibutler questions G0016",
)
