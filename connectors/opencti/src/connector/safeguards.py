"""Keeps what is on the platform from harm: what would rename, revoke, merge or overwrite somebody else's work.

Asked before anything is sent, for the objects that are about to be sent.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from connector.aliases import fold
from connector.delta import relationship_key
from connector.matching import Match, entity_type, match
from connector.platform import Platform, PlatformRelationship
from connector.stix import StixObject

SINGLE_PARENT = frozenset({"located-at", "part-of"})
"""A place or a sector has one parent. A second one would put it into every list twice."""


@dataclass(slots=True)
class Checked:
    """What may be sent, and what is held back."""

    objects: list[StixObject] = field(default_factory=list)
    held_back: Counter[str] = field(default_factory=Counter)
    at_risk: list[str] = field(default_factory=list)
    """Sentences for the log about entities that stand for two of our objects."""
    matches: Mapping[str, Match] = field(default_factory=dict)
    """What OpenCTI has for each object that was checked."""

    def renamed(self) -> list[tuple[str, str]]:
        """The old and the new name of each entity that gets another one."""
        pairs = (
            (self.matches.get(item["id"]), item)
            for item in self.objects
            if "name" in item
        )
        return [
            (match.entity.name, item["name"])
            for match, item in pairs
            if match and match.entity and fold(match.entity.name) != fold(item["name"])
        ]


def check(
    platform: Platform,
    objects: Sequence[StixObject],
    known: Mapping[str, StixObject],
    keep_names: bool,
) -> Checked:
    """Hold back what would do harm.

    `known` are all objects of the release by the id that is sent: the ends of relationships, and live objects that
    share an entity with one of `objects`. `keep_names` keeps name and parent of the platform's locations and sectors.
    """
    checker = _Checker(platform, known, keep_names)
    return checker.check(objects)


class _Checker:
    def __init__(
        self, platform: Platform, known: Mapping[str, StixObject], keep_names: bool
    ) -> None:
        self._platform = platform
        self._known = known
        self._keep_names = keep_names
        self._result = Checked()

    def check(self, objects: Sequence[StixObject]) -> Checked:
        entities = [
            item
            for item in objects
            if entity_type(item) and "opencti_operation" not in item
        ]
        self._result.matches = match(self._platform, entities)
        shared = self._shared(entities)
        kept = [item for item in objects if item["id"] not in shared]
        kept = [self._with_platform_name(item) for item in kept]
        self._result.objects = self._without_foreign(kept, shared)
        return self._result

    # entities that stand for two of our objects

    def _shared(self, entities: Iterable[StixObject]) -> set[str]:
        """The ids of objects that OpenCTI would take for the entity of another one.

        Connectors that merge by alias leave such entities behind. Each object that is sent to one renames it, and a
        revoked one revokes it. Only the object whose name the entity has may go there.
        """
        claims: dict[str, list[StixObject]] = {}
        for item in entities:
            found = self._result.matches.get(item["id"])
            if found and found.entity:
                claims.setdefault(found.entity.id, []).append(item)
        held: set[str] = set()
        for items in claims.values():
            if len(items) > 1:
                held |= self._held_back(items)
        return held

    def _held_back(self, items: Sequence[StixObject]) -> set[str]:
        found = self._result.matches[items[0]["id"]].entity
        assert found is not None  # `items` claim it
        named = [item for item in items if not self._result.matches[item["id"]].renames]
        live = [item for item in items if not item.get("revoked")]
        keeper = (named or live or items)[0]
        others = [item for item in items if item is not keeper]
        names = ", ".join(
            f"{item['name']} ({'revoked' if item.get('revoked') else 'live'})"
            for item in items
        )
        self._result.at_risk.append(
            f"{found.type} {found.name} stands for {names}. Only {keeper['name']} is sent; "
            "split the entity by hand and reset the connector to import the others"
        )
        self._result.held_back["shares an entity with another object"] += len(others)
        return {item["id"] for item in others}

    # locations and sectors that the platform has

    def _with_platform_name(self, item: StixObject) -> StixObject:
        if not self._keep_names or not _is_reference_data(item):
            return item
        found = self._result.matches.get(item["id"])
        if found is None or found.entity is None or not found.renames:
            return item
        self._result.held_back["name: OpenCTI keeps its own"] += 1
        return {**item, "name": found.entity.name}

    # relationships of somebody else

    def _without_foreign(
        self, objects: Sequence[StixObject], shared: set[str]
    ) -> list[StixObject]:
        """Everything but relationships that somebody else has made, and those between two names of one entity."""
        relationships = [item for item in objects if item["type"] == "relationship"]
        if not relationships:
            return list(objects)
        foreign = _Foreign(self._foreign_relationships(relationships))
        kept = []
        for item in objects:
            reason = (
                self._reason_against(item, foreign, shared)
                if item["type"] == "relationship"
                else None
            )
            if reason:
                self._result.held_back[f"relationship: {reason}"] += 1
            else:
                kept.append(item)
        return kept

    def _reason_against(
        self, item: StixObject, foreign: "_Foreign", shared: set[str]
    ) -> str | None:
        if (
            shared & {item["source_ref"], item["target_ref"]}
            and item.get("relationship_type") == "revoked-by"
        ):
            return "both ends share an entity"
        kind, source, target = relationship_key(item)
        sources, targets = self._ids_of(source), self._ids_of(target)
        if kind in SINGLE_PARENT and self._keep_names:
            return (
                "OpenCTI has another parent"
                if foreign.has_parent(kind, sources)
                else None
            )
        return "another author has it" if foreign.has(kind, sources, targets) else None

    def _foreign_relationships(
        self, relationships: Iterable[StixObject]
    ) -> list[PlatformRelationship]:
        keys = [relationship_key(item) for item in relationships]
        types = {kind for kind, _, _ in keys}
        ends = [
            {kind for ref in refs if (kind := self._type_of(ref))}
            for refs in zip(*(k[1:] for k in keys), strict=True)
        ]
        return self._platform.relationships(
            types, ends[0], ends[1], not_by=self._authors()
        )

    def _type_of(self, ref: str) -> str | None:
        item = self._known.get(ref)
        return entity_type(item) if item else None

    def _ids_of(self, ref: str) -> frozenset[str]:
        found = self._result.matches.get(ref)
        own = frozenset({ref})
        return own | found.entity.ids if found and found.entity else own

    def _authors(self) -> set[str]:
        """The platform's ids of our authors."""
        refs = {item.get("created_by_ref") for item in self._known.values()}
        authors = [
            self._known[ref] for ref in sorted(filter(None, refs)) if ref in self._known
        ]
        return {
            found.entity.id
            for found in match(self._platform, authors).values()
            if found.entity
        }


class _Foreign:
    """Relationships of other authors, by their ends."""

    def __init__(self, relationships: Iterable[PlatformRelationship]) -> None:
        self._pairs: set[tuple[str, str, str]] = set()
        self._sources: set[tuple[str, str]] = set()
        for one in relationships:
            self._sources |= {(one.type, source) for source in one.source}
            self._pairs |= {
                (one.type, source, target)
                for source in one.source
                for target in one.target
            }

    def has(self, kind: str, sources: Iterable[str], targets: Iterable[str]) -> bool:
        wanted = list(targets)
        return any(
            (kind, source, target) in self._pairs
            for source in sources
            for target in wanted
        )

    def has_parent(self, kind: str, sources: Iterable[str]) -> bool:
        return any((kind, source) in self._sources for source in sources)


def _is_reference_data(item: StixObject) -> bool:
    return item["type"] == "location" or entity_type(item) == "Sector"
