"""Comparisons of pairs of releases, kept for the next question about the same pair."""

from __future__ import annotations

import threading
from collections import OrderedDict

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import Release
from ctibutler.comparing.releases import Comparison, compare

# The largest pair at hand, Enterprise 15.1 and 18.1, has 26,600 differences, which take 10 MB.
MOST_DIFFERENCES = 60_000

_Pair = tuple[tuple[int, int], tuple[int, int]]


class ComparedPairs:
    """Remembers the last comparisons of one catalogue.

    An installed release never changes, so a comparison stays true until one of its two releases is removed or installed again.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[_Pair, Comparison] = OrderedDict()
        self._lock = threading.Lock()

    def compare(self, connection: Connection, old: Release | None, new: Release) -> Comparison:
        """Compare two releases, or return what is remembered of them."""
        pair = (_mark(old), _mark(new))
        with self._lock:
            if pair in self._kept:
                self._kept.move_to_end(pair)
                return self._kept[pair]
        made = compare(connection, old, new)
        with self._lock:
            self._kept[pair] = made
            while len(self._kept) > 1 and sum(len(kept.differences) for kept in self._kept.values()) > MOST_DIFFERENCES:
                self._kept.popitem(last=False)
        return made


def _mark(release: Release | None) -> tuple[int, int]:
    """What identifies an installed release: after a removal its key may be used again, but not at the same moment."""
    return (0, 0) if release is None else (release.key, release.installed_at)
