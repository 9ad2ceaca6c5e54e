"""Creates the links between knowledge bases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ctibutler.catalog import link_sets, objects, releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.folding import folded
from ctibutler.catalog.link_sets import Link
from ctibutler.catalog.releases import Release
from ctibutler.catalog.selections import Selection
from ctibutler.errors import MalformedFile, NotFound
from ctibutler.importing.progress import REPORT_EVERY, Progress, no_progress
from ctibutler.knowledge_bases import KnowledgeBases, versions
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.links import ATLAS_ATTACK, CAPEC_ATTACK, CWE_CAPEC, D3FEND_KNOWLEDGE_BASES, LinkMode
from ctibutler.stix import links as stix_links
from ctibutler.stix.objects import decode, instant, is_deprecated, is_revoked
from ctibutler.stix.times import now

Properties = dict[str, Any]
Finish = Callable[[Connection, Sequence[str]], None]
"""Called within the transaction that creates the links, with sentences for whoever requested them."""
_MOST_UNLINKED = 20


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """Which links to create.

    `version` is the label of the owner's release, None the latest. `modified_min` and `created_min` (microseconds) leave
    out links from older source objects. With `ignore_embedded`, links get no embedded relationships.
    """

    mode: LinkMode
    version: str | None = None
    ignore_embedded: bool = False
    modified_min: int | None = None
    created_min: int | None = None


@dataclass(frozen=True, slots=True)
class _End:
    """A possible end of a link, and the release that contains it."""

    properties: Properties
    release: Release


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

    Raises NotFound if the owner's release is not installed or has no mapping.
    """
    mode = request.mode
    with database.write() as connection:
        owner = _release(connection, mode, request.version)
        others = releases.latest(connection, mode.others)
        missing = [slug for slug in mode.others if slug not in {other.knowledge_base for other in others}]
        if missing:
            finish(connection, [_no_links(mode, missing)])
            return 0
        others.sort(key=lambda other: mode.others.index(other.knowledge_base))
        found = _RULES[mode.name](connection, knowledge_bases, owner, others)
        wanted = [link for link in found.links if _in_time(link.source.properties, request)]
        moment = now()
        done = 0
        for other in others:
            rows: list[Link] = []
            for link in wanted:
                if not link.belongs_to(other, others):
                    continue
                if done % REPORT_EVERY == 0:
                    progress("link", done, len(wanted))
                done += 1
                rows += link.rows(owner, embedded=not request.ignore_embedded)
            link_sets.replace(connection, mode.name, owner.key, other.key, rows, moment)
        progress("link", done, len(wanted))
        releases.raise_revision(connection)
        finish(connection, found.sentences)
        return len(wanted)


@dataclass(frozen=True, slots=True)
class _Made:
    """A link and its two ends."""

    properties: Properties
    source: _End
    target: _End

    def belongs_to(self, other: Release, others: Iterable[Release]) -> bool:
        """Whether the link belongs to this release: the first of `others` that one of its ends is in."""
        touched = {self.source.release.key, self.target.release.key}
        return next((release.key for release in others if release.key in touched), None) == other.key

    def rows(self, owner: Release, *, embedded: bool) -> Iterator[Link]:
        """The row of the link, and the rows of its embedded relationships, which are in the owner's release."""
        yield Link.of(self.properties, self.source.release.key, self.target.release.key)
        if embedded:
            for relationship in stix_links.embedded_relationships(self.properties):
                yield Link.of(relationship, owner.key, owner.key, embedded=True)


@dataclass(frozen=True, slots=True)
class _Found:
    """The links of a mode, with sentences about what cannot be linked."""

    links: list[_Made]
    sentences: list[str] = field(default_factory=list)


_Rule = Callable[[Connection, KnowledgeBases, Release, list[Release]], _Found]
"""Finds the links from the owner's release to the releases of the others."""


@dataclass(frozen=True, slots=True)
class _ByReferences:
    """The rule of a mode whose source objects refer to their targets by external ids.

    `types` holds pairs of a source type and a target type. With `reports_unlinked`, ids without a live target are reported.
    """

    types: tuple[tuple[str, str], ...]
    named: Callable[[Properties], list[str]]
    link: Callable[[Properties, Properties], Properties]
    reports_unlinked: bool = False

    def __call__(
        self, connection: Connection, knowledge_bases: KnowledgeBases, owner: Release, others: list[Release]
    ) -> _Found:
        other = others[0]
        kb = knowledge_bases.named(other.knowledge_base)
        links: list[_Made] = []
        unlinked: list[str] = []
        for source_type, target_type in self.types:
            targets = _live(connection, kb, other, target_type)
            missed: list[tuple[str, str]] = []
            for source in _objects(connection, owner, source_type):
                for external_id in self.named(source.properties):
                    target = targets.get(folded(external_id))
                    if target:
                        links.append(_Made(self.link(source.properties, target.properties), source, target))
                    else:
                        missed.append((stix_links.external_id(source.properties), external_id))
            if missed and self.reports_unlinked:
                states = _states(kb, _objects(connection, other, target_type))
                unlinked += [
                    f"{source_id} → {name} ({states.get(folded(name), 'missing')})" for source_id, name in missed
                ]
        return _Found(links, [_not_linked(owner, other, unlinked)] if unlinked else [])


def _states(kb: KnowledgeBase, ends: Iterable[_End]) -> dict[str, str]:
    """The state (`revoked` or `deprecated`) by primary id in lower case. If two objects share an id, revoked wins."""
    states: dict[str, str] = {}
    for end in ends:
        key = folded(kb.primary_id(end.properties) or "")
        if is_revoked(end.properties):
            states[key] = "revoked"
        elif is_deprecated(end.properties):
            states.setdefault(key, "deprecated")
    return states


def _not_linked(owner: Release, other: Release, unlinked: Sequence[str]) -> str:
    shown = ", ".join(unlinked[:_MOST_UNLINKED])
    more = f" and {len(unlinked) - _MOST_UNLINKED} more" if len(unlinked) > _MOST_UNLINKED else ""
    return (
        f"links created, but {owner.knowledge_base} {owner.label} also refers to objects of {other.knowledge_base}"
        f" {other.label} that cannot be linked: {shown}{more}"
    )


def _d3fend(connection: Connection, knowledge_bases: KnowledgeBases, owner: Release, others: list[Release]) -> _Found:
    attack, cwe = others
    ends: dict[str, _End] = {}
    for name, release, stix_type, form in (
        (cwe.knowledge_base, cwe, "weakness", "cwe-"),
        (attack.knowledge_base, attack, "course-of-action", "m"),
        (attack.knowledge_base, attack, "attack-pattern", "t"),
    ):
        live = _live(connection, knowledge_bases.named(name), release, stix_type)
        ends |= {f"d3f:{external_id}": end for external_id, end in live.items() if external_id.startswith(form)}
    # The mapping identifies D3FEND's own objects by their first external id.
    for stix_type in ("indicator", "course-of-action", "x-mitre-matrix", "x-mitre-tactic"):
        ends |= {stix_links.external_id(end.properties).lower(): end for end in _objects(connection, owner, stix_type)}
    links: dict[str, _Made] = {}
    for entry in _mapping(connection, owner):
        source, target = ends.get(entry["source"].lower()), ends.get(entry["target"].lower())
        if source and target:
            link = stix_links.d3fend_link(source.properties, target.properties, entry["type"])
            links.setdefault(link["id"], _Made(link, source, target))
    return _Found(list(links.values()))


_RULES: dict[str, _Rule] = {
    CAPEC_ATTACK.name: _ByReferences(
        (("attack-pattern", "attack-pattern"),), stix_links.attack_ids, stix_links.capec_attack
    ),
    CWE_CAPEC.name: _ByReferences((("weakness", "attack-pattern"),), stix_links.capec_ids, stix_links.cwe_capec),
    D3FEND_KNOWLEDGE_BASES.name: _d3fend,
    ATLAS_ATTACK.name: _ByReferences(
        tuple((name, name) for name in ("x-mitre-tactic", "attack-pattern", "course-of-action")),
        stix_links.attack_ids,
        stix_links.atlas_attack,
        reports_unlinked=True,
    ),
}


def _mapping(connection: Connection, owner: Release) -> list[dict[str, str]]:
    stored = releases.mapping(connection, owner.key)
    if stored is None:
        raise NotFound(
            f"{owner.knowledge_base} {owner.label} was installed without its mapping to other knowledge bases"
            " (external-relationships.json), so it cannot be linked"
        )
    return msgspec.json.decode(stored, type=list[dict[str, str]])


def check_mapping(content: bytes, file_name: str) -> None:
    """Raises MalformedFile if this is not a list of relations, each with a source, target and type."""
    try:
        entries = msgspec.json.decode(content, type=list[dict[str, str | None]])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as failure:
        raise MalformedFile(f"{file_name}: expected a list of relations: {str(failure)[:200]}") from None
    for place, entry in enumerate(entries):
        for name in ("source", "target", "type"):
            if not entry.get(name):
                raise MalformedFile(f"{file_name}: [{place}].{name}: expected text, found nothing")


def _release(connection: Connection, mode: LinkMode, label: str | None) -> Release:
    release = releases.find(connection, mode.owner, label)
    if release is None:
        which = mode.owner if label is None else f"{mode.owner} {versions.shown(label)}"
        raise NotFound(f"{mode.name} needs {which}, which is not installed")
    return release


def _no_links(mode: LinkMode, missing: Sequence[str]) -> str:
    verb = "is" if len(missing) == 1 else "are"
    return f"{mode.name}: no links created, because {' and '.join(missing)} {verb} not installed"


def _objects(connection: Connection, release: Release, stix_type: str) -> list[_End]:
    selection = Selection(releases=[release.key], types=[stix_type], listed_only=False)
    keys = objects.select_all(connection, selection)
    return [_End(decode(content), release) for content in objects.contents(connection, keys)]


def _live(connection: Connection, kb: KnowledgeBase, release: Release, stix_type: str) -> dict[str, _End]:
    """The objects of this type that are neither revoked nor deprecated, by primary id in lower case.

    If two objects have the same id, the one with the lower STIX id is used: the order is reversed so that it comes last.
    """
    selection = Selection(
        releases=[release.key],
        types=[stix_type],
        listed_only=False,
        include_revoked=False,
        include_deprecated=False,
    )
    keys = objects.select_all(connection, selection)
    ends = [_End(decode(content), release) for content in reversed(objects.contents(connection, keys))]
    return {folded(kb.primary_id(end.properties) or ""): end for end in ends}


def _in_time(properties: Mapping[str, object], request: LinkRequest) -> bool:
    limits = (("modified", request.modified_min), ("created", request.created_min))
    return all(limit is None or (instant(properties, name) or 0) >= limit for name, limit in limits)
