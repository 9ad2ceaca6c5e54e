"""What became of ids from one release of a knowledge base to another."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from ctibutler.answers.library import Library
from ctibutler.answers.naming import brief, comparable_id, installed_release, is_stix_id
from ctibutler.answers.pages import Count
from ctibutler.answers.spellings import spellings
from ctibutler.answers.typing_errors import distance
from ctibutler.catalog import entries, releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.entries import Entry
from ctibutler.catalog.folding import natural_order, squashed
from ctibutler.catalog.namesakes import preferred
from ctibutler.catalog.releases import Release
from ctibutler.comparing.candidates import MOST_CANDIDATES, Candidates, successor
from ctibutler.comparing.heirs import Side
from ctibutler.comparing.judging import Judged
from ctibutler.comparing.names import names_in
from ctibutler.comparing.outcomes import ADDED, OUTCOME_HANDLINGS, Evidence, Outcome
from ctibutler.comparing.tactics import TacticFlow
from ctibutler.knowledge_bases.declaration import KnowledgeBase

_MOST_NEAR = 3
_MOST_SHOWN = 5


class ModelChange(msgspec.Struct, frozen=True, kw_only=True):
    """A property that a release gave to nearly all objects of a type, or took from them: `lost` and `gained` it of the `having`
    objects that have it in either release."""

    type: str
    property: str
    lost: Count
    gained: Count
    having: Count


class VocabularyChange(msgspec.Struct, frozen=True, kw_only=True):
    """The words of a list that only one of two releases uses: in `objects`, nothing but such words changed in the list."""

    type: str
    property: str
    removed: tuple[str, ...]
    added: tuple[str, ...]
    objects: Count


@dataclass(frozen=True, slots=True)
class ReleaseOutcomes:
    """What became of every object of a release, and which objects another one added.

    Relationships have no outcome. `outcomes` are sorted by type and primary id, as people count; those of objects that were
    added have the outcome `added`. `model` and `vocabulary` are told once, not for each object. `old` is None where there is
    nothing to compare with: everything was added. `installed_at`, in microseconds, is when the newer of the two came.
    """

    knowledge_base: str
    old: str | None
    new: str
    installed_at: int
    outcomes: Sequence[Outcome]
    counts: Mapping[str, int]
    model: Sequence[ModelChange]
    vocabulary: Sequence[VocabularyChange]


def outcomes(
    library: Library,
    kb: KnowledgeBase,
    from_version: str,
    to_version: str,
    ids: Sequence[str],
    *,
    accept: Sequence[str] = (),
) -> tuple[Outcome, ...]:
    """Return what became of each of these ids from one release to another, in their order.

    Ids are read as people write them (`attack.t1059.001`, a link, without the dash, a STIX id), but names are no ids. `accept`
    has the kinds of candidates that are taken without a human: `named`, `same-name`. Raises NotFound when a release is not
    installed, and nothing for an id: what no object has is `unknown`.
    """
    with library.database.read() as connection:
        judged = _prepared(library, connection, kb, from_version, to_version)
        return tuple(_Answering(library, connection, judged, accept).answers(ids))


def tactic_flow(library: Library, kb: KnowledgeBase, from_version: str, to_version: str) -> TacticFlow:
    """Return what became of the tactics of a release in another one, and which tactics the objects of both have.

    Raises NotFound when a release is not installed.
    """
    with library.database.read() as connection:
        return _prepared(library, connection, kb, from_version, to_version).flow


def release_outcomes(library: Library, kb: KnowledgeBase, from_version: str, to_version: str) -> ReleaseOutcomes:
    """Return what became of every object of a release in another one, and what that one added.

    Raises NotFound when a release is not installed.
    """
    with library.database.read() as connection:
        before, after = [installed_release(connection, kb, label) for label in (from_version, to_version)]
        judged = library.judged.judge(connection, kb, before, after)
        if judged.ordered is None:
            added = _added(connection, judged.added, judged.new.release.label)
            judged.ordered = _ordered([*judged.outcomes.values(), *added])
        found = _Answering(library, connection, judged).completed(judged.ordered)
    return ReleaseOutcomes(
        knowledge_base=kb.slug,
        old=judged.old.release.label,
        new=judged.new.release.label,
        installed_at=max(side.release.installed_at for side in (judged.old, judged.new)),
        outcomes=found,
        counts=_counts(found),
        model=[
            ModelChange(type=stix_type, property=name, lost=change.lost, gained=change.gained, having=change.of)
            for (stix_type, name), change in judged.wide.model.items()
        ],
        vocabulary=[
            VocabularyChange(
                type=named[0],
                property=named[1],
                removed=tuple(sorted(judged.wide.removed.get(named, ()))),
                added=tuple(sorted(judged.wide.added.get(named, ()))),
                objects=number,
            )
            for named, number in judged.wide.renamed.items()
            if number and kb.class_of(named[1]) != "housekeeping"
        ],
    )


def _prepared(library: Library, connection: Connection, kb: KnowledgeBase, old: str, new: str) -> Judged:
    before, after = [installed_release(connection, kb, label) for label in (old, new)]
    return library.judged.prepare(connection, kb, before, after)


def _counts(found: Iterable[Outcome]) -> dict[str, int]:
    counts = Counter(outcome.outcome for outcome in found)
    return {word: counts[word] for word in (*OUTCOME_HANDLINGS, ADDED) if counts[word]}


def _ordered(found: Iterable[Outcome]) -> list[Outcome]:
    """Outcomes by type and primary id, as people count."""
    return sorted(found, key=lambda one: (one.type or "", natural_order(one.id), one.stix_id or ""))


def with_candidates(
    library: Library, kb: KnowledgeBase, from_version: str, to_version: str, found: Sequence[Outcome]
) -> list[Outcome]:
    """Return outcomes between two releases, with candidates where a human decides.

    Raises NotFound when a release is not installed.
    """
    with library.database.read() as connection:
        judged = _prepared(library, connection, kb, from_version, to_version)
        return list(Candidates(connection, judged).of(found))


def everything_added(library: Library, kb: KnowledgeBase, version: str) -> ReleaseOutcomes:
    """Return the outcomes of a release that is compared with nothing.

    Raises NotFound when it is not installed.
    """
    with library.database.read() as connection:
        release = installed_release(connection, kb, version)
        firsts = Side(kb, release, entries.of_release(connection, release.key)).by_id
        found = _ordered(_added(connection, list(firsts.values()), release.label))
    return ReleaseOutcomes(kb.slug, None, release.label, release.installed_at, found, _counts(found), [], [])


def _added(connection: Connection, added: Sequence[Entry], label: str) -> list[Outcome]:
    """What is said of the objects that only the new release has."""
    names = names_in(connection, added)
    reason = f"New in {label}."
    return [
        Outcome(
            id=entry.shown_id,
            name=names[entry.stix_id],
            type=entry.type,
            outcome=ADDED,
            handling="automatic",
            new_id=entry.shown_id,
            new_name=names[entry.stix_id],
            reason=reason,
            stix_id=entry.stix_id,
            new_stix_id=entry.stix_id,
        )
        for entry in added
    ]


class _Answering:
    """Answers about ids, from a pair of releases that was judged."""

    def __init__(self, library: Library, connection: Connection, judged: Judged, accept: Sequence[str] = ()) -> None:
        self._library = library
        self._connection = connection
        self._judged = judged
        self._accept = accept
        self._candidates = Candidates(connection, judged)
        self._kb = judged.kb
        self._old, self._new = judged.old, judged.new

    def answers(self, ids: Sequence[str]) -> list[Outcome]:
        """What became of each id."""
        named = {text: _named(self._kb, self._old, text) for text in dict.fromkeys(ids)}
        meant = [one.stix_id for entry, namesakes in named.values() for one in namesakes if entry is not None]
        self._judged.judge(self._connection, meant)
        found = {text: self._answer(*one) for text, one in named.items()}
        missing = self._missing([text for text, outcome in found.items() if outcome is None])
        known = {id(outcome): outcome for outcome in found.values() if outcome is not None}
        shown = map(self._accepted, self._candidates.of(self.completed(list(known.values()))))
        completed = dict(zip(known, shown, strict=True))
        return [missing[text] if (outcome := found[text]) is None else completed[id(outcome)] for text in ids]

    def _accepted(self, outcome: Outcome) -> Outcome:
        """An outcome that needs a human, with the candidate that may be taken without."""
        taken = self._candidates.accepted(outcome, self._accept) if self._accept else None
        if taken is None:
            return outcome
        entry, why = taken
        name = names_in(self._connection, [entry])[entry.stix_id]
        shown = f"{entry.shown_id} {name}" if name else entry.shown_id
        how = "the publisher's notice names it alone" if why == "named" else "it alone has the name, and the same text"
        return msgspec.structs.replace(
            outcome,
            handling="look",
            new_id=entry.shown_id,
            new_name=name,
            new_stix_id=entry.stix_id,
            reason=f"{outcome.reason} Accepted: {shown}, as {how}.",
            evidence=(*outcome.evidence, Evidence(why, entry.stix_id, self._new.release.label)),
        )

    def completed(self, found: Sequence[Outcome]) -> list[Outcome]:
        """Outcomes with what other knowledge bases say of objects that are gone."""
        gone = [outcome.stix_id for outcome in found if outcome.outcome == "gone" and outcome.stix_id]
        elsewhere = self._elsewhere(gone)
        return [
            _with_places(outcome, elsewhere[outcome.stix_id])
            if outcome.stix_id in elsewhere and outcome.outcome == "gone"
            else outcome
            for outcome in found
        ]

    def _answer(self, entry: Entry | None, namesakes: Sequence[Entry]) -> Outcome | None:
        if entry is None:
            return None
        outcome = self._judged.outcomes[entry.stix_id]
        family = self._kb.family_of(entry.type)
        others = [one for one in namesakes if one.is_live and one.type in family] if entry.is_live else []
        if len({self._judged.outcomes[one.stix_id].new_id for one in others}) > 1:
            return self._ambiguous(entry, others)
        return outcome

    def _ambiguous(self, entry: Entry, others: Sequence[Entry]) -> Outcome:
        label = self._old.release.label
        outcomes = [self._judged.outcomes[one.stix_id] for one in sorted(others, key=lambda one: one.stix_id)]
        shown = " and ".join(f"{outcome.name or outcome.stix_id}" for outcome in outcomes)
        return Outcome(
            id=entry.shown_id,
            type=entry.type,
            outcome="ambiguous",
            handling=OUTCOME_HANDLINGS["ambiguous"],
            reason=f"{label} has {len(outcomes)} objects with this id, which part: {shown}.",
            evidence=tuple(Evidence("object", outcome.stix_id or "", label) for outcome in outcomes),
            candidates=tuple(successor(outcome) for outcome in outcomes if outcome.new_id is not None)[
                :MOST_CANDIDATES
            ],
        )

    def _missing(self, texts: Sequence[str]) -> dict[str, Outcome]:
        """What is said of ids that the old release does not have."""
        if not texts:
            return {}
        installed = releases.installed(self._connection, self._kb.slug)
        ids = {text: [comparable_id(self._kb, spelled) for spelled in spellings(self._kb, text)] for text in texts}
        known = self._known(installed, {one for several in ids.values() for one in several if one})
        elsewhere = self._elsewhere([one for several in ids.values() for one in several if is_stix_id(one)])
        found: dict[str, Outcome] = {}
        only_new = {text: entry for text in texts if (entry := _named(self._kb, self._new, text)[0]) and entry.is_live}
        names = names_in(self._connection, only_new.values())
        for text in texts:
            if (entry := only_new.get(text)) is not None:
                found[text] = self._not_yet(entry, names[entry.stix_id], known)
            else:
                having = next((known[one] for one in ids[text] if one in known), [])
                unknown = self._unknown(text, having)
                places = next((elsewhere[one] for one in ids[text] if one in elsewhere), None)
                found[text] = unknown if places is None else _with_places(unknown, places)
        return found

    def _not_yet(self, entry: Entry, name: str | None, known: Mapping[str, Sequence[tuple[Release, Entry]]]) -> Outcome:
        old, new = self._old.release, self._new.release
        family = self._kb.family_of(entry.type)
        having = [
            (release, one)
            for release, one in known.get(entry.found_by or "", known.get(entry.stix_id, ()))
            if one.is_live and one.type in family
        ]
        release, first = having[0] if having else (new, entry)
        shown = entry.shown_id
        also = f"{release.label} is the first installed release with it" if release.key != new.key else ""
        return Outcome(
            id=shown,
            name=name,
            type=entry.type,
            outcome="not_yet",
            handling=OUTCOME_HANDLINGS["not_yet"],
            new_id=shown,
            new_name=name,
            reason=f"Not in {old.label}, but in {new.label}{'; ' + also if also else ''}.",
            evidence=(Evidence("object", first.stix_id, release.label),),
            new_stix_id=entry.stix_id,
        )

    def _unknown(self, text: str, having: Sequence[tuple[Release, Entry]]) -> Outcome:
        label = self._old.release.label
        labels = list(dict.fromkeys(release.label for release, _ in having))
        reason = f"{label} has no object with this id"
        if labels:
            reason += f"; {' and '.join(labels[-2:])} {'has' if len(labels) == 1 else 'have'} one"
            evidence = [Evidence("object", entry.stix_id, release.label) for release, entry in having[-_MOST_SHOWN:]]
        else:
            near = self._near(text)
            reason += f"; nearly the same: {' and '.join(near)}" if near else ""
            evidence = [Evidence("near", one, label) for one in near]
        return Outcome(
            id=brief(text),
            outcome="unknown",
            handling=OUTCOME_HANDLINGS["unknown"],
            reason=f"{reason}.",
            evidence=tuple(evidence),
        )

    def _known(self, installed: Sequence[Release], ids: Iterable[str]) -> dict[str, list[tuple[Release, Entry]]]:
        """Comparable id → the releases with it and the objects, lowest release first."""
        by_key = {release.key: release for release in installed}
        wanted = sorted(ids)
        stix_ids = [one for one in wanted if is_stix_id(one)]
        numbers = [one for one in wanted if not is_stix_id(one)]
        found: defaultdict[str, list[tuple[Release, Entry]]] = defaultdict(list)
        for entry in entries.with_stix_ids(self._connection, list(by_key), stix_ids) if stix_ids else ():
            found[entry.stix_id].append((by_key[entry.release_key], entry))
        for entry in entries.with_primary_ids(self._connection, list(by_key), numbers) if numbers else ():
            found[entry.found_by or ""].append((by_key[entry.release_key], entry))
        for having in found.values():
            having.sort(key=lambda one: (one[0].sort_key, one[1].stix_id))
        return found

    def _elsewhere(self, stix_ids: Sequence[str]) -> dict[str, list[str]]:
        """STIX id → the latest releases of other knowledge bases that have it: `attack-enterprise 18.1`."""
        if not stix_ids:
            return {}
        others = [one for one in releases.latest(self._connection) if one.knowledge_base != self._kb.slug]
        names = {one.key: f"{one.knowledge_base} {one.label}" for one in others}
        found: defaultdict[str, list[str]] = defaultdict(list)
        for entry in entries.with_stix_ids(self._connection, list(names), set(stix_ids)) if names else ():
            found[entry.stix_id].append(names[entry.release_key])
        return {stix_id: sorted(set(places)) for stix_id, places in found.items()}

    def _near(self, text: str) -> list[str]:
        """Live ids of the old release that a text misses by one letter, or one that looks like a digit."""
        word = squashed(text)
        found: set[tuple[float, str]] = set()
        for known in self._old.nearly(word):
            far = distance(word, known, 1)
            for entry in self._old.spelled(known) if far is not None else ():
                if entry.is_live and entry.external_id and far is not None:
                    found.add((far, entry.external_id))
        best = min((far for far, _ in found), default=0.0)
        return [external_id for far, external_id in sorted(found) if far == best][:_MOST_NEAR]


def _with_places(outcome: Outcome, places: Sequence[str]) -> Outcome:
    """An outcome that says which releases of other knowledge bases have the object."""
    evidence = [Evidence("object", outcome.stix_id or outcome.id, place) for place in places]
    verb = "has" if len(places) == 1 else "have"
    return msgspec.structs.replace(
        outcome,
        reason=f"{outcome.reason} {' and '.join(places)} {verb} it.",
        evidence=(*outcome.evidence, *evidence),
    )


def _named(kb: KnowledgeBase, side: Side, text: str) -> tuple[Entry | None, Sequence[Entry]]:
    """The object of a release that a text names by its id, and all that share the id."""
    for spelled in spellings(kb, text):
        if is_stix_id(spelled):
            entry = side.by_id.get(comparable_id(kb, spelled))
            if entry is not None:
                return entry, [entry]
            continue
        namesakes = side.numbered(comparable_id(kb, spelled)) or side.spelled(squashed(spelled))
        # In its usual form, which says of which type it is.
        best = preferred(kb, namesakes[0].external_id or "", namesakes) if namesakes else None
        if best is not None:
            return best, namesakes
    return None, ()
