"""Pages: how a part of a list is asked for, and the part itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Other = TypeVar("Other")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page, from 1, and how many items on it."""

    number: int = 1
    size: int = 50

    @property
    def start(self) -> int:
        """Place of the page's first item in the whole list, from 0."""
        return (self.number - 1) * self.size


@dataclass(frozen=True, slots=True)
class Sort:
    """A key and a direction: `modified_descending`."""

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
        """The same part of the list, with what its items stand for."""
        return Page(self.request, items, self.total)


def cut(listed: Sequence[Item], request: PageRequest) -> Page[Item]:
    """The requested page of a list that is complete in memory."""
    return Page(request, listed[request.start : request.start + request.size], len(listed))
