"""Embedded references: the properties of an object that name other objects, told as relationships."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from ctibutler.stix.identifiers import embedded_relationship_id, seed_identity_id

CREATED_BY: Final = seed_identity_id("stix2arango")
MARK: Final = {"source_name": "stix2arango", "description": "embedded-relationship"}
"""The external reference by which a client recognises an embedded relationship."""

# An SRO's own two ends are not embedded references.
_ENDS: Final = frozenset(("source_ref", "target_ref"))
_REFERENCE: Final = re.compile(r"([a-z_-]+)[_-]refs?")


def embedded_references(obj: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What an object refers to: (relationship type, STIX id of the target), each pair once, in the object's order.

    A property whose name ends in `_ref` or `_refs` is a reference. Objects in lists are walked too, and the name of
    their list is put in front, unchanged: `x_mitre_contents-object`. An object that is a plain value (`extensions`) and
    a list in a list are not entered. Empty strings name nothing; whether a target exists is not asked.
    """
    found: list[tuple[str, str]] = []
    _collect(obj, "", found)
    return list(dict.fromkeys(found)) if len(found) > 1 else found


def _collect(obj: Mapping[str, Any], path: str, found: list[tuple[str, str]]) -> None:
    for key, value in obj.items():
        name = _referring_name(key)
        if name is None:
            if isinstance(value, list):
                for member in value:
                    if isinstance(member, dict):
                        _collect(member, f"{path}{key}-", found)
        elif isinstance(value, str):
            if value:
                found.append((path + name, value))
        elif isinstance(value, list):
            relationship_type = path + name
            found.extend((relationship_type, target) for target in value if target and isinstance(target, str))


@lru_cache(maxsize=4096)
def _referring_name(key: str) -> str | None:
    """The relationship type of a referring property, without its path; None for any other property."""
    if key in _ENDS:
        return None
    matched = _REFERENCE.fullmatch(key)
    return matched[1].replace("_", "-") if matched else None


def embedded_relationship(source: Mapping[str, Any], relationship_type: str, target: str) -> dict[str, Any]:
    """The SRO of one embedded reference of `source`, which lends it its times and markings where it has them."""
    relationship: dict[str, Any] = {
        "type": "relationship",
        "spec_version": "2.1",
        "id": embedded_relationship_id(relationship_type, source["id"], target),
        "created_by_ref": CREATED_BY,
    }
    relationship.update((name, source[name]) for name in ("created", "modified") if name in source)
    relationship |= {
        "relationship_type": relationship_type,
        "source_ref": source["id"],
        "target_ref": target,
        "external_references": [dict(MARK)],
    }
    if "object_marking_refs" in source:
        relationship["object_marking_refs"] = source["object_marking_refs"]
    return relationship
