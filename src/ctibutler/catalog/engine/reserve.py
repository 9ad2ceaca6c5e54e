"""Room that is held in reserve on the disk of an SQLite database, so that releases can be removed when it is full.

SQLite writes what it deletes into its log first. Without any room, nothing could be removed to make some.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MIB = 1024 * 1024
LEAST_ROOM = MIB
"""With less than this many bytes left, a disk is taken for full."""

_LEAST, _MOST = 2 * MIB, 32 * MIB
# What the files need that SQLite keeps beside an open database.
_TO_OPEN = 128 * 1024
# The part of the database that removing a release may have to write.
_PART = 3
# A reserve is only made where it takes a small part of what is left.
_PLENTY = 16


class Reserve:
    """A file beside the database that holds nothing but room."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._path = database.with_name(database.name + "-reserve")

    def keep(self) -> None:
        """Make the file, or a larger one for a database that has grown. Without plenty of room, do nothing."""
        try:
            wanted = min(max(self._database.stat().st_size // _PART, _LEAST), _MOST)
            held = self._path.stat().st_size if self._path.exists() else 0
            if held < wanted // 2 and _left(self._database) > wanted * _PLENTY:
                self._path.unlink(missing_ok=True)
                _allocate(self._path, wanted)
        except OSError:
            self.release()

    def shrink(self) -> bool:
        """Free a little of it: what SQLite needs to open a database. Return whether there was enough."""
        try:
            left = self._path.stat().st_size - _TO_OPEN
            if left < 0:
                return False
            os.truncate(self._path, left)
        except OSError:
            return False
        return True

    def release(self) -> bool:
        """Delete the file. Return whether there was one."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True


def has_room(database: Path) -> bool:
    """Whether there is room on the disk of a database; also if that cannot be found out."""
    try:
        return _left(database) >= LEAST_ROOM
    except OSError:
        return True


def _left(database: Path) -> int:
    return shutil.disk_usage(database.parent).free


def _allocate(path: Path, size: int) -> None:
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(handle, 0, size)
        else:
            os.write(handle, bytes(size))
    finally:
        os.close(handle)
