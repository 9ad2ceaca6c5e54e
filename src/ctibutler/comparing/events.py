"""What happened to one object from one release to the next: a closed list of events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import msgspec
from msgspec import UNSET, UnsetType

from ctibutler.catalog.entries import Entry
from ctibutler.comparing.classes import (
    EDITING,
    PARENTS,
    TELLING,
    ChangeClass,
    ReleaseWide,
    changed_classes,
    has,
    value_of,
    words_of_texts,
)
from ctibutler.comparing.differences import Content
from ctibutler.comparing.tactics import Tactic
from ctibutler.comparing.words import similarity
from ctibutler.knowledge_bases.declaration import KnowledgeBase

EventWord = Literal[
    "added",
    "removed",
    "returned",
    "revived",
    "revoked",
    "deprecated",
    "lost-successor",
    "renumbered",
    "promoted",
    "demoted",
    "moved",
    "renamed",
    "edited",
    "silent",
    "touched",
]
EVENTS: Final[tuple[EventWord, ...]] = get_args(EventWord)
"""What can happen to an object, in the order in which events of one release are told. `silent`: edited under the same
`modified` · `lost-successor`: the release no longer says what a revoked object was replaced by · `touched`: changed in nothing
that matters."""


class NamedObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object by its ids and name. `external_id` is its primary id; all but `stix_id` may be unknown."""

    stix_id: str | None
    external_id: str | None = None
    name: str | None = None


class Successor(NamedObject, frozen=True, kw_only=True):
    """The object that a revoked one was replaced by, and the release that says so."""

    label: str = msgspec.field(name="version")


class ChangedProperty(msgspec.Struct, frozen=True, kw_only=True):
    """A property that changed, and what the change is about."""

    path: str
    change_class: ChangeClass = msgspec.field(name="class")


class EventDetail(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about an event.

    `before` and `after` are names (`renamed`), primary ids (`renumbered`), or those of the parents (`promoted`, `demoted`).
    `lost` and `gained` are tactics (`moved`). `similarity` (0 to 1) is that of the two descriptions. `properties` are those
    that the event is about.
    """

    successors: list[Successor] | UnsetType = UNSET
    before: str | UnsetType | None = UNSET
    after: str | UnsetType | None = UNSET
    lost: list[NamedObject] | UnsetType = UNSET
    gained: list[NamedObject] | UnsetType = UNSET
    similarity: float | UnsetType = UNSET
    properties: list[ChangedProperty] | UnsetType = UNSET


Happening = tuple[EventWord, EventDetail]


@dataclass(frozen=True, slots=True)
class State:
    """An object as one release has it. `parents` are the primary ids, or else STIX ids, of the objects above it."""

    entry: Entry
    content: Content
    parents: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a step depends on besides the object: read when it is needed, since that is seldom.

    `tactics` returns those that the object lost, and gained; `wide` what the release changed for all objects of the type.
    """

    tactics: Callable[[], tuple[Sequence[Tactic], Sequence[Tactic]]]
    wide: Callable[[], ReleaseWide]


def happened(kb: KnowledgeBase, old: State, new: State, around: Surroundings) -> list[Happening]:
    """Return what happened to an object that both releases have, in the order of `EVENTS`, but not whether it was revoked,
    deprecated or revived."""
    before, after = old.entry, new.entry
    classes = classes_of_step(kb, old, new, around)
    found: dict[EventWord, EventDetail] = {}
    if before.found_by != after.found_by:
        found["renumbered"] = EventDetail(before=before.external_id, after=after.external_id)
    if before.type == after.type and before.subtechnique != after.subtechnique:
        word: EventWord = "demoted" if after.subtechnique else "promoted"
        found[word] = EventDetail(before=_joined(old.parents), after=_joined(new.parents))
    phases = kb.tactics.phases if kb.tactics else ""
    lost, gained = around.tactics() if phases in classes else ((), ())
    if lost or gained:
        found["moved"] = EventDetail(lost=_named(lost), gained=_named(gained))
    if (before.name or "") != (after.name or ""):
        found["renamed"] = EventDetail(before=_text(old.content, "name"), after=_text(new.content, "name"))
    told = {"name", "x_mitre_is_subtechnique", phases}
    edited = {name: known for name, known in classes.items() if known in EDITING and name not in told}
    silent = {name: known for name, known in classes.items() if known in TELLING and name != PARENTS}
    if before.modified == after.modified and silent:
        found["silent"] = _with_properties(silent | edited, kb, old, new)
    elif edited:
        found["edited"] = _with_properties(edited, kb, old, new)
    if classes and not found:
        found["touched"] = _with_properties(classes, kb, old, new)
    return [(word, found[word]) for word in EVENTS if word in found]


def classes_of_step(kb: KnowledgeBase, old: State, new: State, around: Surroundings) -> dict[str, ChangeClass]:
    """Return property → class of what differs between two states of an object, its parents among them."""
    found: dict[str, ChangeClass] = {}
    if old.entry.object_key != new.entry.object_key:
        stix_type = old.entry.type
        found = changed_classes(kb, stix_type, old.content, new.content, ReleaseWide())
        if any(known in _PERHAPS_WIDE and _is_wide(name, old, new) for name, known in found.items()):
            found = changed_classes(kb, stix_type, old.content, new.content, around.wide())
    phases = kb.tactics.phases if kb.tactics else ""
    if phases in found and not any(around.tactics()):
        found[phases] = "format"
    if old.parents != new.parents and old.entry.subtechnique == new.entry.subtechnique:
        found[PARENTS] = "place"
    return found


_PERHAPS_WIDE: Final = frozenset(("name", "place", "meaning", "detection", "sources"))


def _is_wide(name: str, old: State, new: State) -> bool:
    """Whether a change may be one that the release made to all objects: of the data model, or of words in lists."""
    if has(old.content, name) != has(new.content, name):
        return True
    return bytes(old.content[name]).startswith(b"[") and bytes(new.content[name]).startswith(b"[")


def _with_properties(classes: Mapping[str, ChangeClass], kb: KnowledgeBase, old: State, new: State) -> EventDetail:
    properties = [ChangedProperty(path=name, change_class=known) for name, known in sorted(classes.items())]
    alike = None
    if any(name in kb.text_properties for name in classes):
        alike = similarity(words_of_texts(kb, old.content), words_of_texts(kb, new.content))
    return EventDetail(properties=properties, similarity=UNSET if alike is None else round(alike, 2))


def _named(tactics: Sequence[Tactic]) -> list[NamedObject]:
    return [
        NamedObject(stix_id=tactic.stix_id, external_id=tactic.id, name=tactic.name or tactic.slug)
        for tactic in tactics
    ]


def _joined(parents: frozenset[str]) -> str | None:
    return ", ".join(sorted(parents)) or None


def _text(content: Content, name: str) -> str | None:
    value = value_of(content, name)
    return value if isinstance(value, str) else None
