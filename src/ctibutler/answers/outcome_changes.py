"""What became of every object from one release to another: filtered, sorted and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
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
    with_candidates,
)
from ctibutler.answers.naming import installed_release
from ctibutler.answers.pages import Count, Page, PageRequest, Sort, cut
from ctibutler.catalog.folding import folded, natural_order
from ctibutler.catalog.releases import Release
from ctibutler.comparing.outcomes import ADDED, HANDLINGS, NOTES, OUTCOMES, Handling, Outcome
from ctibutler.knowledge_bases.declaration import KnowledgeBase

STALE: Final = "stale"
# Two lists refer to it; the records themselves are kept with the comparison.
_BYTES_OF_ROW = 40
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

    @property
    def question(self) -> Hashable:
        """All of it but the releases and the page."""
        chosen = (self.outcome, self.handling, self.types, self.hide)
        return (*(None if words is None else tuple(sorted(words)) for words in chosen), self.sort)

    def passes(self, row: Outcome) -> bool:
        """Return whether a row is asked for."""
        if self.outcome is not None and not _is_one(row, self.outcome):
            return False
        if self.handling is not None and row.handling not in self.handling:
            return False
        return (self.types is None or row.type in self.types) and not _is_one(row, self.hide)


class OutcomeSums(msgspec.Struct, frozen=True, kw_only=True):
    """How many objects have each outcome, and each handling."""

    outcomes: dict[str, Count]
    handling: dict[Handling, Count]


class OutcomeCounts(OutcomeSums, frozen=True, kw_only=True):
    """How many objects have each outcome and each handling, and each outcome by STIX type, in the whole comparison.

    `stale` counts those among them that the first release had revoked or deprecated already; `silent` is how many were edited
    under the same `modified`.
    """

    types: dict[str, dict[str, Count]]
    stale: OutcomeSums
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


@dataclass(frozen=True, slots=True)
class _Listed:
    """The rows that pass the filters, sorted, with what is told of the whole comparison."""

    whole: ReleaseOutcomes
    counts: OutcomeCounts
    rows: Sequence[Outcome]

    def __len__(self) -> int:
        return len(self.whole.outcomes)


def outcome_changes(library: Library, kb: KnowledgeBase, label: str | None, query: OutcomesQuery) -> OutcomesPage:
    """Return what became of every object that is no relationship from a release to another one, and what that one added. Rows
    of the page that need a human have candidates.

    Raises NotFound when a release is not installed.
    """
    with library.database.read() as connection:
        release = installed_release(connection, kb, label)
        before = lower_release(connection, kb, release, query.since)
        asked = ("outcomes", kb.slug, before.key if before else None, release.key, query.question)
        listed = library.list_cache.get(
            connection, asked, lambda: _listed(library, kb, before, release, query), _BYTES_OF_ROW
        )
    whole = listed.whole
    page = cut(listed.rows, query.page)
    if before is not None and any(row.handling == "human" for row in page.items):
        page = page.with_items(with_candidates(library, kb, before.label, release.label, page.items))
    return OutcomesPage(
        knowledge_base=kb.slug,
        release=whole.new,
        since=whole.old,
        installed_at=whole.installed_at,
        counts=listed.counts,
        model=whole.model,
        vocabulary=whole.vocabulary,
        page=page,
    )


def _listed(
    library: Library, kb: KnowledgeBase, before: Release | None, release: Release, query: OutcomesQuery
) -> _Listed:
    if before is None:
        whole = everything_added(library, kb, release.label)
    else:
        whole = release_outcomes(library, kb, before.label, release.label)
    rows = list(filter(query.passes, whole.outcomes))
    rows.sort(key=OUTCOME_SORT_KEYS[query.sort.key], reverse=query.sort.descending)
    return _Listed(whole, _counts(whole.outcomes), rows)


def _is_one(row: Outcome, words: Collection[str]) -> bool:
    """Whether one of these words is the outcome of a row, or a note beside it."""
    return row.outcome in words or any(note in words for note in row.also if note in NOTES)


def _counts(rows: Sequence[Outcome]) -> OutcomeCounts:
    types: dict[str, Counter[str]] = {}
    for row in rows:
        types.setdefault(row.type or "", Counter())[row.outcome] += 1
    whole, stale = _sums(rows), _sums([row for row in rows if STALE in row.also])
    return OutcomeCounts(
        outcomes=whole.outcomes,
        handling=whole.handling,
        types={stix_type: _in_order(counts) for stix_type, counts in sorted(types.items())},
        stale=stale,
        silent=sum("silent" in row.also for row in rows),
    )


def _sums(rows: Sequence[Outcome]) -> OutcomeSums:
    handling = Counter(row.handling for row in rows)
    return OutcomeSums(
        outcomes=_in_order(Counter(row.outcome for row in rows)),
        handling={word: handling[word] for word in reversed(HANDLINGS)},
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
