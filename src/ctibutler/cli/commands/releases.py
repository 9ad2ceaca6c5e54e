"""The commands about releases: `versions`, `remove`, `changes`, `export`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
import typer

from ctibutler.answers.pages import Sort
from ctibutler.cli.options import JsonOption, PageOption, PageSizeOption, examples, words
from ctibutler.cli.output import text as output
from ctibutler.cli.output.text import Column
from ctibutler.cli.session import session_of
from ctibutler.cli.targets import read_installed, read_release
from ctibutler.errors import InvalidRequest

_KINDS = ("added", "modified", "removed", "revoked", "deprecated")


class ExportFormat(StrEnum):
    """What an export is written as."""

    STIX = "stix"
    ARANGODB = "arangodb"


def add_commands(app: typer.Typer) -> None:
    """Put the commands of this group in."""
    app.command("versions", epilog=examples("ctibutler versions", "ctibutler versions cwe --json"))(releases)
    app.command(epilog=examples("ctibutler remove cwe@4.15", "ctibutler remove attack-ics@16.0 attack-ics@16.1"))(
        remove
    )
    app.command(
        epilog=examples(
            "ctibutler changes attack-enterprise 17.1 18.1",
            "ctibutler changes attack-enterprise 17.1 18.1 --change revoked --type attack-pattern",
            "ctibutler changes cwe 4.14 latest --json",
        )
    )(changes)
    app.command(
        epilog=examples(
            "ctibutler export attack-enterprise@18.1 -o enterprise.json",
            "ctibutler export cwe@4.14 --format arangodb -o FOLDER",
        )
    )(export)


def releases(
    context: typer.Context,
    kb: Annotated[str | None, typer.Argument(metavar="KB", help="One knowledge base. Default: all of them.")] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask the sources now, however lately they were.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show which releases are installed and available.

    Also where each came from, or can be had; of one knowledge base also when, its digest and what read it. The sources
    are asked when that was never done, or long ago (CTIBUTLER_OFFER_REFRESH_HOURS).
    """
    from ctibutler.answers.releases import available, installed
    from ctibutler.cli.offering import refresh_offers

    session = session_of(context)
    asked = [session.knowledge_base(kb)] if kb is not None else list(session.knowledge_bases.all)
    with session.library() as library:
        for sentence in refresh_offers(library, session.settings, now=refresh):
            output.note(sentence)
        held = {
            item.slug: {
                "latest": installed(library, item)["latest"],
                "releases": available(library, item, True, session.settings.sources_of(item.sources)),
            }
            for item in asked
        }
    if as_json:
        output.write_json(held)
        return
    rows = [
        _row(slug, found["latest"], release)
        for slug, found in held.items()
        for release in cast("list[Mapping[str, Any]]", found["releases"])
    ]
    columns = [
        Column("KNOWLEDGE BASE"),
        Column("RELEASE"),
        Column("STATE"),
        Column("SIZE", right=True),
        Column("SOURCE", wide=True),
    ]
    output.write_table(columns, rows)
    if kb is not None:
        _write_origins(held)
    empty = [slug for slug, found in held.items() if not found["releases"]]
    if empty:
        output.note(f"nothing installed or known to be available: {', '.join(empty)}")


def _row(slug: str, latest: object, release: Mapping[str, Any]) -> list[str]:
    state = "latest" if release["version"] == latest else "installed" if release["installed"] else "available"
    return [slug, release["version"], state, output.size_text(release["size"]), str(release["source"] or "")]


def _write_origins(held: Mapping[str, Mapping[str, Any]]) -> None:
    """Where each installed release came from, below the table."""
    for slug, found in held.items():
        for release in found["releases"]:
            if release["origin"] is not None:
                output.line()
                output.line(f"{slug} {release['version']}")
                for name, value in _origin(release["origin"]).items():
                    output.line(f"  {name:<9}{output.printable(value)}")


def _origin(origin: Mapping[str, Any]) -> dict[str, str]:
    first = origin["mirrored_from"] or origin
    facts = {
        "from": first["location"],
        "through": origin["location"] if first is not origin else None,
        "fetched": (first["fetched_at"] or "")[:19].replace("T", " "),
        "SHA-256": first["sha256"],
        "read by": f"{first['converter']} {first['converter_version'] or ''}" if first["converter"] else None,
    }
    return {name: str(value).strip() for name, value in facts.items() if value}


def remove(
    context: typer.Context,
    targets: Annotated[
        list[str], typer.Argument(metavar="KB@RELEASE", help="Releases, such as cwe@4.15.", show_default=False)
    ],
) -> None:
    """Remove releases, with the links from and to them."""
    from ctibutler.importing.removal import remove_release

    session = session_of(context)
    asked = [read_release(session, text) for text in targets]
    with session.library() as library:
        for target in asked:
            report = remove_release(library.database, target.kb, str(target.label))
            output.line(f"{target}: {report.removed:,} objects removed, {report.kept:,} are in other releases too")


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


def export(
    context: typer.Context,
    target: Annotated[
        str, typer.Argument(metavar="KB[@RELEASE]", help="What to export. Default: the latest installed release.")
    ],
    to: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write, for ArangoDB the folder.")
    ],
    form: Annotated[
        ExportFormat,
        typer.Option("--format", help="A STIX 2.1 bundle, or the lines that ArangoDB's import tool takes."),
    ] = ExportFormat.STIX,
    derived: Annotated[
        bool, typer.Option("--derived", help="Put the relationships that we made in the bundle too.")
    ] = False,
) -> None:
    """Write a release as a STIX bundle, or for ArangoDB."""
    from ctibutler.cli.output.exports import export_arangodb, export_bundle

    session = session_of(context)
    asked = read_installed(session, target)
    if derived and form is ExportFormat.ARANGODB:
        raise InvalidRequest(
            "--derived: is for a STIX bundle; collections for ArangoDB have these relationships anyway"
        )
    with session.library() as library:
        if form is ExportFormat.STIX:
            written = export_bundle(library, asked, to, include_derived=derived)
        else:
            written = export_arangodb(library, asked, to)
    for path, size in written:
        output.line(f"{path}  {output.size_text(size)}")
