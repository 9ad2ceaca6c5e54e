"""The command `navigator`: ATT&CK Navigator layers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from ctibutler.cli.completion import candidates
from ctibutler.cli.declaring import argument, declared, option
from ctibutler.cli.options import KbOption, ReleaseOption
from ctibutler.cli.output import text as output
from ctibutler.cli.session import session_of
from ctibutler.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctibutler.answers.library import Library
    from ctibutler.answers.tables.table import Table
    from ctibutler.cli.finding import Finding
    from ctibutler.knowledge_bases.declaration import KnowledgeBase

TECHNIQUES = "techniques"


def navigator(
    context: click.Context,
    object_ids: Annotated[
        list[str],
        argument("ID", "A group, software, campaign, mitigation or asset, such as G0016.", candidates.layer_id),
    ],
    file: Annotated[
        Path | None, option("--output", "-o", metavar="FILE", help="Write to this file. Default: standard output.")
    ] = None,
    kb: KbOption = None,
    release: ReleaseOption = None,
    as_json: Annotated[bool, option("--json", help="Print JSON. A layer is always JSON.")] = False,
) -> None:
    """Create an ATT&CK Navigator layer.

    The layer shows the techniques that a group, software or campaign uses, that a mitigation mitigates, or that target an
    asset. A layer of several objects scores how many of them a technique answers for, as `get A,B techniques` does: groups
    with the techniques of their campaigns. Of two, colours tell what both have from what only one has.
    """
    from ctibutler.answers.naming import ObjectRequest
    from ctibutler.answers.navigator import layer
    from ctibutler.cli.finding import find_in
    from ctibutler.cli.output.files import file_named, write_file
    from ctibutler.cli.output.table_files import destination
    from ctibutler.forms.navigator_layer import layer_file

    file = file_named(file)
    session = session_of(context)
    asked = [item for item in session.asked(kb) if item.navigator_domain]
    if not asked:
        having = ", ".join(item.slug for item in session.asked(None) if item.navigator_domain)
        raise InvalidRequest(f"--kb: {kb} has no layers; these have: {having}")
    with session.library() as library:
        if len(object_ids) > 1:
            destination("layer", file).write_table(_of_several(library, asked, object_ids, release))
            return
        [object_id] = object_ids
        first, *others = find_in(library, asked, object_id, release)
        request = ObjectRequest(first.stix_id, first.release, include_revoked=True, include_deprecated=True)
        try:
            found = layer(library, first.kb, request)
        except InvalidRequest:
            raise InvalidRequest(_no_layer(first)) from None
        made = layer_file(found, session.settings.navigator_link)
    if file is None:
        output.write_json(made)
        return
    write_file(file, [output.json_lines(made)])
    also = f"; also in {', '.join(other.kb.slug for other in others)} (--kb)" if others else ""
    output.note(f"{file}: {first.kb.slug} {first.release}{also}")


def _of_several(
    library: Library, asked: Sequence[KnowledgeBase], object_ids: Sequence[str], release: str | None
) -> Table:
    from ctibutler.answers.asking.question_records import QuestionQuery
    from ctibutler.answers.tables.question_tables import comparison_table, question_table
    from ctibutler.cli.asking import first_with_all

    kb, ids = first_with_all(library, asked, object_ids, release)
    query = QuestionQuery(release=release)
    if len(ids) == 2:
        return comparison_table(library, kb, ids[:1], ids[1:], TECHNIQUES, query)
    return question_table(library, kb, ids, TECHNIQUES, query)


def _no_layer(finding: Finding) -> str:
    """That there is no layer of this object, and of which there are."""
    from ctibutler.knowledge_bases.kinds import kind_of
    from ctibutler.stix.objects import decode

    properties = decode(finding.content)
    kind = kind_of(finding.kb, str(properties["type"]), properties)
    having = ", ".join(dict.fromkeys(kind_of(finding.kb, name) for name in finding.kb.navigator_types))
    return f"no layer of {finding.kb.primary_id(properties)} ({kind}); there are layers of {having}"


command = declared(
    navigator,
    "ctibutler navigator G0016 -o layer.json",
    "ctibutler navigator G0016 G0007 -o both.json",
    "ctibutler navigator S0154 --release 17.1 -o layer.json",
)
