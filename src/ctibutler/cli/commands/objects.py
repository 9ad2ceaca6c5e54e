"""The commands that ask for objects: `get`, `search`, `navigator`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ctibutler.cli.options import JsonOption, KbOption, PageOption, PageSizeOption, ReleaseOption, examples, words
from ctibutler.cli.output import text as output
from ctibutler.cli.session import Session, session_of
from ctibutler.errors import InvalidRequest, NotFound
from ctibutler.knowledge_bases.declaration import KnowledgeBase


def add_commands(app: typer.Typer) -> None:
    """Put the commands of this group in."""
    app.command(
        epilog=examples(
            "ctibutler get T1059",
            "ctibutler get CWE-79 --detail",
            "ctibutler get CWE-79 --json",
            "ctibutler get TA0043 --kb mitre-f3",
            "ctibutler get G0016 --release 17.1 --bundle > g0016.json",
        )
    )(get)
    app.command(
        epilog=examples(
            'ctibutler search "credential dumping"',
            "ctibutler search cwe79",
            'ctibutler search "prompt injection" --kb atlas --json',
        )
    )(search)
    app.command(
        epilog=examples(
            "ctibutler navigator G0016 -o layer.json",
            "ctibutler navigator S0154 --kb attack-enterprise --release 17.1 -o layer.json",
        )
    )(navigator)


def get(
    context: typer.Context,
    object_id: Annotated[
        str, typer.Argument(metavar="ID", help="An id such as T1059, CWE-79 or US, or a STIX id, in any case.")
    ],
    kb: KbOption = None,
    release: ReleaseOption = None,
    bundle: Annotated[
        bool, typer.Option("--bundle", help="Print it with its relationships and neighbours, as a STIX bundle.")
    ] = False,
    detail: Annotated[
        bool,
        typer.Option("--detail", help="Also show what its publisher says beyond STIX; with --json as its `details`."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show one object, wherever it is."""
    from ctibutler.answers.across.ids import find_anywhere
    from ctibutler.answers.objects import is_stix_id
    from ctibutler.cli.finding import find_in
    from ctibutler.cli.output.objects import show_object, write_bundle, write_detailed

    session = session_of(context)
    if bundle and detail:
        raise InvalidRequest("--detail: a bundle holds STIX objects alone")
    with session.library() as library:
        try:
            findings = find_in(library, _asked(session, kb), object_id, release)
        except NotFound:
            if not is_stix_id(object_id) or kb or release or bundle or detail:
                raise
            # Neither listed nor in a latest release: perhaps a relationship, or of an older release.
            content = find_anywhere(library, object_id, None)
            output.write_json(content) if as_json else show_object(content, None, ())
            return
        first, *others = findings
        namesakes = [other.kb.slug for other in others if other.stix_id != first.stix_id]
        if namesakes:
            output.note(f"{first.kb.slug} is shown; another object has this id in {', '.join(namesakes)} (--kb)")
        same = [other for other in others if other.stix_id == first.stix_id]
        if bundle:
            write_bundle(library, first)
        elif detail:
            write_detailed(library, first, same, as_json)
        elif as_json:
            output.write_json(first.content)
        else:
            show_object(first.content, first, same)


def search(
    context: typer.Context,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="Words, or an id or name as a whole.")],
    kb: Annotated[
        list[str] | None, typer.Option("--kb", metavar="KB", help="Search this one only; several by giving it again.")
    ] = None,
    types: Annotated[
        list[str] | None, typer.Option("--type", metavar="TYPE", help="STIX types, such as `intrusion-set`.")
    ] = None,
    include_revoked: Annotated[
        bool, typer.Option("--include-revoked/--no-include-revoked", help="Whether revoked objects are found.")
    ] = False,
    include_deprecated: Annotated[
        bool, typer.Option("--include-deprecated/--no-include-deprecated", help="Whether deprecated objects are found.")
    ] = False,
    page: PageOption = 1,
    page_size: PageSizeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search all knowledge bases, the best match first.

    The latest release of each is searched: names, descriptions, ids and aliases.
    """
    from ctibutler.answers.pages import Sort
    from ctibutler.answers.search import SearchQuery
    from ctibutler.answers.search import search as found
    from ctibutler.cli.finding import refuse_absent
    from ctibutler.cli.output.objects import write_objects

    session = session_of(context)
    if not text.strip():
        raise InvalidRequest("TEXT: say what to search for")
    names = _known(session, words(kb))
    query = SearchQuery(
        text=text,
        types=words(types),
        knowledge_bases=names,
        include_revoked=include_revoked,
        include_deprecated=include_deprecated,
        show_knowledgebase=True,
        sort=Sort("relevance", True),
        page=session.page(page, page_size),
    )
    with session.library() as library:
        refuse_absent(
            library, session.knowledge_bases.selected(query.knowledge_bases or ()) or _asked(session, None), None
        )
        found_page = found(library, query)
        if as_json:
            output.write_json(output.page_as_json(found_page, "objects"))
        else:
            write_objects(session.knowledge_bases, found_page, None)


def navigator(
    context: typer.Context,
    object_id: Annotated[
        str, typer.Argument(metavar="ID", help="A group, software, campaign, mitigation or asset, such as G0016.")
    ],
    file: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write it. Default: standard output.")
    ] = None,
    kb: KbOption = None,
    release: ReleaseOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: a layer always is.")] = False,
) -> None:
    """Make an ATT&CK Navigator layer.

    It marks the techniques that a group, a software or a campaign uses, that a mitigation mitigates, or that are used
    against an asset.
    """
    from ctibutler.answers.navigator import layer
    from ctibutler.answers.objects import ObjectRequest
    from ctibutler.cli.finding import find_in
    from ctibutler.cli.output.files import write_file

    session = session_of(context)
    asked = [item for item in _asked(session, kb) if item.navigator_domain]
    if not asked:
        raise InvalidRequest(f"--kb: {kb} has no layers; ATT&CK has")
    with session.library() as library:
        first, *others = find_in(library, asked, object_id, release)
        request = ObjectRequest(object_id, first.release, include_revoked=True, include_deprecated=True)
        made = layer(library, first.kb, request, session.settings.navigator_link)
    if file is None:
        output.write_json(made)
        return
    write_file(file, [output.json_lines(made)])
    also = f"; also in {', '.join(other.kb.slug for other in others)} (--kb)" if others else ""
    output.note(f"{file}: {first.kb.slug} {first.release}{also}")


def _asked(session: Session, kb: str | None) -> list[KnowledgeBase]:
    return list(session.knowledge_bases.all) if kb is None else [session.knowledge_base(kb)]


def _known(session: Session, names: list[str] | None) -> list[str] | None:
    for name in names or ():
        if not session.knowledge_bases.selected([name]):
            session.knowledge_base(name)
    return names
