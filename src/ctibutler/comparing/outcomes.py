"""What became of an object from one release to another: a closed list of outcomes, and how to handle each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, Literal, get_args

import msgspec

Handling = Literal["automatic", "look", "human"]
HANDLINGS: Final[tuple[Handling, ...]] = get_args(Handling)
"""How to handle an item, from the least to the most work: replaced · replaced, but look at it · left as it was, decide."""

OUTCOME_HANDLINGS: Final[Mapping[str, Handling]] = {
    "unreadable": "human",
    "unknown": "human",
    "not_yet": "look",
    "ambiguous": "human",
    "gone": "human",
    "dead_end": "human",
    "deprecated": "human",
    "split": "human",
    "reused": "human",
    "merged": "look",
    "demoted": "automatic",
    "promoted": "automatic",
    "renumbered": "automatic",
    "reissued": "automatic",
    "revived": "look",
    "moved": "look",
    "redefined": "look",
    "renamed": "automatic",
    "edited": "automatic",
    "touched": "automatic",
    "unchanged": "automatic",
}
"""Outcome → how to handle it, in order of precedence."""

OUTCOMES: Final = tuple(OUTCOME_HANDLINGS)
"""The outcomes, in order of precedence."""

ADDED: Final = "added"
"""The outcome, in comparisons of whole releases, of an object that only the second release has."""

NOTES: Final = ("stale", "silent", "new_subtechniques")
"""What `also` says besides outcomes: dead in the first release already · edited under the same `modified` · the heir has
sub-techniques that the first release did not know."""


class OutcomeEvidence(msgspec.Struct, frozen=True):
    """A fact that an outcome rests on, and the release it was read in.

    `kind` says what `id` is. A STIX id: of a relationship (`revoked-by`), of an object that the release has (`object`, `live`,
    `parent`), has no more (`missing`), or has as `revoked` or `deprecated`, of a tactic (`lost`, `gained`, `flow`), of what was
    accepted (`named`, `same-name`), or one of two (`id`). Else what was read: a `name`, a primary id (`external_references`), a
    similar one (`near`), a `property` that changed, the `class` of what changed, a `digest`.
    """

    kind: str
    id: str
    version: str


Evidence = OutcomeEvidence
"""The short name, for code. Schemas need the long one: the evidence of questions is another record."""


class Candidate(msgspec.Struct, frozen=True):
    """A live object of the second release that a human may choose. `score` (0 to 1) is for the order only.

    `why` is `successor`, `named`, `same-name`, `flow`, `child` or `similar`.
    """

    id: str
    name: str | None
    score: float
    why: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one id.

    `outcome` is the first that holds of `OUTCOMES`; `also` has the later ones that hold too, and `NOTES`. `new_id` and
    `new_stix_id` are those of the object to use in the second release, None if there is no such object. `similarity` (0 to 1)
    is that of the two descriptions, None if nothing is compared. `reason` is a sentence.
    """

    id: str
    name: str | None = None
    type: str | None = None
    outcome: str
    also: tuple[str, ...] = ()
    handling: Handling
    new_id: str | None = None
    new_name: str | None = None
    similarity: float | None = None
    reason: str
    evidence: tuple[Evidence, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    stix_id: str | None = None
    new_stix_id: str | None = None


def in_order(words: Collection[str]) -> tuple[str, ...]:
    """Return these outcomes in the order of precedence."""
    return tuple(outcome for outcome in OUTCOMES if outcome in words)


def strictest(handlings: Sequence[Handling]) -> Handling:
    """Return the one of these that asks for the most work; `automatic` if there are none."""
    return max(handlings, key=HANDLINGS.index, default="automatic")
