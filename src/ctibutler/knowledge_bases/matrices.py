"""How a knowledge base's matrix is made, read from the questions that it declares."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.questions import Direction, Question, Step

TACTICS = "tactics"
_PARENTS = "parents"
_BACK: dict[Direction, Direction] = {"out": "in", "in": "out", "both": "both"}


@dataclass(frozen=True)
class MatrixForm:
    """What the columns and cells of a matrix are.

    `techniques` and `tactics` are kinds, in the words of the knowledge base. `serves` leads from a tactic to its techniques,
    `below` from a technique to those that are kinds of it; None if there are none.
    """

    techniques: tuple[str, ...]
    tactics: tuple[str, ...]
    serves: Step
    below: Step | None


def matrix_form(kb: KnowledgeBase) -> MatrixForm | None:
    """Return how the matrix of a knowledge base is made; None if its objects serve no tactics: none can be asked for its
    `tactics`."""
    asked = next((question for question in kb.questions if question.word == TACTICS), None)
    if asked is None:
        return None
    known = set(asked.of)
    parents = next((it for it in kb.questions if it.word == _PARENTS and known & set(it.of)), None)
    below = None if parents is None else _back(parents.ways[0].steps[-1], asked.of)
    return MatrixForm(asked.of, asked.gives, _back(asked.ways[0].steps[-1], asked.of), below)


def question_for_techniques(kb: KnowledgeBase, kind: str) -> Question | None:
    """Return the question that an object of this kind answers with techniques of the matrix; None if there is none, or if it
    is a technique itself."""
    form = matrix_form(kb)
    if form is None or kind in form.techniques:
        return None
    wanted = set(form.techniques)
    return next(
        (
            question
            for question in kb.questions
            if kind in question.of and wanted >= set(question.gives) and question.knowledge_base in ("", kb.slug)
        ),
        None,
    )


def can_be_set(kb: KnowledgeBase, kind: str) -> bool:
    """Return whether an object of this kind can be a set of the matrix: it is a technique, or has to do with some."""
    form = matrix_form(kb)
    return form is not None and (kind in form.techniques or question_for_techniques(kb, kind) is not None)


def _back(step: Step, kinds: tuple[str, ...]) -> Step:
    return replace(step, direction=_BACK[step.direction], kinds=kinds)
