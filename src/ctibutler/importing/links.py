"""Creates the links between knowledge bases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ctibutler.catalog import link_sets, releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.link_sets import Link
from ctibutler.catalog.releases import Release
from ctibutler.errors import NotFound
from ctibutler.importing.link_rules import RULES, FoundLink
from ctibutler.importing.progress import REPORT_EVERY, Progress, no_progress
from ctibutler.knowledge_bases import KnowledgeBases, release_labels
from ctibutler.knowledge_bases.links import LinkMode
from ctibutler.stix.objects import instant
from ctibutler.stix.times import now

Finish = Callable[[Connection, Sequence[str]], None]
"""Called within the transaction that creates the links, with sentences for whoever requested them."""


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """Which links to create.

    `version` is the label of the owner's release, None the latest. `to_version` is that of the release that the links lead to,
    in the knowledge bases that have it; the latest of the others, and of all for None. `modified_min` and `created_min`
    (microseconds) leave out links from older source objects. With `ignore_embedded`, links get no embedded relationships.
    """

    mode: LinkMode
    version: str | None = None
    ignore_embedded: bool = False
    modified_min: int | None = None
    created_min: int | None = None
    to_version: str | None = None


def make_links(
    database: Database,
    knowledge_bases: KnowledgeBases,
    request: LinkRequest,
    *,
    progress: Progress = no_progress,
    finish: Finish = lambda *_: None,
) -> int:
    """Create the links of a mode, replacing those between the same releases. Returns their number.

    If a knowledge base that the links would lead to is not installed, no links are created, nothing is changed, and the
    reason is passed to `finish`. So are the ids that could not be linked, in the modes that report them.

    Raises NotFound if one of the releases is not installed, or the owner's has no mapping.
    """
    mode = request.mode
    with database.write() as connection:
        owner = _release(connection, mode, request.version)
        others = _others(connection, mode, request.to_version)
        missing = [slug for slug in mode.others if slug not in {other.knowledge_base for other in others}]
        if missing:
            finish(connection, [_no_links(mode, missing)])
            return 0
        others.sort(key=lambda other: mode.others.index(other.knowledge_base))
        found = RULES[mode.name](connection, knowledge_bases, owner, others)
        wanted = [link for link in found.links if _in_time(link.source.properties, request)]
        _replace(connection, request, owner, others, wanted, progress)
        releases.raise_revision(connection)
        finish(connection, found.sentences)
        return len(wanted)


def _replace(
    connection: Connection,
    request: LinkRequest,
    owner: Release,
    others: Sequence[Release],
    links: Sequence[FoundLink],
    progress: Progress,
) -> None:
    """Store these links in place of the earlier ones between the owner's release and each of the others."""
    made_at = now()
    done = 0
    for other in others:
        rows: list[Link] = []
        for link in links:
            if not link.belongs_to(other, others):
                continue
            if done % REPORT_EVERY == 0:
                progress("link", done, len(links))
            done += 1
            rows += link.rows(owner, embedded=not request.ignore_embedded)
        link_sets.replace(connection, request.mode.name, owner.key, other.key, rows, made_at)
    progress("link", done, len(links))


def _release(connection: Connection, mode: LinkMode, label: str | None) -> Release:
    release = releases.find(connection, mode.owner, label)
    if release is None:
        which = mode.owner if label is None else f"{mode.owner} {release_labels.shown(label)}"
        raise NotFound(f"{mode.name} needs {which}, which is not installed")
    return release


def _others(connection: Connection, mode: LinkMode, label: str | None) -> list[Release]:
    """The releases that the links lead to: of each knowledge base the one with this label, or else the latest."""
    latest = releases.latest(connection, mode.others)
    if label is None:
        return latest
    pinned = {slug: releases.find(connection, slug, label) for slug in mode.others}
    if not any(pinned.values()):
        raise NotFound(
            f"{mode.name} needs {' or '.join(mode.others)} {release_labels.shown(label)}, which is not installed"
        )
    return [pinned[release.knowledge_base] or release for release in latest]


def _no_links(mode: LinkMode, missing: Sequence[str]) -> str:
    verb = "is" if len(missing) == 1 else "are"
    return f"{mode.name}: no links created, because {' and '.join(missing)} {verb} not installed"


def _in_time(properties: Mapping[str, object], request: LinkRequest) -> bool:
    limits = (("modified", request.modified_min), ("created", request.created_min))
    return all(limit is None or (instant(properties, name) or 0) >= limit for name, limit in limits)
