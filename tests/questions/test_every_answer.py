"""Every question of every object is answered as networkx answers it on the publishers' files."""

from __future__ import annotations

from random import Random

import pytest

from ctibutler.answers.library import Library
from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.questions import Question, Way
from tests.answers.walking import as_json
from tests.questions.asking import asked
from tests.questions.graphs import LABELS, Node, answers, graph

pytestmark = pytest.mark.real

ASKED = [(slug, question) for slug in LABELS for question in HOSTED.named(slug).questions]


def named(asked_of: tuple[str, Question]) -> str:
    slug, question = asked_of
    return "-".join((slug, *question.of, question.word)).replace(" ", "-").lower()


QUESTIONS = [pytest.param(*item, id=named(item)) for item in ASKED]
WITH_INVERSE = [pytest.param(*item, id=named(item)) for item in ASKED if item[1].inverse]
SAMPLE = 2


def can_be_asked(slug: str, question: Question) -> list[Node]:
    return sorted(
        node
        for node, data in graph().nodes(data=True)
        if node[0] == slug and data["live"] and data["kind"] in question.of
    )


def expected(slug: str, question: Question, start: Node) -> dict[str, set[str]]:
    return {way.name: {stix_id for _, stix_id in answers(slug, question, way, start)} for way in question.ways}


@pytest.mark.parametrize(("slug", "question"), QUESTIONS)
def test_a_sample_of_objects(asked_library: Library, slug: str, question: Question) -> None:
    nodes = can_be_asked(slug, question)
    random = Random(f"{slug} {question.of} {question.word}")
    for start in random.sample(nodes, min(SAMPLE, len(nodes))):
        found = asked(asked_library, slug, start[1], question.word, via=["all"], evidence_limit=3)
        by_way = {way.name: {row.object.id for row in found.page.items if way.name in row.via} for way in question.ways}
        wanted = expected(slug, question, start)
        assert by_way == wanted, start
        assert found.counts.ways == {name: len(ids) for name, ids in wanted.items()}
        every = set().union(*wanted.values())
        default = set().union(*(wanted[way.name] for way in question.ways if way.default))
        assert (found.counts.all, found.counts.default, found.page.total) == (len(every), len(default), len(every))


@pytest.mark.parametrize(("slug", "question"), QUESTIONS)
def test_evidence_leads_from_the_object_to_each_answer(asked_library: Library, slug: str, question: Question) -> None:
    nodes = can_be_asked(slug, question)
    if not nodes:
        pytest.skip("the release has no such object")
    start = Random(f"evidence {slug} {question.of} {question.word}").choice(nodes)
    found = asked(asked_library, slug, start[1], question.word, via=["all"], include_sub=True, evidence_limit=2)
    relationships = {sro["id"]: sro for sro in as_json(list(found.relationships))}
    subs = {start[1], *(stix_id for _, stix_id in sub_of(slug, question, start))}
    for row in found.page.items:
        assert 1 <= len(row.evidence) <= min(2, row.evidence_count)
        for path in row.evidence:
            assert path.via in row.via
            assert row.depth <= len(path.path)
            at = row.object.id
            for relationship_id in reversed(path.path):
                ends = [relationships[relationship_id][end] for end in ("source_ref", "target_ref")]
                assert at in ends
                at = ends[0] if ends[1] == at else ends[1]
            assert at in subs or at == start[1]


def sub_of(slug: str, question: Question, start: Node) -> set[Node]:
    if question.sub is None:
        return set()
    narrower = Question("sub", question.of, question.of, "", ())
    return answers(slug, narrower, Way("sub", (question.sub,)), start)


@pytest.mark.slow
@pytest.mark.parametrize(("slug", "question"), QUESTIONS)
def test_all_objects(asked_library: Library, slug: str, question: Question) -> None:
    for kind in question.of:
        found = asked(asked_library, slug, None, question.word, of=kind, via=["all"], evidence=False)
        pairs = {(row.of.id, row.object.id, name) for row in found.page.items if row.of is not None for name in row.via}
        wanted = {
            (start[1], stix_id, name)
            for start in can_be_asked(slug, question)
            for name, ids in expected(slug, question, start).items()
            for stix_id in ids
        }
        assert pairs == wanted


@pytest.mark.parametrize(("slug", "question"), WITH_INVERSE)
def test_the_question_that_leads_back_finds_the_object(asked_library: Library, slug: str, question: Question) -> None:
    nodes = can_be_asked(slug, question)
    random = Random(f"back {slug} {question.of} {question.word}")
    for start in random.sample(nodes, min(SAMPLE, len(nodes))):
        rows = asked(asked_library, slug, start[1], question.word, evidence=False).page.items
        for row in random.sample(list(rows), min(2, len(rows))):
            far = question.knowledge_base or slug
            back = asked(asked_library, far, row.object.id, question.inverse, via=["all"], evidence=False)
            assert start[1] in {other.object.id for other in back.page.items}, (start, row.object.id)
