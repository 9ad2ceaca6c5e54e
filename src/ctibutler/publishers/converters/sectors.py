"""Creates STIX identities of sectors, and the relationships between sectors and subsectors."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ctibutler.errors import MalformedFile
from ctibutler.publishers.converters.common_properties import common_properties
from ctibutler.publishers.converters.conversion import StixObjects
from ctibutler.stix import seeds
from ctibutler.stix.identifiers import sector_id, sector_relationship_id, seed_marking_definition_id
from ctibutler.stix.markings import TLP_CLEAR

_MARKINGS: Final = (TLP_CLEAR, seed_marking_definition_id("sector2stix"))


@dataclass(frozen=True, slots=True)
class Sector:
    """A sector; `aliases` are its other names."""

    name: str
    description: str
    aliases: tuple[str, ...] = ()


def sector_objects(sectors: Sequence[Sector], subsectors: Sequence[tuple[str, str]]) -> StixObjects:
    """The identities of sectors, and a relationship for each pair of names in `subsectors` (subsector, sector).

    Raises MalformedFile if two sectors have the same name, because they would have the same id.
    """
    for name, count in Counter(sector.name for sector in sectors).items():
        if count > 1:
            raise MalformedFile(f"sectors: {count} sectors are named {name}")
    return [
        seeds.dogesec(),
        seeds.tool_marking_definition("sector2stix"),
        *(_identity(sector) for sector in sectors),
        *(_relationship(child, parent) for child, parent in subsectors),
    ]


def _identity(sector: Sector) -> dict[str, Any]:
    return {
        **_head("identity", sector_id(sector.name)),
        "name": sector.name,
        "description": sector.description,
        "identity_class": "class",
        "object_marking_refs": list(_MARKINGS),
        "external_references": [{"source_name": "sector2stix", "external_id": _slug(sector.name)}],
        # The name is the first alias, so that a search of aliases finds it too.
        "x_opencti_aliases": list(dict.fromkeys((sector.name, *sector.aliases))),
    }


def _relationship(child: str, parent: str) -> dict[str, Any]:
    source_id, target_id = sector_id(child), sector_id(parent)
    return {
        **_head("relationship", sector_relationship_id("part-of", source_id, target_id)),
        "relationship_type": "part-of",
        "description": f"{child} is a subsector of {parent}",
        "source_ref": source_id,
        "target_ref": target_id,
        "object_marking_refs": list(_MARKINGS),
    }


def _head(object_type: str, stix_id: str) -> dict[str, Any]:
    return common_properties(object_type, stix_id, created_by=seeds.DOGESEC, created=seeds.EPOCH, modified=seeds.EPOCH)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
