"""What differs between two releases of one object: its properties, and its relationships."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from ctibutler.answers.library import Library
from ctibutler.answers.naming import brief, candidates_of, comparable_id, installed_release, is_stix_id
from ctibutler.answers.pages import Count
from ctibutler.catalog import entries as catalog
from ctibutler.catalog import members, objects, releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.entries import Entry
from ctibutler.catalog.folding import natural_order
from ctibutler.catalog.namesakes import preferred
from ctibutler.catalog.releases import Release
from ctibutler.comparing.classes import CHANGE_CLASSES, PARENTS, ChangeClass, changed_classes, properties_of, value_of
from ctibutler.comparing.differences import Content, read_content
from ctibutler.comparing.events import NamedObject
from ctibutler.comparing.heirs import Side, same_object
from ctibutler.comparing.judging import Judged
from ctibutler.comparing.outcomes import Outcome
from ctibutler.comparing.properties import PropertyDifference, property_differences, value_difference
from ctibutler.errors import NotFound
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.kinds import kind_of
from ctibutler.stix.canonical import canonical_digest
from ctibutler.stix.objects import decode, digest_of

EXTERNAL_ID = "external_id"
"""The path of the primary id, which is part of `external_references`."""


@dataclass(frozen=True, slots=True)
class DifferenceQuery:
    """Which releases to compare, and what to leave out.

    `since` is the first one (None: the last one before the other in which the object differs), `release` the other one (None:
    the latest). `hide` are classes of properties. `words` asks for differences between texts word by word. `follow` goes on to
    what replaced an object that is dead in the other release.
    """

    since: str | None = None
    release: str | None = None
    hide: Collection[str] = ()
    words: bool = True
    follow: bool = True


class ObjectAt(msgspec.Struct, frozen=True, kw_only=True):
    """An object as a release has it. `modified` is as published, `digest` (hexadecimal) that of its content."""

    label: str = msgspec.field(name="version")
    stix_id: str
    external_id: str | None
    name: str | None
    modified: str | None
    digest: str


class OtherEnd(msgspec.Struct, frozen=True, kw_only=True):
    """A relationship that only one of two releases has.

    `direction` says where it has the object: it is its source (`source_ref`) or its target (`target_ref`). `object` is the
    other end.
    """

    id: str
    direction: Literal["source_ref", "target_ref"]
    object: NamedObject


class RelationshipDifference(msgspec.Struct, frozen=True):
    """The relationships of one type that only the second release has, and only the first, by their other ends."""

    added: list[OtherEnd]
    removed: list[OtherEnd]


class ObjectDifference(Outcome, frozen=True, kw_only=True, rename={"since": "from", "label": "to"}):
    """What became of an object from one release to another, and what differs.

    `kind` is what the knowledge base calls such objects. `after` is the object that replaced it, if there is one. `properties`
    are sorted by class and path. `counts` has the number of differing properties of each class, of hidden ones too. `named` are
    the objects that the values of properties refer to.
    """

    knowledge_base: str
    kind: str
    since: str
    label: str
    before: ObjectAt
    after: ObjectAt
    counts: dict[ChangeClass, Count]
    properties: list[PropertyDifference]
    named: list[NamedObject]
    relationships: dict[str, RelationshipDifference]


def object_difference(
    library: Library, kb: KnowledgeBase, object_id: str, query: DifferenceQuery = DifferenceQuery()
) -> ObjectDifference:
    """Compare an object in two releases of its knowledge base.

    Relationships are those that the publisher wrote and neither revoked nor deprecated; the same two ends are the same
    relationship.

    Raises NotFound if a release is not installed, or if one of them has neither the object nor what replaced it: its `details`
    name the `versions` that have it.
    """
    with library.database.read() as connection:
        release = installed_release(connection, kb, query.release)
        since = (
            _last_difference(connection, kb, object_id, release)
            if query.since is None
            else installed_release(connection, kb, query.since)
        )
        judged = library.judged.prepare(connection, kb, since, release)
        before, after = _both(connection, judged, object_id, follow=query.follow)
        return _Comparing(connection, judged, before, after).difference(query)


def _last_difference(connection: Connection, kb: KnowledgeBase, object_id: str, release: Release) -> Release:
    """The last release before another one in which an object differs; if it differs in none, the last one that has it.

    Raises NotFound if there is none.
    """
    installed = releases.installed(connection, kb.slug)
    lower = [one for one in installed if one.sort_key < release.sort_key]
    sides = _found_in(connection, kb, object_id, [release, *lower])
    having = [one for one in lower if one.key in sides]
    if not having:
        raise _absent(connection, kb, object_id, lower[0] if lower else None, release)
    if release.key not in sides:
        return having[0]
    keys = [sides[one.key].object_key for one in (release, *having)]
    bodies = [decode(body) for body in objects.contents(connection, keys)]
    left_out = ("id", "created", "modified") if kb.identity == "external-id" else ()
    now, *earlier = [canonical_digest(body, left_out) for body in bodies]
    return next((one for one, digest in zip(having, earlier, strict=True) if digest != now), having[0])


def _found_in(connection: Connection, kb: KnowledgeBase, object_id: str, among: Sequence[Release]) -> dict[int, Entry]:
    """Release → the object that an id names in the first of these releases that has it, in each release that does."""
    keys = [release.key for release in among]
    named = candidates_of(connection, kb, object_id, among)
    for release in among:
        found = preferred(kb, object_id, [one for one in named if one.release_key == release.key])
        if found is not None:
            break
    else:
        return {}
    if kb.identity == "external-id" and found.external_id:
        numbers = [comparable_id(kb, found.external_id)]
        entries = catalog.with_primary_ids(connection, keys, numbers)
        entries = [entry for entry in entries if entry.type in kb.family_of(found.type)]
    else:
        entries = catalog.with_stix_ids(connection, keys, [found.stix_id])
    return {entry.release_key: entry for entry in reversed(entries)}


def _both(connection: Connection, judged: Judged, object_id: str, *, follow: bool) -> tuple[Entry, Entry]:
    """The object in the first release, and the one to compare it with in the second.

    Raises NotFound if there is none.
    """
    before = _named_in(judged.old, object_id)
    if before is None and (after := _named_in(judged.new, object_id)) is not None:
        # The second release has renumbered it.
        before, _ = same_object(after, judged.old)
    if before is None:
        raise _absent(connection, judged.kb, object_id, judged.old.release, judged.new.release)
    path = judged.paths[before.stix_id]
    after = (path.heir if follow else None) or path.start
    if after is None:
        raise _absent(connection, judged.kb, object_id, judged.new.release, judged.old.release)
    return before, after


def _named_in(side: Side, object_id: str) -> Entry | None:
    asked = comparable_id(side.kb, object_id)
    if is_stix_id(object_id):
        return side.by_id.get(asked)
    return preferred(side.kb, object_id, side.numbered(asked))


def _absent(
    connection: Connection, kb: KnowledgeBase, object_id: str, missing: Release | None, other: Release
) -> NotFound:
    """The problem that a release does not have an object."""
    installed = releases.installed(connection, kb.slug)
    having = {found.release_key for found in candidates_of(connection, kb, object_id, installed)}
    labels = [release.label for release in reversed(installed) if release.key in having]
    if not labels:
        return NotFound(f"no object `{brief(object_id)}` in any installed release of {kb.slug}")
    if missing is None and installed[-1].key == other.key:
        return NotFound(f"no release of {kb.slug} before {other.label} is installed", {"versions": labels})
    where = f"{kb.slug} {missing.label}" if missing else f"any release of {kb.slug} before {other.label}"
    message = f"no object `{brief(object_id)}` in {where}; it is in {_listed(labels)}"
    return NotFound(message, {"versions": labels})


def _listed(labels: Sequence[str]) -> str:
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"


_End = tuple[str, str, bool]
"""A relationship of an object, as both releases have it: its type, what tells its other end, and whether it begins at the
object."""


class _Comparing:
    def __init__(self, connection: Connection, judged: Judged, before: Entry, after: Entry) -> None:
        self._connection = connection
        self._judged = judged
        self._kb = judged.kb
        self._entries = before, after
        bodies = objects.contents(connection, [before.object_key, after.object_key])
        self._bodies = bodies
        self._old, self._new = map(read_content, bodies)
        self._sides = judged.old, judged.new
        self._ends = [self._read_ends(side, entry) for side, entry in zip(self._sides, self._entries, strict=True)]

    def difference(self, query: DifferenceQuery) -> ObjectDifference:
        before, after = self._entries
        classes = self._classes()
        found = property_differences(self._old, self._new, classes, with_words=query.words)
        found += self._beside_properties()
        found.sort(key=lambda one: (CHANGE_CLASSES.index(one.change_class), one.path))
        counted = Counter(one.change_class for one in found)
        shown = [one for one in found if one.change_class not in query.hide]
        self._judged.judge(self._connection, [before.stix_id])
        outcome = self._judged.outcomes[before.stix_id]
        return ObjectDifference(
            **{name: getattr(outcome, name) for name in Outcome.__struct_fields__},
            knowledge_base=self._kb.slug,
            kind=kind_of(self._kb, before.type, properties_of(self._old)),
            since=self._judged.old.release.label,
            label=self._judged.new.release.label,
            before=_at(self._judged.old.release, before, self._old, self._bodies[0]),
            after=_at(self._judged.new.release, after, self._new, self._bodies[1]),
            counts={known: counted[known] for known in CHANGE_CLASSES if known in counted},
            properties=shown,
            named=self._named_in_values(shown),
            relationships=self._relationships(),
        )

    def _classes(self) -> dict[str, ChangeClass]:
        before, after = self._entries
        if before.object_key == after.object_key:
            return {}
        found = changed_classes(self._kb, before.type, self._old, self._new, self._judged.wide)
        phases = self._kb.tactics.phases if self._kb.tactics else ""
        if phases in found and not any(self._judged.flow.lost_and_gained(before.stix_id, after.stix_id)):
            found[phases] = "format"
        return found

    def _beside_properties(self) -> list[PropertyDifference]:
        """What differs in the primary id, and in the objects above."""
        before, after = self._entries
        found = []
        if before.found_by != after.found_by:
            found.append(value_difference(EXTERNAL_ID, "name", before.external_id, after.external_id))
        parents = [
            sorted(mark for kind, mark, outgoing in ends if outgoing and kind in self._kb.parent_relationships)
            for ends in self._ends
        ]
        if parents[0] != parents[1]:
            shown = [
                [self._shown_of(side, mark) for mark in marks] for side, marks in zip(self._sides, parents, strict=True)
            ]
            found.append(value_difference(PARENTS, "place", *shown))
        return found

    def _shown_of(self, side: Side, mark: str) -> str:
        entry = side.by_id.get(mark) or next(iter(side.numbered(mark)), None)
        return (entry.external_id if entry else None) or mark

    def _read_ends(self, side: Side, entry: Entry) -> dict[_End, tuple[str, str]]:
        """The relationships of an object → their own id, and that of their other end."""
        found: dict[_End, tuple[str, str]] = {}
        for own_id, kind, source, target in members.live_relations(self._connection, side.release.key, entry.stix_id):
            outgoing = source == entry.stix_id
            other = target if outgoing else source
            found.setdefault((kind, self._mark(side, other), outgoing), (own_id, other))
        return found

    def _mark(self, side: Side, stix_id: str) -> str:
        """What tells an object from others in both releases."""
        entry = side.by_id.get(stix_id)
        return entry.found_by if self._kb.identity == "external-id" and entry and entry.found_by else stix_id

    def _relationships(self) -> dict[str, RelationshipDifference]:
        old, new = self._ends
        added = {end: new[end] for end in new if end not in old}
        removed = {end: old[end] for end in old if end not in new}
        names = self._names({other for side in (added, removed) for _, other in side.values()})
        sides: list[defaultdict[str, list[OtherEnd]]] = []
        for side in (added, removed):
            by_type: defaultdict[str, list[OtherEnd]] = defaultdict(list)
            for (kind, _, outgoing), (own_id, other) in side.items():
                direction: Literal["source_ref", "target_ref"] = "source_ref" if outgoing else "target_ref"
                by_type[kind].append(OtherEnd(id=own_id, direction=direction, object=names[other]))
            sides.append(by_type)
        return {
            kind: RelationshipDifference(*(sorted(side.get(kind, ()), key=_by_other_end) for side in sides))
            for kind in sorted({*sides[0], *sides[1]})
        }

    def _named_in_values(self, shown: Sequence[PropertyDifference]) -> list[NamedObject]:
        """The objects that values refer to."""
        ids: set[str] = set()
        for one in shown:
            if one.path.endswith(("_ref", "_refs")):
                ids |= {value for side in (one.before, one.after) for value in _texts(side) if is_stix_id(value)}
        return sorted(self._names(ids).values(), key=_by_number)

    def _names(self, stix_ids: Collection[str]) -> dict[str, NamedObject]:
        """STIX id → the object, as the second release has it, or else the first."""
        known: dict[str, Entry] = {}
        for side in self._sides:
            known |= {stix_id: side.by_id[stix_id] for stix_id in stix_ids if stix_id in side.by_id}
        keys = sorted({entry.object_key for entry in known.values()})
        contents = dict(zip(keys, map(read_content, objects.contents(self._connection, keys)), strict=True))
        return {
            stix_id: NamedObject(
                stix_id=stix_id,
                external_id=known[stix_id].external_id if stix_id in known else None,
                name=_text(contents[known[stix_id].object_key], "name") if stix_id in known else None,
            )
            for stix_id in stix_ids
        }


def _at(release: Release, entry: Entry, content: Content, body: bytes) -> ObjectAt:
    return ObjectAt(
        label=release.label,
        stix_id=entry.stix_id,
        external_id=entry.external_id,
        name=_text(content, "name"),
        modified=_text(content, "modified"),
        digest=digest_of(body).hex(),
    )


def _by_other_end(end: OtherEnd) -> tuple[str, str, str]:
    return *_by_number(end.object), end.direction


def _by_number(named: NamedObject) -> tuple[str, str]:
    return natural_order(named.external_id or ""), named.stix_id or ""


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        return (value,)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else ()


def _text(content: Mapping[str, msgspec.Raw], name: str) -> str | None:
    value = value_of(content, name)
    return value if isinstance(value, str) else None
