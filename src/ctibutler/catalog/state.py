"""The current state of the catalogue, cheap enough to ask for with every request."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ctibutler.catalog.access import Key, key_of
from ctibutler.catalog.engine.database import Database
from ctibutler.errors import StandbyLost, StoreUnavailable

# The event loop asks: rather fail than make every other request wait.
_PATIENCE_MILLISECONDS = 100


@dataclass(frozen=True, slots=True)
class CatalogState:
    """One state of the catalogue: `stamp` changes whenever an answer could change, `keys` are the valid API keys."""

    stamp: str
    keys: tuple[Key, ...]


class Watch:
    """Knows the current state, and reads it again only after a process has changed the catalogue.

    On SQLite, `PRAGMA data_version` on a connection of its own shows a change within microseconds. PostgreSQL has nothing as
    cheap that is never late, so there the state is queried every time. `is_quick` distinguishes the two.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.is_quick = database.engine == "sqlite"
        self._lock = threading.Lock()
        self._raw: Any = None
        self._version: object = None
        self._seen: CatalogState | None = None

    def current(self) -> CatalogState:
        """Return the state of the catalogue right now.

        Raises StoreUnavailable.
        """
        if not self.is_quick:
            return self._read()
        with self._lock:
            version = self._data_version()
            if self._seen is None or version != self._version:
                self._seen, self._version = self._read(), version
            return self._seen

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._raw is not None:
                self._raw.close()
                self._raw = None

    def _data_version(self) -> object:
        try:
            if self._raw is not None and not self._database.is_alive(self._raw):
                self._raw.close()
                self._raw = self._seen = None
            if self._raw is None:
                self._raw = self._database.connect()
                self._raw.execute(f"PRAGMA busy_timeout = {_PATIENCE_MILLISECONDS}")
            return self._raw.execute("PRAGMA data_version").fetchone()[0]
        except self._database.driver.Error as failure:
            raise StoreUnavailable(f"{self._database}: the database does not answer: {failure}") from failure

    def _read(self) -> CatalogState:
        try:
            return self._read_once()
        except StandbyLost:
            return self._read_once()  # from the primary

    def _read_once(self) -> CatalogState:
        with self._database.glance() as connection:
            rows = connection.rows(
                """
                SELECT catalogue.revision, (SELECT max(installed_at) FROM release) AS installed_at,
                       api_key.name, api_key.hash, api_key.can_write, api_key.created, api_key.last_used
                  FROM catalogue
                  LEFT JOIN api_key ON 1 = 1
                 ORDER BY api_key.name
                """
            )
        return CatalogState(_stamp(rows), tuple(key_of(row) for row in rows if row.name is not None))


def _stamp(rows: Sequence[Any]) -> str:
    # The revision alone would be the same in two databases that were filled one after the other under one address.
    return f"{rows[0].revision}-{rows[0].installed_at or 0}" if rows else ""
