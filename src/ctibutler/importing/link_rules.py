"""The rules by which links between knowledge bases are found, one for each kind of link."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ctibutler.catalog import objects, releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.folding import folded
from ctibutler.catalog.link_sets import Link
from ctibutler.catalog.releases import Release
from ctibutler.catalog.selections import Selection
from ctibutler.errors import MalformedFile, NotFound
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.links import ATLAS_ATTACK, CAPEC_ATTACK, CWE_CAPEC, D3FEND_KNOWLEDGE_BASES
from ctibutler.stix import links as stix_links
from ctibutler.stix.objects import decode, is_deprecated, is_revoked

Properties = dict[str, Any]
_MOST_UNLINKED = 20


@dataclass(frozen=True, slots=True)
class End:
    """A possible end of a link, and the release that contains it."""

    properties: Properties
    release: Release


@dataclass(frozen=True, slots=True)
class FoundLink:
    """A link and its two ends."""

    properties: Properties
    source: End
    target: End

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
class Found:
    """The links of a mode, with sentences about what cannot be linked."""

    links: list[FoundLink]
    sentences: list[str] = field(default_factory=list)


Rule = Callable[[Connection, KnowledgeBases, Release, list[Release]], Found]
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
    ) -> Found:
        other = others[0]
        kb = knowledge_bases.named(other.knowledge_base)
        links: list[FoundLink] = []
        unlinked: list[str] = []
        for source_type, target_type in self.types:
            targets = _live(connection, kb, other, target_type)
            missed: list[tuple[str, str]] = []
            for source in _objects(connection, owner, source_type):
                for external_id in self.named(source.properties):
                    target = targets.get(folded(external_id))
                    if target:
                        links.append(FoundLink(self.link(source.properties, target.properties), source, target))
                    else:
                        missed.append((stix_links.external_id(source.properties), external_id))
            if missed and self.reports_unlinked:
                states = _states(kb, _objects(connection, other, target_type))
                unlinked += [
                    f"{source_id} → {name} ({states.get(folded(name), 'missing')})" for source_id, name in missed
                ]
        return Found(links, [_not_linked(owner, other, unlinked)] if unlinked else [])


def _states(kb: KnowledgeBase, ends: Iterable[End]) -> dict[str, str]:
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


def _d3fend(connection: Connection, knowledge_bases: KnowledgeBases, owner: Release, others: list[Release]) -> Found:
    attack, cwe = others
    ends: dict[str, End] = {}
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
    links: dict[str, FoundLink] = {}
    for entry in _mapping(connection, owner):
        source, target = ends.get(entry["source"].lower()), ends.get(entry["target"].lower())
        if source and target:
            link = stix_links.d3fend_link(source.properties, target.properties, entry["type"])
            links.setdefault(link["id"], FoundLink(link, source, target))
    return Found(list(links.values()))


RULES: dict[str, Rule] = {
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


def _objects(connection: Connection, release: Release, stix_type: str) -> list[End]:
    selection = Selection(releases=[release.key], types=[stix_type], listed_only=False)
    keys = objects.select_all(connection, selection)
    return [End(decode(content), release) for content in objects.contents(connection, keys)]


def _live(connection: Connection, kb: KnowledgeBase, release: Release, stix_type: str) -> dict[str, End]:
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
    ends = [End(decode(content), release) for content in reversed(objects.contents(connection, keys))]
    return {folded(kb.primary_id(end.properties) or ""): end for end in ends}
