"""The words of whole releases, remembered: they take a while to collect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.kept import Kept
from ctibutler.catalog.releases import moments_of

if TYPE_CHECKING:
    from ctibutler.catalog.mentions import Mentions

MOST_BYTES = 32 * 1024 * 1024
"""Three times what the latest releases of all twelve knowledge bases take without their relationships."""

# A release by its key and when it was installed, and whether its relationships are meant or its other objects.
_Part = tuple[int, int, bool]


class MentionCache:
    """Remembers the words of the releases that were searched last, up to a number of bytes.

    An installed release never changes, so its words stay true until it is removed. They are collected once however many
    requests wait for them.
    """

    def __init__(self, size: int = MOST_BYTES) -> None:
        self._kept = Kept[_Part, "Mentions"](size, lambda kept: kept.size, once=True)

    def get(self, connection: Connection, release_keys: Sequence[int], *, relationships: bool) -> list[Mentions]:
        """Return the words of all relationships of these releases, or of their other objects."""
        moments = moments_of(connection, release_keys)
        return [self._of(connection, (key, moments[key], relationships)) for key in release_keys]

    def _of(self, connection: Connection, part: _Part) -> Mentions:
        from ctibutler.catalog.mentions import mentions  # loads numpy

        return self._kept.get(part, lambda: mentions(connection, part[0], relationships=part[2]))
