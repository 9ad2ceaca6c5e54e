"""The scopes of searches, remembered: nearly all searches ask for the latest releases."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import revision

if TYPE_CHECKING:
    from ctibutler.catalog.scopes import Scope

# Twelve knowledge bases take 0.6 MB.
MOST_SCOPES = 4


class ScopeCache:
    """Remembers a few scopes, each by its releases. A scope is valid until the catalogue's revision changes."""

    def __init__(self) -> None:
        self._scopes: OrderedDict[tuple[int, tuple[int, ...], bool], Scope] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, connection: Connection, release_keys: tuple[int, ...], *, relationships: bool = False) -> Scope:
        """Return the scope of these releases, with or without their relationships."""
        from ctibutler.catalog.scopes import scope_of  # loads numpy

        key = (revision(connection), release_keys, relationships)
        with self._lock:
            if key in self._scopes:
                self._scopes.move_to_end(key)
                return self._scopes[key]
        scope = scope_of(connection, release_keys, relationships=relationships)
        with self._lock:
            self._scopes[key] = scope
            while len(self._scopes) > MOST_SCOPES:
                self._scopes.popitem(last=False)
        return scope
