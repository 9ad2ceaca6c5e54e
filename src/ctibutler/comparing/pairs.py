"""Comparisons of pairs of releases, kept for the next question about the same pair."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

from ctibutler.catalog import releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.kept import Kept
from ctibutler.catalog.releases import Mark, Release, Stamp
from ctibutler.comparing.judging import Judged, judge, prepare
from ctibutler.comparing.releases import Comparison, compare
from ctibutler.knowledge_bases.declaration import KnowledgeBase

# The largest pair at hand, Enterprise 15.1 and 18.1, has 26,600 differences, which take 10 MB.
MOST_DIFFERENCES = 60_000

MOST_JUDGED = 32
# Enterprise 15.1 and 18.1 have 6,600 objects besides relationships, and what is kept of them takes 10 MB.
MOST_OBJECTS = 100_000

_Pair = tuple[Stamp | None, Stamp]


class ComparedPairs:
    """Remembers the last comparisons of one catalogue.

    An installed release never changes, so a comparison stays true until one of its two releases is removed or installed again.
    """

    def __init__(self) -> None:
        self._kept = Kept[_Pair, Comparison](MOST_DIFFERENCES, lambda kept: len(kept.differences))

    def compare(self, connection: Connection, old: Release | None, new: Release) -> Comparison:
        """Compare two releases, or return what is remembered of them."""
        pair = (None if old is None else old.stamp, new.stamp)
        return self._kept.get(pair, lambda: compare(connection, old, new))


class JudgedPairs:
    """Remembers what became of objects between the pairs of releases that were asked about last.

    An outcome may rest on any release of its knowledge base, so one is judged again once any of them was installed or removed.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int, int], tuple[Sequence[Mark], Judged]] = OrderedDict()
        self._lock = threading.Lock()

    def judge(self, connection: Connection, kb: KnowledgeBase, old: Release, new: Release) -> Judged:
        """Judge every object of a pair of releases, or return what is remembered of it."""
        judged = self._judged(connection, kb, old, new, judge)
        judged.judge(connection, judged.old.by_id)
        return judged

    def prepare(self, connection: Connection, kb: KnowledgeBase, old: Release, new: Release) -> Judged:
        """Read a pair of releases, so that objects can be judged, or return what is remembered of it."""
        return self._judged(connection, kb, old, new, prepare)

    def _judged(
        self,
        connection: Connection,
        kb: KnowledgeBase,
        old: Release,
        new: Release,
        make: Callable[[Connection, KnowledgeBase, Release, Release], Judged],
    ) -> Judged:
        marks = releases.marks(connection, kb.slug)
        pair = (kb.slug, old.key, new.key)
        with self._lock:
            if pair in self._kept and self._kept[pair][0] == marks:
                self._kept.move_to_end(pair)
                return self._kept[pair][1]
        judged = make(connection, kb, old, new)
        with self._lock:
            self._kept[pair] = (marks, judged)
            self._kept.move_to_end(pair)
            while len(self._kept) > 1 and self._is_too_much():
                self._kept.popitem(last=False)
        return judged

    def _is_too_much(self) -> bool:
        objects = sum(len(judged.old.by_id) + len(judged.new.by_id) for _, judged in self._kept.values())
        return len(self._kept) > MOST_JUDGED or objects > MOST_OBJECTS
