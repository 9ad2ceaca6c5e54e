"""Tactics follow their techniques: what becomes of a tactic beside the techniques that it stands with."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from msgspec.structs import replace

from ctibutler.comparing.outcomes import Candidate, Outcome
from ctibutler.migration.items import WHOLE_FILE, Item, Named, Replacement, Tactic


@dataclass(frozen=True)
class TacticFlow:
    """The tactics of two releases, and how they are related.

    `ends` has, for each tactic of the first release by id, the tactics of the second one that stand for it with their shares of
    its techniques: one is its heir, several mean that it was split. `of_before` and `of_after` have the ids of the tactics of
    each technique by STIX id, in the first and in the second release.
    """

    before: tuple[Tactic, ...] = ()
    after: tuple[Tactic, ...] = ()
    ends: Mapping[str, Sequence[tuple[str, float]]] = field(default_factory=dict)
    of_before: Mapping[str, Collection[str]] = field(default_factory=dict)
    of_after: Mapping[str, Collection[str]] = field(default_factory=dict)

    @cached_property
    def new(self) -> Mapping[str, Tactic]:
        """The tactics of the second release by id."""
        return {tactic.id: tactic for tactic in self.after}

    @cached_property
    def _old(self) -> Mapping[str, Tactic]:
        return {tactic.id: tactic for tactic in self.before}

    def old(self, word: str) -> Tactic | None:
        """Return the tactic of the first release with this id or short name."""
        return self._old.get(word) or next((tactic for tactic in self.before if tactic.slug == word), None)

    def newer(self, slug: str) -> Tactic | None:
        """Return the tactic of the second release with this short name."""
        return next((tactic for tactic in self.after if tactic.slug == slug), None)

    def heirs(self, tactic_id: str) -> tuple[str, ...]:
        """Return the ids of the tactics that stand for this one."""
        return tuple(end for end, _ in self.ends.get(tactic_id, ()))

    def is_itself(self, tactic: Tactic) -> bool:
        """Whether a tactic lives on under its short name, and was not split."""
        heirs = self.heirs(tactic.id)
        return len(heirs) == 1 and heirs[0] in self.new and self.new[heirs[0]].slug == tactic.slug

    def kept_and_gained(self, old_id: str, new_id: str) -> tuple[set[str], set[str], set[str]]:
        """Return which tactics of a technique its heir has still, which it gained, and which old ones it lost."""
        before, after = set(self.of_before.get(old_id, ())), set(self.of_after.get(new_id, ()))
        own = {tactic: set(self.heirs(tactic)[:1]) for tactic in before}
        of_old = set().union(*own.values()) if own else set()
        lost = {tactic for tactic, heirs in own.items() if not heirs & after}
        return after & of_old, after - of_old, lost


@dataclass(frozen=True, slots=True)
class Settled:
    """What becomes of an item: its outcome, and what is written in its place; None if it stays as it is."""

    outcome: Outcome
    replacement: Replacement | None = None


def replacement_of(item: Item, outcome: Outcome, release: str, flow: TacticFlow) -> Replacement | None:
    """Return what an outcome says to write in the place of an item."""
    if outcome.handling == "human":
        return Replacement(mark=f"{item.written[:100]}: {outcome.outcome} in {release}, needs a human")
    if outcome.new_id is None:
        return None
    tactic = flow.new.get(outcome.new_id)
    if item.is_slug:
        same = tactic is None or tactic.slug == item.id
    else:
        same = outcome.new_id.casefold() == item.id.casefold() or outcome.new_stix_id == item.id
    if same:
        return None
    new_id = outcome.new_stix_id or outcome.new_id if "--" in item.id else outcome.new_id
    return Replacement(
        (Named(new_id, outcome.new_name, tactic.slug if tactic is not None else None, outcome.new_stix_id),)
    )


def follow_techniques(items: Sequence[Item], settled: list[Settled], flow: TacticFlow, release: str) -> None:
    """Let the tactics among the items of each context follow the techniques beside them, and say so in their outcomes."""
    contexts: dict[int | None, list[int]] = {}
    for number, item in enumerate(items):
        if item.context is not None and item.readable:
            contexts.setdefault(item.context, []).append(number)
    for numbers in contexts.values():
        # What stands beside all contexts follows the techniques of the whole file.
        around = range(len(items)) if items[numbers[0]].context == WHOLE_FILE else numbers
        techniques = [number for number in around if _is_technique(items[number], settled[number], flow)]
        for number in numbers:
            tactic = flow.old(items[number].id)
            if number not in techniques and tactic is not None and not flow.is_itself(tactic):
                beside = [settled[one].outcome for one in techniques if items[one].leads]
                settled[number] = _followed(items[number], settled[number], tactic, beside, flow, release)
        for number in techniques if around is numbers else ():
            if items[number].tactic is not None:
                settled[number] = _entry(items[number], settled[number], flow, release)
            elif settled[number].outcome.outcome == "moved":
                settled[number] = _moved(items[number], settled[number], [items[one].id for one in numbers], flow)


def _is_technique(item: Item, settled: Settled, flow: TacticFlow) -> bool:
    return not item.is_slug and _ends(settled)[0] in flow.of_before


def _ends(settled: Settled) -> tuple[str, str]:
    """The STIX ids of a technique and of its heir; empty for none."""
    outcome = settled.outcome
    return outcome.stix_id or "", outcome.new_stix_id or ""


def _followed(
    item: Item, now: Settled, tactic: Tactic, beside: Iterable[Outcome], flow: TacticFlow, release: str
) -> Settled:
    own = set(flow.heirs(tactic.id))
    had = [
        one for one in beside if tactic.id in flow.of_before.get(one.stix_id or "", ()) and one.new_stix_id is not None
    ]
    found: dict[str, list[str]] = {}
    for one in had:
        old, new = one.stix_id or "", one.new_stix_id or ""
        _, gained, _ = flow.kept_and_gained(old, new)
        for end in sorted(set(flow.of_after.get(new, ())) & (own | gained)):
            found.setdefault(end, []).append(one.new_id or new)
    if found:
        return _replaced(item, now, tactic, {flow.new[end]: found[end] for end in sorted(found)}, release)
    if had and item.form not in ("table", "tag"):
        left = ", ".join(dict.fromkeys(one.new_id or "" for one in had))
        reason = f"{left} left {tactic.id} {tactic.name} and gained no tactic; the tactic is dropped."
        dropped = replace(now.outcome, handling="look", new_id=None, new_name=None, reason=reason, candidates=())
        return Settled(dropped, Replacement())
    return now


def _replaced(item: Item, now: Settled, tactic: Tactic, found: Mapping[Tactic, list[str]], release: str) -> Settled:
    """A tactic that becomes these, each with the techniques that lead to it."""
    named = " and ".join(f"{new.id} {new.name} (with {', '.join(dict.fromkeys(ids))})" for new, ids in found.items())
    outcome = replace(
        now.outcome,
        handling="automatic",
        new_id=" ".join(new.id for new in found),
        new_name=" · ".join(new.name for new in found),
        reason=f"{tactic.id} {tactic.name} follows the techniques beside it, to {named} in {release}.",
        candidates=(),
    )
    ends = tuple(Named(new.id, new.name, new.slug) for new in found)
    # Beside its number, a table has the tactic's name.
    is_same = len(ends) == 1 and (
        ends[0].slug == item.id if item.is_slug else ends[0].id == tactic.id and item.form != "table"
    )
    return Settled(outcome, None if is_same else Replacement(ends))


def _entry(item: Item, now: Settled, flow: TacticFlow, release: str) -> Settled:
    """A technique with its tactic beside it, as layers have them."""
    tactic = flow.old(item.tactic or "")
    old, new = _ends(now)
    if tactic is None or not new or now.outcome.handling == "human" or tactic.id not in flow.of_before.get(old, ()):
        return now
    kept = [end for end in flow.heirs(tactic.id)[:1] if end in flow.of_after.get(new, ())]
    _, gained, lost = flow.kept_and_gained(old, new)
    if not kept and len(gained) == 1 and len(lost) == 1:
        kept = sorted(gained)
        moved = replace(
            now.outcome,
            handling="automatic" if not now.outcome.also else now.outcome.handling,
            reason=f"{now.outcome.reason} Its tactic {tactic.name} became {flow.new[kept[0]].name}.",
        )
        now = Settled(moved, now.replacement)
    if not kept:
        why = f"{now.outcome.new_id} is not under {tactic.name} in {release}"
        tactics = sorted(flow.of_after.get(new, ()))
        outcome = replace(
            now.outcome,
            handling="human",
            reason=f"{now.outcome.reason} {why}, and which tactic takes its place is not certain.",
            candidates=tuple(
                Candidate(id=end, name=flow.new[end].name, score=round(1 / len(tactics), 2), why="flow")
                for end in tactics[:5]
                if end in flow.new
            ),
        )
        return Settled(outcome, Replacement(mark=f"{item.written[:100]}: {why}, needs a human"))
    slug = flow.new[kept[0]].slug if kept[0] in flow.new else tactic.slug
    if slug == item.tactic:
        return now
    named = now.replacement.new if now.replacement is not None else (Named(item.id, now.outcome.new_name),)
    return Settled(now.outcome, Replacement(named, tactic=slug))


def _moved(item: Item, now: Settled, beside: Sequence[str], flow: TacticFlow) -> Settled:
    """A technique that moved needs no look if none of the tactics that it left stays beside it."""
    old, new = _ends(now)
    _, _, lost = flow.kept_and_gained(old, new)
    tactics = [tactic for word in beside if (tactic := flow.old(word)) is not None]
    stays = [tactic for tactic in tactics if tactic.id in lost and flow.is_itself(tactic)]
    strict = {"merged", "revived", "redefined"} & set(now.outcome.also)
    if not tactics or stays or strict or (now.outcome.similarity or 1) < 0.5:
        return now
    if not any(tactic.id in lost for tactic in tactics):
        return now
    return Settled(replace(now.outcome, handling="automatic"), now.replacement)
