"""The command `search`: objects by their words, in all knowledge bases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
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
    from ctibutler.answers.library import Library


_TYPES_ARE_LISTED = "`ctibutler list KB --help` lists the types of a knowledge base"


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
            help=f"Find only these types, such as Group or intrusion-set. {SEVERAL}",
            complete=candidates.several(candidates.object_type),
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
    form: FormatOption = None,
    file: OutputOption = None,
    columns: ColumnsOption = None,
    closure: ClosureOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search all knowledge bases.

    Searches the names, descriptions, ids and aliases in the latest release of each. The best match comes first.
    """
    from ctibutler.answers.search import RELEVANCE, SearchQuery, search_by_relevance
    from ctibutler.answers.tables.object_tables import search_table
    from ctibutler.cli.finding import refuse_absent
    from ctibutler.cli.output.objects import write_objects
    from ctibutler.cli.output.table_files import destination
    from ctibutler.forms.json_form import page_as_json

    session = session_of(context)
    if not text.strip():
        raise InvalidRequest("TEXT: say what to search for")
    names = words(kb)
    asked = _asked(session, names)
    kinds = words(types)
    with session.library() as library:
        refuse_absent(library, asked, None)
        query = SearchQuery(
            text=text,
            types=None if kinds is None else _stix_types(library, asked, kinds),
            knowledge_bases=names,
            include_revoked=include_revoked,
            include_deprecated=include_deprecated,
            show_knowledge_base=True,
            page=session.page(page, page_size),
        )
        to = destination(form, file, as_json=as_json, closure=closure)
        if to.form is not None:
            by_relevance = replace(query, sort=Sort(RELEVANCE, descending=True))
            to.write_table(search_table(library, by_relevance, words(columns)))
            return
        found_page = search_by_relevance(library, query)
        if to.is_json:
            to.write_json(page_as_json(found_page, "objects"))
        else:
            write_objects(session.knowledge_bases, found_page, None)


def _asked(session: Session, names: Sequence[str] | None) -> Sequence[KnowledgeBase]:
    """The knowledge bases of these names and words for groups, such as `attack`; all of them for none.

    Raises InvalidRequest.
    """
    for name in names or ():
        if not session.knowledge_bases.selected([name]):
            session.knowledge_base(name)
    return session.knowledge_bases.selected(names or ()) or session.knowledge_bases.all


def _stix_types(library: Library, kbs: Sequence[KnowledgeBase], asked: Sequence[str]) -> list[str]:
    """The STIX types that were asked for, by themselves or in the words of the knowledge bases.

    Raises InvalidRequest for a word that is neither, and for one that means a part of a type.
    """
    from ctibutler.answers.releases import listed_types

    types = {name: [name] for kb in kbs for name in (*listed_types(library, kb), *(kb.left_out_types or ()))}
    for word in [word for kb in kbs for word in kb.type_words]:
        types.setdefault(word.word.casefold(), []).extend(() if word.subtechnique else word.types)
    for item in asked:
        if item.casefold() not in types:
            raise InvalidRequest(f"--type: no type `{item}`; {hint(item, types, _TYPES_ARE_LISTED)}")
        if not types[item.casefold()]:
            raise InvalidRequest(f"--type: `{item}` is a part of a type, and search finds whole types")
    return list(dict.fromkeys(name for item in asked for name in types[item.casefold()]))


command = declared(
    search,
    'ctibutler search "credential dumping"',
    "ctibutler search cwe79",
    'ctibutler search "prompt injection" --kb atlas --json',
)
