"""The command `changes`: what differs from one release to another."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from ctibutler.answers.pages import Sort
from ctibutler.cli.options import JsonOption, PageOption, PageSizeOption, declared, words
from ctibutler.cli.output import text as output
from ctibutler.cli.output.text import Column
from ctibutler.cli.session import session_of
from ctibutler.errors import InvalidRequest

_KINDS = ("added", "modified", "removed", "revoked", "deprecated")


def changes(
    context: typer.Context,
    kb: Annotated[str, typer.Argument(metavar="KB", help="The knowledge base.")],
    since: Annotated[str, typer.Argument(metavar="FROM", help="The release to start from, such as 17.1.")],
    release: Annotated[str, typer.Argument(metavar="TO", help="The release to compare with it, or `latest`.")],
    change: Annotated[
        list[str] | None,
        typer.Option("--change", metavar="WORD", help=f"Only these: {', '.join(_KINDS)}. Several with commas."),
    ] = None,
    types: Annotated[
        list[str] | None, typer.Option("--type", metavar="TYPE", help="Only these STIX types. Several with commas.")
    ] = None,
    objects: Annotated[
        bool, typer.Option("--objects", help="With --json: print each object as it was and as it is.")
    ] = False,
    page: PageOption = 1,
    page_size: PageSizeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what changed from one release to another.

    Each object that differs is added, modified, removed, revoked or deprecated.
    """
    from ctibutler.answers.changes import ChangesQuery
    from ctibutler.answers.changes import changes as compared

    session = session_of(context)
    known = session.knowledge_base(kb)
    kinds = words(change)
    wrong = [kind for kind in kinds or () if kind.lower() not in _KINDS]
    if wrong:
        raise InvalidRequest(f"--change: `{wrong[0]}` is none of {', '.join(_KINDS)}")
    query = ChangesQuery(
        since=since,
        change=None if kinds is None else [kind.lower() for kind in kinds],
        types=words(types),
        include_objects=objects and as_json,
        page=session.page(page, page_size),
        sort=Sort("id"),
    )
    with session.library() as library:
        found = compared(library, known, release, query)
    if as_json:
        facts = {
            "knowledge_base": found.knowledge_base,
            "version": found.version,
            "since": found.since,
            "counts": found.counts,
        }
        output.write_json(output.page_as_json(found.page, "changes", msgspec.json.encode(facts)[1:-1] + b","))
        return
    counts = ", ".join(f"{number:,} {kind}" for kind, number in found.counts.items())
    output.line(output.filled(f"{found.knowledge_base} {found.since} to {found.version}: {counts}"))
    if found.page.items:
        output.line()
    rows = [msgspec.json.decode(item) for item in found.page.items]
    output.write_table(
        [Column("CHANGE"), Column("ID", wide=True), Column("TYPE"), Column("NAME", wide=True)],
        [[row["change"], row.get("external_id") or row["id"], row["type"], row.get("name") or ""] for row in rows],
    )
    output.note(output.page_note(found.page, "changes"))


command = declared(
    changes,
    "ctibutler changes attack-enterprise 17.1 18.1",
    "ctibutler changes attack-enterprise 17.1 18.1 --change revoked --type attack-pattern",
    "ctibutler changes cwe 4.14 latest --json",
)
