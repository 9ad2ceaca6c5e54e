"""Relationships that are kept in memory lead where those in the database do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ctibutler.answers.library import Library
from ctibutler.catalog import members, releases, walks
from ctibutler.catalog.adjacency import MOST_BYTES, Adjacencies, Adjacency
from ctibutler.catalog.walks import Living
from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.kinds import kinds_named
from ctibutler.knowledge_bases.questions import Both, In, Out, Step
from tests.questions.conftest import RELEASES

pytestmark = pytest.mark.real

LIVINGS = [Living(revoked, deprecated) for revoked in (False, True) for deprecated in (False, True)]
ALL = [*RELEASES, "cwe@4.14"]


def native_steps(slug: str) -> Iterator[Step]:
    """The declared steps along relationships of the publisher, and some that let everything pass."""
    yield from (Out("*"), In("*"), Both("*"), Both("*", to=()), Out("*", besides=("uses",)), In("no-such-relation"))
    yield Out("*", through_dead=True)
    kb = HOSTED.named(slug)
    for question in kb.questions:
        for step in (*(step for way in question.ways for step in way.steps), question.sub):
            if step is not None and step.family == "native":
                yield step


@pytest.mark.parametrize("name", ALL)
def test_every_step_leads_to_the_same_objects_by_the_same_relationships(asked_library: Library, name: str) -> None:
    slug, _, label = name.partition("@")
    kept = Adjacencies(MOST_BYTES)
    with asked_library.database.read() as connection:
        release = releases.find(connection, slug, label)
        assert release is not None
        keys = members.member_keys(connection, release, [kind for kind in release.types if kind != "relationship"])
        near = sorted({identifier for _, identifier in walks.nodes_of(connection, release, keys).values()})
        for step in dict.fromkeys(native_steps(slug)):
            kinds = kinds_named(HOSTED.named(step.knowledge_base or slug), step.kinds) if step.kinds else None
            for living in LIVINGS:
                asked = connection, step, release, near, kinds, living
                read, remembered = walks.take(*asked), kept.take(*asked)
                assert len(read) == len(remembered)
                assert set(read) == set(remembered)


def test_what_is_kept_stays_within_its_size_and_is_read_again_when_it_was_given_up(asked_library: Library) -> None:
    kept = Adjacencies(1)
    with asked_library.database.read() as connection:
        found = [
            releases.find(connection, "attack-enterprise", "18.1"),
            releases.find(connection, "attack-ics", "18.1"),
        ]
        for release in [*found, *found]:
            assert release is not None
            keys = members.member_keys(connection, release, ["intrusion-set"])
            near = [identifier for _, identifier in walks.nodes_of(connection, release, keys).values()]
            asked = connection, Out("uses"), release, near, None, Living()
            assert set(kept.take(*asked)) == set(walks.take(*asked)) != set()
            assert kept.size == Adjacency(connection, release).size


def test_a_search_for_paths_reads_no_release_whole_but_goes_along_what_is_kept(asked_library: Library) -> None:
    kept = Adjacencies(MOST_BYTES)
    with asked_library.database.read() as connection:
        release = releases.find(connection, "attack-ics", "18.1")
        assert release is not None
        keys = members.member_keys(connection, release, ["intrusion-set"])
        near = [identifier for _, identifier in walks.nodes_of(connection, release, keys).values()]
        asked = connection, Out("uses"), release, near, None, Living()
        before, size = kept.take(*asked, read=False), kept.size
        assert size == 0
        kept.take(*asked)
        assert kept.size > 0
        assert set(kept.take(*asked, read=False)) == set(before) != set()


def test_enterprise_takes_a_few_megabytes(asked_library: Library) -> None:
    with asked_library.database.read() as connection:
        release = releases.find(connection, "attack-enterprise", "18.1")
        assert release is not None
        assert 1_000_000 < Adjacency(connection, release).size < 4_000_000
