"""Outcomes as sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ctibutler.catalog.entries import Entry

_MOST_NAMED = 4


@dataclass(slots=True)
class Facts:
    """What a sentence about one object tells. `old` and `new` are releases, `last` the last one with it, `since` says when it
    was revoked or deprecated; `ends` are ids, names and numbers of techniques, `children` ids below the heir that
    the old release does not have."""

    old: str = ""
    new: str = ""
    id: str = ""
    name: str | None = None
    is_live: bool = True
    new_id: str | None = None
    new_name: str | None = None
    since: str | None = None
    last: str = ""
    hops: int = 0
    ends: Sequence[tuple[str, str | None, str]] = ()
    is_tactic: bool = False
    other: Entry | None = None
    other_name: str | None = None
    lost: Sequence[str] = ()
    gained: Sequence[str] = ()
    properties: Sequence[str] = ()
    classes: Sequence[str] = ()
    elsewhere: str | None = None
    existed: bool = False
    is_missing: bool = False
    downwards: bool = False
    children: Sequence[str] = ()
    others: Sequence[str] = field(default_factory=list)


def reason_of(outcome: str, also: Sequence[str], facts: Facts) -> str:
    """Return why an object has this outcome, in a few sentences."""
    words = (outcome, *also)
    sentences = [_ENDINGS[outcome](facts)] if outcome in _ENDINGS else _living(words, facts)
    if facts.elsewhere is not None:
        sentences.append(f"{facts.new} does not say so any more: {facts.elsewhere} does.")
    return " ".join(sentences)


def _living(words: Sequence[str], facts: Facts) -> list[str]:
    found: list[str] = []
    target = _called(facts.new_id or "", facts.new_name)
    if facts.hops:
        sentence = f"{_revoked(facts)} in favour of {target}"
        existed = facts.existed and facts.is_live
        found.append(f"{sentence}, which already existed in {facts.old}." if existed else f"{sentence}.")
    if "merged" in words:
        found.append(f"{_listed(facts.others)} {'leads' if len(facts.others) == 1 else 'lead'} there too.")
    if "demoted" in words:
        found.append("It is a sub-technique now.")
    if "promoted" in words:
        found.append("It is a technique of its own now.")
    if "renumbered" in words and not facts.hops:
        found.append(f"The same object has the id {facts.new_id} in {facts.new}.")
    if "reissued" in words and not facts.hops:
        found.append(f"{facts.new} has another object under the same id, with the same meaning.")
    if "revived" in words:
        found.append(f"Dead in {facts.old}, live {'' if facts.downwards else 'again '}in {facts.new}.")
    if "moved" in words:
        found.append(_moved(facts))
    if "redefined" in words:
        found.append(f"{facts.new} calls it {facts.new_name} and describes something else.")
    elif "renamed" in words and not facts.hops:
        found.append(f"Renamed from {facts.name} to {facts.new_name}.")
    if "edited" in words and not facts.hops:
        found.append(f"Edited: {_listed(facts.properties)}.")
    if "touched" in words:
        found.append(f"The same object; what changed is {_listed(facts.classes)}.")
    if "unchanged" in words:
        found.append("Nothing changed.")
    if "silent" in words:
        found.append("Its `modified` stayed the same.")
    if "new_subtechniques" in words:
        found.append(f"New below it: {_listed(facts.children)}.")
    return found


def _moved(facts: Facts) -> str:
    if facts.lost and facts.gained:
        return f"Moved from {_listed(facts.lost)} to {_listed(facts.gained)}."
    if facts.lost:
        return f"It does not serve {_listed(facts.lost)} any more."
    return f"It serves {_listed(facts.gained)} too."


def _revoked(facts: Facts) -> str:
    if not facts.is_live:
        return f"Revoked in {facts.old} already,"
    if facts.is_missing:
        return f"Not in {facts.new}, and revoked"
    return f"Revoked {facts.since or f'in {facts.new}'}"


def _gone(facts: Facts) -> str:
    which = "lowest" if facts.downwards else "last"
    last = f"; {facts.last} is the {which} installed release with it" if facts.last != facts.old else ""
    return f"Not in {facts.new}, which names no successor{last}."


def _dead_end(facts: Facts) -> str:
    return f"{_revoked(facts).rstrip(',')}, and no installed release names a live successor."


def _deprecated(facts: Facts) -> str:
    ends = [_called(external_id, name) for external_id, name, _ in facts.ends]
    if facts.hops:
        return f"{_revoked(facts)} in favour of {_listed(ends)}, which {facts.new} deprecates."
    if not facts.is_live:
        return f"Deprecated in {facts.old} already."
    return f"Deprecated {facts.since or f'in {facts.new}'}."


def _split(facts: Facts) -> str:
    if facts.is_tactic:
        ends = [f"{_called(external_id, name)} ({number})" for external_id, name, number in facts.ends]
        return f"{facts.new} splits it: its techniques are now with {_listed(ends)}."
    ends = [_called(external_id, name) for external_id, name, _ in facts.ends]
    return f"{_revoked(facts)} in favour of several: {_listed(ends)}."


def _reused(facts: Facts) -> str:
    return f"{facts.new} uses this id for something else: {facts.other_name}, not {facts.name}."


_ENDINGS = {
    "gone": _gone,
    "dead_end": _dead_end,
    "deprecated": _deprecated,
    "split": _split,
    "reused": _reused,
}


def _called(external_id: str, name: str | None) -> str:
    return f"{external_id} {name}" if name and name != external_id else external_id


def _listed(words: Sequence[str]) -> str:
    shown = [*words[:_MOST_NAMED], *([f"{len(words) - _MOST_NAMED} more"] if len(words) > _MOST_NAMED else [])]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else "nothing"
