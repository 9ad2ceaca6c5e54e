"""The command `get`: one object, from whichever knowledge base has it, or what answers a question about it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, cast, get_args

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
    PageOption,
    ReleaseOption,
    words,
)
from ctibutler.cli.output import text as output
from ctibutler.cli.session import Session, session_of
from ctibutler.errors import InvalidRequest, NotFound
from ctibutler.knowledge_bases.declaration import KnowledgeBase

if TYPE_CHECKING:
    from ctibutler.answers.library import Library
    from ctibutler.answers.tables.question_tables import Per
    from ctibutler.cli.asking import AskOptions
    from ctibutler.cli.finding import Finding
    from ctibutler.cli.output.table_files import Destination


def get(
    context: click.Context,
    object_id: Annotated[
        str,
        argument(
            "ID",
            "An id such as T1059, CWE-79 or US, a name, a link, or a STIX id. Case does not matter.",
            candidates.object_id,
        ),
    ],
    question: Annotated[
        str | None,
        argument("[QUESTION]", "What to ask about it, such as techniques.", candidates.question),
    ] = None,
    kb: KbOption = None,
    release: ReleaseOption = None,
    via: Annotated[
        list[str] | None, option("--via", metavar="WAY", help=f"With a question: take these ways, or `all`. {SEVERAL}")
    ] = None,
    sub: Annotated[
        bool, option("--sub", help="With a question: ask about sub-techniques and other kinds of the object too.")
    ] = False,
    evidence: Annotated[
        bool, option("--evidence", help="With a question: show what is said about each answer.")
    ] = False,
    match: Annotated[
        str,
        option(
            "--match",
            metavar="any|all",
            help="With a question about several objects: what answers for any of them, or for all.",
            complete=candidates.words("any", "all"),
        ),
    ] = "any",
    view: Annotated[
        str | None,
        option("--view", metavar="VIEW", help="With a question of CWE: stay within this view, such as 1000."),
    ] = None,
    page: PageOption = 1,
    page_size: Annotated[
        int | None, option("--page-size", metavar="N", least=1, help="With a question: results per page. Default: all.")
    ] = None,
    bundle: Annotated[
        bool,
        option(
            "--bundle", help="Print a STIX bundle of the object, its relationships and the objects at their other ends."
        ),
    ] = False,
    detail: Annotated[
        bool,
        option("--detail", help="Add what the publisher says beyond STIX. With --json: as `details`."),
    ] = False,
    references: Annotated[bool, option("--references", help="Add the references, numbered.")] = False,
    everything: Annotated[bool, option("--all", help="Add all other properties, and the references.")] = False,
    form: FormatOption = None,
    file: OutputOption = None,
    columns: ColumnsOption = None,
    per: Annotated[
        str,
        option(
            "--per",
            metavar="result|evidence|start",
            help="In tables: a row for each result, for each path that leads to one, or for each result of each object. With"
            " start, --format layer is a zip with a layer for each object.",
            complete=candidates.words("result", "evidence", "start"),
        ),
    ] = "result",
    closure: ClosureOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one object, or what is related to it.

    Looks in all knowledge bases unless --kb names one. `ctibutler questions` lists the questions. With a question, ID may be
    several ids with commas between them.
    """
    from ctibutler.answers.across.ids import find_across
    from ctibutler.answers.naming import brief, is_stix_id
    from ctibutler.cli.finding import find_in, refuse_absent
    from ctibutler.cli.output.object_page import Shown, show_object
    from ctibutler.cli.output.objects import write_bundle, write_detailed, write_envelope
    from ctibutler.cli.output.table_files import destination
    from ctibutler.cli.successors import successors

    session = session_of(context)
    shown = Shown(references, everything)
    if bundle and detail:
        raise InvalidRequest("--detail cannot be used with --bundle: a bundle contains only STIX objects")
    asked = session.asked(kb)
    to = destination(form, file, as_json=as_json, closure=closure)
    as_json = to.is_json
    if question is not None:
        if bundle or detail:
            raise InvalidRequest(f"--{'bundle' if bundle else 'detail'} cannot be used with a question")
        from ctibutler.answers.tables.question_tables import Per
        from ctibutler.cli.asking import AskOptions

        if per not in get_args(Per):
            raise InvalidRequest(f"--per: `{per}` is none of {', '.join(get_args(Per))}")
        options = AskOptions(via, sub, match, view, evidence, page, page_size)
        _ask(session, asked, object_id, release, question, options, to, words(columns), cast("Per", per))
        return
    if to.form is not None or to.file is not None:
        form_option = "-o" if form is None else f"--format {form}"
        raise InvalidRequest(f"{form_option} needs a question, such as `ctibutler get G0016 techniques`")
    with session.library() as library:
        try:
            findings = find_in(library, asked, object_id, release)
        except NotFound as missing:
            if _looks_like_a_name(session.knowledge_bases.all, object_id):
                refuse_absent(library, asked, release)
                if missing.details.get("near"):
                    raise
                raise NotFound(
                    f"{missing}; to find a name, run `ctibutler search {shlex.quote(brief(object_id))}`"
                ) from None
            if not is_stix_id(object_id) or kb or release or bundle or detail:
                raise
            # Neither listed nor in a latest release: perhaps a relationship, or of an older release.
            content = find_across(library, object_id, None).content
            write_envelope(content, None) if as_json else show_object(content, None, ())
            return
        first, *others = findings
        namesakes = [other.kb.slug for other in others if other.stix_id != first.stix_id]
        if namesakes:
            output.note(f"showing {first.kb.slug}; other objects have the same id: --kb {', --kb '.join(namesakes)}")
        same = [other for other in others if other.stix_id == first.stix_id]
        if bundle:
            write_bundle(library, first)
        elif detail:
            write_detailed(library, first, same, shown, as_json=as_json)
            if not as_json:
                _suggest(library, first)
        elif as_json:
            write_envelope(first.content, first)
        else:
            show_object(first.content, first, same, successors(library, first), shown)
            _suggest(library, first)


def _ask(
    session: Session,
    kbs: list[KnowledgeBase],
    object_id: str,
    release: str | None,
    question: str,
    options: AskOptions,
    to: Destination,
    columns: list[str] | None,
    per: Per,
) -> None:
    from ctibutler.answers.tables.question_tables import question_table
    from ctibutler.cli.asking import answer_first, ask_all, ids_of
    from ctibutler.cli.output.questions import write_answer
    from ctibutler.forms.json_form import page_as_json
    from ctibutler.forms.questions import facts_of_answer

    query = options.query if not (to.is_json or to.form) else replace(options.query, evidence=True)
    with session.library() as library:
        if to.form is not None:
            table, others = answer_first(
                library,
                kbs,
                ids_of(object_id),
                release,
                query,
                lambda kb, ids, asked: question_table(library, kb, ids, question, asked, columns, per=per),
            )
            to.write_table(table)
            if others:
                output.note(f"also in {', '.join(other.slug for other in others)} (--kb)")
            return
        answers = ask_all(library, kbs, ids_of(object_id), release, question, query)
        if not any(found.counts.all for _, found in answers):
            _say_what_is_revoked(library, kbs, ids_of(object_id), release)
    if to.is_json:
        pages = [page_as_json(found.page, "results", facts_of_answer(found)) for _, found in answers]
        to.write_json(pages[0] if len(pages) == 1 else b'{"answers":[' + b",".join(pages) + b"]}")
        return
    for number, (kb, found) in enumerate(answers):
        if number:
            output.line()
        write_answer(found, kb, with_sub=options.with_sub, evidence=options.evidence)


def _say_what_is_revoked(library: Library, kbs: list[KnowledgeBase], ids: list[str], release: str | None) -> None:
    """Say what to ask about in place of revoked objects, about which nothing is found."""
    from ctibutler.cli.asking import first_findings
    from ctibutler.cli.successors import successors

    for finding in first_findings(library, kbs, ids, release):
        instead = ", ".join(
            f"{one.external_id or one.id} {one.name or ''}".rstrip() for one in successors(library, finding)
        )
        if instead:
            output.note(f"{finding.view.external_id or finding.stix_id} is revoked: use {instead}")


def _suggest(library: Library, finding: Finding) -> None:
    """Say what can be asked about an object."""
    from ctibutler.answers.asking.questions import asked_counts
    from ctibutler.answers.naming import ObjectRequest
    from ctibutler.cli.output.questions import write_next_questions

    request = ObjectRequest(finding.stix_id, finding.release, include_revoked=True, include_deprecated=True)
    named = finding.view.external_id or finding.stix_id
    write_next_questions(asked_counts(library, finding.kb, request, with_sub=False), named)


def _looks_like_a_name(kbs: Iterable[KnowledgeBase], object_id: str) -> bool:
    """Whether this has letters, and the form of no id: `APT28`, but neither `T9999` nor a STIX id."""
    from ctibutler.answers.naming import is_stix_id

    if is_stix_id(object_id) or not any(map(str.isalpha, object_id)):
        return False
    return not any(kb.types_named_by(object_id) for kb in kbs)


command = declared(
    get,
    "ctibutler get T1059",
    "ctibutler get G0016 techniques",
    "ctibutler get T1059.001,T1105 groups --match all",
    "ctibutler get G0016 techniques -o techniques.xlsx",
    "ctibutler get CWE-79 --detail",
    "ctibutler get CWE-79 --json",
    "ctibutler get TA0043 --kb mitre-f3",
    "ctibutler get G0016 --release 17.1 --bundle > g0016.json",
)
