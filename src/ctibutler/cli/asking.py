"""Asking a question on the command line: which knowledge bases are asked, and how."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from ctibutler.answers.asking.question_records import QuestionAnswer, QuestionQuery
from ctibutler.answers.asking.questions import ask
from ctibutler.answers.library import Library
from ctibutler.answers.pages import WHOLE, PageRequest
from ctibutler.cli.finding import Finding, find_in
from ctibutler.cli.options import words
from ctibutler.errors import InvalidRequest, NotFound
from ctibutler.knowledge_bases.declaration import KnowledgeBase

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class AskOptions:
    """The options of a question, as they were given."""

    via: list[str] | None = None
    with_sub: bool = False
    match: str = "any"
    view: str | None = None
    evidence: bool = False
    page: int = 1
    page_size: int | None = None

    @property
    def query(self) -> QuestionQuery:
        """How the question is to be answered: with all rows, unless a size of pages was given.

        Raises InvalidRequest.
        """
        if self.match not in ("any", "all"):
            raise InvalidRequest(f"--match: `{self.match}` is neither any nor all")
        return QuestionQuery(
            page=PageRequest(self.page, self.page_size or WHOLE.size),
            via=words(self.via),
            include_sub=self.with_sub,
            at_least=None if self.match == "all" else 1,
            view=self.view,
            evidence_limit=5,
            evidence=self.evidence,
        )


def ids_of(text: str) -> list[str]:
    """The ids in an argument that may name several."""
    return [item.strip() for item in text.split(",") if item.strip()]


def ask_all(
    library: Library,
    kbs: Sequence[KnowledgeBase],
    ids: Sequence[str],
    release: str | None,
    word: str,
    query: QuestionQuery,
) -> list[tuple[KnowledgeBase, QuestionAnswer]]:
    """Return the answers of the first knowledge base that has all of these objects, and of the others that hold the same ones.

    Raises NotFound if there is none, or if none has the question for them.
    """
    answers = []
    problem: NotFound | None = None
    for kb, named, asked in _asked(library, kbs, ids, release, query):
        try:
            answers.append((kb, ask(library, kb, named, word, asked)))
        except NotFound as missing:
            problem = problem or missing
    if not answers:
        raise problem or NotFound(f"no answer to `{word}`")
    return answers


def answer_first(
    library: Library,
    kbs: Sequence[KnowledgeBase],
    ids: Sequence[str],
    release: str | None,
    query: QuestionQuery,
    answered: Callable[[KnowledgeBase, Sequence[str], QuestionQuery], Answer],
) -> tuple[Answer, list[KnowledgeBase]]:
    """Return what the first knowledge base answers that has all of these objects and the question, and the knowledge bases
    after it that hold the same ones.

    Raises NotFound if there is none, or if none has the question for them.
    """
    problem: NotFound | None = None
    asked = _asked(library, kbs, ids, release, query)
    for place, (kb, named, of_it) in enumerate(asked, start=1):
        try:
            return answered(kb, named, of_it), [other for other, _, _ in asked[place:]]
        except NotFound as missing:
            problem = problem or missing
    raise problem or NotFound(f"no knowledge base has all of {', '.join(ids)}")


def _asked(
    library: Library, kbs: Sequence[KnowledgeBase], ids: Sequence[str], release: str | None, query: QuestionQuery
) -> list[tuple[KnowledgeBase, list[str], QuestionQuery]]:
    """The first knowledge base that has all of these objects, and the others that hold the same ones: with the STIX ids, and
    how each is asked."""
    shared, findings = _with_all(library, kbs, ids, release)
    first = [_in(shared[0], several).stix_id for several in findings]
    asked = []
    for kb in shared:
        named = [_in(kb, several) for several in findings]
        if [one.stix_id for one in named] == first:
            of_it = replace(
                query,
                release=named[0].release,
                include_revoked=any(one.view.is_revoked for one in named),
                include_deprecated=any(one.view.is_deprecated for one in named),
            )
            asked.append((kb, first, of_it))
    return asked


def first_with_all(
    library: Library, kbs: Sequence[KnowledgeBase], ids: Sequence[str], release: str | None
) -> tuple[KnowledgeBase, list[str]]:
    """Return the first knowledge base that has all of these objects, and their STIX ids.

    Raises NotFound if there is none.
    """
    found = first_findings(library, kbs, ids, release)
    return found[0].kb, [one.stix_id for one in found]


def first_findings(
    library: Library, kbs: Sequence[KnowledgeBase], ids: Sequence[str], release: str | None
) -> list[Finding]:
    """Return these objects, as the first knowledge base has them that has all.

    Raises NotFound if there is none.
    """
    shared, findings = _with_all(library, kbs, ids, release)
    return [_in(shared[0], several) for several in findings]


def _with_all(
    library: Library, kbs: Sequence[KnowledgeBase], ids: Sequence[str], release: str | None
) -> tuple[list[KnowledgeBase], list[list[Finding]]]:
    """The knowledge bases that have all of these objects, and where each object is.

    Raises NotFound if there is none.
    """
    findings = [find_in(library, kbs, object_id, release) for object_id in ids]
    shared = [kb for kb in kbs if all(any(found.kb is kb for found in several) for several in findings)]
    if not shared:
        raise NotFound(f"no knowledge base has all of {', '.join(ids)}")
    return shared, findings


def _in(kb: KnowledgeBase, findings: Sequence[Finding]) -> Finding:
    return next(found for found in findings if found.kb is kb)
