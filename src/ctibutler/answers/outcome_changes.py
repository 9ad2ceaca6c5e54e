"""What became of every object from one release to another: filtered, sorted and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from ctibutler.answers.changes import lower_release
from ctibutler.answers.library import Library
from ctibutler.answers.migrations import (
    ModelChange,
    ReleaseOutcomes,
    VocabularyChange,
    everything_added,
    release_outcomes,
)
from ctibutler.answers.naming import installed_release
from ctibutler.answers.pages import Count, Page, PageRequest, Sort, cut
from ctibutler.catalog.folding import folded, natural_order
from ctibutler.comparing.outcomes import ADDED, HANDLINGS, NOTES, OUTCOMES, Handling, Outcome
from ctibutler.knowledge_bases.declaration import KnowledgeBase

STALE: Final = "stale"
ROW_WORDS: Final = (*OUTCOMES, ADDED, *NOTES)
"""What rows can be chosen by, and left out by: outcomes, and notes that stand beside them."""


@dataclass(frozen=True, slots=True)
class OutcomesQuery:
    """The release to compare with (None: the next lower one), and which rows to return.

    `outcome` and `hide` are words of `ROW_WORDS`. `sort` has a key of `OUTCOME_SORT_KEYS`.
    """

    since: str | None = None
    outcome: Collection[str] | None = None
    handling: Collection[str] | None = None
    types: Collection[str] | None = None
    hide: Collection[str] = ()
    page: PageRequest = PageRequest()
    sort: Sort = Sort("id")

    def passes(self, row: Outcome) -> bool:
        """Return whether a row is asked for."""
        if self.outcome is not None and not _is_one(row, self.outcome):
            return False
        if self.handling is not None and row.handling not in self.handling:
            return False
        return (self.types is None or row.type in self.types) and not _is_one(row, self.hide)


class OutcomeCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many objects have each outcome and each handling, and each outcome by STIX type, in the whole comparison.

    `stale` are the outcomes of those among them that the first release had revoked or deprecated already; `silent` is how many
    were edited under the same `modified`.
    """

    outcomes: dict[str, Count]
    handling: dict[Handling, Count]
    types: dict[str, dict[str, Count]]
    stale: dict[str, Count]
    silent: Count


@dataclass(frozen=True, slots=True)
class OutcomesPage:
    """A page of the outcomes of a release, since another one, that pass the filters. `since` is None if there was none."""

    knowledge_base: str
    release: str
    since: str | None
    installed_at: int
    counts: OutcomeCounts
    model: Sequence[ModelChange]
    vocabulary: Sequence[VocabularyChange]
    page: Page[Outcome]


def outcome_changes(library: Library, kb: KnowledgeBase, label: str | None, query: OutcomesQuery) -> OutcomesPage:
    """Return what became of every object that is no relationship from a release to another one, and what that one added.

    Raises NotFound when a release is not installed.
    """
    whole = _compared(library, kb, label, query.since)
    passing = list(filter(query.passes, whole.outcomes))
    passing.sort(key=OUTCOME_SORT_KEYS[query.sort.key], reverse=query.sort.descending)
    return OutcomesPage(
        knowledge_base=kb.slug,
        release=whole.new,
        since=whole.old,
        installed_at=whole.installed_at,
        counts=_counts(whole.outcomes),
        model=whole.model,
        vocabulary=whole.vocabulary,
        page=cut(passing, query.page),
    )


def _compared(library: Library, kb: KnowledgeBase, label: str | None, since: str | None) -> ReleaseOutcomes:
    with library.database.read() as connection:
        release = installed_release(connection, kb, label)
        before = lower_release(connection, kb, release, since)
    if before is None:
        return everything_added(library, kb, release.label)
    return release_outcomes(library, kb, before.label, release.label)


def _is_one(row: Outcome, words: Collection[str]) -> bool:
    """Whether one of these words is the outcome of a row, or a note beside it."""
    return row.outcome in words or any(note in words for note in row.also if note in NOTES)


def _counts(rows: Iterable[Outcome]) -> OutcomeCounts:
    outcomes: Counter[str] = Counter()
    handling: Counter[Handling] = Counter()
    types: dict[str, Counter[str]] = {}
    stale: Counter[str] = Counter()
    silent = 0
    for row in rows:
        outcomes[row.outcome] += 1
        handling[row.handling] += 1
        types.setdefault(row.type or "", Counter())[row.outcome] += 1
        stale[row.outcome] += STALE in row.also
        silent += "silent" in row.also
    return OutcomeCounts(
        outcomes=_in_order(outcomes),
        handling={word: handling[word] for word in reversed(HANDLINGS)},
        types={stix_type: _in_order(counts) for stix_type, counts in sorted(types.items())},
        stale=_in_order(stale),
        silent=silent,
    )


def _in_order(counts: Mapping[str, int]) -> dict[str, int]:
    return {word: counts[word] for word in ROW_WORDS if counts.get(word)}


_PLACES: Final = {word: place for place, word in enumerate(ROW_WORDS)}


def _by_work(row: Outcome) -> tuple[int, int, str, str, str]:
    """Those that need a human first, then by outcome, type and primary id."""
    return (
        -HANDLINGS.index(row.handling),
        _PLACES[row.outcome],
        row.type or "",
        natural_order(row.id),
        row.stix_id or "",
    )


OUTCOME_SORT_KEYS: Mapping[str, Callable[[Outcome], tuple[object, ...]]] = {
    "id": lambda row: (natural_order(row.id), row.stix_id),
    "type": lambda row: (row.type, natural_order(row.id), row.stix_id),
    "name": lambda row: (folded(row.name or ""), row.stix_id),
    "change": _by_work,
}
"""`change`: those that need a human first, then by outcome."""
