"""What happened to an object over all installed releases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import msgspec

from ctibutler.answers.library import Library
from ctibutler.answers.naming import brief, candidates_of
from ctibutler.answers.pages import Page, PageRequest, cut
from ctibutler.catalog import entries as catalog
from ctibutler.catalog import objects, releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.entries import Entry, Succession
from ctibutler.catalog.folding import folded
from ctibutler.catalog.namesakes import preferred
from ctibutler.catalog.releases import Release
from ctibutler.comparing.classes import ReleaseWide, properties_of, value_of
from ctibutler.comparing.differences import Content, read_content
from ctibutler.comparing.events import (
    EVENTS,
    EventDetail,
    EventWord,
    Happening,
    State,
    Successor,
    Surroundings,
    happened,
)
from ctibutler.comparing.heirs import REVOKED_BY, Side, Successions, heirs_in
from ctibutler.comparing.tactics import Tactic, flow_of
from ctibutler.errors import NotFound
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.kinds import kind_of
from ctibutler.stix.objects import digest_of


class HistoryEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to an object in a release, compared with the installed release before it.

    Ids, name, `modified` and `digest` (hexadecimal) are those of the object in this release; of one that was removed, those it
    had before, without a digest. In the first installed release, where nothing is known of the time before, `first_installed`
    is true.
    """

    label: str = msgspec.field(name="version")
    event: EventWord
    stix_id: str
    external_id: str | None
    name: str | None
    modified: str | None
    digest: str | None
    first_installed: bool
    detail: EventDetail


class Thread(msgspec.Struct, frozen=True, kw_only=True):
    """One of the objects that an id named over time, as the last release has it that does. `kind` is what its knowledge base
    calls such objects. `versions`: the releases that have it, oldest first."""

    stix_id: str
    type: str
    kind: str
    external_id: str | None
    name: str | None
    labels: tuple[str, ...] = msgspec.field(name="versions")


@dataclass(frozen=True, slots=True)
class History:
    """A page of the events of an object, oldest first. `labels` are the installed releases, oldest first; the newest of them
    was installed at `installed_at`, in microseconds."""

    knowledge_base: str
    labels: Sequence[str]
    installed_at: int
    threads: Sequence[Thread]
    page: Page[HistoryEvent]


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Which events to leave out, by their words, and which page to return."""

    hide: Collection[str] = ()
    page: PageRequest = PageRequest()


def history(library: Library, kb: KnowledgeBase, object_id: str, query: HistoryQuery = HistoryQuery()) -> History:
    """Return what happened to an object from each installed release to the next.

    An id that several objects carried over time gives a thread for each. Objects are told apart by their STIX ids; where the
    publisher makes new ones for each release, by their primary ids.

    Raises NotFound if no installed release has the object.
    """
    with library.database.read() as connection:
        told = _Telling(library, connection, kb, object_id)
        events = sorted(told.events(), key=lambda placed: placed[0])
        shown = [event for _, event in events if event.event not in query.hide]
        labels = [release.label for release in told.releases]
        installed_at = max(release.installed_at for release in told.releases)
        return History(kb.slug, labels, installed_at, told.threads(), cut(shown, query.page))


_Place = tuple[int, int, int]
"""Of an event: the place of its release, of its thread, and of its word in `EVENTS`."""


class _Telling:
    """What is read to tell the history of an object."""

    def __init__(self, library: Library, connection: Connection, kb: KnowledgeBase, object_id: str) -> None:
        self._library = library
        self._connection = connection
        self._kb = kb
        self._installed = releases.installed(connection, kb.slug)
        self._threads = _threads_of(connection, kb, object_id, self._installed)
        entries = [entry for thread in self._threads for entry in thread.values()]
        keys = sorted({entry.object_key for entry in entries})
        bodies = dict(zip(keys, objects.contents(connection, keys), strict=True))
        self._contents: Mapping[int, Content] = {key: read_content(body) for key, body in bodies.items()}
        self._digests = {key: digest_of(body).hex() for key, body in bodies.items()}
        self._revoking = self._find_revoking(entries)
        self._parents = self._find_parents(entries)

    @property
    def releases(self) -> list[Release]:
        """The installed releases, oldest first."""
        return self._installed[::-1]

    def threads(self) -> list[Thread]:
        """What each thread is called."""
        found = []
        for thread in self._threads:
            last = next(thread[release.key] for release in self._installed if release.key in thread)
            labels = tuple(release.label for release in self.releases if release.key in thread)
            found.append(
                Thread(
                    stix_id=last.stix_id,
                    type=last.type,
                    kind=kind_of(self._kb, last.type, properties_of(self._contents[last.object_key])),
                    external_id=last.external_id,
                    name=self._text(last, "name"),
                    labels=labels,
                )
            )
        return found

    def events(self) -> Iterator[tuple[_Place, HistoryEvent]]:
        """Yield every event with its place."""
        for number, thread in enumerate(self._threads):
            last: Entry | None = None
            was_there = False
            for place, release in enumerate(self.releases):
                now = thread.get(release.key)
                for word, detail in self._events(last, now, release, was_there=was_there):
                    shown = now or last
                    assert shown is not None
                    event = self._event(release, word, detail, shown, is_there=now is not None, is_first=place == 0)
                    yield (place, number, EVENTS.index(word)), event
                was_there = now is not None
                last = now or last

    def _events(self, last: Entry | None, now: Entry | None, release: Release, *, was_there: bool) -> list[Happening]:
        """What happened to an object in a release. `last` is its state in the last release before that has it."""
        if now is None:
            return [("removed", EventDetail())] if was_there else []
        if last is None:
            return [("added", EventDetail()), *self._deaths(None, now, release)]
        found: list[Happening] = [] if was_there else [("returned", EventDetail())]
        found += self._deaths(last, now, release)
        for word, detail in self._step(last, now, release):
            if word != "touched" or not found:
                found.append((word, detail))
        return found

    def _deaths(self, last: Entry | None, now: Entry, release: Release) -> list[Happening]:
        """Whether the release revoked, deprecated or revived an object, or forgot its successor."""
        if now.revoked and (last is None or not last.revoked):
            return [("revoked", EventDetail(successors=self._successors(now, release)))]
        if now.deprecated and not now.revoked and (last is None or not last.deprecated):
            return [("deprecated", EventDetail())]
        if last is not None and now.is_live and not last.is_live:
            return [("revived", EventDetail())]
        if last is not None and now.revoked and self._says(last) and not self._says(now):
            return [("lost-successor", EventDetail(successors=self._successors(now, release)))]
        return []

    def _step(self, last: Entry, now: Entry, release: Release) -> list[Happening]:
        if last.object_key == now.object_key and not self._parents:
            return []
        before = next(one for one in self._installed if one.key == last.release_key)
        around = Surroundings(
            tactics=cache(lambda: self._tactics(last, now)),  # asked twice, and two releases are read for it
            wide=lambda: self._wide(last, before, release),
        )
        return happened(self._kb, self._state(last), self._state(now), around)

    def _state(self, entry: Entry) -> State:
        parents = self._parents.get((entry.release_key, entry.stix_id), frozenset())
        return State(entry, self._contents[entry.object_key], parents)

    def _wide(self, last: Entry, before: Release, release: Release) -> ReleaseWide:
        return self._library.release_wide.of_type(self._connection, self._kb, before, release, last.type)

    def _tactics(self, last: Entry, now: Entry) -> tuple[Sequence[Tactic], Sequence[Tactic]]:
        """The tactics that an object lost, and gained. They are compared as objects: their short names change."""
        assert self._kb.tactics is not None
        sides = [self._side(entry, self._kb.tactics.type) for entry in (last, now)]
        (old, _), (new, _) = sides
        to_itself = Successions(new.release, self._installed, ())
        paths = heirs_in([entry for entry in old.by_id.values() if entry.stix_id != last.stix_id], new, to_itself)
        flow = flow_of(self._kb, sides[0], sides[1], paths.get)
        return flow.lost_and_gained(last.stix_id, now.stix_id)

    def _side(self, entry: Entry, tactic_type: str) -> tuple[Side, Mapping[str, Content]]:
        """A release with nothing but its tactics and an object."""
        release = next(one for one in self._installed if one.key == entry.release_key)
        found = catalog.of_types(self._connection, release.key, [tactic_type])
        bodies = objects.contents(self._connection, [one.object_key for one in found])
        contents = {one.stix_id: read_content(body) for one, body in zip(found, bodies, strict=True)}
        return Side(self._kb, release, [*found, entry]), {**contents, entry.stix_id: self._contents[entry.object_key]}

    def _find_revoking(self, entries: Iterable[Entry]) -> list[Succession]:
        """The relationships of all releases that say what the revoked ones of these objects were replaced by."""
        revoked = {entry.stix_id for entry in entries if entry.revoked}
        if not revoked:
            return []
        keys = [release.key for release in self._installed]
        return catalog.successions_from(self._connection, keys, [REVOKED_BY], revoked)

    def _says(self, entry: Entry) -> bool:
        """Whether the release that an object is read from says what replaced it."""
        return any(one.release_key == entry.release_key and one.source == entry.stix_id for one in self._revoking)

    def _successors(self, entry: Entry, release: Release) -> list[Successor]:
        """What replaced an object, as the release says, or else the nearest other one."""
        hops = Successions(release, self._installed, self._revoking).of(entry.stix_id)
        if not hops:
            return []
        ends = catalog.with_stix_ids(
            self._connection, sorted({release.key, *(hop.release_key for hop in hops)}), {hop.target for hop in hops}
        )
        known = {(end.release_key, end.stix_id): end for end in reversed(ends)}
        found: dict[str, Successor] = {}
        for hop in hops:
            end = known.get((release.key, hop.target)) or known.get((hop.release_key, hop.target))
            label = next(one.label for one in self._installed if one.key == hop.release_key)
            found.setdefault(
                hop.target,
                Successor(
                    stix_id=hop.target,
                    external_id=end.external_id if end else None,
                    name=self._name_of(end) if end else None,
                    label=label,
                ),
            )
        return list(found.values())

    def _name_of(self, entry: Entry) -> str | None:
        (body,) = objects.contents(self._connection, [entry.object_key])
        return _text_in(read_content(body), "name")

    def _find_parents(self, entries: Sequence[Entry]) -> dict[tuple[int, str], frozenset[str]]:
        """Release and STIX id → the primary ids, or else STIX ids, of the objects above."""
        kinds = self._kb.parent_relationships
        if not kinds:
            return {}
        keys = sorted({entry.release_key for entry in entries})
        found = catalog.successions_from(self._connection, keys, kinds, {entry.stix_id for entry in entries})
        live = [one for one in found if one.is_live]
        targets = catalog.with_stix_ids(self._connection, keys, {one.target for one in live}) if live else []
        called = {(target.release_key, target.stix_id): target.external_id for target in targets}
        above: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
        for one in live:
            above[one.release_key, one.source].add(called.get((one.release_key, one.target)) or one.target)
        return {place: frozenset(parents) for place, parents in above.items()}

    def _event(
        self, release: Release, word: EventWord, detail: EventDetail, shown: Entry, *, is_there: bool, is_first: bool
    ) -> HistoryEvent:
        return HistoryEvent(
            label=release.label,
            event=word,
            stix_id=shown.stix_id,
            external_id=shown.external_id,
            name=self._text(shown, "name"),
            modified=self._text(shown, "modified"),
            digest=self._digests[shown.object_key] if is_there else None,
            first_installed=is_first,
            detail=detail,
        )

    def _text(self, entry: Entry, name: str) -> str | None:
        return _text_in(self._contents[entry.object_key], name)


def _threads_of(
    connection: Connection, kb: KnowledgeBase, object_id: str, installed: Sequence[Release]
) -> list[dict[int, Entry]]:
    """The objects that an id names or named, each as release → the object there; those that live, or lived, last come first.

    Raises NotFound if there are none.
    """
    keys = [release.key for release in installed]
    named = candidates_of(connection, kb, object_id, installed)
    if not named:
        raise NotFound(f"no object `{brief(object_id)}` in any installed release of {kb.slug}")
    stix_ids = {found.stix_id for found in named}
    threads: defaultdict[tuple[str, ...], defaultdict[int, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    if kb.identity == "external-id":
        numbers = {folded(kb.without_prefix(found.external_id)) for found in named if found.external_id}
        for entry in catalog.with_primary_ids(connection, keys, numbers) if numbers else ():
            threads[(entry.found_by or "", *kb.family_of(entry.type))][entry.release_key].append(entry)
        stix_ids = {found.stix_id for found in named if not found.external_id}
    for entry in catalog.with_stix_ids(connection, keys, stix_ids) if stix_ids else ():
        threads[entry.stix_id,][entry.release_key].append(entry)
    found = [
        {key: best for key, several in by_release.items() if (best := _chosen(kb, object_id, several)) is not None}
        for by_release in threads.values()
    ]
    order = {release.key: place for place, release in enumerate(installed)}

    def rank(thread: Mapping[int, Entry]) -> tuple[bool, bool, int, str]:
        last = min(thread.values(), key=lambda entry: order[entry.release_key])
        return not last.is_live, last.type not in kb.types_named_by(object_id), order[last.release_key], last.stix_id

    return sorted(found, key=rank)


def _chosen(kb: KnowledgeBase, object_id: str, several: Sequence[Entry]) -> Entry | None:
    """The one of several contents in a release that counts: of one STIX id, the first."""
    firsts = {entry.stix_id: entry for entry in reversed(several)}
    return preferred(kb, object_id, firsts.values())


def _text_in(content: Content, name: str) -> str | None:
    value = value_of(content, name)
    return value if isinstance(value, str) else None
