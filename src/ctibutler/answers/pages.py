"""Pages of lists: how they are requested, and what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0)]
Item = TypeVar("Item")
Other = TypeVar("Other")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The number of a page, from 1, and how many items it has at most."""

    number: int = 1
    size: int = 50

    @property
    def start(self) -> int:
        """The place of its first item in the whole list, from 0."""
        return (self.number - 1) * self.size


WHOLE = PageRequest(size=2**31 - 1)
"""The page that holds any list whole."""


@dataclass(frozen=True, slots=True)
class Sort:
    """A key to sort by, and the direction."""

    key: str
    descending: bool = False

    @classmethod
    def parse(cls, text: str) -> Sort:
        """Read `<key>_ascending` or `<key>_descending`."""
        key, _, direction = text.rpartition("_")
        return cls(key, direction == "descending")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Part of a list: its items, and the length of the whole list."""

    request: PageRequest
    items: Sequence[Item]
    total: int

    def with_items(self, items: Sequence[Other]) -> Page[Other]:
        """Return the same page with other items in place of its own."""
        return Page(self.request, items, self.total)


def cut(listed: Sequence[Item], request: PageRequest) -> Page[Item]:
    """Return the requested page of a list that is complete in memory."""
    return Page(request, listed[request.start : request.start + request.size], len(listed))
