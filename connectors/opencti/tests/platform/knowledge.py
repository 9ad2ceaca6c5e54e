"""What the stand-in of OpenCTI knows, and the platform's rules about it.

Written from what the platform documents and does, not from the connector's own tables: the two must not share an error.
"""

import uuid
from collections import Counter
from dataclasses import dataclass, field
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

# Types of entities without aliases of their own in an identity: an alias of a technique never joins two techniques.
_NUMBERED = ("Attack-Pattern", "Course-Of-Action")

_REQUIRED = {"Malware": ("name", "is_family"), "Grouping": ("name", "context", "objects"), "Location": ("name", "type")}
_REFERENCES = ("createdBy", "objectMarking", "dataSource", "objects")
_INTERNAL = ("objectLabel", "killChainPhases", "externalReferences")
_LISTS = ("aliases", "x_opencti_aliases", "x_mitre_platforms", "objectMarking", "objects", *_INTERNAL)
_NOT_STORED = ("stix_id", "update", "customFieldValues", "x_opencti_stix_ids", "upsertOperations")


class Refused(Exception):
    """The platform does not take an object, now or ever."""

    def __init__(self, name: str, message: str, **data: Any) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.data = data


def missing(ids: list[str]) -> Refused:
    """A reference to something unknown: the worker tries again, it may be on its way."""
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

    def answer(self) -> dict[str, Any]:
        parents = ["Basic-Object", "Stix-Object", "Stix-Core-Object", "Stix-Domain-Object"]
        return {
            "id": self.id,
            "standard_id": self.standard_id,
            "entity_type": self.entity_type,
            "parent_types": parents,
            "observables": [],
        }


class Knowledge:
    """Entities, relationships, and the small things that both refer to."""

    def __init__(self) -> None:
        self.entities: dict[str, Entity] = {}
        self.relationships: dict[str, Entity] = {}
        self.small: dict[str, dict[str, Any]] = {}
        """Labels, phases, external references and vocabularies, by internal id."""
        self.incidents: list[str] = []
        """What the platform would do without complaint, and nobody wants."""
        self.writes: Counter[str] = Counter()
        self._by_any_id: dict[str, Entity] = {}
        for stix_id, name in TLP.items():
            self._keep(
                self.entities, Entity(str(uuid.uuid4()), "Marking-Definition", stix_id, {stix_id}, {"name": name})
            )

    # reading

    def find(self, any_id: str) -> Entity | None:
        return self._by_any_id.get(any_id)

    def of_type(self, *types: str) -> list[Entity]:
        return [entity for entity in self.entities.values() if entity.entity_type in types]

    def counts(self) -> dict[str, int]:
        """Entities by type and relationships by kind; markings that the platform brings along apart."""
        kinds = Counter(entity.entity_type for entity in self.entities.values())
        del kinds["Marking-Definition"]
        kinds.update(entity.values["relationship_type"] for entity in self.relationships.values())
        kinds["Kill-Chain-Phase"] = sum(1 for item in self.small.values() if item["entity_type"] == "Kill-Chain-Phase")
        return {kind: count for kind, count in kinds.items() if count}

    def live(self, *types: str) -> list[Entity]:
        return [entity for entity in self.of_type(*types) if not entity.values.get("revoked")]

    # writing

    def add_small(self, entity_type: str, key: str, values: dict[str, Any]) -> dict[str, Any]:
        """Find or create a label, phase, external reference or vocabulary."""
        item = self.small.setdefault(key, {"id": f"{key}", "entity_type": entity_type})
        item.update({name: value for name, value in values.items() if value is not None})
        return item

    def add_entity(self, entity_type: str, given: dict[str, Any]) -> Entity:
        """Create an entity or add to the one that it is."""
        self.writes[entity_type] += 1
        for key in _REQUIRED.get(entity_type, ("name",)):
            if given.get(key) in (None, ""):
                raise wrong(f"{entity_type} without {key}")
        self._check_references(given)
        standard_id = _standard_id(entity_type, given)
        found = self._found(given, [standard_id])
        by_alias = self._found({}, [_standard_id(entity_type, {**given, "name": alias}) for alias in _aliases(given)])
        if entity_type in _NUMBERED and given.get("x_mitre_id"):
            by_alias = []
        several = list(dict.fromkeys(entity.id for entity in (*found, *by_alias)))
        if len(several) > 1:
            names = sorted(str(self.entities[internal].values["name"]) for internal in several)
            self.incidents.append(f"{entity_type} {given['name']} melts {names}")
        if not several:
            ids = {standard_id, *filter(None, [given.get("stix_id")])}
            ids |= {_standard_id(entity_type, {**given, "name": alias}) for alias in _aliases(given)}
            entity = Entity(str(uuid.uuid4()), entity_type, standard_id, ids)
            self._upsert(entity, given)
            return self._keep(self.entities, entity)
        entity = self.entities[several[0]]
        if entity.entity_type != entity_type:
            raise wrong(f"{given['name']} is a {entity.entity_type} already")
        old, new = str(entity.values["name"]), str(given["name"])
        if not found and old.strip().lower() != new.strip().lower():
            self.incidents.append(f"{entity_type} {old} is renamed {new} through an alias")
        if given.get("revoked") and not entity.values.get("revoked") and given.get("stix_id") not in entity.stix_ids:
            self.incidents.append(f"{entity_type} {old} is revoked by another object, {given.get('stix_id')}")
        self._upsert(entity, given)
        entity.stix_ids |= {standard_id, *filter(None, [given.get("stix_id")])}
        entity.stix_ids |= {_standard_id(entity_type, {**given, "name": alias}) for alias in _aliases(given)}
        return self._keep(self.entities, entity)

    def add_relationship(self, given: dict[str, Any]) -> Entity:
        """Create a relationship or add to the one that it is."""
        kind = given["relationship_type"]
        self.writes[kind] += 1
        self._check_references(given)
        ends = [self.find(given["fromId"]), self.find(given["toId"])]
        lost = [given[key] for key, end in zip(("fromId", "toId"), ends, strict=True) if end is None]
        if lost:
            raise missing(lost)
        source, target = (end for end in ends if end is not None)
        if source.id == target.id:
            raise wrong(f"{kind} from {source.values['name']} to itself")
        pair = (source.entity_type, target.entity_type)
        if kind not in ("related-to", "revoked-by") and kind not in PAIRS.get(pair, ()):
            raise wrong(f"The relationship type {kind} is not allowed between {pair[0]} and {pair[1]}")
        if given.get("start_time") or given.get("stop_time"):
            self.incidents.append(f"{kind} {given['stix_id']} with a date that nobody gave")
        standard_id = f"{kind}+{source.id}+{target.id}+{given.get('start_time')}+{given.get('stop_time')}"
        found = self._found(given, [standard_id])
        if len({entity.id for entity in found}) > 1:
            self.incidents.append(f"{kind} {given['stix_id']} melts two relationships")
        if found:
            entity = found[0]
            if (entity.values["fromId"], entity.values["toId"]) != (source.id, target.id):
                self.incidents.append(f"{kind} {given['stix_id']} has the id of another relationship")
        else:
            entity = Entity(str(uuid.uuid4()), kind, standard_id, set())
        entity.stix_ids |= {standard_id, given["stix_id"]}
        entity.values |= {"relationship_type": kind}
        self._upsert(entity, {key: value for key, value in given.items() if key not in ("fromId", "toId")})
        entity.values |= {"fromId": source.id, "toId": target.id}
        return self._keep(self.relationships, entity)

    def delete(self, any_id: str) -> None:
        """Delete something, and with an entity all its relationships."""
        entity = self.find(any_id)
        if entity is None:
            raise wrong(f"Cannot delete {any_id}: not found")
        self.writes["delete"] += 1
        doomed = [entity]
        if entity.id in self.entities:
            doomed += [
                one for one in self.relationships.values() if entity.id in (one.values["fromId"], one.values["toId"])
            ]
        for one in doomed:
            self.entities.pop(one.id, None)
            self.relationships.pop(one.id, None)
            for known in (one.id, *one.stix_ids):
                self._by_any_id.pop(known, None)

    def _check_references(self, given: dict[str, Any]) -> None:
        wanted = [ref for key in _REFERENCES for ref in _as_list(given.get(key))]
        lost = [ref for ref in wanted if self.find(ref) is None]
        if lost:
            raise missing(lost)
        unknown = [ref for key in _INTERNAL for ref in _as_list(given.get(key)) if ref not in self.small]
        if unknown:
            raise wrong(f"unknown internal id {unknown[0]}")

    def _found(self, given: dict[str, Any], ids: list[str]) -> list[Entity]:
        candidates = [*ids, given.get("stix_id"), *(given.get("x_opencti_stix_ids") or [])]
        found = {entity.id: entity for one in candidates if one and (entity := self.find(one))}
        return list(found.values())

    def _upsert(self, entity: Entity, given: dict[str, Any]) -> None:
        """Single values are replaced, never by empty ones; lists are added to."""
        for key, value in given.items():
            if key in _NOT_STORED or value is None or value == "" or value == []:
                continue
            if key in _LISTS:
                entity.values[key] = list(dict.fromkeys([*entity.values.get(key, []), *_as_list(value)]))
            else:
                entity.values[key] = value

    def _keep(self, where: dict[str, Entity], entity: Entity) -> Entity:
        where[entity.id] = entity
        for known in (entity.id, entity.standard_id, *entity.stix_ids):
            self._by_any_id[known] = entity
        return entity


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _aliases(given: dict[str, Any]) -> list[str]:
    return [*(given.get("aliases") or []), *(given.get("x_opencti_aliases") or [])]


def _standard_id(entity_type: str, given: dict[str, Any]) -> str:
    name = given["name"]
    match entity_type:
        case "Attack-Pattern":
            return str(pycti.AttackPattern.generate_id(name, given.get("x_mitre_id")))
        case "Course-Of-Action":
            return str(pycti.CourseOfAction.generate_id(name, given.get("x_mitre_id")))
        case "Grouping":
            return str(pycti.Grouping.generate_id(name, given["context"], given.get("created")))
        case _:
            return f"{entity_type.lower()}--{name.strip().lower()}"
