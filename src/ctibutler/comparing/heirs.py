"""From an object of one release to the object of another that stands for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from ctibutler.catalog.entries import Entry, Succession
from ctibutler.catalog.folding import squashed
from ctibutler.catalog.namesakes import preferred
from ctibutler.catalog.releases import Release
from ctibutler.knowledge_bases.declaration import KnowledgeBase

REVOKED_BY: Final = "revoked-by"

# Ids for which similar ones are looked up, in letters and digits.
_SHORTEST_NEAR, _LONGEST_NEAR = 4, 40


class Side:
    """The objects of one release, by STIX id and by primary id. Of an id with several contents, the first one counts."""

    def __init__(self, kb: KnowledgeBase, release: Release, entries: Iterable[Entry]) -> None:
        self.kb = kb
        self.release = release
        self.by_id: dict[str, Entry] = {}
        for entry in entries:
            self.by_id.setdefault(entry.stix_id, entry)
        self._by_number: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in self.by_id.values():
            if entry.found_by:
                self._by_number[entry.found_by].append(entry)

    def numbered(self, found_by: str | None, types: Sequence[str] | None = None) -> list[Entry]:
        """Return the objects with a primary id, folded and without optional prefix, of these types or all."""
        found = self._by_number.get(found_by, ()) if found_by else ()
        return [entry for entry in found if types is None or entry.type in types]

    def spelled(self, squashed_id: str) -> list[Entry]:
        """Return the objects whose primary id has these letters and digits, with or without its optional prefix."""
        return self._spelled.get(squashed_id, [])

    def nearly(self, squashed_id: str) -> set[str]:
        """Return the letters and digits of primary ids that may become these ones by a letter left out, added, replaced, or
        swapped with its neighbour. Some may need more."""
        if not _SHORTEST_NEAR <= len(squashed_id) <= _LONGEST_NEAR:
            return set()
        return {known for shorter in _shorter(squashed_id) for known in self._by_shorter.get(shorter, ())}

    @cached_property
    def _spelled(self) -> dict[str, list[Entry]]:
        found: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in self.by_id.values():
            for written in {squashed(entry.external_id or ""), squashed(entry.found_by or "")} - {""}:
                found[written].append(entry)
        return dict(found)

    @cached_property
    def _by_shorter(self) -> dict[str, list[str]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for known in self._spelled:
            if len(known) <= _LONGEST_NEAR:
                for shorter in _shorter(known):
                    found[shorter].append(known)
        return dict(found)

    def like(self, entry: Entry) -> Entry | None:
        """Return the object with the same primary id, of a type that may take the place of this one's."""
        types = self.kb.family_of(entry.type)
        return preferred(self.kb, entry.external_id or "", self.numbered(entry.found_by, types))


class Successions:
    """Which relationships say that an object was revoked in favour of others: those of one release, and where it has none for
    the object, those of the nearest other release, lower ones before higher ones."""

    def __init__(self, to: Release, installed: Sequence[Release], found: Iterable[Succession]) -> None:
        lower = sorted((one for one in installed if one.sort_key < to.sort_key), key=_height, reverse=True)
        higher = sorted((one for one in installed if one.sort_key > to.sort_key), key=_height)
        self._order = [to.key, *(one.key for one in (*lower, *higher))]
        self._by_source: defaultdict[str, defaultdict[int, list[Succession]]] = defaultdict(lambda: defaultdict(list))
        for one in found:
            self._by_source[one.source][one.release_key].append(one)

    def of(self, stix_id: str) -> list[Succession]:
        """Return the relationships to follow from an object: those not dead themselves, or all if all are dead."""
        by_release = self._by_source.get(stix_id)
        if not by_release:
            return []
        here = next(by_release[key] for key in self._order if by_release.get(key))
        live = [one for one in here if one.is_live] or here
        return sorted(live, key=lambda one: (one.target, one.stix_id))


def _shorter(word: str) -> set[str]:
    """A word, and the same without one of its letters."""
    return {word, *(word[:place] + word[place + 1 :] for place in range(len(word)))}


def _height(release: Release) -> str:
    return release.sort_key


@dataclass(frozen=True, slots=True)
class Path:
    """Where an object of one release leads to in another.

    `start` is the same object there, None if it is gone; `by_number` says that it was found by its primary id. `hops` are the
    relationships that were followed. `live` and `deprecated` are the objects where the path ends; `lost` are STIX ids of ends
    that are revoked without a successor, or missing.
    """

    start: Entry | None
    by_number: bool
    hops: tuple[Succession, ...] = ()
    live: tuple[Entry, ...] = ()
    deprecated: tuple[Entry, ...] = ()
    lost: tuple[str, ...] = ()

    @property
    def heir(self) -> Entry | None:
        """The live object that stands for the first one; None if there is none, or more than one."""
        return self.live[0] if len(self.live) == 1 else None


@dataclass(slots=True)
class _Walk:
    hops: dict[str, Succession] = field(default_factory=dict)
    live: dict[str, Entry] = field(default_factory=dict)
    deprecated: dict[str, Entry] = field(default_factory=dict)
    lost: dict[str, None] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)


def path_of(entry: Entry, to: Side, successions: Successions) -> Path:
    """Return where an object leads to in the release `to`."""
    start, by_number = same_object(entry, to)
    walk = _Walk()
    _follow(start.stix_id if start else entry.stix_id, start, to, successions, walk)
    if start is not None and start.stix_id != entry.stix_id and not walk.live and not walk.deprecated and start.revoked:
        # The new object with the old number says nothing: the old one may.
        _follow(entry.stix_id, None, to, successions, walk)
    return Path(
        start,
        by_number,
        tuple(walk.hops.values()),
        tuple(sorted(walk.live.values(), key=_by_id)),
        tuple(sorted(walk.deprecated.values(), key=_by_id)),
        tuple(walk.lost),
    )


def same_object(entry: Entry, to: Side) -> tuple[Entry | None, bool]:
    """Return the object of a release that is the same one, and whether its primary id says so."""
    if to.kb.identity == "stix-id" and (same := to.by_id.get(entry.stix_id)) is not None:
        return same, False
    found = to.like(entry)
    if found is None:
        # What has no primary id can only be known by its STIX id.
        return (to.by_id.get(entry.stix_id), False) if entry.found_by is None else (None, False)
    return found, True


def _follow(stix_id: str, entry: Entry | None, to: Side, successions: Successions, walk: _Walk) -> None:
    """Follow successions from an object to live and deprecated ones. An object that was seen before ends its path."""
    waiting = [(stix_id, entry)]
    while waiting:
        stix_id, entry = waiting.pop(0)
        if stix_id in walk.seen:
            continue
        walk.seen.add(stix_id)
        if entry is not None and entry.is_live:
            walk.live[entry.stix_id] = entry
        elif entry is not None and not entry.revoked:
            walk.deprecated[entry.stix_id] = entry
        else:
            following = successions.of(stix_id)
            for hop in following:
                walk.hops.setdefault(hop.stix_id, hop)
                waiting.append((hop.target, to.by_id.get(hop.target)))
            if not following:
                walk.lost[stix_id] = None


def heirs_in(entries: Iterable[Entry], to: Side, successions: Successions) -> Mapping[str, Path]:
    """Return STIX id → path of these objects."""
    return {entry.stix_id: path_of(entry, to, successions) for entry in entries}


def _by_id(entry: Entry) -> tuple[str, str]:
    return entry.found_by or "", entry.stix_id
