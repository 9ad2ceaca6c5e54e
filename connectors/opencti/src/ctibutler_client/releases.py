"""A release of a knowledge base, as the server returns it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

StixObject = dict[str, Any]

_STORAGE_NOTE = "embedded-relationship"
_LINK_MARKING = "marking-definition--2e51a631-99d8-52a5-95a6-8314d3f4fbf3"
"""The marking of relationships that the server derives. No publisher uses it."""


@dataclass(slots=True)
class Release:
    """The publisher's objects of one release, and the cross-links that the server derived."""

    knowledge_base: str
    version: str
    objects: list[StixObject]
    """Verbatim, without exact duplicates."""
    links: list[StixObject] = field(default_factory=list)


def sort_out(knowledge_base: str, version: str, items: Iterable[StixObject]) -> Release:
    """Separate the publisher's objects from derived ones, and drop exact duplicates."""
    release = Release(knowledge_base, version, [])
    seen: dict[str, list[StixObject]] = {}
    for item in items:
        family = _family(item)
        if family == "embedded":
            continue
        copies = seen.setdefault(item["id"], [])
        if item in copies:
            continue
        copies.append(item)
        (release.links if family == "link" else release.objects).append(item)
    return release


def _family(item: StixObject) -> str:
    """`published`, `link`, or `embedded` for a relationship that repeats a property of an object."""
    if item["type"] != "relationship":
        return "published"
    note: StixObject = next(iter(item.get("external_references") or ()), {})
    ends = {item["source_ref"].split("--")[0], item["target_ref"].split("--")[0]}
    if note.get("description") == _STORAGE_NOTE or ends & {
        "relationship",
        "marking-definition",
    }:
        return "embedded"
    if _LINK_MARKING not in (item.get("object_marking_refs") or ()):
        return "published"
    return (
        "embedded"
        if item["target_ref"].startswith(("x-mitre-tactic--", "identity--"))
        else "link"
    )
