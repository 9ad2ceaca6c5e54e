"""Every object of a release, and what became of it in another one."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from ctibutler.catalog import entries as catalog
from ctibutler.catalog import objects, releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.entries import Entry
from ctibutler.catalog.releases import Release
from ctibutler.comparing.classes import (
    EDITING,
    PARENTS,
    TELLING,
    ChangeClass,
    Pair,
    ReleaseWide,
    changed_classes,
    release_wide,
    value_of,
    words_of_texts,
)
from ctibutler.comparing.differences import Content, read_content
from ctibutler.comparing.families import Family, Weighed
from ctibutler.comparing.heirs import REVOKED_BY, Path, Side, Successions, heirs_in, same_object
from ctibutler.comparing.outcomes import OUTCOME_HANDLINGS, Evidence, Handling, Outcome, in_order, strictest
from ctibutler.comparing.reasons import Facts, reason_of
from ctibutler.comparing.tactics import flow_of
from ctibutler.comparing.timeline import Timeline
from ctibutler.comparing.words import DIFFERENT_TEXT, similarity, stems
from ctibutler.knowledge_bases.declaration import KnowledgeBase


class Judged:
    """Two releases of a knowledge base, side by side.

    `paths` say of every object of the old release but relationships, by STIX id, where it leads to. `outcomes` has those that
    were judged so far, without candidates. `added` are the objects of the new release that no object of the old one leads to.
    `weighed` and `families` are filled as candidates are asked for, `ordered` is set once all outcomes were, with those of
    added objects among them.
    """

    def __init__(self, judge: _Judge) -> None:
        self._judge = judge
        self._lock = threading.Lock()
        self.kb = judge.kb
        self.old, self.new = judge.old, judge.new
        self.paths: Mapping[str, Path] = judge.paths
        self.flow = judge.flow
        self.wide = judge.wide
        self.outcomes: dict[str, Outcome] = {}
        self.ordered: Sequence[Outcome] | None = None
        self.weighed: dict[str, tuple[Weighed, ...]] = {}
        self.families: dict[tuple[str, ...], Family] = {}

    @cached_property
    def added(self) -> list[Entry]:
        """The objects of the new release that no object of the old one leads to."""
        taken = {end.stix_id for path in self.paths.values() for end in (*path.live, path.start) if end is not None}
        return [entry for entry in self.new.by_id.values() if entry.stix_id not in taken]

    def judge(self, connection: Connection, stix_ids: Iterable[str]) -> None:
        """Judge these objects of the old release, unless they were."""
        with self._lock:
            missing = [one for one in dict.fromkeys(stix_ids) if one not in self.outcomes]
            if missing:
                self.outcomes.update(self._judge.outcomes(connection, missing))


def judge(connection: Connection, kb: KnowledgeBase, old: Release, new: Release) -> Judged:
    """Say of every object of a release what became of it in another one, higher or lower, of the same knowledge base."""
    made = _Judge(connection, kb, old, new)
    judged = Judged(made)
    judged.judge(connection, made.old.by_id)
    return judged


def prepare(connection: Connection, kb: KnowledgeBase, old: Release, new: Release) -> Judged:
    """Read two releases, so that objects can be judged."""
    made = _Judge(connection, kb, old, new)
    made.forget()
    return Judged(made)


class _Judge:
    """What outcomes rest on. The contents of objects are read for the releases as a whole; those that are kept no more are read
    again for the objects that are asked for."""

    def __init__(self, connection: Connection, kb: KnowledgeBase, old: Release, new: Release) -> None:
        self._connection = connection
        self.kb = kb
        # Properties whose changes have outcomes of their own.
        self._told = {"name", "x_mitre_is_subtechnique", kb.tactics.phases if kb.tactics else ""}
        self._installed = releases.installed(connection, kb.slug)
        self._labels = {release.key: release.label for release in self._installed}
        self.old = Side(kb, old, catalog.of_release(connection, old.key))
        self.new = Side(kb, new, catalog.of_release(connection, new.key))
        keys = [release.key for release in self._installed]
        followed = catalog.successions(connection, keys, [REVOKED_BY])
        self.paths = dict(heirs_in(self.old.by_id.values(), self.new, Successions(new, self._installed, followed)))
        self._contents = self._read()
        self._reused = self._find_reused()
        self._meeting = self._find_meeting()
        self._old_parents, self._new_parents, self._children = self._read_parents()
        self.flow = flow_of(kb, self._side(self.old), self._side(self.new), self.paths.get)
        self.wide = self._find_wide()
        self._timeline = self._timeline_of_dead()

    def outcomes(self, connection: Connection, stix_ids: Sequence[str]) -> dict[str, Outcome]:
        """STIX id → outcome of these objects of the old release. Not for two threads at once."""
        self._connection = connection
        entries = [self.old.by_id[stix_id] for stix_id in stix_ids]
        self._read_ends(entries)
        try:
            return {entry.stix_id: self._outcome(entry) for entry in entries}
        finally:
            self.forget()

    def forget(self) -> None:
        """Keep no contents any more."""
        self._contents = {}

    def _read_ends(self, entries: Sequence[Entry]) -> None:
        """Read the objects that the outcomes of these ones tell about."""
        wanted = {entry.object_key: None for entry in entries}
        for entry in entries:
            path = self.paths[entry.stix_id]
            ends = (*path.live, *path.deprecated, *([path.start] if path.start is not None else []))
            wanted |= {end.object_key: None for end in ends}
        keys = [key for key in wanted if key not in self._contents]
        self._contents |= zip(keys, map(read_content, objects.contents(self._connection, keys)), strict=True)

    def _read(self) -> dict[int, Content]:
        """The contents of all objects of the old release, and of the new one's of types that the old one has."""
        types = {entry.type for entry in self.old.by_id.values()}
        found = [entry.object_key for entry in self.old.by_id.values()]
        found += [entry.object_key for entry in self.new.by_id.values() if entry.type in types]
        keys = list(dict.fromkeys(found))
        return dict(zip(keys, map(read_content, objects.contents(self._connection, keys)), strict=True))

    def _side(self, side: Side) -> tuple[Side, Mapping[str, Content]]:
        return side, {
            entry.stix_id: self._contents[entry.object_key]
            for entry in side.by_id.values()
            if entry.object_key in self._contents
        }

    def _content(self, entry: Entry) -> Content:
        if entry.object_key not in self._contents:
            (content,) = objects.contents(self._connection, [entry.object_key])
            self._contents[entry.object_key] = read_content(content)
        return self._contents[entry.object_key]

    def _find_reused(self) -> dict[str, float]:
        """Old objects whose primary id went to another thing → how alike the two texts are. They have no heir."""
        found: dict[str, float] = {}
        for stix_id, path in self.paths.items():
            entry, start = self.old.by_id[stix_id], path.start
            if not path.by_number or start is None or start.object_key == entry.object_key:
                continue
            if (alike := self._alike_as_others(entry, start)) is not None:
                found[stix_id] = alike
        for stix_id in found:
            self.paths[stix_id] = Path(self.paths[stix_id].start, True)
        return found

    def _alike_as_others(self, entry: Entry, other: Entry) -> float | None:
        """How alike the texts of two objects are if these are different things, else None."""
        if stems(entry.name or "") & stems(other.name or "") or not (entry.name and other.name):
            return None
        alike = self._similarity(entry, other) or 0.0
        return alike if alike < DIFFERENT_TEXT else None

    def _similarity(self, entry: Entry, other: Entry) -> float | None:
        before, after = self._content(entry), self._content(other)
        same = all(before.get(name) == after.get(name) for name in self.kb.text_properties)
        if same:
            return 1.0 if any(name in before for name in self.kb.text_properties) else None
        return similarity(words_of_texts(self.kb, before), words_of_texts(self.kb, after))

    def _find_meeting(self) -> dict[str, list[str]]:
        """Objects of the new release → the objects of the old one that they stand for."""
        meeting: defaultdict[str, list[str]] = defaultdict(list)
        for stix_id, path in self.paths.items():
            if path.heir is not None:
                meeting[path.heir.stix_id].append(stix_id)
        return meeting

    def _read_parents(self) -> tuple[dict[str, set[str]], dict[str, set[str]], dict[str, list[str]]]:
        """Objects of either release → those above them, and objects of the new release → those below them. Live ones count."""
        old: defaultdict[str, set[str]] = defaultdict(set)
        new: defaultdict[str, set[str]] = defaultdict(set)
        children: defaultdict[str, list[str]] = defaultdict(list)
        if not self.kb.parent_relationships:
            return old, new, children
        keys = sorted({self.old.release.key, self.new.release.key})
        for one in catalog.successions(self._connection, keys, self.kb.parent_relationships):
            if one.is_live and one.release_key == self.old.release.key:
                old[one.source].add(one.target)
            if one.is_live and one.release_key == self.new.release.key:
                new[one.source].add(one.target)
                child = self.new.by_id.get(one.source)
                if child is not None and child.is_live:
                    children[one.target].append(one.source)
        return old, new, children

    def _find_wide(self) -> ReleaseWide:
        pairs: defaultdict[str, list[Pair]] = defaultdict(list)
        before: defaultdict[str, list[Content]] = defaultdict(list)
        after: defaultdict[str, list[Content]] = defaultdict(list)
        for entry in self.old.by_id.values():
            if entry.is_live:
                before[entry.type].append(self._content(entry))
                path = self.paths[entry.stix_id]
                if path.start is not None and path.start.is_live and path.start.type == entry.type:
                    pairs[entry.type].append((self._content(entry), self._content(path.start)))
        for entry in self.new.by_id.values():
            if entry.is_live and entry.type in before:
                after[entry.type].append(self._content(entry))
        return release_wide(self.kb, pairs, before, after)

    def _timeline_of_dead(self) -> Timeline:
        dead = [
            stix_id
            for stix_id, path in self.paths.items()
            if self.old.by_id[stix_id].is_live and (path.start is None or not path.start.is_live)
        ]
        return Timeline(self._connection, self._installed, self.old.release, self.new.release, dead)

    def _outcome(self, entry: Entry) -> Outcome:
        path = self.paths[entry.stix_id]
        content = self._content(entry)
        if entry.stix_id in self._reused:
            return self._reused_outcome(entry, content, path)
        fate = self.flow.fates.get(entry.stix_id)
        if path.heir is None or (fate is not None and fate.is_split):
            return self._without_heir(entry, content, path)
        return self._with_heir(entry, content, path, path.heir)

    def _reused_outcome(self, entry: Entry, content: Content, path: Path) -> Outcome:
        assert path.start is not None
        other = _text(self._content(path.start), "name")
        evidence = (
            Evidence("name", _text(content, "name") or "", self.old.release.label),
            Evidence("name", other or "", self.new.release.label),
        )
        return self._made(
            entry,
            content,
            {"reused"},
            self._stale(entry),
            "human",
            None,
            self._reused[entry.stix_id],
            evidence,
            Facts(other=path.start, other_name=other),
        )

    def _without_heir(self, entry: Entry, content: Content, path: Path) -> Outcome:
        new = self.new.release.label
        hops = self._hops(path)
        fate = self.flow.fates.get(entry.stix_id)
        facts = Facts(ends=self._named(path.live or path.deprecated))
        if path.live:
            word = "split"
            if fate is not None and fate.is_split:
                facts = Facts(
                    ends=[
                        (one.tactic.id or one.tactic.slug, one.tactic.name, f"{one.techniques}") for one in fate.shares
                    ],
                    is_tactic=True,
                )
                hops = (*hops, *[Evidence("flow", one.tactic.stix_id or one.tactic.slug, new) for one in fate.shares])
        elif path.deprecated:
            word = "deprecated"
            hops = (*hops, *[Evidence("deprecated", end.stix_id, new) for end in path.deprecated])
            facts.since = self._timeline.since(
                entry.stix_id, "deprecated" if path.start in path.deprecated else "revoked"
            )
        elif path.start is not None or path.hops:
            word = "dead_end"
            hops = (*hops, Evidence("revoked", (path.start or entry).stix_id, new))
            facts.since = self._timeline.since(entry.stix_id, "revoked")
            facts.is_missing = path.start is None
        else:
            word = "gone"
            facts.last = self._timeline.last_with(entry.stix_id) or self.old.release.label
            hops = (Evidence("missing", entry.stix_id, new), Evidence("object", entry.stix_id, facts.last))
        return self._made(entry, content, {word}, self._stale(entry), "human", None, None, hops, facts)

    def _with_heir(self, entry: Entry, content: Content, path: Path, heir: Entry) -> Outcome:
        hopped = bool(path.hops)
        new_content = self._content(heir)
        lost, gained = self.flow.lost_and_gained(entry.stix_id, heir.stix_id)
        classes = self._classes(entry, heir, hopped=hopped, moved=bool(lost or gained))
        words: set[str] = set()
        evidence = [*self._hops(path)]
        old_label, new_label = self.old.release.label, self.new.release.label
        meeting = [one for one in self._meeting[heir.stix_id] if one != entry.stix_id]
        if not entry.is_live:
            meeting = [one for one in meeting if one != heir.stix_id]
        if hopped and meeting:
            words.add("merged")
            evidence += [one for other in meeting for one in self._hops(self.paths[other]) if one not in evidence]
        if entry.type == heir.type and entry.subtechnique != heir.subtechnique:
            words.add("demoted" if heir.subtechnique else "promoted")
            evidence.append(Evidence("property", "x_mitre_is_subtechnique", new_label))
            evidence += [Evidence("parent", one, new_label) for one in sorted(self._new_parents.get(heir.stix_id, ()))]
        if entry.found_by != heir.found_by:
            words.add("renumbered")
            if not hopped:
                evidence.append(Evidence("external_references", entry.shown_id, old_label))
                evidence.append(Evidence("external_references", heir.shown_id, new_label))
        elif entry.stix_id != heir.stix_id and self.kb.identity == "stix-id":
            words.add("reissued")
            evidence += [Evidence("id", entry.stix_id, old_label), Evidence("id", heir.stix_id, new_label)]
        if not entry.is_live and not hopped:
            words.add("revived")
            state = "revoked" if entry.revoked else "deprecated"
            evidence += [Evidence(state, entry.stix_id, old_label), Evidence("live", heir.stix_id, new_label)]
        if lost or gained:
            words.add("moved")
            evidence += [Evidence("lost", tactic.stix_id or tactic.slug, old_label) for tactic in lost]
            evidence += [Evidence("gained", tactic.stix_id or tactic.slug, new_label) for tactic in gained]
        alike = self._similarity(entry, heir)
        if (entry.name or "") != (heir.name or ""):
            words.add("renamed")
            is_same = entry.stix_id == heir.stix_id and not hopped
            if is_same and (alike or 0.0) < DIFFERENT_TEXT and self._alike_as_others(entry, heir) is not None:
                words.add("redefined")
            evidence.append(Evidence("name", _text(content, "name") or "", old_label))
            evidence.append(Evidence("name", _text(new_content, "name") or "", new_label))
        edited = sorted(name for name, known in classes.items() if known in EDITING and name not in self._told)
        if edited:
            words.add("edited")
            evidence += [Evidence("property", name, new_label) for name in edited]
        if not words:
            words.add("touched" if classes else "unchanged")
            evidence += [Evidence("class", known, new_label) for known in sorted(set(classes.values()))]
            if not classes:
                evidence.append(Evidence("digest", heir.digest.hex(), new_label))
        notes = self._stale(entry)
        if self._is_silent(entry, heir, classes):
            notes.append("silent")
        below = self._children.get(heir.stix_id, ())
        children = [one for one in below if same_object(self.new.by_id[one], self.old)[0] is None]
        if children:
            notes.append("new_subtechniques")
        elsewhere = [one.version for one in self._hops(path) if one.version != new_label]
        handlings = [OUTCOME_HANDLINGS[word] for word in words]
        if "edited" in words and alike is not None and alike < DIFFERENT_TEXT:
            handlings.append("look")
        if "new_subtechniques" in notes and "renumbered" in words:
            handlings.append("look")
        if elsewhere:
            handlings.append("look")
        facts = Facts(
            since=self._timeline.since(entry.stix_id, "revoked") if hopped else None,
            is_missing=path.start is None,
            lost=[tactic.name or tactic.slug for tactic in lost],
            gained=[tactic.name or tactic.slug for tactic in gained],
            properties=edited,
            classes=sorted(set(classes.values())),
            elsewhere=elsewhere[0] if elsewhere else None,
            existed=heir.stix_id in self.old.by_id and self.old.by_id[heir.stix_id].is_live,
            others=self._numbers(self.old, meeting) if "merged" in words else [],
            children=self._numbers(self.new, children),
        )
        return self._made(entry, content, words, notes, strictest(handlings), heir, alike, tuple(evidence), facts)

    def _made(
        self,
        entry: Entry,
        content: Content,
        words: set[str],
        notes: Sequence[str],
        handling: Handling,
        heir: Entry | None,
        alike: float | None,
        evidence: Sequence[Evidence],
        facts: Facts,
    ) -> Outcome:
        outcome, *also = in_order(words)
        name = _text(content, "name")
        new_name = None if heir is None else _text(self._content(heir), "name")
        facts.old, facts.new = self.old.release.label, self.new.release.label
        facts.is_live = entry.is_live
        facts.downwards = self.new.release.sort_key < self.old.release.sort_key
        facts.name, facts.new_name = name, new_name
        facts.id, facts.new_id = entry.shown_id, None if heir is None else heir.shown_id
        facts.hops = sum(1 for one in evidence if one.kind == REVOKED_BY)
        return Outcome(
            id=entry.shown_id,
            name=name,
            type=entry.type,
            outcome=outcome,
            also=(*also, *notes),
            handling=handling,
            new_id=facts.new_id,
            new_name=new_name,
            similarity=None if alike is None else round(alike, 2),
            reason=reason_of(outcome, (*also, *notes), facts),
            evidence=tuple(evidence),
            stix_id=entry.stix_id,
            new_stix_id=None if heir is None else heir.stix_id,
        )

    def _classes(self, entry: Entry, heir: Entry, *, hopped: bool, moved: bool) -> dict[str, ChangeClass]:
        """What differs between an object and its heir."""
        if entry.object_key == heir.object_key:
            found: dict[str, ChangeClass] = {}
        else:
            old, new = self._content(entry), self._content(heir)
            found = changed_classes(self.kb, entry.type, old, new, self.wide)
        if self.kb.tactics is not None and self.kb.tactics.phases in found and not moved:
            found[self.kb.tactics.phases] = "format"
        if not hopped and entry.subtechnique == heir.subtechnique and self._parents_differ(entry, heir):
            found[PARENTS] = "place"
        return found

    def _parents_differ(self, entry: Entry, heir: Entry) -> bool:
        before, after = self._old_parents.get(entry.stix_id, set()), self._new_parents.get(heir.stix_id, set())
        if before == after:
            return False
        heirs: set[str] = set()
        for parent in before:
            path = self.paths.get(parent)
            heirs.add(path.heir.stix_id if path is not None and path.heir is not None else parent)
        return heirs != after

    def _is_silent(self, entry: Entry, heir: Entry, classes: Mapping[str, ChangeClass]) -> bool:
        if entry.stix_id != heir.stix_id and self.kb.identity == "stix-id":
            return False
        return entry.modified == heir.modified and not TELLING.isdisjoint(
            known for name, known in classes.items() if name != PARENTS
        )

    def _stale(self, entry: Entry) -> list[str]:
        return [] if entry.is_live else ["stale"]

    def _hops(self, path: Path) -> tuple[Evidence, ...]:
        return tuple(Evidence(REVOKED_BY, hop.stix_id, self._labels[hop.release_key]) for hop in path.hops)

    def _named(self, ends: Sequence[Entry]) -> list[tuple[str, str | None, str]]:
        return [(end.shown_id, _text(self._content(end), "name"), "") for end in ends]

    def _numbers(self, side: Side, stix_ids: Sequence[str]) -> list[str]:
        return sorted(side.by_id[stix_id].shown_id for stix_id in stix_ids)


def _text(content: Content, name: str) -> str | None:
    value = value_of(content, name)
    return value if isinstance(value, str) else None
