"""Creates STIX locations from facts about countries. The objects equal upstream's, whatever the source of the facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ctibutler.errors import MalformedFile
from ctibutler.publishers.converters.common_properties import common_properties
from ctibutler.publishers.converters.conversion import StixObjects
from ctibutler.stix import seeds
from ctibutler.stix.identifiers import (
    location_id,
    location_relationship_id,
    seed_identity_id,
    seed_marking_definition_id,
)
from ctibutler.stix.markings import TLP_CLEAR

LEVELS: Final = ("region", "sub-region", "intermediate-region")
"""The names of the levels of regions, from the largest to the smallest."""


@dataclass(frozen=True, slots=True)
class Country:
    """A country with its ISO 3166 codes and its regions."""

    name: str
    alpha_2: str
    alpha_3: str
    numeric: str
    subdivisions: str
    """The part of ISO 3166 that lists its subdivisions, such as `ISO 3166-2:FR`."""
    regions: tuple[str, ...]
    """The region, sub-region and intermediate region, as far as it has them."""


def location_objects(countries: Sequence[Country]) -> StixObjects:
    """Countries, the three levels of regions, and the relationships between them, each once.

    The first country that mentions a region decides which larger region it belongs to.

    Raises MalformedFile if two locations have the same name, because they would have the same id.
    """
    levels: dict[str, str] = {}
    parents: dict[str, str] = {}
    for country in countries:
        for name, level in zip(country.regions, LEVELS, strict=False):
            if levels.setdefault(name, level) != level:
                raise MalformedFile(f"locations: {name} is both {levels[name]} and {level}")
        for name, parent in zip(country.regions[1:], country.regions, strict=False):
            parents.setdefault(name, parent)
    for name, count in Counter([*levels, *(country.name for country in countries)]).items():
        if count > 1:
            raise MalformedFile(f"locations: {count} locations are named {name}")
    return [
        seeds.retired_tool_identity("location2stix"),
        seeds.tool_marking_definition("location2stix"),
        *(_region(name, level) for name, level in levels.items()),
        *(_country(country) for country in countries),
        *(_relationship(name, levels[parent], parent) for name, parent in parents.items()),
        *(_relationship(country.name, levels[name], name) for country in countries for name in country.regions),
    ]


def _country(country: Country) -> dict[str, Any]:
    references = {
        "location2stix": country.alpha_2,
        "type": "country",
        "alpha-2": country.alpha_2,
        "alpha-3": country.alpha_3,
        "iso_3166-2": country.subdivisions,
        "country-code": country.numeric,
    }
    sub_region = country.regions[1] if len(country.regions) > 1 else ""
    return _location(country.name, {"region": _slug(sub_region), "country": country.alpha_2}, references)


def _region(name: str, level: str) -> dict[str, Any]:
    # `…-code` has the name, not the number of the standard, because clients expect the name there.
    return _location(
        name, {"region": _slug(name)}, {"location2stix": _slug(name), f"{level}-code": name, "type": level}
    )


def _location(name: str, place: Mapping[str, str], references: Mapping[str, str]) -> dict[str, Any]:
    return {
        **_head("location", location_id(name)),
        "name": name,
        **place,
        "external_references": [
            {"source_name": source_name, "external_id": external_id} for source_name, external_id in references.items()
        ],
        "object_marking_refs": _markings(),
    }


def _relationship(source: str, relationship_type: str, target: str) -> dict[str, Any]:
    source_id, target_id = location_id(source), location_id(target)
    return {
        **_head("relationship", location_relationship_id(source_id, target_id)),
        "relationship_type": relationship_type,
        "description": f"{source} belongs to the {relationship_type} of {target}",
        "source_ref": source_id,
        "target_ref": target_id,
        "object_marking_refs": _markings(),
    }


def _head(object_type: str, stix_id: str) -> dict[str, Any]:
    return common_properties(
        object_type, stix_id, created_by=seed_identity_id("location2stix"), created=seeds.EPOCH, modified=seeds.EPOCH
    )


def _markings() -> list[str]:
    # In the opposite order to all other converters, as upstream writes them.
    return [seed_marking_definition_id("location2stix"), TLP_CLEAR]


def _slug(name: str) -> str:
    return name.lower().replace(" ", "-").replace("-and-", "-").replace("-the-", "-")
