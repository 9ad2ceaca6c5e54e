"""Which release a file speaks of, judged by the ids in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from ctibutler.answers.liveness import Liveness
from ctibutler.errors import InvalidRequest
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.declaration import KnowledgeBase

_SHOWN = 3
# Less than nine in ten, and the file is rather of another knowledge base.
_KNOWN_OF_TEN = 9


class Fit(msgspec.Struct, frozen=True):
    """How many distinct ids a release has live, has revoked or deprecated, and does not have."""

    version: str
    live: int
    stale: int
    unknown: int


def fits(ids: Sequence[str], known: Mapping[str, Liveness]) -> list[Fit]:
    """Return how well each release fits these distinct ids, the best first: most live, fewest unknown, the highest release."""
    found = [
        Fit(label, len(known_ids.live), len(known_ids.stale), len(ids) - len(known_ids.live) - len(known_ids.stale))
        for label, known_ids in known.items()
    ]
    by_release = sorted(found, key=lambda fit: release_labels.sort_key(fit.version), reverse=True)
    return sorted(by_release, key=lambda fit: (-fit.live, fit.unknown))


def guessed(kb: KnowledgeBase, ids: Sequence[str], ranked: Sequence[Fit]) -> tuple[str, list[Fit]]:
    """Return the release that fits best, and the best three.

    Raises InvalidRequest if there are no ids, or if no release knows nine in ten of them.
    """
    if not ids:
        raise InvalidRequest.of("from", "Nothing in there tells which release it is of. Name the release.")
    knowing = [fit for fit in ranked if 10 * (fit.live + fit.stale) >= _KNOWN_OF_TEN * len(ids)]
    if not knowing:
        shown = "; ".join(
            f"{fit.version}: {fit.live} live, {fit.stale} revoked or deprecated, {fit.unknown} unknown"
            for fit in ranked[:_SHOWN]
        )
        raise InvalidRequest.of(
            "from",
            f"No installed release of {kb.slug} knows nine in ten of the {len(ids)} ids ({shown or 'none is installed'})."
            " Name the release that they are of.",
        )
    return knowing[0].version, list(ranked[:_SHOWN])
