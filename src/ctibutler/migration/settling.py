"""What becomes of each item of a file between two releases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from ctibutler.comparing.outcomes import Outcome
from ctibutler.migration.between import Between
from ctibutler.migration.contexts import Settled, TacticFlow, replacement_of
from ctibutler.migration.items import Item, Joined, Replacement


def outcomes_of(between: Between, items: Iterable[Item]) -> dict[str, Outcome]:
    """Return what became of all ids, and of the tactics with these short names, by id."""
    flow = between.flow
    ids: dict[str, None] = {}
    for item in items:
        if item.readable and not item.is_slug:
            ids[item.id] = None
        elif item.readable and (tactic := flow.old(item.id)) is not None:
            ids[tactic.id] = None
    return dict(zip(ids, between.outcomes(list(ids)), strict=True))


def settled(item: Item, flow: TacticFlow, outcomes: Mapping[str, Outcome], source: str, target: str) -> Settled:
    """Return what becomes of an item by itself, without regard to what stands beside it."""
    if not item.readable:
        return _kept(item, "unreadable", "An id should stand here, and this is none.", target)
    tactic = flow.old(item.id) if item.is_slug else None
    if item.is_slug and tactic is None:
        newer = flow.newer(item.id)
        if newer is None:
            return _kept(item, "unknown", f"{source} has no tactic or other object of this name.", target)
        return Settled(
            Outcome(
                id=item.id,
                name=newer.name,
                outcome="not_yet",
                handling="look",
                new_id=newer.id,
                new_name=newer.name,
                reason=f"{source} does not have {newer.id} {newer.name} yet; {target} does.",
            )
        )
    outcome = outcomes[item.id if tactic is None else tactic.id]
    return Settled(outcome, replacement_of(item, outcome, target, flow))


def unmoved(settled: Settled) -> Settled:
    """Return an item that stays because the release does. What is revoked or deprecated there is worth a look."""
    outcome = settled.outcome
    if outcome.outcome in ("unreadable", "unknown", "ambiguous"):
        return Settled(outcome)
    is_stale = "stale" in outcome.also or outcome.outcome != "unchanged"
    return Settled(msgspec.structs.replace(outcome, handling="look" if is_stale else outcome.handling))


def met(items: Sequence[Item], settled: Sequence[Settled], joined: Joined) -> Settled:
    """Return an item that met another one in the same place."""
    now, other = settled[joined.number], items[joined.into]
    if joined.conflict is not None:
        outcome = msgspec.structs.replace(
            now.outcome,
            handling="human",
            reason=f"{now.outcome.reason} {joined.conflict}: the first entry stays, and its metadata has what the others said.",
        )
        return Settled(outcome, now.replacement)
    reason = f"{now.outcome.reason} It is the same as {other.written[:60]} ({other.place}) now, and stands there once."
    return Settled(msgspec.structs.replace(now.outcome, reason=reason), now.replacement)


def names_of(between: Between, settled: Iterable[Settled]) -> dict[str, str]:
    """Return the names of the new objects, and of the techniques above them, by id."""
    names = {
        one.id: one.name or "" for entry in settled if entry.replacement is not None for one in entry.replacement.new
    }
    above = sorted({stem for name in names if (stem := name.rpartition(".")[0]) and stem not in names})
    named = zip(above, between.in_new(above), strict=True) if above else ()
    return names | {object_id: outcome.name or "" for object_id, outcome in named}


def _kept(item: Item, word: str, reason: str, release: str) -> Settled:
    outcome = Outcome(id=item.written[:100], outcome=word, handling="human", reason=reason)
    return Settled(outcome, Replacement(mark=f"{item.written[:100]}: {word} in {release}, needs a human"))
