"""Asking a question on the command line: which knowledge bases are asked, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ctibutler.answers.asking.question_records import QuestionAnswer, QuestionQuery
from ctibutler.answers.asking.questions import ask
from ctibutler.answers.library import Library
from ctibutler.answers.pages import WHOLE, PageRequest
from ctibutler.cli.finding import Finding, find_in
from ctibutler.cli.options import words
from ctibutler.errors import InvalidRequest, NotFound
from ctibutler.knowledge_bases.declaration import KnowledgeBase


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
    findings = [find_in(library, kbs, object_id, release) for object_id in ids]
    shared = _with_all(kbs, findings)
    if not shared:
        raise NotFound(f"no knowledge base has all of {', '.join(ids)}")
    first = [_in(shared[0], several) for several in findings]
    same = [kb for kb in shared if [_in(kb, several).stix_id for several in findings] == [one.stix_id for one in first]]
    answers: list[tuple[KnowledgeBase, QuestionAnswer]] = []
    problem: NotFound | None = None
    for kb in same:
        named = [_in(kb, several) for several in findings]
        asked = replace(
            query,
            release=named[0].release,
            include_revoked=any(one.view.is_revoked for one in named),
            include_deprecated=any(one.view.is_deprecated for one in named),
        )
        try:
            answers.append((kb, ask(library, kb, [one.stix_id for one in named], word, asked)))
        except NotFound as missing:
            problem = problem or missing
    if not answers:
        raise problem or NotFound(f"no answer to `{word}`")
    return answers


def first_with_all(
    library: Library, kbs: Sequence[KnowledgeBase], ids: Sequence[str], release: str | None
) -> tuple[KnowledgeBase, list[str]]:
    """Return the first knowledge base that has all of these objects, and their STIX ids.

    Raises NotFound if there is none.
    """
    findings = [find_in(library, kbs, object_id, release) for object_id in ids]
    shared = _with_all(kbs, findings)
    if not shared:
        raise NotFound(f"no knowledge base has all of {', '.join(ids)}")
    return shared[0], [_in(shared[0], several).stix_id for several in findings]


def _with_all(kbs: Sequence[KnowledgeBase], findings: Sequence[Sequence[Finding]]) -> list[KnowledgeBase]:
    return [kb for kb in kbs if all(any(found.kb is kb for found in several) for several in findings)]


def _in(kb: KnowledgeBase, findings: Sequence[Finding]) -> Finding:
    return next(found for found in findings if found.kb is kb)
