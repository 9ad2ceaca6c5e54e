"""Opening a catalogue that is only read, such as by a shell that completes a line."""

from __future__ import annotations

from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.engine.migrations import require_current


def open_to_read(url: str) -> Database:
    """Return the catalogue at this URL as it is: nothing is created, brought up to date or written.

    Raises InvalidRequest for a URL that cannot be used, StoreUnavailable if there is no catalogue of this version.
    """
    database = Database(url, read_only=True)
    try:
        require_current(database)
    except BaseException:
        database.close()
        raise
    return database
