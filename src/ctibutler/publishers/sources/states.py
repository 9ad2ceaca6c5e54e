"""The state of sources: where each is, what its newest release is, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.publishers.sources.source import Offer, OfferReport

LATE_AFTER: Final = 1.5
"""A publisher's next release is overdue after this many times the usual interval."""


@dataclass(frozen=True)
class SourceState:
    """What a source has of one knowledge base; a publisher with several places has a state for each.

    `source` is the name of the source and `location` its address for people. `newest` is the label of its highest release,
    and `released` the day of that release, if the source states it. `answers` is False if the source could not list its
    releases. `is_frozen` means that it keeps earlier releases and gets no new ones. `problems` are sentences about what a
    user or maintainer has to fix.
    """

    knowledge_base: str
    source: str
    location: str
    newest: str | None = None
    released: date | None = None
    answers: bool = True
    is_frozen: bool = False
    problems: tuple[str, ...] = ()


def states_of(source: str, report: OfferReport, kbs: Iterable[KnowledgeBase]) -> list[SourceState]:
    """The states in a source's report: one for each knowledge base that it has, or could not list.

    Lasting conditions, such as a package that is not installed, are not problems.
    """
    states = []
    for kb in kbs:
        newest = newest_of(report.of(kb.slug))
        problems = [problem for problem in report.problems_of(kb.slug) if not problem.lasting]
        if newest is not None or problems:
            states.append(
                SourceState(
                    kb.slug,
                    source,
                    newest.location if newest is not None else "",
                    newest.label if newest is not None else None,
                    newest.published if newest is not None else None,
                    answers=not problems,
                    problems=tuple(problem.sentence for problem in problems),
                )
            )
    return states


def newest_of(offers: Iterable[Offer]) -> Offer | None:
    """The offer of the highest release; None if there are no offers."""
    return max(offers, key=lambda offer: release_labels.sort_key(offer.label), default=None)


def with_overdue(kb: KnowledgeBase, states: Sequence[SourceState], today: date) -> list[SourceState]:
    """The states of a publisher's places, with a problem if its next release is overdue.

    There is no such problem if the knowledge base declares no interval, or if its places do not state when they released.
    """
    days = [state.released for state in states if state.released is not None and not state.is_frozen]
    if kb.release_every_days is None or not days:
        return list(states)
    newest = max(days)
    waited = (today - newest).days
    if waited <= LATE_AFTER * kb.release_every_days:
        return list(states)
    sentence = f"no release since {newest}, {waited} days ago; expected every {kb.release_every_days} days"
    return [
        replace(state, problems=(*state.problems, sentence))
        if state.released == newest and not state.is_frozen
        else state
        for state in states
    ]
