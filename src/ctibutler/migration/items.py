"""What a file says about a knowledge base: items, each one mention of an id, and what is written in their place."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from ctibutler.knowledge_bases.declaration import KnowledgeBase

WHOLE_FILE = -1
"""The context of items that stand beside all others of a file."""


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an item stands: only what its kind of file has. Everything is counted from 1, but `index` and the numbers in
    `pointer` (RFC 6901) from 0."""

    index: int | None = None
    sheet: str | None = None
    cell: str | None = None
    line: int | None = None
    column: int | None = None
    pointer: str | None = None

    def __str__(self) -> str:
        if self.pointer is not None:
            return self.pointer
        if self.index is not None:
            return f"item {self.index + 1}"
        where = f"line {self.line}, column {self.column}" if self.cell is None else self.cell
        return f"{self.sheet}!{where}" if self.sheet is not None else where


@dataclass(frozen=True, slots=True)
class Item:
    """One mention of an id, or of a tactic by its short name.

    `id` is what is looked up, `written` what stands in the file from `start` to `end`: characters of a text, bytes of a part of
    a workbook. Items with the same `context` stand together, so that a tactic among them follows the techniques; None for an
    item by itself. `tactic` is the short name beside a technique, in a layer. One that is not `readable` stands where an
    id should, but is none. Items of one `slot` share a cell, a list of tags or the like, where none stands twice. One that
    `holds_one` stands where exactly one id has to be. One that does not `lead`, tactics do not follow: a technique that only
    stands there for its sub-techniques.
    """

    id: str
    written: str
    place: Place
    start: int
    end: int
    context: int | None = None
    slot: int | None = None
    is_slug: bool = False
    tactic: str | None = None
    readable: bool = True
    form: str = ""
    holds_one: bool = False
    leads: bool = True


@dataclass(frozen=True, slots=True)
class Named:
    """An object of the release that the file is brought to. `slug` is a tactic's short name."""

    id: str
    name: str | None = None
    slug: str | None = None
    stix_id: str | None = None


@dataclass(frozen=True, slots=True)
class Replacement:
    """What is written in the place of an item: these objects, nothing if there are none. `tactic` is the new short name beside
    the technique. With `mark`, the item stays, and a file that has room for it says why."""

    new: tuple[Named, ...] = ()
    tactic: str | None = None
    mark: str | None = None


@dataclass(frozen=True)
class Tactic:
    """A tactic of a release: its id, its short name, its name."""

    id: str
    slug: str
    name: str


@dataclass(frozen=True)
class Joined:
    """An item that met another one in the same place: by its number, the number of the one that stands for both."""

    number: int
    into: int
    conflict: str | None = None
    """Why they could not become one without a loss; None if they could."""


@dataclass(frozen=True)
class Written:
    """A file with replacements in it, the items that met others, and remarks about the file as a whole."""

    content: bytes
    joined: tuple[Joined, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """How a file is read and written.

    `column` is the one of a table that holds the ids, `combine` says what becomes of scores that meet, `add_columns` asks for
    notes in a table. While it is written: `release` is the one that the file is brought to, None if it stays; `names` are those
    of its objects by id, `tactics` its tactics, `tactics_of` the ids of those of a technique, `platforms` those of its objects
    in lower case; `notes` are outcome, new name and reason by the number of an item; `objects` the JSON of objects by STIX id.
    """

    kb: KnowledgeBase
    column: str | None = None
    combine: str | None = None
    add_columns: bool = False
    release: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    tactics: Mapping[str, Tactic] = field(default_factory=dict)
    tactics_of: Mapping[str, Collection[str]] = field(default_factory=dict)
    platforms: frozenset[str] = frozenset()
    notes: Mapping[int, tuple[str, str, str]] = field(default_factory=dict)
    objects: Mapping[str, str] = field(default_factory=dict)


Items = Sequence[Item]
Replacements = Mapping[int, Replacement]
"""Number of an item → what is written in its place. Items that are not in it stay as they are."""
