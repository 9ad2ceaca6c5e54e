"""What ATT&CK Navigator layers show of a table whose rows are techniques."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ctibutler.answers.asking.evidence import said, starts_of, through
from ctibutler.answers.asking.question_records import QuestionAnswer, QuestionRow, Start
from ctibutler.answers.asking.sets import SIDES, SetComparison, Side
from ctibutler.answers.navigator import TECHNIQUE
from ctibutler.comparing.outcomes import ADDED, HANDLINGS, OUTCOMES, Outcome
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.kinds import kinds_named
from ctibutler.stix.markup import plain_text


@dataclass(frozen=True, slots=True)
class MarkedTechnique:
    """A technique of a layer, by its primary id. `group` is a place in the groups of the layer, None where it has none."""

    id: str
    score: int
    comment: str
    group: int | None = None


@dataclass(frozen=True, slots=True)
class TechniqueLayer:
    """The techniques of a table. `groups` are what its techniques are told apart by: what both of two sets have, say."""

    kb: KnowledgeBase
    release: str
    name: str
    description: str
    techniques: Sequence[MarkedTechnique]
    groups: Sequence[str] = ()


def gives_techniques(kb: KnowledgeBase, kinds: Iterable[str]) -> bool:
    """Return whether all objects of these kinds are techniques that the Navigator shows."""
    types = {name for kind in kinds_named(kb, kinds) for name in kind.types}
    return kb.navigator_domain is not None and types == {TECHNIQUE}


def layer_of_answer(kb: KnowledgeBase, name: str, description: str, found: QuestionAnswer) -> TechniqueLayer:
    """Return the layer of an answer: how many of the objects asked of use each technique, say, and what is said about it.
    Where there is a row for each pair, how many pairs. `kb` is that of the techniques."""
    marked = _of_pairs(found.page.items) if not found.of else _of_rows(found)
    return TechniqueLayer(kb, found.rows_release or "", name, description, marked)


def layer_of_comparison(
    kb: KnowledgeBase, name: str, description: str, compared: SetComparison, found: QuestionAnswer
) -> TechniqueLayer:
    """Return the layer of a comparison. Techniques of both sets, of the first and of the second are told apart. `found` is the
    answer for the objects of both sets, with its evidence."""
    told = {row.object.id: row for row in found.page.items}
    comment = _comments(found)
    marked = [
        MarkedTechnique(technique_id, told[row.object.id].matched, comment(told[row.object.id]), SIDES.index(row.side))
        for row in compared.page.items
        if (technique_id := row.object.external_id)
    ]
    return TechniqueLayer(kb, found.rows_release or "", name, description, marked, [*side_names(compared).values()])


def layer_of_outcomes(
    kb: KnowledgeBase, name: str, description: str, release: str, rows: Iterable[Outcome]
) -> TechniqueLayer:
    """Return the layer of the techniques of a release, by what became of them. Those that were dead before are left out. Where
    several became one, that one has the outcome that asks for the most work."""
    leading: dict[str, list[Outcome]] = {}
    for row in rows:
        if row.type == TECHNIQUE and "stale" not in row.also and row.id != row.stix_id:
            leading.setdefault(row.new_id or row.id, []).append(row)
    groups = [
        word for word in (*OUTCOMES, ADDED) if any(_first(several).outcome == word for several in leading.values())
    ]
    marked = [
        MarkedTechnique(
            technique_id,
            len(several),
            "\n\n".join(
                row.reason if row.id == technique_id else f"{row.id} {row.name}: {row.reason}" for row in several
            ),
            groups.index(_first(several).outcome),
        )
        for technique_id, several in leading.items()
    ]
    return TechniqueLayer(kb, release, name, description, marked, groups)


def _first(rows: Sequence[Outcome]) -> Outcome:
    order = (*OUTCOMES, ADDED)
    return min(rows, key=lambda row: (-HANDLINGS.index(row.handling), order.index(row.outcome)))


def side_names(compared: SetComparison) -> dict[Side, str]:
    """Return what the sides of a comparison are called: `both`, `only G0016`, `only G0007`."""
    a, b = (", ".join(start.external_id or start.id for start in side) for side in (compared.a, compared.b))
    return {"both": "both", "a": f"only {a}", "b": f"only {b}"}


def _of_rows(found: QuestionAnswer) -> list[MarkedTechnique]:
    comment = _comments(found)
    return [
        MarkedTechnique(technique_id, row.matched, comment(row))
        for row in found.page.items
        if (technique_id := row.object.external_id)
    ]


def _of_pairs(rows: Sequence[QuestionRow]) -> list[MarkedTechnique]:
    starts: dict[str, list[str]] = {}
    for row in rows:
        if row.object.external_id:
            starts.setdefault(row.object.external_id, []).append(_named(row.of) if row.of else "")
    return [MarkedTechnique(technique_id, len(of), ", ".join(of)) for technique_id, of in starts.items()]


def _comments(found: QuestionAnswer) -> Callable[[QuestionRow], str]:
    """What is said about a row: a paragraph for each path, with what it leads through; of several objects, with that one."""
    relationships = {view.id: view.properties for view in found.relationships}
    between = {view.id: f"{view.external_id or ''} {view.name or ''}".strip() for view in found.through}
    starts: Mapping[str, str] = {start.id: _named(start) for start in found.of} if len(found.of) > 1 else {}

    def comment(row: QuestionRow) -> str:
        paragraphs = []
        for path in row.evidence:
            lead = [starts[name] for name in starts_of(path, relationships, starts)]
            lead += [between[name] for name in through(path, relationships) if name in between]
            words = " ".join(plain_text(said(path, relationships) or "").split())
            paragraphs.append(": ".join(part for part in (", ".join(lead), words) if part))
        if row.evidence_count > len(row.evidence):
            paragraphs.append(f"and {row.evidence_count - len(row.evidence):,} more")
        return "\n\n".join(dict.fromkeys(filter(None, paragraphs)))

    return comment


def _named(start: Start) -> str:
    return f"{start.external_id or start.id} {start.name or ''}".rstrip()
