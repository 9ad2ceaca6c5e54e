"""Which entity of the platform an object would become.

OpenCTI finds an entity by any of its ids: its own id, every STIX id that it ever came with, and an id made from each
alias as if the alias were the name. An object that has one of those ids becomes that entity, whatever its name.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from connector import identifiers
from connector.aliases import fold
from connector.platform import Platform, PlatformEntity
from connector.stix import StixObject

_CHUNK = 200
"""Objects in one question. Each has up to a dozen ids and names."""

_ENTITY_TYPES = {
    "attack-pattern": "Attack-Pattern",
    "campaign": "Campaign",
    "course-of-action": "Course-Of-Action",
    "intrusion-set": "Intrusion-Set",
    "malware": "Malware",
    "tool": "Tool",
    "vulnerability": "Vulnerability",
    "x-mitre-data-component": "Data-Component",
    "x-mitre-data-source": "Data-Source",
}
_IDENTITY_TYPES = {"class": "Sector", "system": "System", "individual": "Individual"}


def entity_type(item: StixObject) -> str | None:
    """OpenCTI's name for the type of an object; None for types that are not matched (relationships, markings)."""
    if item["type"] == "identity":
        return _IDENTITY_TYPES.get(item.get("identity_class", ""), "Organization")
    if item["type"] == "location":
        return str(item["x_opencti_location_type"])
    return _ENTITY_TYPES.get(item["type"])


@dataclass(frozen=True, slots=True)
class Match:
    """An object, and the entities that OpenCTI would take for it."""

    item: StixObject
    entities: tuple[PlatformEntity, ...]

    @property
    def entity(self) -> PlatformEntity | None:
        """The entity that the object becomes; None if it becomes a new one."""
        if not self.entities:
            return None
        standard_id = identifiers.standard_id(self.item)
        own = (entity for entity in self.entities if entity.standard_id == standard_id)
        return next(own, self.entities[0])

    @property
    def renames(self) -> bool:
        """Whether the entity would get another name."""
        return self.entity is not None and fold(self.entity.name) != fold(
            self.item["name"]
        )

    @property
    def revokes(self) -> bool:
        """Whether a live entity would be revoked."""
        return (
            self.entity is not None
            and bool(self.item.get("revoked"))
            and not self.entity.revoked
        )

    @property
    def merges(self) -> bool:
        """Whether several entities answer to the object."""
        return len(self.entities) > 1


def match(platform: Platform, items: Iterable[StixObject]) -> dict[str, Match]:
    """The entities that OpenCTI has for these objects, by the id that is sent."""
    found: dict[str, Match] = {}
    by_type: dict[str, list[StixObject]] = {}
    for item in items:
        kind = entity_type(item)
        if kind is not None and "name" in item:
            by_type.setdefault(kind, []).append(item)
    for kind, group in by_type.items():
        for chunk in _chunks(group):
            known = _by_id(
                platform.entities([kind], _all_ids(chunk), _all_names(chunk)), chunk[0]
            )
            for item in chunk:
                entities = {
                    entity.id: entity
                    for one in _ids(item)
                    for entity in known.get(one, ())
                }
                found[item["id"]] = Match(item, tuple(entities.values()))
    return found


def _chunks(items: Sequence[StixObject]) -> Iterator[Sequence[StixObject]]:
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))


def _by_id(
    entities: Iterable[PlatformEntity], like: StixObject
) -> Mapping[str, list[PlatformEntity]]:
    """Entities by each id that the platform finds them by. `like` is an object of their type."""
    found: dict[str, list[PlatformEntity]] = {}
    for entity in entities:
        alias_ids = [] if entity.x_mitre_id else _alias_ids(entity, like)
        for one in {*entity.ids, *alias_ids}:
            found.setdefault(one, []).append(entity)
    return found


def _alias_ids(entity: PlatformEntity, like: StixObject) -> list[str]:
    kept = {key: value for key, value in like.items() if key != "x_mitre_id"}
    return [
        identifiers.standard_id({**kept, "name": alias}) for alias in entity.aliases
    ]


def _ids(item: StixObject) -> list[str]:
    return [identifiers.standard_id(item), item["id"], *identifiers.alias_ids(item)]


def _all_ids(items: Iterable[StixObject]) -> list[str]:
    return [one for item in items for one in _ids(item)]


def _all_names(items: Iterable[StixObject]) -> list[str]:
    keys = ("aliases", "x_opencti_aliases")
    return [
        name
        for item in items
        for name in (
            item["name"],
            *(alias for key in keys for alias in item.get(key) or ()),
        )
    ]
