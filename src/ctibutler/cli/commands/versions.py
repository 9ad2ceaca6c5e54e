"""The command `versions`: which releases are installed and available."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import click

from ctibutler.cli.completion import candidates
from ctibutler.cli.declaring import argument, declared, option
from ctibutler.cli.options import JsonOption
from ctibutler.cli.output import text as output
from ctibutler.cli.output.tables import Column, write_table
from ctibutler.cli.session import session_of

if TYPE_CHECKING:
    from ctibutler.answers.releases import AvailableRelease, Origin


@dataclass(frozen=True)
class _Held:
    """What is installed of a knowledge base, or can be."""

    latest: str | None
    releases: list[AvailableRelease]


def versions(
    context: click.Context,
    kb: Annotated[str | None, argument("KB", "Show only this knowledge base.", candidates.knowledge_base)] = None,
    refresh: Annotated[
        bool, option("--refresh", help="Ask the sources now, even if they were asked recently.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List installed and available releases.

    For one knowledge base, also shows where each installed release came from. The sources are asked again after
    CTIBUTLER_OFFER_REFRESH_HOURS (24).
    """
    from ctibutler.answers.releases import available, installed
    from ctibutler.forms.json_form import record_as_json
    from ctibutler.importing.offers import problems_of, refresh_offers, refresh_offers_when_due
    from ctibutler.publishers.sources.offers import Sources

    session = session_of(context)
    asked = session.asked(kb)
    with session.library() as library:
        asking = library.database, library.knowledge_bases, Sources(session.settings)
        hours = session.settings.offer_refresh_hours
        report = refresh_offers(*asking) if refresh else refresh_offers_when_due(*asking, hours)
        for sentence in problems_of(report) if report is not None else ():
            output.note(sentence)
        held = {
            item.slug: _Held(
                installed(library, item).latest,
                available(library, item, session.settings.sources_of(item.sources)),
            )
            for item in asked
        }
    if as_json:
        output.write_json(record_as_json(held))
        return
    rows = [_row(slug, found.latest, release) for slug, found in held.items() for release in found.releases]
    columns = [
        Column("KNOWLEDGE BASE"),
        Column("RELEASE"),
        Column("STATE"),
        Column("SIZE", right=True),
        Column("SOURCE"),
    ]
    write_table(columns, rows)
    if kb is not None:
        _write_origins(held)
    empty = [slug for slug, found in held.items() if not found.releases]
    if empty:
        output.note(f"nothing installed or known to be available: {', '.join(empty)}")


def _row(slug: str, latest: str | None, release: AvailableRelease) -> list[str]:
    state = "installed" if release.installed else "available"
    if release.label == latest:
        state += ", latest"
    return [slug, release.label, state, output.size_text(release.size), release.source or ""]


def _write_origins(held: Mapping[str, _Held]) -> None:
    """Print where each installed release came from."""
    for slug, found in held.items():
        for release in found.releases:
            if release.origin is not None:
                output.line()
                output.line(f"{slug} {release.label}")
                for name, value in _origin(release.origin).items():
                    output.line(f"  {name:<9}{output.printable(value)}")


def _origin(origin: Origin) -> dict[str, str]:
    from ctibutler.stix.times import rfc3339

    first = origin.mirrored_from or origin
    facts = {
        "from": first.location,
        "through": origin.location if first is not origin else None,
        "fetched": None if first.fetched_at is None else output.time_text(rfc3339(first.fetched_at)),
        "SHA-256": first.sha256,
        "read by": f"{first.converter} {first.converter_version or ''}" if first.converter else None,
    }
    return {name: value.strip() for name, value in facts.items() if value}


command = declared(versions, "ctibutler versions", "ctibutler versions cwe --json")
