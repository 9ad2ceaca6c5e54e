"""The command `changes`: what differs from one release to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import click

from ctibutler.answers.pages import Sort
from ctibutler.cli.completion import candidates
from ctibutler.cli.declaring import argument, declared, option
from ctibutler.cli.near_misses import hint
from ctibutler.cli.options import (
    SEVERAL,
    ClosureOption,
    ColumnsOption,
    FormatOption,
    JsonOption,
    OutputOption,
    PageOption,
    PageSizeOption,
    words,
)
from ctibutler.cli.session import Session, session_of
from ctibutler.errors import InvalidRequest
from ctibutler.knowledge_bases.declaration import KnowledgeBase

if TYPE_CHECKING:
    from ctibutler.answers.outcome_changes import OutcomesQuery
    from ctibutler.cli.output.table_files import Destination

_KINDS = ("added", "modified", "removed", "revoked", "deprecated")
_HANDLINGS = ("automatic", "look", "human")
# A copy, as completion must not import what declares them.
OUTCOME_WORDS = (
    *("unreadable", "unknown", "not_yet", "ambiguous", "gone", "dead_end", "deprecated", "split", "reused", "merged"),
    *("demoted", "promoted", "renumbered", "reissued", "revived", "moved", "redefined", "renamed", "edited", "touched"),
    *("unchanged", "added", "stale", "silent", "new_subtechniques"),
)


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
    view: Annotated[
        str | None,
        option(
            "--view",
            metavar="object|outcome",
            help="Show what differs in each object, or what became of each. Default: object, unless --outcome or --handling is"
            " given.",
            complete=candidates.words("object", "outcome"),
        ),
    ] = None,
    outcome: Annotated[
        list[str] | None,
        option(
            "--outcome",
            metavar="OUTCOME",
            help=f"Show only what became of objects in this way, such as renamed or merged. {SEVERAL}",
            complete=candidates.several(candidates.words(*OUTCOME_WORDS)),
        ),
    ] = None,
    handling: Annotated[
        list[str] | None,
        option(
            "--handling",
            metavar="HANDLING",
            help=f"Show only outcomes that are automatic, need a look, or a human. {SEVERAL}",
            complete=candidates.several(candidates.words(*_HANDLINGS)),
        ),
    ] = None,
    hide: Annotated[
        list[str] | None,
        option(
            "--hide",
            metavar="OUTCOME",
            help="With outcomes: leave these out. Default: stale (dead before), unchanged and touched; with --outcome or"
            " --handling: stale.",
            complete=candidates.several(candidates.words("none", *OUTCOME_WORDS)),
        ),
    ] = None,
    objects: Annotated[bool, option("--objects", help="With --json: include each object before and after.")] = False,
    page: PageOption = 1,
    page_size: PageSizeOption = None,
    form: FormatOption = None,
    file: OutputOption = None,
    columns: ColumnsOption = None,
    closure: ClosureOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two releases of a knowledge base.

    Counts what was added, modified, removed, revoked or deprecated, and lists each of these objects with the properties
    that changed. With --view outcome: what became of each object, which id stands for it now, and why.
    """
    from ctibutler.answers.changes import ChangesQuery
    from ctibutler.answers.changes import changes as compared
    from ctibutler.answers.outcome_changes import OutcomesQuery
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
    if view not in (None, "object", "outcome"):
        raise InvalidRequest(f"--view: `{view}` is neither object nor outcome")
    asked = {"--outcome": words(outcome), "--handling": words(handling)}
    filters = [name for name, given in asked.items() if given is not None]
    if view == "object" and filters:
        raise InvalidRequest(f"{filters[0]} cannot be used with --view object")
    if view == "outcome" or filters:
        _check_outcomes(asked, words(hide), kinds)
        to = destination(form, file, as_json=as_json)
        hidden = _hidden(asked["--outcome"], words(hide), filtered=bool(filters))
        outcomes = OutcomesQuery(
            since=since,
            outcome=asked["--outcome"],
            handling=asked["--handling"],
            types=stix_types,
            hide=hidden,
            page=session.page(page, page_size),
            sort=Sort("change"),
        )
        _outcomes(session, known, release, outcomes, to, words(columns))
        return
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
        to = destination(form, file, as_json=as_json, closure=closure)
        if to.form is not None:
            to.write_table(changes_table(library, known, release, query, words(columns)))
            return
        found = compared(library, known, release, query)
    if to.is_json:
        to.write_json(page_as_json(rows_of(found, include_objects=objects), "changes", facts_of(found)))
    else:
        write_changes(found, known, stix_types, filtered=not (kinds is None and stix_types is None))


def _hidden(outcome: list[str] | None, hide: list[str] | None, *, filtered: bool) -> list[str]:
    """What is left out: what is named, or else what needs no attention."""
    if hide is not None:
        return [word for word in hide if word != "none"]
    hidden = ["stale"] if filtered else ["stale", "unchanged", "touched"]
    return [word for word in hidden if word not in (outcome or ())]


def _check_outcomes(asked: dict[str, list[str] | None], hide: list[str] | None, kinds: list[str] | None) -> None:
    """Raise InvalidRequest for a word that is none of those to choose from."""
    if kinds is not None:
        raise InvalidRequest("--change cannot be used with outcomes: use --outcome")
    known = {"--outcome": OUTCOME_WORDS, "--handling": _HANDLINGS, "--hide": ("none", *OUTCOME_WORDS)}
    for name, given in {**asked, "--hide": hide}.items():
        for word in given or ():
            if word not in known[name]:
                raise InvalidRequest(f"{name}: `{word}` is unknown; {hint(word, known[name])}")


def _outcomes(
    session: Session,
    kb: KnowledgeBase,
    release: str,
    query: OutcomesQuery,
    to: Destination,
    columns: list[str] | None,
) -> None:
    from ctibutler.answers.outcome_changes import outcome_changes
    from ctibutler.answers.tables.outcome_tables import outcome_table
    from ctibutler.cli.finding import refuse_absent
    from ctibutler.cli.output.outcomes import write_outcomes
    from ctibutler.forms.changes import facts_of_outcomes
    from ctibutler.forms.json_form import page_as_json

    with session.library() as library:
        for label in (query.since, release):
            refuse_absent(library, [kb], label)
        if to.form is not None:
            to.write_table(outcome_table(library, kb, release, query, columns))
            return
        found = outcome_changes(library, kb, release, query)
    if to.is_json:
        to.write_json(page_as_json(found.page, "changes", facts_of_outcomes(found)))
    else:
        write_outcomes(found, kb, query.hide)


command = declared(
    changes,
    "ctibutler changes attack-enterprise 17.1 18.1",
    "ctibutler changes attack-enterprise 17.1 18.1 --change added --type tool",
    "ctibutler changes attack-enterprise 15.1 18.1 --view outcome",
    "ctibutler changes capec 3.8 3.9 --outcome renamed,gone --format md",
    "ctibutler changes cwe 4.14 latest --handling human -o decide.xlsx",
    "ctibutler changes cwe 4.14 latest --json",
)
