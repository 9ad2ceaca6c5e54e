"""Long lists, kept sorted so that the next page does not sort all of it again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Protocol, TypeVar

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import revision

LARGEST_BYTES = 24 * 1024 * 1024
SMALLEST_BYTES = 64 * 1024
# Roughly what an item of a plain list takes: a small record with a number and shared texts.
BYTES_OF_ITEM = 128


class Sized(Protocol):
    """A list, or what a list is read from."""

    def __len__(self) -> int:
        """How many items it has."""


Listed = TypeVar("Listed", bound=Sized)


class ListCache:
    """Remembers the last long lists, up to a number of bytes. A list is valid until the catalogue's revision changes."""

    def __init__(self, size: int = LARGEST_BYTES) -> None:
        self._size = size
        self._used = 0
        self._lists: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(
        self, connection: Connection, question: Hashable, make: Callable[[], Listed], bytes_of_item: int = BYTES_OF_ITEM
    ) -> Listed:
        """Return the list for a question, from memory or from `make`. Only long lists are remembered."""
        key = (revision(connection), question)
        with self._lock:
            if key in self._lists:
                self._lists.move_to_end(key)
                kept: Listed = self._lists[key][0]
                return kept
        made = make()
        self._keep(key, made, len(made) * bytes_of_item)
        return made

    def _keep(self, key: Hashable, made: Sized, cost: int) -> None:
        if not SMALLEST_BYTES <= cost <= self._size:
            return
        with self._lock:
            if key in self._lists:
                return
            self._lists[key] = made, cost
            self._used += cost
            while self._used > self._size:
                _, (_, given_up) = self._lists.popitem(last=False)
                self._used -= given_up
