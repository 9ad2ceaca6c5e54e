"""Pages: the part of a list that one answer shows, and how it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")


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
class Page:
    """Part of a list: its items as JSON, ready to be joined, and how many there are in all."""

    request: PageRequest
    items: Sequence[bytes]
    total: int


def cut(everything: Sequence[Item], request: PageRequest, render: Callable[[Sequence[Item]], Sequence[bytes]]) -> Page:
    """The asked page of a list that is at hand; only its items are rendered."""
    shown = everything[request.start : request.start + request.size]
    return Page(request, render(shown), len(everything))
