"""Tactics from one release to another: which stayed, which was split, and which tactics a technique has in each.

A tactic is its object, not the short name that stands in a technique's phases: publishers rename those.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from ctibutler.comparing.classes import value_of
from ctibutler.comparing.differences import Content
from ctibutler.comparing.heirs import Path, Side
from ctibutler.knowledge_bases.declaration import KnowledgeBase, Tactics
from ctibutler.knowledge_bases.properties import strings
from ctibutler.stix.objects import dicts

# A tactic is split if so many of its techniques, and this share of them, left it for a new one.
_FEWEST_LEAVING = 3
_SHARE_LEAVING = 0.1


class Tactic(msgspec.Struct, frozen=True):
    """A tactic of a release. Only `slug` is known of one that techniques name and no object is."""

    slug: str
    id: str | None = None
    name: str | None = None
    stix_id: str | None = None

    @property
    def mark(self) -> str:
        """What tells it from other tactics of its release."""
        return self.stix_id or f"slug {self.slug}"


class Share(msgspec.Struct, frozen=True):
    """A tactic that techniques of another one went to, and how many of them, as a share (0 to 1) and in number."""

    tactic: Tactic
    share: float
    techniques: int


class TacticFate(msgspec.Struct, frozen=True):
    """What became of a tactic.

    `heir` is the tactic that stands for it, None if there is none. `shares` says where its techniques are that live on: with
    its heir, or with tactics that the old release does not have; only if it is split there are several.
    """

    tactic: Tactic
    heir: Tactic | None
    is_split: bool
    shares: tuple[Share, ...]

    @property
    def stays(self) -> bool:
        """It lives on under its short name, and was not split: what names it needs no change."""
        return self.heir is not None and not self.is_split and self.heir.slug == self.tactic.slug


@dataclass(frozen=True, slots=True)
class TacticFlow:
    """The tactics of two releases.

    `before` and `after` are STIX id → tactics of the objects of the old and the new release that have some, in the order of
    their phases. `fates` are those of all tactics of the old release, by their `mark`.
    """

    before: Mapping[str, tuple[Tactic, ...]]
    after: Mapping[str, tuple[Tactic, ...]]
    fates: Mapping[str, TacticFate]

    def lost_and_gained(self, old: str, new: str) -> tuple[tuple[Tactic, ...], tuple[Tactic, ...]]:
        """Return the tactics that an object of the old release has and its heir does not, and those that only the heir has."""
        before, after = self.before.get(old, ()), self.after.get(new, ())
        heirs = {self.heir_mark(tactic): tactic for tactic in before}
        marks = {tactic.mark for tactic in after}
        lost = tuple(tactic for mark, tactic in heirs.items() if mark not in marks)
        return lost, tuple(tactic for tactic in after if tactic.mark not in heirs)

    def heir_mark(self, tactic: Tactic) -> str:
        """Return the mark, in the new release, of what stands for a tactic of the old one."""
        fate = self.fates.get(tactic.mark)
        return fate.heir.mark if fate and fate.heir else tactic.mark if tactic.stix_id is None else f"no {tactic.mark}"


NO_FLOW = TacticFlow({}, {}, {})


def tactics_of(
    declared: Tactics, side: Side, contents: Mapping[str, Content]
) -> tuple[dict[str, Tactic], dict[str, tuple[Tactic, ...]]]:
    """Return the tactics of a release by short name, and STIX id → tactics of the objects that have phases."""
    by_slug: dict[str, Tactic] = {}
    entries = [entry for entry in side.by_id.values() if entry.type == declared.type and entry.stix_id in contents]
    for entry in sorted(entries, key=lambda entry: (not entry.is_live, entry.found_by or "", entry.stix_id)):
        content = contents[entry.stix_id]
        name = value_of(content, "name")
        for slug in strings(value_of(content, declared.slug)):
            by_slug.setdefault(
                slug, Tactic(slug, entry.external_id, name if isinstance(name, str) else None, entry.stix_id)
            )
    having: dict[str, tuple[Tactic, ...]] = {}
    for stix_id, content in contents.items():
        if declared.phases in content:
            slugs = [
                slug for phase in dicts(value_of(content, declared.phases)) for slug in strings(phase.get("phase_name"))
            ]
            having[stix_id] = tuple(dict.fromkeys(by_slug.get(slug) or Tactic(slug) for slug in slugs))
    return by_slug, having


def flow_of(
    kb: KnowledgeBase,
    old: tuple[Side, Mapping[str, Content]],
    new: tuple[Side, Mapping[str, Content]],
    path_of: Callable[[str], Path | None],
) -> TacticFlow:
    """Return what became of the tactics of a release; `path_of` says where an object of it leads to."""
    if kb.tactics is None:
        return NO_FLOW
    old_slugs, before = tactics_of(kb.tactics, *old)
    new_slugs, after = tactics_of(kb.tactics, *new)
    new_tactics = {tactic.stix_id: tactic for tactic in new_slugs.values()}
    heirs: dict[str, Tactic | None] = {}
    for tactic in old_slugs.values():
        path = path_of(tactic.stix_id or "")
        heirs[tactic.mark] = new_tactics.get(path.heir.stix_id) if path and path.heir else None
    known = {heir.mark for heir in heirs.values() if heir}
    moves = _moves(old[0], before, after, path_of)
    fates = {
        tactic.mark: _fate(tactic, heirs[tactic.mark], moves.get(tactic.mark, ()), known)
        for tactic in old_slugs.values()
    }
    return TacticFlow(before, after, fates)


def _moves(
    old: Side,
    before: Mapping[str, tuple[Tactic, ...]],
    after: Mapping[str, tuple[Tactic, ...]],
    path_of: Callable[[str], Path | None],
) -> dict[str, list[tuple[Tactic, ...]]]:
    """Old tactic → the tactics that each of its techniques has now, of those that live on."""
    moves: dict[str, list[tuple[Tactic, ...]]] = {}
    for stix_id, tactics in before.items():
        path = path_of(stix_id) if old.by_id[stix_id].is_live else None
        if path is not None and path.heir is not None:
            for tactic in tactics:
                moves.setdefault(tactic.mark, []).append(after.get(path.heir.stix_id, ()))
    return moves


def _fate(tactic: Tactic, heir: Tactic | None, moves: Sequence[tuple[Tactic, ...]], known: Iterable[str]) -> TacticFate:
    staying = sum(any(heir is not None and one.mark == heir.mark for one in now) for now in moves)
    known = set(known)
    leaving: Counter[Tactic] = Counter()
    for now in moves:
        if heir is None or all(one.mark != heir.mark for one in now):
            leaving.update(one for one in now if one.stix_id is not None and one.mark not in known)
    enough = {
        one: number
        for one, number in leaving.items()
        if number >= _FEWEST_LEAVING and number >= _SHARE_LEAVING * len(moves)
    }
    counts = [*([(heir, staying)] if heir else []), *enough.items()]
    shares = [Share(one, round(number / len(moves), 2) if moves else 0.0, number) for one, number in counts]
    return TacticFate(tactic, heir, bool(enough), tuple(sorted(shares, key=lambda one: (-one.share, one.tactic.mark))))
