"""How a question is asked, and the records that answer it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.objects import ObjectQuery
from ctibutler.answers.pages import Count, Page, PageRequest, Sort
from ctibutler.catalog.walks import Living
from ctibutler.knowledge_bases.questions import Question

ALL_WAYS = "all"


@dataclass(frozen=True, slots=True)
class QuestionQuery:
    """How a question is to be answered.

    `of` is the kind of objects asked of, where none is named. `via` are names of ways, `all` for all of them, None for the
    default ones. `by_start` asks for a row for each object asked of and each that answers for it. `at_least` is the least
    number of the objects asked of that a row must answer, None for all of them. `view` is the only value of a qualifier that
    paths may keep to. The include flags admit revoked and deprecated objects: the ones
    asked of, those walked over, and the rows. `filters` are those of lists, on the rows.
    """

    release: str | None = None
    page: PageRequest = PageRequest()
    sort: Sort | None = None
    of: str | None = None
    via: Sequence[str] | None = None
    include_sub: bool = False
    by_start: bool = False
    at_least: int | None = 1
    view: str | None = None
    include_revoked: bool = False
    include_deprecated: bool = False
    filters: ObjectQuery = field(default_factory=ObjectQuery)
    rows: bool = True
    evidence: bool = True
    evidence_limit: int = 5

    @property
    def living(self) -> Living:
        """Which revoked and deprecated objects are walked too."""
        return Living(self.include_revoked, self.include_deprecated)


class Start(msgspec.Struct, frozen=True):
    """An object that is asked of."""

    id: str
    external_id: str | None
    name: str | None


class Evidence(msgspec.Struct, frozen=True):
    """A path that leads to a row: the way, and the ids of the relationships in their order."""

    via: str
    path: tuple[str, ...]


class QuestionRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """An object that answers a question.

    `via` names the ways that lead to it, `depth` is the least number of relationships. `matched` counts the objects asked of
    that it answers, `evidence_count` all paths. `of` is the object asked of where there is a row for each pair.
    """

    object: ObjectView
    via: tuple[str, ...]
    depth: Count
    matched: Count
    evidence_count: Count
    evidence: tuple[Evidence, ...] = ()
    of: Start | None = None


class WayCounts(msgspec.Struct, frozen=True):
    """How many rows there are by each way, by the default ones, and by all."""

    ways: dict[str, Count]
    default: Count
    all: Count


class Counts(WayCounts, frozen=True):
    """The numbers of rows; and those with the kinds of the objects asked of, None where these have none."""

    with_sub: WayCounts | None


@dataclass(frozen=True, slots=True)
class QuestionAnswer:
    """Rows that answer a question, and what is told about the whole list.

    `relationships` are those of the evidence of these rows, `through` the objects between. `within` is the qualifier that
    paths were kept inside a value of, None if there is none or the release does not have it.
    """

    question: Question
    knowledge_base: str
    release: str
    of: Sequence[Start]
    via: tuple[str, ...]
    counts: Counts
    page: Page[QuestionRow]
    within: str | None
    rows_from: str
    rows_release: str | None
    relationships: Sequence[ObjectView] = ()
    through: Sequence[ObjectView] = ()


@dataclass(frozen=True, slots=True)
class AskedCount:
    """A question that an object can be asked, the knowledge base of the answers, and how many there are."""

    asked: Question
    knowledge_base: str
    counts: Counts

    @property
    def question(self) -> str:
        """The word of the question."""
        return self.asked.word

    @property
    def description(self) -> str:
        """What the answer is."""
        return self.asked.says


@dataclass(frozen=True, slots=True)
class AskedCounts:
    """What an object can be asked next, with the numbers of answers."""

    of: Start
    kind: str
    knowledge_base: str
    release: str
    questions: Sequence[AskedCount]
