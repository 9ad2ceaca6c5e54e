"""The command `get`: one object, from whichever knowledge base has it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Annotated

import click

from ctibutler.cli.completion import candidates
from ctibutler.cli.declaring import argument, declared, option
from ctibutler.cli.options import JsonOption, KbOption, ReleaseOption
from ctibutler.cli.output import text as output
from ctibutler.cli.session import session_of
from ctibutler.errors import InvalidRequest, NotFound
from ctibutler.knowledge_bases.declaration import KnowledgeBase


def get(
    context: click.Context,
    object_id: Annotated[
        str,
        argument("ID", "An id such as T1059, CWE-79 or US, or a STIX id. Case does not matter.", candidates.object_id),
    ],
    kb: KbOption = None,
    release: ReleaseOption = None,
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
    as_json: JsonOption = False,
) -> None:
    """Show one object.

    Looks in all knowledge bases unless --kb names one.
    """
    from ctibutler.answers.across.ids import find_across
    from ctibutler.answers.naming import is_stix_id
    from ctibutler.cli.finding import find_in, refuse_absent
    from ctibutler.cli.output.objects import show_object, write_bundle, write_detailed, write_envelope
    from ctibutler.cli.successors import successors

    session = session_of(context)
    if bundle and detail:
        raise InvalidRequest("--detail cannot be used with --bundle: a bundle contains only STIX objects")
    asked = session.asked(kb)
    with session.library() as library:
        try:
            findings = find_in(library, asked, object_id, release)
        except NotFound as missing:
            if _looks_like_a_name(session.knowledge_bases.all, object_id):
                refuse_absent(library, asked, release)
                raise NotFound(f"{missing}; to find a name, run `ctibutler search {shlex.quote(object_id)}`") from None
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
            write_detailed(library, first, same, as_json)
        elif as_json:
            write_envelope(first.content, first)
        else:
            show_object(first.content, first, same, successors(library, first))


def _looks_like_a_name(kbs: Iterable[KnowledgeBase], object_id: str) -> bool:
    """Whether this has letters, and the form of no id: `APT28`, but neither `T9999` nor a STIX id."""
    from ctibutler.answers.naming import is_stix_id

    if is_stix_id(object_id) or not any(map(str.isalpha, object_id)):
        return False
    return not any(kb.types_named_by(object_id) for kb in kbs)


command = declared(
    get,
    "ctibutler get T1059",
    "ctibutler get CWE-79 --detail",
    "ctibutler get CWE-79 --json",
    "ctibutler get TA0043 --kb mitre-f3",
    "ctibutler get G0016 --release 17.1 --bundle > g0016.json",
)
