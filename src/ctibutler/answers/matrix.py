"""The matrix of a release: its tactics in the publisher's order, the techniques of each, and which of them two sets have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from ctibutler.answers.arrangements import Arrangement
from ctibutler.answers.asking.question_records import Start
from ctibutler.answers.library import Library
from ctibutler.answers.migrations import release_outcomes
from ctibutler.answers.naming import installed_release
from ctibutler.answers.pages import Count
from ctibutler.answers.technique_sets import TechniqueSet, technique_set
from ctibutler.catalog.folding import folded, natural_order
from ctibutler.catalog.releases import Release
from ctibutler.catalog.walks import Node
from ctibutler.comparing.outcomes import ADDED, Outcome
from ctibutler.errors import NotFound
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.matrices import matrix_form

Mark = Literal["a", "b", "both"]
Change = Literal["new", "moved", "renamed", "edited"]

_CHANGES: Mapping[str, Change] = {
    ADDED: "new",
    "revived": "new",
    "demoted": "moved",
    "promoted": "moved",
    "renumbered": "moved",
    "reissued": "moved",
    "moved": "moved",
    "renamed": "renamed",
    "redefined": "edited",
    "edited": "edited",
}
"""What a reader sees of the outcomes that lead to a technique. `moved`: it has another tactic, parent or id."""


@dataclass(frozen=True, slots=True)
class MatrixQuery:
    """Which matrix: of a release, with these sets marked, only techniques of these platforms, all for none, and what changed
    since another release."""

    release: str | None = None
    a: Sequence[str] = ()
    b: Sequence[str] = ()
    platforms: Sequence[str] = ()
    since: str | None = None


class MatrixTechnique(msgspec.Struct, frozen=True, kw_only=True):
    """A technique. `mark` says which sets have it; `a` and `b` are the objects of each set that it was given by. `change` is
    what happened to it since the release that was asked for, None for nothing that a reader sees."""

    id: str
    external_id: str | None
    name: str | None
    platforms: tuple[str, ...] = ()
    mark: Mark | None = msgspec.field(name="in", default=None)
    a: tuple[Start, ...] = ()
    b: tuple[Start, ...] = ()
    change: Change | None = None


class MatrixCell(msgspec.Struct, frozen=True):
    """A technique in the column of a tactic, with those that are kinds of it. `only_context`: it does not pass the filter
    itself, but one of these does."""

    technique: MatrixTechnique
    below: tuple[MatrixCell, ...] = ()
    only_context: bool = False

    @property
    def all_below(self) -> Iterator[MatrixCell]:
        """The cells below it, at any depth."""
        for cell in self.below:
            yield cell
            yield from cell.all_below

    @property
    def is_marked(self) -> bool:
        """Whether a set has it, or anything below it."""
        return self.technique.mark is not None or any(cell.technique.mark for cell in self.all_below)

    @property
    def is_changed(self) -> bool:
        """Whether something happened to it, or to anything below it."""
        return self.technique.change is not None or any(cell.technique.change for cell in self.all_below)


class MatrixTactic(msgspec.Struct, frozen=True):
    """A column. `marked` counts its techniques of which a set has any, or anything below."""

    id: str
    external_id: str | None
    name: str | None
    techniques: tuple[MatrixCell, ...]
    marked: Count


class MatrixPart(msgspec.Struct, frozen=True):
    """One matrix of a release, as its publisher made it. `id` is None for tactics that no matrix names."""

    id: str | None
    external_id: str | None
    name: str | None
    is_dead: bool
    tactics: tuple[MatrixTactic, ...]


class MatrixCounts(msgspec.Struct, frozen=True):
    """How many techniques are shown: those at the top, those below, the cells of both; and how many of all techniques only one
    set has, and both."""

    techniques: Count
    sub_techniques: Count
    cells: Count
    tactics: Count
    only_a: Count
    only_b: Count
    both: Count

    @property
    def jaccard(self) -> float | None:
        """What both sets share of all that either has."""
        either = self.only_a + self.only_b + self.both
        return round(self.both / either, 3) if either else None


class MatrixSet(msgspec.Struct, frozen=True):
    """A set: the objects that it was given by, how many techniques these mean, how many of them have no cell (because they
    serve no tactic, or a filter leaves them out), and what is wrong with the other ids. `question` is the one that all
    techniques answer for the objects, None if there is none."""

    given: tuple[Start, ...]
    techniques: Count
    without_cell: Count
    problems: tuple[str, ...]
    question: str | None


class Matrix(msgspec.Struct, frozen=True, kw_only=True):
    """The matrices of a release. `without_tactic` are techniques that serve none. `platforms` are all that techniques name.

    `since` is the release that changes are told of, `changes` counts the techniques shown by what happened to them, and `left`
    are the outcomes of those that the matrix of that release had and this one has not.
    """

    knowledge_base: str
    release: str
    a: MatrixSet
    b: MatrixSet
    counts: MatrixCounts
    platforms: tuple[str, ...]
    matrices: tuple[MatrixPart, ...]
    without_tactic: tuple[MatrixTechnique, ...]
    since: str | None = None
    changes: dict[str, Count] = {}
    left: tuple[Outcome, ...] = ()

    def cells(self) -> Iterator[tuple[MatrixTactic, MatrixCell, MatrixCell | None]]:
        """Yield every cell with its tactic, and the cell that it is below, top cells first."""
        for part in self.matrices:
            for tactic in part.tactics:
                for cell in tactic.techniques:
                    yield tactic, cell, None
                    for inner in cell.all_below:
                        yield tactic, inner, cell


def make_matrix(library: Library, kb: KnowledgeBase, query: MatrixQuery) -> Matrix:
    """Return the matrix of a release. Revoked and deprecated techniques are left out.

    Raises NotFound if the release is not installed, or its objects serve no tactics.
    """
    form = matrix_form(kb)
    if form is None:
        raise NotFound(f"{kb.slug} has no matrix: its objects serve no tactics")
    with library.database.read() as connection:
        release = installed_release(connection, kb, query.release)
        arrangement = library.arrangements.get(connection, kb, release, form)
        a = technique_set(library, connection, kb, release, query.a)
        b = technique_set(library, connection, kb, release, query.b)
        changed = _changed(library, kb, arrangement, query.since, release) if query.since else _Changed()
        made = _Making(kb, arrangement, query.platforms, a, b, changed.by_id)
        parts = tuple(made.parts())
    marks = [technique.mark for technique in made.shown.values()]
    counts = MatrixCounts(
        len(made.tops), len(made.shown.keys() - made.tops), made.cells, len({it.id for part in parts for it in part.tactics}),
        marks.count("a"), marks.count("b"), marks.count("both"),
    )  # fmt: skip
    return Matrix(
        knowledge_base=kb.slug,
        release=release.label,
        a=_told(a, made.shown),
        b=_told(b, made.shown),
        counts=counts,
        platforms=made.all_platforms(),
        matrices=parts,
        without_tactic=made.without_tactic(),
        since=changed.since,
        changes=_counted(made.shown.values()),
        left=changed.left,
    )


class _Making:
    """Makes the parts of one matrix, and counts what is on them."""

    def __init__(
        self,
        kb: KnowledgeBase,
        arrangement: Arrangement,
        platforms: Sequence[str],
        a: TechniqueSet,
        b: TechniqueSet,
        changes: Mapping[str, Change],
    ) -> None:
        self.shown: dict[Node, MatrixTechnique] = {}
        self.tops: set[Node] = set()
        self.cells = 0
        self._kb = kb
        self._arranged = arrangement
        self._wanted = {folded(name) for name in platforms}
        self._sets = (a.techniques, b.techniques)
        self._changes = changes
        self._made: dict[Node, MatrixTechnique] = {}
        self._tactics = {tactic.id: (node, tactic) for node, tactic in arrangement.tactics.items()}

    def parts(self) -> Iterator[MatrixPart]:
        """Yield the matrices as their publisher made them, then the tactics that none of them names."""
        named: set[str] = set()
        for part in sorted(self._arranged.parts, key=lambda it: it.is_dead):
            refs = [ref for ref in part.tactics if ref in self._tactics]
            named.update(refs)
            yield MatrixPart(part.id, part.external_id, part.name, part.is_dead, tuple(map(self._column, refs)))
        others = [stix_id for stix_id in self._tactics if stix_id not in named and self._is_used(stix_id)]
        if others:
            others.sort(key=lambda stix_id: natural_order(self._tactics[stix_id][1].external_id or stix_id))
            yield MatrixPart(None, None, None, False, tuple(map(self._column, others)))

    def without_tactic(self) -> tuple[MatrixTechnique, ...]:
        """Return the techniques that no column has, filter aside."""
        placed: set[Node] = set()
        for nodes in self._arranged.served.values():
            placed.update(*([node, *self._inside(node)] for node in nodes))
        rest = [self._technique(node) for node in self._arranged.techniques if node not in placed]
        return tuple(sorted(rest, key=lambda it: natural_order(it.external_id or it.id)))

    def all_platforms(self) -> tuple[str, ...]:
        """Return every platform that a technique names."""
        return tuple(sorted({name for it in self._arranged.techniques.values() for name in it.platforms}, key=folded))

    def _is_used(self, stix_id: str) -> bool:
        node, tactic = self._tactics[stix_id]
        return node in self._arranged.served or not tactic.is_dead

    def _column(self, stix_id: str) -> MatrixTactic:
        node, tactic = self._tactics[stix_id]
        served = self._arranged.served.get(node, frozenset())
        tops = sorted(self._tops(served), key=lambda it: (self._arranged.techniques[it].folded_name, it))
        cells = [cell for top in tops if (cell := self._cell(top, served, set())) is not None]
        self.tops.update(top for top in tops if top in self.shown)
        marked = sum(cell.is_marked for cell in cells)
        return MatrixTactic(tactic.id, tactic.external_id, tactic.name, tuple(cells), marked)

    def _tops(self, served: Set[Node]) -> Set[Node]:
        """Those that are below none of the others. Of techniques that are below each other, all are at the top."""
        tops = served - {below for top in served for below in self._inside(top)}
        covered = {below for top in tops for below in self._inside(top)}
        return tops | (served - covered)

    def _cell(self, node: Node, served: Set[Node], above: set[Node]) -> MatrixCell | None:
        below = []
        for inner in sorted(self._arranged.below.get(node, ()), key=lambda it: self._arranged.techniques[it].order):
            # One that names tactics of its own is only below those.
            if inner not in above and (inner in served or not self._serves_any(inner)):
                cell = self._cell(inner, served, {*above, node})
                below += [] if cell is None else [cell]
        passes = not self._wanted or bool(self._wanted & set(map(folded, self._arranged.techniques[node].platforms)))
        if not passes and not below:
            return None
        self.cells += 1
        technique = self._technique(node)
        self.shown[node] = technique
        return MatrixCell(technique, tuple(below), not passes)

    def _serves_any(self, node: Node) -> bool:
        return any(node in served for served in self._arranged.served.values())

    def _inside(self, node: Node) -> set[Node]:
        found: set[Node] = set()
        waiting = [node]
        while waiting:
            new = [inner for inner in self._arranged.below.get(waiting.pop(), ()) if inner not in found]
            found.update(new)
            waiting += new
        return found

    def _technique(self, node: Node) -> MatrixTechnique:
        if node not in self._made:
            arranged = self._arranged.techniques[node]
            a, b = (tuple(given.get(node, ())) for given in self._sets)
            mark: Mark | None = "both" if a and b else "a" if a else "b" if b else None
            self._made[node] = MatrixTechnique(
                id=arranged.id, external_id=arranged.external_id, name=arranged.name, platforms=arranged.platforms, mark=mark,
                a=a, b=b, change=self._changes.get(arranged.id),
            )  # fmt: skip
        return self._made[node]


@dataclass(frozen=True, slots=True)
class _Changed:
    """What happened since a release: to techniques by STIX id, and the outcomes of those that are no more."""

    since: str | None = None
    by_id: Mapping[str, Change] = field(default_factory=dict)
    left: tuple[Outcome, ...] = ()


def _changed(library: Library, kb: KnowledgeBase, arrangement: Arrangement, since: str, release: Release) -> _Changed:
    whole = release_outcomes(library, kb, since, release.label)
    here = {one.id for one in arrangement.techniques.values()}
    types = {one.type for one in arrangement.techniques.values()}
    of_techniques = [one for one in whole.outcomes if one.type in types and "stale" not in one.also]
    own = {one.stix_id for one in of_techniques}
    by_id: dict[str, Change] = {}
    for one in of_techniques:
        # What else became a technique says nothing about one that was there.
        if one.new_stix_id in here and (one.new_stix_id not in own or one.stix_id == one.new_stix_id):
            change = next((_CHANGES[word] for word in (one.outcome, *one.also) if word in _CHANGES), None)
            by_id |= {one.new_stix_id or "": change} if change else {}
    left = [one for one in of_techniques if one.outcome != ADDED and one.stix_id not in here]
    return _Changed(whole.old, by_id, tuple(left))


def _counted(shown: Iterable[MatrixTechnique]) -> dict[str, int]:
    counts = Counter(technique.change for technique in shown if technique.change)
    return {word: counts[word] for word in dict.fromkeys(_CHANGES.values()) if counts[word]}


def _told(found: TechniqueSet, shown: Mapping[Node, object]) -> MatrixSet:
    without_cell = sum(node not in shown for node in found.techniques)
    return MatrixSet(tuple(found.given), len(found.techniques), without_cell, tuple(found.problems), found.question)
