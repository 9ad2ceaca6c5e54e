"""Which objects an identity may see."""

from __future__ import annotations

from typing import Any

from ctibutler.catalog.rows import of_attack_domain
from ctibutler.knowledge_bases.properties import strings
from ctibutler.stix.markings import OPEN_MARKINGS


def visible(properties: dict[str, Any], visible_to: str) -> bool:
    """Return whether this identity may see the object.

    It may if it created the object, or if the object has no creator, no marking, or one that is open to all.
    """
    if properties.get("created_by_ref") in (None, visible_to) or "object_marking_refs" not in properties:
        return True
    marks = strings(properties.get("object_marking_refs"))
    return any(mark in OPEN_MARKINGS for mark in marks) or of_attack_domain(properties)
