"""The command `sources`: where releases come from, and whether these places are still the right ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import click

from ctibutler.cli.completion import candidates
from ctibutler.cli.declaring import argument, declared, option
from ctibutler.cli.options import JsonOption, SourceOption
from ctibutler.cli.output import text as output
from ctibutler.cli.session import session_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctibutler.knowledge_bases.declaration import KnowledgeBase
    from ctibutler.publishers.sources.states import SourceState


def sources(
    context: click.Context,
    kb: Annotated[str | None, argument("KB", "Show only this knowledge base.", candidates.knowledge_base)] = None,
    check: Annotated[bool, option("--check", help="Exit with 1 if any source has a problem.")] = False,
    fetch: Annotated[
        bool, option("--fetch", help="Also fetch and read the newest release of each knowledge base.")
    ] = False,
    source: SourceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show where releases come from, and what is wrong there.

    Asks every source now. Reports places that do not answer, have moved, were archived, list their releases in a form
    that is not known, or are overdue with their next release.
    """
    from ctibutler.publishers.sources.inspection import inspect_newest
    from ctibutler.publishers.sources.offers import Sources

    session = session_of(context)
    asked = session.asked(kb)
    all_sources = Sources(session.settings, only=source)
    states = all_sources.states(asked, datetime.now(UTC).date())
    installed = _installed(context)
    found = []
    for one in asked:
        surprises = inspect_newest(all_sources, one, session.settings) if fetch else []
        own = [state for state in states if state.knowledge_base == one.slug]
        found.append(_described(one, installed.get(one.slug), own, surprises))
    if as_json:
        output.write_json({"knowledge_bases": found})
    else:
        for item in found:
            _write(item)
    if check and any(item["problems"] for item in found):
        raise click.exceptions.Exit(1)


def _installed(context: click.Context) -> dict[str, str]:
    """The latest installed release of each knowledge base."""
    from ctibutler.catalog import releases

    with session_of(context).library() as library, library.database.read() as connection:
        return {release.knowledge_base: release.label for release in releases.latest(connection)}


def _described(
    kb: KnowledgeBase, installed: str | None, states: Sequence[SourceState], surprises: Sequence[str]
) -> dict[str, Any]:
    from ctibutler.updates import condition_of

    problems = [f"{state.source}: {sentence}" for state in states for sentence in state.problems]
    if not states:
        problems.append("no source has a release")
    return {
        "name": kb.slug,
        "installed": installed,
        "sources": [condition_of(state) for state in states],
        "problems": [*problems, *surprises],
    }


def _write(found: dict[str, Any]) -> None:
    """One knowledge base: a line for each of its places, then what is wrong."""
    installed = f"{found['installed']} installed" if found["installed"] else "not installed"
    output.line(f"{found['name']}  {installed}")
    for place in found["sources"]:
        newest, released = place.newest or "-", place.released or "-"
        output.line(f"  {place.source:<9}  {newest:<8}  {released:<10}  {place.location}")
    for sentence in found["problems"]:
        output.line(f"  ! {output.printable(sentence)}")


command = declared(
    sources,
    "ctibutler sources",
    "ctibutler sources atlas",
    "ctibutler sources --fetch --check",
    "ctibutler sources --json",
)
