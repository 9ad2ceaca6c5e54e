"""Embedded references: properties of an object that refer to other objects, and the relationships made from them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ctibutler.stix.identifiers import embedded_relationship_id, seed_identity_id

CREATED_BY: Final = seed_identity_id("stix2arango")
MARK: Final = {"source_name": "stix2arango", "description": "embedded-relationship"}
"""The external reference by which clients recognise an embedded relationship."""

# The two ends of an SRO are not embedded references.
_ENDS: Final = frozenset(("source_ref", "target_ref"))
_REFERENCE: Final = re.compile(r"([a-z_-]+)[_-]refs?")
_MOST_NAMES: Final = 4096


def embedded_references(obj: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The references in an object as unique pairs (relationship type, STIX id of the target), in the object's order.

    A property whose name ends in `_ref` or `_refs` is a reference. Objects inside lists are searched too, with the name of
    the list as prefix: `x_mitre_contents-object`. Objects that are the value of a property (`extensions`) and nested lists
    are not searched. Empty strings are ignored. Targets need not exist.
    """
    found: list[tuple[str, str]] = []
    _collect(obj, "", found)
    return list(dict.fromkeys(found)) if len(found) > 1 else found


def _collect(obj: Mapping[str, Any], path: str, found: list[tuple[str, str]]) -> None:
    for key, value in obj.items():
        name = _NAMES[key]
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


class _Names(dict[str, str | None]):
    """The relationship type of a reference property, without its path; None for other properties.

    Each name is matched once: an import asks for 500,000.
    """

    def __missing__(self, key: str) -> str | None:
        matched = None if key in _ENDS else _REFERENCE.fullmatch(key)
        name = matched[1].replace("_", "-") if matched else None
        if len(self) < _MOST_NAMES:
            self[key] = name
        return name


_NAMES: Final = _Names()


def embedded_relationship(source: Mapping[str, Any], relationship_type: str, target: str) -> dict[str, Any]:
    """The SRO for one embedded reference of `source`, with the times and markings of `source` if it has them."""
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
