"""Events of an object's history in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import UNSET, UnsetType

from ctibutler.answers.history import HistoryEvent
from ctibutler.comparing.events import ChangedProperty, EventWord, NamedObject, Successor

_EXPLAINED: Mapping[str, str] = {"format": "markup", "model": "data model", "vocabulary": "vocabulary"}
"""Classes that explain a change away, in brackets behind its property."""


def told(event: HistoryEvent) -> str:
    """Return what is known about an event, as a phrase; nothing where its word says it all."""
    return _TOLD[event.event](event) if event.event in _TOLD else ""


def _added(event: HistoryEvent) -> str:
    return "already there in the first installed release" if event.first_installed else ""


def _revoked(event: HistoryEvent) -> str:
    successors = _set(event.detail.successors)
    if not successors:
        return "no installed release names a successor"
    said = f"in favour of {_joined(map(_called, successors))}"
    return said if successors[0].label == event.label else f"{said}, as {successors[0].label} says"


def _lost_successor(event: HistoryEvent) -> str:
    successors: Sequence[Successor] = _set(event.detail.successors)
    return (
        f"only {successors[0].label} says it was replaced by {_joined(map(_called, successors))}" if successors else ""
    )


def _from_to(event: HistoryEvent) -> str:
    before, after = event.detail.before, event.detail.after
    return f"from {before or 'nothing'} to {after or 'nothing'}"


def _new_parent(event: HistoryEvent) -> str:
    before, after = event.detail.before, event.detail.after
    return f"now under {after}" if after else f"no longer under {before}" if before else ""


def _moved(event: HistoryEvent) -> str:
    lost, gained = [_joined(one.name or one.external_id or "" for one in _set(side)) for side in _sides(event)]
    if lost and gained:
        return f"from {lost} to {gained}"
    return f"also {gained}" if gained else f"no longer {lost}"


def _properties(event: HistoryEvent) -> str:
    said = _joined(_property(one) for one in _changed(event) if one.change_class != "housekeeping")
    alike = event.detail.similarity
    return f"{said}; {alike:.0%} of the words stayed" if said and isinstance(alike, float) and alike < 1 else said


def _changed(event: HistoryEvent) -> Sequence[ChangedProperty]:
    return _set(event.detail.properties)


def _property(changed: ChangedProperty) -> str:
    explained = _EXPLAINED.get(changed.change_class)
    return f"{changed.path} ({explained})" if explained else changed.path


def _touched(event: HistoryEvent) -> str:
    return _properties(event) or f"only {_joined(one.path for one in _changed(event))}"


_TOLD: Mapping[EventWord, Callable[[HistoryEvent], str]] = {
    "added": _added,
    "revoked": _revoked,
    "lost-successor": _lost_successor,
    "renumbered": _from_to,
    "renamed": _from_to,
    "promoted": _new_parent,
    "demoted": _new_parent,
    "moved": _moved,
    "edited": _properties,
    "silent": _properties,
    "touched": _touched,
}


def _sides(event: HistoryEvent) -> tuple[list[NamedObject] | UnsetType, list[NamedObject] | UnsetType]:
    return event.detail.lost, event.detail.gained


def _set(values: Sequence[object] | UnsetType) -> Sequence:  # type: ignore[type-arg]  # of whatever the field holds
    return () if values is UNSET else values


def _called(named: NamedObject) -> str:
    return f"{named.external_id or named.stix_id} {named.name or ''}".rstrip()


def _joined(words: Iterable[str]) -> str:
    *most, last = [*words] or [""]
    return f"{', '.join(most)} and {last}" if most else last
