"""The relationships that a publisher wrote in a release, in memory: a step along them takes no query.

Enterprise has 20,000, which take 3 MB. Reading them takes as long as a few questions do, so a server keeps them and a command
does not.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property

import msgspec

from ctibutler.catalog import walks
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.kept import Kept
from ctibutler.catalog.releases import Release, Stamp
from ctibutler.catalog.walks import Found, Hop, Living, Place
from ctibutler.knowledge_bases.declaration import TypeWord
from ctibutler.knowledge_bases.questions import ANY, Step
from ctibutler.stix.objects import RELATIONSHIP

MOST_BYTES = 20 * 1024 * 1024
"""What the latest releases of all twelve knowledge bases take, twice."""

_REVOKED, _DEPRECATED = 1, 2
_NEVER = -(2**63)


class _Content(msgspec.Struct, frozen=True, gc=False):
    """One content of an object, as a step looks at what it leads to."""

    place: Place
    type_key: int
    subtechnique: bool
    state: int


class Adjacency:
    """The relationships of one release as arrays side by side, and where those of each object are.

    `contents` are what the release has of each object at an end, a live one first.
    """

    def __init__(self, connection: Connection, release: Release) -> None:
        self._release = release.key
        self._keys, self._sources, self._targets, self._created = (array("q") for _ in range(4))
        self._kinds, self._states = array("i"), bytearray()
        for key, kind, source, target, created, revoked, deprecated in _relationships(connection, release):
            self._keys.append(key)
            self._kinds.append(kind)
            self._sources.append(source)
            self._targets.append(target)
            self._created.append(_NEVER if created is None else created)
            self._states.append(_state(revoked, deprecated))
        self._out, self._in = _places(self._sources), _places(self._targets)
        self._contents = _contents(connection, release, sorted({*self._sources, *self._targets}))

    @cached_property
    def size(self) -> int:
        """Roughly the bytes that it takes."""
        arrays = (self._keys, self._sources, self._targets, self._created, self._kinds, self._states)
        places = [*self._out.values(), *self._in.values()]
        contents = len(self._contents) * _BYTES_OF_CONTENT
        return sum(map(sys.getsizeof, arrays)) + sum(map(sys.getsizeof, places)) + 100 * len(places) + contents

    def take(
        self,
        connection: Connection,
        step: Step,
        near: Iterable[int],
        kinds: Sequence[TypeWord] | None,
        living: Living,
    ) -> Found:
        """Take a native step from these identifiers, as `walks.take` does."""
        relations = frozenset(connection.keys(step.besides if ANY in step.relations else step.relations))
        without = ANY in step.relations
        dead = _REVOKED * (not living.include_revoked) + _DEPRECATED * (not living.include_deprecated)
        wanted = _wanted(connection, kinds)
        dead_far = 0 if step.through_dead else dead
        reached: dict[int, Place | None] = {}
        keys, states, kinds_of, created = self._keys, self._states, self._kinds, self._created
        release = self._release
        found: Found = []
        for outwards in (True, False) if step.direction == "both" else (step.direction == "out",):
            by_near, fars = (self._out, self._targets) if outwards else (self._in, self._sources)
            for identifier in dict.fromkeys(near):
                here = (release, identifier)
                for at in by_near.get(identifier, ()):
                    if states[at] & dead or (kinds_of[at] in relations) == without:
                        continue
                    far = fars[at]
                    if far not in reached:
                        reached[far] = self._first(far, wanted, dead_far)
                    place = reached[far]
                    if place is None:
                        continue
                    there, when = (release, far), created[at]
                    source, target = (here, there) if outwards else (there, here)
                    when_known = None if when == _NEVER else when
                    hop = Hop("native", keys[at], kinds_of[at], source, target, here, there, when_known)
                    found.append((hop, place))
        return found

    def _first(self, identifier: int, kinds: Collection[tuple[int, bool]] | None, dead: int) -> Place | None:
        """The first content of an object that has one of these kinds and none of these states, None if there is none."""
        for content in self._contents.get(identifier, ()):
            if not content.state & dead and (kinds is None or (content.type_key, content.subtechnique) in kinds):
                return content.place
        return None


class Adjacencies:
    """Keeps the relationships of the releases that were asked about last, up to a number of bytes; with 0, none.

    An installed release never changes, so they stay true until it is removed. They are read once however many requests wait
    for them.
    """

    def __init__(self, most_bytes: int = 0) -> None:
        self._most_bytes = most_bytes
        self._kept = Kept[Stamp, Adjacency](most_bytes, lambda kept: kept.size, once=True)

    @property
    def size(self) -> int:
        """Roughly the bytes that all of it takes."""
        return self._kept.weight

    def take(
        self,
        connection: Connection,
        step: Step,
        release: Release,
        near: Sequence[int],
        kinds: Sequence[TypeWord] | None,
        living: Living,
        *,
        far_release: Release | None = None,
        read: bool = True,
    ) -> Found:
        """Take a step as `walks.take` does: along what is kept, where that has the step, or in the database.

        Without `read`, relationships that are not kept yet are not read for it: few steps would not pay for that.
        """
        kept = self._of(connection, release, read=read) if step.family == "native" and self._most_bytes else None
        if kept is None:
            return walks.take(connection, step, release, near, kinds, living, far_release=far_release)
        return kept.take(connection, step, near, kinds, living)

    def _of(self, connection: Connection, release: Release, *, read: bool) -> Adjacency | None:
        if not read:
            return self._kept.find(release.stamp)
        return self._kept.get(release.stamp, lambda: Adjacency(connection, release))


# A record of a content with its place, its numbers and its entry in a dict.
_BYTES_OF_CONTENT = 300


def _relationships(
    connection: Connection, release: Release
) -> Iterable[tuple[int, int, int, int, int | None, int, int]]:
    return connection.rows(
        """
        SELECT relationship.object_key, relationship.kind_key, relationship.source_key, relationship.target_key,
               sro.created, sro.revoked, sro.deprecated
          FROM member
          JOIN relationship ON relationship.object_key = member.object_key
          JOIN object sro   ON sro.object_key = member.object_key
         WHERE member.release_key = :release
           AND member.type_key = :relationship
        """,
        release=release.key,
        relationship=connection.key(RELATIONSHIP),
    )


def _contents(connection: Connection, release: Release, identifiers: Sequence[int]) -> dict[int, tuple[_Content, ...]]:
    rows = connection.rows(
        f"""
        SELECT object.identifier_key, object.object_key, object.type_key, object.subtechnique, object.revoked,
               object.deprecated, member.repeat
          FROM object
          JOIN member ON member.object_key = object.object_key AND member.release_key = :release
         WHERE object.identifier_key IN {connection.in_list("identifiers")}
        """,
        release=release.key,
        identifiers=list(identifiers),
    )
    found: dict[int, tuple[_Content, ...]] = {}
    for row in sorted(rows, key=lambda row: (row.revoked or row.deprecated, row.repeat)):
        state = _state(row.revoked, row.deprecated)
        content = _Content(Place(row.object_key, state > 0), row.type_key, bool(row.subtechnique), state)
        found[row.identifier_key] = (*found.get(row.identifier_key, ()), content)
    return found


def _state(revoked: int, deprecated: int) -> int:
    return (_REVOKED if revoked else 0) | (_DEPRECATED if deprecated else 0)


def _places(ends: Sequence[int]) -> dict[int, array[int]]:
    """Where each identifier is among these."""
    found: dict[int, array[int]] = {}
    for place, end in enumerate(ends):
        if end in found:
            found[end].append(place)
        else:
            found[end] = array("i", (place,))
    return found


def _wanted(connection: Connection, kinds: Sequence[TypeWord] | None) -> set[tuple[int, bool]] | None:
    """The types that these kinds have, each with whether it is a sub-technique; None for all."""
    if kinds is None:
        return None
    return {
        (key, is_sub)
        for kind in kinds
        for key in connection.keys(kind.types)
        for is_sub in ((False, True) if kind.subtechnique is None else (kind.subtechnique,))
    }
