"""The scopes of searches, remembered: nearly all searches ask for the latest releases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.kept import Kept
from ctibutler.catalog.releases import revision

if TYPE_CHECKING:
    from ctibutler.catalog.scopes import Scope

# Twelve knowledge bases take 0.6 MB.
MOST_SCOPES = 4


# A revision, releases, and whether their relationships are meant.
_Asked = tuple[int, tuple[int, ...], bool]


class ScopeCache:
    """Remembers a few scopes, each by its releases. A scope is valid until the catalogue's revision changes."""

    def __init__(self) -> None:
        self._kept = Kept[_Asked, "Scope"](MOST_SCOPES)

    def get(self, connection: Connection, release_keys: tuple[int, ...], *, relationships: bool = False) -> Scope:
        """Return the scope of these releases, with or without their relationships."""
        from ctibutler.catalog.scopes import scope_of  # loads numpy

        key = (revision(connection), release_keys, relationships)
        return self._kept.get(key, lambda: scope_of(connection, release_keys, relationships=relationships))
