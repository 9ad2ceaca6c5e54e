"""What a human may choose where no heir is known: live objects of the new release, each with what speaks for it.

Scores order candidates; they do not say how likely one is to be right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from ctibutler.catalog import entries as catalog
from ctibutler.catalog import objects
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.entries import Entry
from ctibutler.catalog.folding import folded
from ctibutler.catalog.namesakes import preferred
from ctibutler.comparing.classes import text_of, words_of_texts
from ctibutler.comparing.differences import Content, read_content
from ctibutler.comparing.families import Family, Weighed, names_of, order_of
from ctibutler.comparing.judging import Judged
from ctibutler.comparing.names import names_in
from ctibutler.comparing.notices import named_in, notice_of
from ctibutler.comparing.outcomes import Candidate, Outcome
from ctibutler.comparing.words import similarity

MOST_CANDIDATES: Final = 5

_SUCCESSOR, _NAMED, _ONE_OF_NAMED, _SAME_NAME, _CHILD = 0.95, 0.9, 0.8, 0.85, 0.7
_SAME_TEXT = 0.9


class Candidates:
    """Finds candidates for the objects of a pair of releases. What it read is kept with the pair."""

    def __init__(self, connection: Connection, judged: Judged) -> None:
        self._connection = connection
        self._judged = judged
        self._kb = judged.kb

    def of(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Return outcomes with candidates, for those of objects of the old release that need a human."""
        waiting = {outcome.stix_id for outcome in outcomes if _needs_some(outcome)}
        missing = sorted(stix_id for stix_id in waiting if stix_id and stix_id not in self._judged.weighed)
        if missing:
            self._find(missing)
        best = {stix_id: self._best(stix_id) for stix_id in waiting if stix_id}
        names = names_in(self._connection, {one.entry: None for several in best.values() for one in several})
        return [
            msgspec.structs.replace(
                outcome,
                candidates=tuple(
                    Candidate(one.entry.shown_id, names[one.entry.stix_id], one.score, one.why)
                    for one in best[outcome.stix_id or ""]
                ),
            )
            if _needs_some(outcome)
            else outcome
            for outcome in outcomes
        ]

    def accepted(self, outcome: Outcome, accept: Sequence[str]) -> tuple[Entry, str] | None:
        """Return the object that may be taken for one that needs a human, and why: `named` if the publisher's notice names this
        one alone, `same-name` if this one alone has the name, and nearly the same text. None if there is no such object."""
        found = self._judged.weighed.get(outcome.stix_id or "", ())
        if outcome.handling != "human":
            return None
        for why in ("named", "same-name"):
            only = [one for one in found if one.why == why] if why in accept else []
            if len(only) == 1 and (why == "named" or self._same_text(outcome, only[0].entry)):
                return only[0].entry, why
        return None

    def _best(self, stix_id: str) -> list[Weighed]:
        """The best candidates for an object, each once."""
        best: dict[str, Weighed] = {}
        for one in self._judged.weighed[stix_id]:
            best.setdefault(one.entry.stix_id, one)
        return list(best.values())[:MOST_CANDIDATES]

    def _same_text(self, outcome: Outcome, entry: Entry) -> bool:
        old = self._judged.old.by_id[outcome.stix_id or ""]
        before, after = [words_of_texts(self._kb, self._content(one)) for one in (old, entry)]
        return (similarity(before, after) or 0.0) >= _SAME_TEXT

    def _find(self, stix_ids: Sequence[str]) -> None:
        old = self._judged.old
        pointing: defaultdict[str, list[str]] = defaultdict(list)
        for one in catalog.references_to(self._connection, old.release.key, stix_ids):
            if self._tells(one.kind):
                pointing[one.target].append(one.source)
        for stix_id in stix_ids:
            self._judged.weighed[stix_id] = self._weighed(old.by_id[stix_id], pointing[stix_id])

    def _tells(self, kind: str) -> bool:
        """Whether a reference of this kind says something about what its object means."""
        name = kind.replace("-", "_")
        return all(self._kb.class_of(f"{name}_{end}") != "housekeeping" for end in ("ref", "refs"))

    def _weighed(self, entry: Entry, pointing: Iterable[str]) -> tuple[Weighed, ...]:
        """All that speaks for some object, the best first."""
        # Of what is known to be split, nothing else comes into question.
        found = [*self._successors(entry), *self._flow(entry)] or [
            *self._named(entry),
            *self._of_family(entry),
            *self._children(entry, pointing),
        ]
        return tuple(sorted(found, key=lambda one: (-one.score, order_of(one.entry))))

    def _successors(self, entry: Entry) -> list[Weighed]:
        path = self._judged.paths[entry.stix_id]
        return [Weighed(end, _SUCCESSOR, "successor") for end in path.live] if len(path.live) > 1 else []

    def _flow(self, entry: Entry) -> list[Weighed]:
        fate = self._judged.flow.fates.get(entry.stix_id)
        if fate is None or not fate.is_split:
            return []
        ends = [(self._judged.new.by_id.get(share.tactic.stix_id or ""), share.share) for share in fate.shares]
        return [Weighed(end, share, "flow") for end, share in ends if end is not None and end.is_live]

    def _named(self, entry: Entry) -> list[Weighed]:
        """The live objects that the publisher's notices name."""
        path = self._judged.paths[entry.stix_id]
        dead = path.deprecated or ([path.start] if path.start is not None and not path.start.is_live else [entry])
        found: dict[str, Entry] = {}
        for end in dead:
            for named in named_in(self._kb, notice_of(text_of(self._kb, self._content(end))) or ""):
                number = folded(self._kb.without_prefix(named))
                one = preferred(self._kb, named, self._judged.new.numbered(number))
                if one is not None and one.is_live and number not in (entry.found_by, end.found_by):
                    found[one.stix_id] = one
        score = _NAMED if len(found) == 1 else _ONE_OF_NAMED
        return [Weighed(one, score, "named") for one in found.values()]

    def _of_family(self, entry: Entry) -> list[Weighed]:
        """The objects of the same family with the same name, or a similar name and text."""
        family = self._family(entry.type)
        content = self._content(entry)
        same = [Weighed(one, _SAME_NAME, "same-name") for one in family.called(names_of(self._kb, content))]
        return [
            one for one in (*same, *family.similar(content, MOST_CANDIDATES + 1)) if one.entry.stix_id != entry.stix_id
        ]

    def _children(self, entry: Entry, pointing: Iterable[str]) -> list[Weighed]:
        """The heirs of the objects that referred to it. A tactic is referred to by what shows it."""
        if self._kb.tactics is not None and entry.type == self._kb.tactics.type:
            return []
        found: dict[str, Entry] = {}
        for stix_id in pointing:
            path = self._judged.paths.get(stix_id)
            if path is not None and path.heir is not None and path.heir.external_id:
                found[path.heir.stix_id] = path.heir
        return [Weighed(heir, _CHILD, "child") for heir in found.values()]

    def _family(self, stix_type: str) -> Family:
        types = self._kb.family_of(stix_type)
        known = self._judged.families.get(types)
        if known is None:
            members = [one for one in self._judged.new.by_id.values() if one.is_live and one.type in types]
            read = objects.contents(self._connection, [one.object_key for one in members])
            known = Family(self._kb, members, list(map(read_content, read)))
            self._judged.families[types] = known
        return known

    def _content(self, entry: Entry) -> Content:
        (content,) = objects.contents(self._connection, [entry.object_key])
        return read_content(content)


def successor(outcome: Outcome) -> Candidate:
    """Return the heir of one of several objects as a candidate."""
    return Candidate(outcome.new_id or "", outcome.new_name, _SUCCESSOR, "successor")


def _needs_some(outcome: Outcome) -> bool:
    return outcome.handling == "human" and outcome.stix_id is not None
