"""Answers to questions as JSON, and the list of questions that can be asked."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ctibutler.answers.asking.question_records import AskedCounts, Counts, QuestionAnswer, Start
from ctibutler.answers.asking.sets import SetComparison
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.questions import Question


class WayRow(msgspec.Struct, frozen=True):
    """A way that answers a question, and whether it is taken unless another is chosen."""

    name: str
    default: bool


class KnownQuestion(msgspec.Struct, frozen=True):
    """A question that can be asked about some kinds of objects. `knowledge_base` is that of the answers."""

    question: str
    also: tuple[str, ...]
    description: str
    of: tuple[str, ...]
    gives: tuple[str, ...]
    knowledge_base: str
    ways: tuple[WayRow, ...]
    inverse: str | None
    has_sub: bool


class KnownQuestions(msgspec.Struct, frozen=True):
    """The questions of a knowledge base."""

    knowledge_base: str
    questions: list[KnownQuestion]


class AskedQuestion(msgspec.Struct, frozen=True):
    """A question that an object can be asked, and how many rows answer it."""

    question: str
    description: str
    gives: tuple[str, ...]
    knowledge_base: str
    counts: Counts


class AskedQuestions(msgspec.Struct, frozen=True):
    """What an object can be asked, with the numbers of answers."""

    knowledge_base: str
    version: str
    of: Start
    kind: str
    questions: list[AskedQuestion]


def known_questions(kb: KnowledgeBase) -> KnownQuestions:
    """Return what can be asked about objects of a knowledge base."""
    return KnownQuestions(kb.slug, [_known(kb, question) for question in kb.questions])


def _known(kb: KnowledgeBase, question: Question) -> KnownQuestion:
    return KnownQuestion(
        question.word,
        question.names,
        question.says,
        question.of,
        question.gives,
        question.knowledge_base or kb.slug,
        tuple(WayRow(known.name, known.default) for known in question.ways),
        question.inverse or None,
        question.sub is not None,
    )


def asked_questions(found: AskedCounts) -> AskedQuestions:
    """Return what an object can be asked."""
    counted = [
        AskedQuestion(item.question, item.description, item.asked.gives, item.knowledge_base, item.counts)
        for item in found.questions
    ]
    return AskedQuestions(found.knowledge_base, found.release, found.of, found.kind, counted)


def facts_of_answer(found: QuestionAnswer) -> Mapping[str, object]:
    """Return what an answer says beside its rows."""
    return {
        "question": found.question.word,
        "knowledge_base": found.knowledge_base,
        "version": found.release,
        "via": found.via,
        "of": list(found.of),
        "counts": found.counts,
        "within": found.within,
        "results_knowledge_base": found.rows_from,
        "results_version": found.rows_release,
        "relationships": list(found.relationships),
        "through": list(found.through),
    }


def facts_of_comparison(found: SetComparison) -> Mapping[str, object]:
    """Return what a comparison of two sets says beside its rows."""
    return {
        "question": found.question,
        "knowledge_base": found.knowledge_base,
        "version": found.release,
        "via": found.via,
        "a": list(found.a),
        "b": list(found.b),
        "counts": found.counts,
    }
