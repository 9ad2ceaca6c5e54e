"""What the timeline of an object says about each installed release, in a few words."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from msgspec import UNSET

from ctibutler.answers.history import HistoryEvent, HistoryQuery, history
from ctibutler.answers.library import Library
from ctibutler.answers.looking_up import Moment
from ctibutler.answers.pages import PageRequest
from ctibutler.comparing.events import ChangedProperty
from ctibutler.knowledge_bases.declaration import KnowledgeBase

# More than any object has; the most that a page of a list may have.
_ALL = PageRequest(1, 1000)
_MOST_NAMED = 2
_PREFIX = re.compile(r"^x_[a-z0-9]+_")

_EDITS = ("edited", "renamed", "renumbered", "moved", "promoted", "demoted", "revived")
_DEATHS = ("revoked", "deprecated", "lost-successor")


@dataclass(frozen=True)
class Mark:
    """A release in a timeline: what happened to the object there, as a word for its dot and as a note, and where to go.

    `is_end` marks the release that the one of the page is compared with.
    """

    release: str
    change: str
    note: str
    address: str | None
    is_end: bool = False


def plain_property(path: str) -> str:
    """Return the name of a property for people: `x_mitre_remote_support` is `remote support`."""
    return _PREFIX.sub("", path).replace("_", " ")


def events_of(library: Library, kb: KnowledgeBase, stix_id: str) -> Sequence[HistoryEvent]:
    """Return all that happened to an object, oldest first."""
    return history(library, kb, stix_id, HistoryQuery(page=_ALL)).page.items


def marks(
    moments: Sequence[Moment], events: Sequence[HistoryEvent], address: Callable[[Moment], str | None]
) -> list[Mark]:
    """Return a timeline: the installed releases, oldest first, and what the events say happened there."""
    by_release: defaultdict[str, list[HistoryEvent]] = defaultdict(list)
    for event in events:
        by_release[event.label].append(event)
    made = []
    for moment in moments:
        change, note = _said(by_release[moment.release], is_there=moment.id is not None)
        if moment.is_namesake:
            change, note = "different", "another STIX id"
        made.append(Mark(moment.release, change, note, address(moment)))
    return made


def _said(events: Sequence[HistoryEvent], *, is_there: bool) -> tuple[str, str]:
    """The word for the dot, and the note."""
    words: Mapping[str, HistoryEvent] = {event.event: event for event in events}
    if not is_there:
        return "absent", "removed" if "removed" in words else "not there"
    if "added" in words:
        return "first", "first installed" if words["added"].first_installed else "added"
    if dead := [word for word in _DEATHS if word in words]:
        return "dead", dead[0].replace("-", " ")
    if "silent" in words:
        return "silent", _properties(words["silent"]) or "silent edit"
    if edits := [word for word in _EDITS if word in words]:
        told = [word for word in edits if word != "edited"]
        if "edited" in words and (properties := _properties(words["edited"])):
            told.append(properties)
        return "different", ", ".join(told) or "edited"
    if "returned" in words:
        return "first", "back"
    if "touched" in words:
        changed = _changed(words["touched"])
        if changed and all(one.change_class in ("model", "housekeeping") for one in changed):
            return ("model", "data model") if any(one.change_class == "model" for one in changed) else _TOUCHED
        return _TOUCHED
    return "same", "unchanged"


_TOUCHED = ("touched", "touched")


def _properties(event: HistoryEvent) -> str:
    names = [
        plain_property(one.path)
        for one in _changed(event)
        if one.change_class not in ("housekeeping", "format", "model", "vocabulary")
    ]
    shown, more = names[:_MOST_NAMED], len(names) - _MOST_NAMED
    return ", ".join(shown) + (f" +{more}" if more > 0 else "")


def _changed(event: HistoryEvent) -> Sequence[ChangedProperty]:
    return () if event.detail.properties is UNSET else event.detail.properties
