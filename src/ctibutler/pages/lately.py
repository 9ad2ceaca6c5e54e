"""What the newest releases did, in a sentence each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ctibutler.answers.library import Library
from ctibutler.answers.migrations import release_outcomes
from ctibutler.answers.releases import LatelyInstalled, lately
from ctibutler.comparing.outcomes import ADDED, OUTCOMES, Outcome
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.kinds import kind_of
from ctibutler.knowledge_bases.matrices import matrix_form
from ctibutler.pages import addresses
from ctibutler.pages.wording import counted

_MOST: Final = 3
_KINDS: Final = 2
_NOT_TOLD: Final = ("touched", "unchanged", "unknown", "unreadable", "not_yet", "ambiguous")
_WORDS: Final = (ADDED, *(word for word in OUTCOMES if word not in _NOT_TOLD))
_SILENT: Final = "silent"
_STALE: Final = "stale"


@dataclass(frozen=True, slots=True)
class Told:
    """A release that was installed lately, what it did, and the addresses of the pages that show it: as lists, and in the
    matrix. They are None where there is nothing to show."""

    kb: KnowledgeBase
    release: LatelyInstalled
    sentence: str = ""
    silent: int = 0
    compared: str | None = None
    in_matrix: str | None = None


def told_lately(library: Library) -> list[Told]:
    """Return the releases that were installed last, those that follow another one first."""
    everything = lately(library, len(library.knowledge_bases.all))
    chosen = sorted(everything, key=lambda it: it.before is None)[:_MOST]
    return [_told(library, library.knowledge_bases.named(it.knowledge_base), it) for it in chosen]


def _told(library: Library, kb: KnowledgeBase, release: LatelyInstalled) -> Told:
    if release.before is None:
        return Told(kb, release)
    found = release_outcomes(library, kb, release.before, release.label).outcomes
    # What was dead before says nothing about the release.
    living = [one for one in found if _STALE not in one.also]
    silent = sum(_SILENT in one.also for one in living)
    compared, in_matrix = (
        addresses.in_release(kb.slug, release.label, word, since=release.before) for word in ("changes", "matrix")
    )
    return Told(kb, release, sentence_of(kb, living), silent, compared, in_matrix if matrix_form(kb) else None)


def sentence_of(kb: KnowledgeBase, outcomes: Sequence[Outcome]) -> str:
    """Return what became of objects: `3 techniques added; 323 analytics and 67 data components edited`."""
    parts = []
    for word in _WORDS:
        kinds = Counter(kind_of(kb, one.type or "") for one in outcomes if one.outcome == word)
        if kinds:
            parts.append(f"{_listed(kinds)} {word.replace('_', ' ')}")
    return "; ".join(parts) or "Nothing changed that a reader sees"


def _listed(kinds: Counter[str]) -> str:
    named = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    shown = [counted(number, kind) for kind, number in named[:_KINDS]]
    rest = sum(number for _, number in named[_KINDS:])
    return " and ".join([", ".join(shown), f"{rest:,} more"] if rest else shown)
