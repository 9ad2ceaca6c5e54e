"""Asks questions, for tests."""

from __future__ import annotations

from typing import Any

from ctibutler.answers.asking.question_records import QuestionAnswer, QuestionQuery
from ctibutler.answers.asking.questions import ask
from ctibutler.answers.library import Library
from ctibutler.answers.pages import PageRequest
from ctibutler.knowledge_bases import HOSTED

ALL = PageRequest(1, 1_000_000)


def asked(library: Library, slug: str, ids: str | list[str] | None, word: str, **query: Any) -> QuestionAnswer:
    """The answer to a question about one object, several, or all, with every row on its page."""
    several = [ids] if isinstance(ids, str) else ids
    return ask(library, HOSTED.named(slug), several, word, QuestionQuery(**{"page": ALL, **query}))


def external_ids(answer: QuestionAnswer) -> list[str | None]:
    """The primary ids of the rows, in their order."""
    return [row.object.external_id for row in answer.page.items]
