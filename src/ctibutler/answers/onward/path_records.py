"""How paths are asked for, and the records that answer it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from ctibutler.answers.pages import Count
from ctibutler.catalog.walks import Living
from ctibutler.knowledge_bases.relations import Widening

MOST_TURNS = 2
MOST_HOPS = 10
MOST_PATHS = 1000

Origin = Literal["publisher", "embedded", "link-set"]
"""Who wrote a relationship: a publisher as an object, a publisher as a property, or we as a link."""


@dataclass(frozen=True, slots=True)
class PathQuery:
    """How paths may go. `turns` None is 0 where one end leads onward to the other, else 1. `versions` are labels of releases by
    knowledge base; the latest release of those that are not named."""

    turns: int | None = None
    widen: Widening = "none"
    hops: int = 6
    limit: int = 100
    versions: Mapping[str, str | None] = field(default_factory=dict)
    include_revoked: bool = False
    include_deprecated: bool = False

    @property
    def living(self) -> Living:
        """Which revoked and deprecated objects are walked too."""
        return Living(self.include_revoked, self.include_deprecated)


class PathObject(msgspec.Struct, frozen=True):
    """An object on a path, in its release."""

    knowledge_base: str
    version: str
    id: str
    external_id: str | None
    name: str | None
    kind: str


class StatedBy(msgspec.Struct, frozen=True):
    """Who says that two objects are related."""

    publisher: str
    knowledge_base: str
    version: str


class Statement(msgspec.Struct, frozen=True):
    """A relationship that a path goes along, and who says so.

    `stated_in` is where: `relationship`, the property that refers to the other object, or `mapping`. `stated_at` is when the
    object that says so was modified. `made_at` is when we made the link. `back` tells whether the object at the other end
    says so too, null where that cannot be.
    """

    id: str
    relationship_type: str
    origin: Origin
    stated_by: StatedBy
    stated_in: str
    stated_at: str | None
    made_at: str | None
    back: bool | None


class PathHop(msgspec.Struct, frozen=True):
    """How a path goes from one object to the next: what the first does to the second. `widens` is `down` from an object to a
    kind of it, and `up` from a kind."""

    says: str
    onward: bool
    turns: bool
    widens: Widening
    statements: tuple[Statement, ...]


class Path(msgspec.Struct, frozen=True):
    """A path: its objects, and a hop between each two of them."""

    objects: tuple[PathObject, ...]
    hops: tuple[PathHop, ...]


class Reach(msgspec.Struct, frozen=True):
    """How many objects of a kind one end leads to, towards the other."""

    knowledge_base: str
    kind: str
    onward: bool
    objects: Count


class Reaches(msgspec.Struct, frozen=True):
    """How far both ends get."""

    start: tuple[Reach, ...] = msgspec.field(name="from")
    end: tuple[Reach, ...] = msgspec.field(name="to")


class Alternative(msgspec.Struct, frozen=True):
    """What there would be with other rules."""

    turns: Count
    widen: Widening
    paths: Count
    hops: Count


class WorkRequest(msgspec.Struct, frozen=True):
    """A request that makes what is missing."""

    method: str
    path: str
    body: dict[str, str]


class MissingLinkSet(msgspec.Struct, frozen=True):
    """Links that were not made between two releases, and the request that makes them. A version is null where no release is
    installed; then so is the request."""

    mode: str
    owner: str
    owner_version: str | None
    other: str
    other_version: str | None
    request: WorkRequest | None


class PathCounts(msgspec.Struct, frozen=True):
    """The number of all shortest paths, null if the search stopped early, and their length, null if there are none."""

    paths: Count | None
    hops: Count | None


class Cut(msgspec.Struct, frozen=True):
    """Where a search stopped."""

    states: Count
    hops_done: Count


class Paths(msgspec.Struct, frozen=True, kw_only=True):
    """All shortest paths between two objects. If there are none, `reach` says how far each end gets, and `instead` what other
    rules would give."""

    start: PathObject = msgspec.field(name="from")
    end: PathObject = msgspec.field(name="to")
    turns: Count
    widen: Widening
    hops: Count
    counts: PathCounts
    paths: tuple[Path, ...]
    reach: Reaches | None
    instead: tuple[Alternative, ...]
    missing: tuple[MissingLinkSet, ...]
    cut: Cut | None
