"""Long lists, read portion by portion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.releases import Release, state_of
from ctibutler.errors import StoreUnavailable

Key = TypeVar("Key")
Item = TypeVar("Item")

PORTION = 500
"""So many objects are in memory at once."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Releases that a long list is read from, and their states when its keys were looked up."""

    database: Database
    releases: Sequence[Release]
    states: Sequence[object]

    @classmethod
    def since(cls, connection: Connection, database: Database, releases: Sequence[Release]) -> Unchanged:
        """Return these releases as this connection sees them."""
        return cls(database, releases, _states(connection, releases))

    def portions(
        self, keys: Sequence[Key], read: Callable[[Connection, Sequence[Key]], Sequence[Item]]
    ) -> Iterator[Sequence[Item]]:
        """Yield what `read` returns for some hundred keys at a time.

        Each portion is read in a transaction of its own, so that a slow client holds none open.

        Raises StoreUnavailable if a release has changed meanwhile: a client sees a broken answer, not one that looks whole.
        """
        for start in range(0, len(keys), PORTION):
            with self.same() as connection:
                portion = read(connection, keys[start : start + PORTION])
            yield portion

    @contextmanager
    def same(self) -> Iterator[Connection]:
        """Open a transaction that sees the releases as they were. Raises StoreUnavailable if one has changed."""
        with self.database.read() as connection:
            now = _states(connection, self.releases)
            for release, before, state in zip(self.releases, self.states, now, strict=True):
                if state != before:
                    name = f"{release.knowledge_base} {release.label}"
                    raise StoreUnavailable(f"{name} has changed while it was read; try again")
            yield connection


def _states(connection: Connection, releases: Sequence[Release]) -> list[object]:
    return [state_of(connection, release.key) for release in releases]
