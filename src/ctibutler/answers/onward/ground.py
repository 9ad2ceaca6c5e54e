"""Where paths lead in pinned releases: objects, the declared relations between them, and the link sets that are missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ctibutler.answers.library import Library
from ctibutler.answers.naming import installed_release
from ctibutler.catalog import link_sets, objects, releases, walks
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import Release
from ctibutler.catalog.selections import Selection
from ctibutler.catalog.walks import Hop, Living, Node
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.kinds import kinds_named
from ctibutler.knowledge_bases.links import LinkMode, mode_named
from ctibutler.knowledge_bases.places import Place, Relation, relations_of
from ctibutler.knowledge_bases.questions import Step
from ctibutler.knowledge_bases.relations import Widening

Reached = Mapping[Node, Sequence[Hop]]
"""What one object leads to along one relation, each with the relationships that say so."""


@dataclass(frozen=True, slots=True)
class MissingLinks:
    """Links that were not made between two releases. A label is None where no release is installed."""

    mode: LinkMode
    owner: str | None
    other: str | None
    knowledge_base: str


class Ground:
    """The relations between the objects of one release of each knowledge base, read when they are needed and kept.

    `versions` are labels of releases, None for the latest. Raises NotFound if such a release is not installed. Knowledge bases
    of one family that share a label are pinned together, and one of them has to be installed: ATT&CK 14.1 may be there for ICS
    alone.
    """

    def __init__(
        self, library: Library, connection: Connection, versions: Mapping[str, str | None], living: Living
    ) -> None:
        self.connection = connection
        self.knowledge_bases = library.knowledge_bases
        self.relations = relations_of(library.knowledge_bases.all)
        self._leading: dict[tuple[Place, bool], list[Relation]] = {}
        for relation in self.relations:
            self._leading.setdefault((relation.of, True), []).append(relation)
            self._leading.setdefault((relation.to, False), []).append(relation)
        self.places: dict[Node, Place] = {}
        self.objects: dict[Node, int] = {}
        self._versions = versions
        self._living = living
        self._adjacencies = library.adjacencies
        self._releases: dict[str, Release | None] = {}
        self._latest_read = False
        self._by_key: dict[int, Release] = {}
        self._taken: dict[tuple[Relation, bool], dict[Node, dict[Node, list[Hop]]]] = {}
        self._made: dict[tuple[LinkMode, int, int], int | None] = {}
        self._missing: dict[MissingLinks, None] = {}
        self._require_pinned()

    def _require_pinned(self) -> None:
        pinned: dict[tuple[str, str], list[KnowledgeBase]] = {}
        for slug, label in self._versions.items():
            if label is not None:
                kb = self.knowledge_bases.named(slug)
                pinned.setdefault((kb.family or slug, label), []).append(kb)
        for together in pinned.values():
            if not any(self.release(kb.slug) for kb in together):
                self.installed(together[0])

    @property
    def missing(self) -> list[MissingLinks]:
        """The links that would have been followed if they had been made."""
        return list(self._missing)

    def installed(self, kb: KnowledgeBase) -> Release:
        """Return the pinned release of a knowledge base.

        Raises NotFound if it is not installed.
        """
        return self.release(kb.slug) or installed_release(self.connection, kb, self._label(kb.slug))

    def release(self, slug: str) -> Release | None:
        """Return the pinned release of a knowledge base, None if it is not installed."""
        if self._label(slug) is None and not self._latest_read:
            self._latest_read = True
            for latest in releases.latest(self.connection):
                if self._label(latest.knowledge_base) is None:
                    self._pin(latest.knowledge_base, latest)
        if slug not in self._releases:
            label = self._label(slug)
            self._pin(slug, None if label is None else releases.find(self.connection, slug, label))
        return self._releases[slug]

    def _pin(self, slug: str, release: Release | None) -> None:
        self._releases[slug] = release
        if release is not None:
            self._by_key[release.key] = release

    def release_of(self, node: Node) -> Release:
        """Return the release that holds an object."""
        return self._by_key[node[0]]

    def from_place(self, place: Place, *, onward: bool, widen: Widening) -> list[Relation]:
        """Return the relations that lead from a place in one direction, and those that widen as asked."""
        return [
            relation
            for relation in self._leading.get((place, onward), ())
            if relation.declared.widens in ("none", widen)
        ]

    def take(self, relation: Relation, nodes: Iterable[Node], *, onward: bool) -> Mapping[Node, Reached]:
        """Return what each of these objects leads to along a relation."""
        known = self._taken.setdefault((relation, onward), {})
        missing = [node for node in nodes if node not in known]
        if missing:
            known.update((node, {}) for node in missing)
            self._fetch(relation, missing, known, onward=onward)
        return known

    def all_at(self, place: Place) -> list[Node]:
        """Return all live objects of a place, none if no release of its knowledge base is installed."""
        release = self.release(place.knowledge_base)
        if release is None:
            return []
        kb = self.knowledge_bases.named(place.knowledge_base)
        kinds = kinds_named(kb, place.stop.kinds)
        selection = Selection(
            releases=[release.key],
            types=sorted({name for kind in kinds for name in kind.types}),
            listed_only=False,
            include_revoked=self._living.include_revoked,
            include_deprecated=self._living.include_deprecated,
        )
        nodes = walks.nodes_of(self.connection, release, objects.select_all(self.connection, selection))
        self.objects.update((node, key) for key, node in nodes.items())
        self.places.update((node, place) for node in nodes.values())
        return list(dict.fromkeys(nodes.values()))

    def _fetch(
        self, relation: Relation, nodes: Sequence[Node], known: Mapping[Node, dict[Node, list[Hop]]], *, onward: bool
    ) -> None:
        step, there = (relation.onward, relation.to) if onward else (relation.back, relation.of)
        here = self.release_of(nodes[0])
        far = self.release(there.knowledge_base)
        if step.family == "link" and not self._is_linked(step, here, far, there):
            return
        kinds = kinds_named(self.knowledge_bases.named(there.knowledge_base), step.kinds)
        found = self._adjacencies.take(
            self.connection,
            step,
            here,
            [node[1] for node in nodes],
            kinds,
            self._living,
            far_release=far if step.family == "link" else None,
            read=False,
        )
        for hop, object_place in found:
            if hop.far == hop.near:
                continue
            known[hop.near].setdefault(hop.far, []).append(hop)
            self.places[hop.far] = there
            self.objects[hop.far] = object_place.object_key

    def _is_linked(self, step: Step, here: Release, far: Release | None, there: Place) -> bool:
        mode = mode_named(step.mode)
        assert mode is not None
        owner, other = (here, far) if here.knowledge_base == mode.owner else (far, here)
        if owner is not None and other is not None and self.made_at(mode, owner, other) is not None:
            return True
        other_slug = there.knowledge_base if owner is here else here.knowledge_base
        self._missing[
            MissingLinks(
                mode, None if owner is None else owner.label, None if other is None else other.label, other_slug
            )
        ] = None
        return False

    def made_at(self, mode: LinkMode, owner: Release, other: Release) -> int | None:
        """Return when the links of a mode between these releases were made, None if they were not."""
        mark = (mode, owner.key, other.key)
        if mark not in self._made:
            self._made[mark] = link_sets.made_at(self.connection, mode.name, owner.key, other.key)
        return self._made[mark]

    def _label(self, slug: str) -> str | None:
        return self._versions.get(slug)
