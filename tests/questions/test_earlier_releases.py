"""Every question about objects of earlier releases is answered as networkx answers it on the publishers' files.

With the latest ones these are three releases of each knowledge base that has so many at hand. Questions that lead to another
knowledge base are asked of the latest releases alone: only these are linked.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from ctibutler.answers.library import Library
from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.questions import Question
from tests.catalogue import Catalogues
from tests.questions.asking import asked
from tests.questions.graphs import Node, Releases, answers, graph

pytestmark = pytest.mark.real

EARLIER = (
    ("attack-ics", "17.1"),
    ("attack-ics", "16.1"),
    ("attack-mobile", "17.1"),
    ("attack-mobile", "14.1"),
    ("atlas", "5.5.0"),
    ("atlas", "4.9.1"),
    ("disarm", "1.5"),
    ("disarm", "1.4"),
    ("capec", "3.8"),
    ("capec", "3.6"),
    ("d3fend", "1.1.0"),
    ("mitre-f3", "1.0"),
)
ENTERPRISE = (("attack-enterprise", "17.1"), ("attack-enterprise", "16.1"))
SAMPLE = 2

Release = tuple[str, str]


@pytest.fixture(scope="module")
def earlier(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Catalogues(engine, tmp_path_factory.mktemp(f"earlier-{engine}")) as made:
        yield Library(made.with_releases(*map("@".join, EARLIER)), HOSTED)


@pytest.fixture(scope="module")
def earlier_enterprise(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Catalogues(engine, tmp_path_factory.mktemp(f"enterprise-{engine}")) as made:
        yield Library(made.with_releases(*map("@".join, ENTERPRISE)), HOSTED)


def questions(slug: str) -> list[Question]:
    """Those that stay within the knowledge base."""
    return [
        question
        for question in HOSTED.named(slug).questions
        if not question.knowledge_base and not any(step.family == "link" for way in question.ways for step in way.steps)
    ]


def starts(releases: Releases, question: Question) -> list[Node]:
    return sorted(
        node for node, data in graph(releases).nodes(data=True) if data["live"] and data["kind"] in question.of
    )


def expected(releases: Releases, question: Question, start: Node) -> dict[str, set[str]]:
    [(slug, _)] = releases
    return {
        way.name: {stix_id for _, stix_id in answers(slug, question, way, start, releases)} for way in question.ways
    }


def check_sample(library: Library, release: Release) -> None:
    """Two objects of each question are answered, and one of the answers asks back."""
    slug, label = release
    told = 0
    for question in questions(slug):
        nodes = starts((release,), question)
        random = Random(f"{release} {question.of} {question.word}")
        for start in random.sample(nodes, min(SAMPLE, len(nodes))):
            found = asked(library, slug, start[1], question.word, via=["all"], evidence_limit=1, release=label)
            by_way = {
                way.name: {row.object.id for row in found.page.items if way.name in row.via} for way in question.ways
            }
            assert by_way == expected((release,), question, start), (question.word, start)
            assert found.counts.ways == {name: len(ids) for name, ids in by_way.items()}
            told += len(found.page.items)
            if question.inverse and found.page.items:
                row = random.choice(found.page.items)
                back = asked(library, slug, row.object.id, question.inverse, via=["all"], evidence=False, release=label)
                assert start[1] in {other.object.id for other in back.page.items}, (question.word, start, row.object.id)
    assert told > SAMPLE


def check_all(library: Library, release: Release) -> None:
    """All objects of each question are answered."""
    slug, label = release
    for question in questions(slug):
        nodes = starts((release,), question)
        wanted = {
            (start[1], stix_id, name)
            for start in nodes
            for name, ids in expected((release,), question, start).items()
            for stix_id in ids
        }
        for kind in question.of:
            found = asked(library, slug, None, question.word, of=kind, via=["all"], evidence=False, release=label)
            pairs = {
                (row.of.id, row.object.id, name) for row in found.page.items if row.of is not None for name in row.via
            }
            assert pairs == wanted, question.word


@pytest.mark.parametrize("release", EARLIER, ids="@".join)
def test_a_sample_of_objects_is_answered_and_asks_back(earlier: Library, release: Release) -> None:
    check_sample(earlier, release)


@pytest.mark.slow
@pytest.mark.parametrize("release", EARLIER, ids="@".join)
def test_all_objects_are_answered(earlier: Library, release: Release) -> None:
    check_all(earlier, release)


@pytest.mark.slow
@pytest.mark.parametrize("release", ENTERPRISE, ids="@".join)
def test_enterprise(earlier_enterprise: Library, release: Release) -> None:
    check_sample(earlier_enterprise, release)
    check_all(earlier_enterprise, release)
