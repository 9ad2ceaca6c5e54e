"""The command `search`: objects by their words, in all knowledge bases."""

from __future__ import annotations

from typing import Annotated

import click

from ctibutler.cli.completion import candidates
from ctibutler.cli.declaring import argument, declared, option
from ctibutler.cli.options import SEVERAL, JsonOption, PageOption, PageSizeOption, words
from ctibutler.cli.output import text as output
from ctibutler.cli.session import Session, session_of
from ctibutler.errors import InvalidRequest


def search(
    context: click.Context,
    text: Annotated[str, argument("TEXT", "Words to search for, or a whole id or name.")],
    kb: Annotated[
        list[str] | None,
        option(
            "--kb",
            metavar="KB",
            help=f"Search only this knowledge base. {SEVERAL}",
            complete=candidates.several(candidates.knowledge_base),
        ),
    ] = None,
    types: Annotated[
        list[str] | None,
        option(
            "--type",
            metavar="TYPE",
            help=f"Find only these STIX types, such as intrusion-set. {SEVERAL}",
            complete=candidates.several(candidates.stix_type),
        ),
    ] = None,
    include_revoked: Annotated[
        bool, option("--include-revoked/--no-include-revoked", help="Include revoked objects.")
    ] = False,
    include_deprecated: Annotated[
        bool, option("--include-deprecated/--no-include-deprecated", help="Include deprecated objects.")
    ] = False,
    page: PageOption = 1,
    page_size: PageSizeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search all knowledge bases.

    Searches the names, descriptions, ids and aliases in the latest release of each. The best match comes first.
    """
    from ctibutler.answers.search import SearchQuery, search_by_relevance
    from ctibutler.cli.finding import refuse_absent
    from ctibutler.cli.output.objects import write_objects
    from ctibutler.forms.json_form import page_as_json

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
        page=session.page(page, page_size),
    )
    with session.library() as library:
        refuse_absent(
            library, session.knowledge_bases.selected(query.knowledge_bases or ()) or session.asked(None), None
        )
        found_page = search_by_relevance(library, query)
        if as_json:
            output.write_json(page_as_json(found_page, "objects"))
        else:
            write_objects(session.knowledge_bases, found_page, None)


def _known(session: Session, names: list[str] | None) -> list[str] | None:
    for name in names or ():
        if not session.knowledge_bases.selected([name]):
            session.knowledge_base(name)
    return names


command = declared(
    search,
    'ctibutler search "credential dumping"',
    "ctibutler search cwe79",
    'ctibutler search "prompt injection" --kb atlas --json',
)
