"""What the stand-in of OpenCTI knows, and the platform's rules about it.

Written from the platform's source, not from the connector's own tables: the two must not share a mistake.
"""

import itertools
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pycti

TLP = {
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": "TLP:CLEAR",
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": "TLP:GREEN",
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": "TLP:AMBER",
    "marking-definition--826578e1-40ad-459f-bc73-ede076f81f37": "TLP:AMBER+STRICT",
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "TLP:RED",
}

ALLOWED = """
Attack-Pattern > Attack-Pattern: subtechnique-of derived-from
Attack-Pattern > Malware: uses delivers
Attack-Pattern > Tool: uses
Attack-Pattern > Vulnerability Sector Organization Country Region: targets
Course-Of-Action > Attack-Pattern Tool: mitigates
Course-Of-Action > Course-Of-Action: derived-from
Course-Of-Action > Malware Vulnerability: mitigates remediates
Course-Of-Action > Indicator: investigates mitigates
Malware > Attack-Pattern: uses
Malware > Malware: uses controls downloads drops variant-of derived-from
Malware > Tool: uses downloads drops
Malware > Intrusion-Set: authored-by
Malware > Vulnerability: exploits targets
Malware > Sector Organization: targets
Malware > Country Region: targets originates-from
Tool > Attack-Pattern: uses
Tool > Malware: delivers drops
Tool > Tool: derived-from
Tool > Vulnerability: has targets
Tool > Sector Organization Country Region: targets
Intrusion-Set > Attack-Pattern Malware Tool: uses
Intrusion-Set > Intrusion-Set: derived-from part-of
Intrusion-Set > Campaign: attributed-to
Intrusion-Set > Vulnerability Sector Organization: targets
Intrusion-Set > Country Region: targets originates-from
Campaign > Attack-Pattern Malware Tool: uses
Campaign > Intrusion-Set: attributed-to
Campaign > Campaign: derived-from
Campaign > Vulnerability Sector Organization: targets
Campaign > Country Region: targets originates-from
Data-Component > Attack-Pattern: detects
Vulnerability > Vulnerability: derived-from
Sector > Sector: part-of derived-from
Organization > Sector Organization: part-of
Sector > Country Region: located-at
Country > Region: located-at
Region > Region: located-at
Country > Country: derived-from
"""


def _allowed_pairs() -> dict[tuple[str, str], set[str]]:
    pairs: dict[tuple[str, str], set[str]] = {}
    for line in ALLOWED.strip().splitlines():
        ends, types = line.split(": ")
        source, targets = ends.split(" > ")
        for target in targets.split():
            pairs.setdefault((source, target), set()).update(types.split())
    return pairs


PAIRS = _allowed_pairs()

_REQUIRED = {
    "Malware": ("name", "is_family"),
    "Grouping": ("name", "context", "objects"),
}
_REFERENCES = ("createdBy", "objectMarking", "dataSource", "objects")
_INTERNAL = ("objectLabel", "killChainPhases", "externalReferences")
_LISTS = (
    "aliases",
    "x_opencti_aliases",
    "x_mitre_platforms",
    "malware_types",
    "tool_types",
    "collection_layers",
    "objectMarking",
    "objects",
    *_INTERNAL,
)
_ALWAYS_ADDED = ("objectLabel", "externalReferences")
"""What is added to an entity whatever the confidence of the user."""
_NOT_STORED = (
    "stix_id",
    "update",
    "customFieldValues",
    "x_opencti_stix_ids",
    "upsertOperations",
    "confidence",
    "fromId",
    "toId",
    "type",
)
_SHORTEST_NAME = 2
_SAME_TIME = timedelta(days=30)
"""Two relationships of one type between the same ends are one if their dates are closer than this."""


class Refused(Exception):
    """The platform does not accept an object."""

    def __init__(self, name: str, message: str, **data: Any) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.data = data


def missing(ids: list[str]) -> Refused:
    """A reference to an unknown object. The worker tries again, because the object may be on its way."""
    return Refused("MISSING_REFERENCE_ERROR", "Element(s) not found", unresolvedIds=ids)


def wrong(message: str) -> Refused:
    """Something that will not be right later either."""
    return Refused("FUNCTIONAL_ERROR", message)


@dataclass(slots=True)
class Entity:
    """One entity or relationship."""

    id: str
    entity_type: str
    standard_id: str
    stix_ids: set[str]
    values: dict[str, Any] = field(default_factory=dict)
    confidence: int = 0
    number: int = field(default_factory=itertools.count().__next__)
    """Grows with each entity: the older one has the smaller number."""

    @property
    def ids(self) -> set[str]:
        """Every id that the platform finds it by."""
        return {
            self.id,
            self.standard_id,
            *self.stix_ids,
            *_alias_ids(self.entity_type, self.values),
        }


class Knowledge:
    """Entities, relationships, and the small things that both refer to."""

    def __init__(self) -> None:
        self.entities: dict[str, Entity] = {}
        self.relationships: dict[str, Entity] = {}
        self.small: dict[str, dict[str, Any]] = {}
        """Labels, phases, external references and vocabularies by internal id."""
        self.incidents: list[str] = []
        """What the platform does without an error, although nobody wants it."""
        self.writes: Counter[str] = Counter()
        self.user_confidence = 100
        """The maximum confidence level of the user that writes."""
        self._by_any_id: dict[str, dict[str, Entity]] = {}
        self._by_ends: dict[tuple[str, str, str], dict[str, Entity]] = {}
        """Relationships by type, source and target."""
        for stix_id, name in TLP.items():
            self._keep(
                self.entities,
                Entity(
                    str(uuid.uuid4()),
                    "Marking-Definition",
                    stix_id,
                    set(),
                    {"name": name},
                ),
            )

    # reading

    def find(self, any_id: str) -> Entity | None:
        return next(iter(self._by_any_id.get(any_id, {}).values()), None)

    def of_type(self, *types: str) -> list[Entity]:
        return [
            entity for entity in self.entities.values() if entity.entity_type in types
        ]

    def named(self, entity_type: str, name: str) -> Entity:
        """The one entity with this name."""
        (found,) = (
            entity
            for entity in self.of_type(entity_type)
            if entity.values["name"] == name
        )
        return found

    def counts(self) -> dict[str, int]:
        """Entities by type and relationships by kind, without the markings that the platform brings along."""
        kinds = Counter(entity.entity_type for entity in self.entities.values())
        del kinds["Marking-Definition"]
        kinds.update(
            entity.values["relationship_type"] for entity in self.relationships.values()
        )
        kinds["Kill-Chain-Phase"] = sum(
            1
            for item in self.small.values()
            if item["entity_type"] == "Kill-Chain-Phase"
        )
        return {kind: count for kind, count in kinds.items() if count}

    def phases(self, chain: str) -> dict[str, int]:
        """The order of each phase of a kill chain."""
        return {
            item["phase_name"]: item["x_opencti_order"]
            for item in self.small.values()
            if item["entity_type"] == "Kill-Chain-Phase"
            and item["kill_chain_name"] == chain
        }

    def words(self, category: str) -> set[str]:
        """The words of a vocabulary."""
        return {
            item["name"]
            for item in self.small.values()
            if item.get("category") == category
        }

    # writing

    def add_small(
        self,
        entity_type: str,
        key: str,
        values: dict[str, Any],
        changeable: Iterable[str] = (),
    ) -> dict[str, Any]:
        """Find or create a label, phase, external reference or vocabulary word. Only some fields can change later."""
        given = {name: value for name, value in values.items() if value is not None}
        item = self.small.setdefault(
            key, {"id": key, "standard_id": key, "entity_type": entity_type, **given}
        )
        item.update({name: given[name] for name in changeable if name in given})
        return item

    def add_entity(self, entity_type: str, given: dict[str, Any]) -> Entity:
        """Create an entity, or update the one that it is."""
        self.writes[entity_type] += 1
        _check_required(entity_type, given)
        self._check_references(given)
        standard_id = standard_id_of(entity_type, given)
        found = self._found(entity_type, given, standard_id)
        if not found:
            entity = Entity(
                str(uuid.uuid4()),
                entity_type,
                standard_id,
                set(),
                confidence=self._confidence(given),
            )
            self._add_stix_ids(entity, given)
            self._set(entity, given, matching=True, upper=True)
            return self._keep(self.entities, entity)
        entity = found[0]
        if len(found) > 1:
            names = sorted(str(one.values["name"]) for one in found)
            self.incidents.append(f"{entity_type} {given['name']} merges {names}")
            entity, given = self._resolve(found, standard_id, given)
        self._note_surprises(entity, given)
        self._upsert(entity, given)
        return self._keep(self.entities, entity)

    def add_relationship(self, given: dict[str, Any]) -> Entity:
        """Create a relationship, or update the one that it is."""
        kind = given["relationship_type"]
        self.writes[kind] += 1
        self._check_references(given)
        source, target = self._ends(given)
        if source.id == target.id:
            raise wrong(f"{kind} from {source.values['name']} to itself")
        pair = (source.entity_type, target.entity_type)
        if kind not in ("related-to", "revoked-by") and kind not in PAIRS.get(pair, ()):
            raise wrong(
                f"The relationship type {kind} is not allowed between {pair[0]} and {pair[1]}"
            )
        standard_id = _relationship_id(kind, source, target, given)
        entity = self._present_relationship(kind, source, target, given, standard_id)
        if entity is None:
            entity = Entity(
                str(uuid.uuid4()),
                kind,
                standard_id,
                set(),
                confidence=self._confidence(given),
            )
            entity.values |= {
                "relationship_type": kind,
                "fromId": source.id,
                "toId": target.id,
            }
            self._add_stix_ids(entity, given)
            self._set(entity, given, matching=True, upper=True)
            return self._keep(self.relationships, entity)
        if (entity.values["fromId"], entity.values["toId"]) != (source.id, target.id):
            self.incidents.append(
                f"{kind} {given['stix_id']} has the id of another relationship"
            )
        author = given.get("createdBy")
        if (
            author
            and entity.values.get("createdBy")
            and self.find(author) is not self.find(entity.values["createdBy"])
        ):
            self.incidents.append(
                f"{kind} {given['stix_id']} writes over the relationship of another author"
            )
        self._upsert(entity, given)
        return self._keep(self.relationships, entity)

    def delete(self, any_id: str) -> None:
        """Delete something, and with an entity all its relationships."""
        entity = self.find(any_id)
        if entity is None:
            raise wrong(f"Cannot delete {any_id}: not found")
        self.writes["delete"] += 1
        self._remove(entity)
        for one in list(self.relationships.values()):
            if entity.id in (one.values["fromId"], one.values["toId"]):
                self._remove(one)

    # finding what an object is

    def _found(
        self, entity_type: str, given: dict[str, Any], standard_id: str
    ) -> list[Entity]:
        """The entities that answer to any id of the object, aliases among them; the oldest first."""
        ids = [
            standard_id,
            given.get("stix_id"),
            *(given.get("x_opencti_stix_ids") or ()),
        ]
        ids += _alias_ids(entity_type, given)
        found = {
            entity.id: entity
            for one in ids
            for entity in self._by_any_id.get(one or "", {}).values()
            if entity.entity_type == entity_type
        }
        return sorted(found.values(), key=lambda entity: entity.number)

    def _resolve(
        self, found: list[Entity], standard_id: str, given: dict[str, Any]
    ) -> tuple[Entity, dict[str, Any]]:
        """Which of several entities the object is, and what of it is left for that one."""
        own = next((one for one in found if one.standard_id == standard_id), None)
        if own is None:
            return found[0], given
        by_stix_id = next(
            (
                one
                for one in found
                if given.get("stix_id") in {one.standard_id, *one.stix_ids}
            ),
            None,
        )
        if by_stix_id is not None and by_stix_id is not own:
            self._merge(own, by_stix_id)
        others = [one for one in found if one is not own and one.id in self.entities]
        taken = {
            _fold(name)
            for one in others
            for name in (one.values["name"], *_aliases(one.values))
        }
        rest = dict(given)
        for key in ("aliases", "x_opencti_aliases"):
            if given.get(key):
                rest[key] = [alias for alias in given[key] if _fold(alias) not in taken]
        return own, rest

    def _merge(self, target: Entity, source: Entity) -> None:
        for relation in list(self.relationships.values()):
            if source.id in (relation.values["fromId"], relation.values["toId"]):
                self._by_ends[_type_and_ends(relation)].pop(relation.id)
                for end in ("fromId", "toId"):
                    if relation.values[end] == source.id:
                        relation.values[end] = target.id
                self._keep(self.relationships, relation)
        stix_ids = {source.standard_id, *source.stix_ids}
        names = [source.values["name"], *_aliases(source.values)]
        self._remove(source)
        target.stix_ids |= stix_ids
        key = "aliases" if "aliases" in target.values else "x_opencti_aliases"
        target.values[key] = list(dict.fromkeys([*target.values.get(key, []), *names]))
        self._keep(self.entities, target)

    def _present_relationship(
        self,
        kind: str,
        source: Entity,
        target: Entity,
        given: dict[str, Any],
        standard_id: str,
    ) -> Entity | None:
        """The oldest relationship that has one of the ids, or the same type and ends at about the same time."""
        ids = {
            standard_id,
            given.get("stix_id"),
            *(given.get("x_opencti_stix_ids") or ()),
        }
        found = [
            one
            for known in ids
            for one in self._by_any_id.get(known or "", {}).values()
        ]
        found = [one for one in found if one.id in self.relationships]
        found += [
            one
            for one in self._by_ends.get((kind, source.id, target.id), {}).values()
            if all(
                _same_time(given.get(key), one.values.get(key))
                for key in ("start_time", "stop_time")
            )
        ]
        return min(found, key=lambda one: one.number, default=None)

    def _ends(self, given: dict[str, Any]) -> tuple[Entity, Entity]:
        ends = [self.find(given["fromId"]), self.find(given["toId"])]
        lost = [
            given[key]
            for key, end in zip(("fromId", "toId"), ends, strict=True)
            if end is None
        ]
        if lost:
            raise missing(lost)
        source, target = (end for end in ends if end is not None)
        return source, target

    # changing what is there

    def _confidence(self, given: dict[str, Any]) -> int:
        asked = given.get("confidence")
        return min(self.user_confidence, 100 if asked is None else int(asked))

    def _upsert(self, entity: Entity, given: dict[str, Any]) -> None:
        level = self._confidence(given)
        self._add_stix_ids(entity, given)
        self._set(
            entity,
            given,
            matching=level >= entity.confidence,
            upper=level > entity.confidence,
        )
        entity.confidence = max(entity.confidence, level)

    def _set(
        self, entity: Entity, given: dict[str, Any], matching: bool, upper: bool
    ) -> None:
        """Set values: empty ones never erase, lists are added to, and too low a confidence only fills gaps."""
        before = entity.values.get("name")
        for key, value in given.items():
            if key in _NOT_STORED or value is None or value in ("", []):
                continue
            is_empty = entity.values.get(key) in (None, "", [])
            if key == "createdBy":
                if is_empty or upper:
                    entity.values[key] = value
            elif key in _LISTS:
                if is_empty or matching or key in _ALWAYS_ADDED:
                    entity.values[key] = list(
                        dict.fromkeys(
                            [*(entity.values.get(key) or []), *_as_list(value)]
                        )
                    )
            elif is_empty or matching:
                entity.values[key] = value
        if before and _fold(entity.values["name"]) != _fold(before):
            entity.stix_ids.add(entity.standard_id)
            entity.standard_id = standard_id_of(entity.entity_type, entity.values)

    def _add_stix_ids(self, entity: Entity, given: dict[str, Any]) -> None:
        entity.stix_ids |= {
            one
            for one in (given.get("stix_id"), *(given.get("x_opencti_stix_ids") or ()))
            if one
        }
        entity.stix_ids.discard(entity.standard_id)

    def _note_surprises(self, entity: Entity, given: dict[str, Any]) -> None:
        old, new = str(entity.values["name"]), str(given["name"])
        if (
            given.get("stix_id") in entity.stix_ids
            or standard_id_of(entity.entity_type, given) == entity.standard_id
        ):
            return
        if _fold(old) != _fold(new):
            self.incidents.append(
                f"{entity.entity_type} {old} is renamed {new} through an alias"
            )
        if given.get("revoked") and not entity.values.get("revoked"):
            self.incidents.append(
                f"{entity.entity_type} {old} is revoked by another object, {given.get('stix_id')}"
            )

    def _check_references(self, given: dict[str, Any]) -> None:
        wanted = [ref for key in _REFERENCES for ref in _as_list(given.get(key))]
        lost = [ref for ref in wanted if self.find(ref) is None]
        if lost:
            raise missing(lost)
        unknown = [
            ref
            for key in _INTERNAL
            for ref in _as_list(given.get(key))
            if ref not in self.small
        ]
        if unknown:
            raise wrong(f"unknown internal id {unknown[0]}")

    def _keep(self, where: dict[str, Entity], entity: Entity) -> Entity:
        where[entity.id] = entity
        for known in entity.ids:
            self._by_any_id.setdefault(known, {})[entity.id] = entity
        if where is self.relationships:
            self._by_ends.setdefault(_type_and_ends(entity), {})[entity.id] = entity
        return entity

    def _remove(self, entity: Entity) -> None:
        self.entities.pop(entity.id, None)
        if self.relationships.pop(entity.id, None):
            self._by_ends[_type_and_ends(entity)].pop(entity.id)
        for found in self._by_any_id.values():
            found.pop(entity.id, None)


def _type_and_ends(relation: Entity) -> tuple[str, str, str]:
    return (relation.entity_type, relation.values["fromId"], relation.values["toId"])


def standard_id_of(entity_type: str, given: dict[str, Any]) -> str:
    """The platform's own id of an entity."""
    name = given["name"]
    match entity_type:
        case "Attack-Pattern":
            return str(pycti.AttackPattern.generate_id(name, given.get("x_mitre_id")))
        case "Course-Of-Action":
            return str(pycti.CourseOfAction.generate_id(name, given.get("x_mitre_id")))
        case "Grouping":
            return str(
                pycti.Grouping.generate_id(name, given["context"], given.get("created"))
            )
        case "Intrusion-Set":
            return str(pycti.IntrusionSet.generate_id(name))
        case "Campaign":
            return str(pycti.Campaign.generate_id(name))
        case "Malware":
            return str(pycti.Malware.generate_id(name))
        case "Tool":
            return str(pycti.Tool.generate_id(name))
        case "Vulnerability":
            return str(pycti.Vulnerability.generate_id(name))
        case "Data-Source":
            return str(pycti.DataSource.generate_id(name))
        case "Data-Component":
            return str(pycti.DataComponent.generate_id(name))
        case "Organization" | "Individual" | "System":
            return str(pycti.Identity.generate_id(name, entity_type.lower()))
        case "Sector":
            return str(pycti.Identity.generate_id(name, "class"))
        case "Country" | "Region" | "City" | "Administrative-Area" | "Position":
            return str(pycti.Location.generate_id(name, entity_type))
        case _:
            return f"{entity_type.lower()}--{_fold(name)}"


def _relationship_id(
    kind: str, source: Entity, target: Entity, given: dict[str, Any]
) -> str:
    dates = (given.get("start_time"), given.get("stop_time"))
    return str(
        pycti.StixCoreRelationship.generate_id(
            kind, source.standard_id, target.standard_id, *dates
        )
    )


def _check_required(entity_type: str, given: dict[str, Any]) -> None:
    for key in _REQUIRED.get(entity_type, ("name",)):
        if given.get(key) in (None, ""):
            raise wrong(f"{entity_type} without {key}")
    if len(given["name"].strip()) < _SHORTEST_NAME:
        raise wrong(f"{entity_type} {given['name']!r}: the name is too short")


def _alias_ids(entity_type: str, values: dict[str, Any]) -> list[str]:
    """An alias stands for the entity as if it were its name, unless a number does."""
    if values.get("x_mitre_id"):
        return []
    return [
        standard_id_of(entity_type, {**values, "name": alias})
        for alias in _aliases(values)
    ]


def _aliases(values: dict[str, Any]) -> list[str]:
    return [*(values.get("aliases") or []), *(values.get("x_opencti_aliases") or [])]


def _same_time(given: str | None, present: str | None) -> bool:
    """A relationship without a date is like any other; one with a date is like those close to it."""
    if given is None:
        return True
    if present is None:
        return False
    dates = (
        datetime.fromisoformat(one.replace("Z", "+00:00")) for one in (given, present)
    )
    one, other = dates
    return abs(one - other) < _SAME_TIME


def _fold(name: str) -> str:
    return name.strip().lower()


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
