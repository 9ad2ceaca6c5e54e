"""What the evidence of an answer says: what a path leads through, and what is said about it."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping

from ctibutler.answers.asking.question_records import Evidence
from ctibutler.stix.objects import text

Relationships = Mapping[str, Mapping[str, object]]
"""STIX id → properties of the relationships that answers name."""


def through(path: Evidence, relationships: Relationships) -> list[str]:
    """Return the ids of the objects at which the relationships of a path meet."""
    ends = [_ends(relationships[name]) for name in path.path]
    return [shared for one, other in itertools.pairwise(ends) for shared in sorted(one & other)[:1]]


def starts_of(path: Evidence, relationships: Relationships, starts: Collection[str]) -> list[str]:
    """Return which of these objects a path begins at."""
    return sorted(_ends(relationships[path.path[0]]) & set(starts)) if path.path else []


def said(path: Evidence, relationships: Relationships) -> str | None:
    """Return the description of the last relationship of a path that has one, as published."""
    described = (text(relationships[name], "description") for name in reversed(path.path))
    return next((description for description in described if description), None)


def _ends(relationship: Mapping[str, object]) -> set[str]:
    return {text(relationship, end) or "" for end in ("source_ref", "target_ref")}
