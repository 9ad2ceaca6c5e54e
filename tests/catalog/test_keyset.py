"""Pages by keyset have the same order as pages by offset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pytest

from ctibutler.answers.library import Library
from ctibutler.answers.pages import PageRequest, cut
from ctibutler.catalog import edge_order, objects, relationships, releases
from ctibutler.catalog.edges import Edge, EdgeQuery
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import Release
from ctibutler.catalog.selections import Selection
from ctibutler.knowledge_bases import HOSTED
from ctibutler.stix.objects import RELATIONSHIP

pytestmark = pytest.mark.real

KNOWLEDGE_BASES = [kb.slug for kb in HOSTED.all]
SORTS = ("modified", "created", "name", "type", "id")


def walked(connection: Connection, selection: Selection, sort: str, descending: bool, size: int) -> list[int]:
    """The keys of a list, read page by page by keyset."""
    page_after = partial(objects.select_after, connection, selection, sort=sort, descending=descending, size=size)
    return [placed.object_key for placed in all_pages(page_after, size)]


def all_pages(page_after: Callable[[Any], Sequence[Any]], size: int) -> Iterator[Any]:
    """What all pages hold, each asked for with the position of the last item of the page before; None for the first."""
    page = page_after(None)
    yield from page
    while len(page) == size:
        page = page_after(page[-1].position)
        yield from page


def by_offset(connection: Connection, selection: Selection, sort: str, descending: bool) -> list[int]:
    """The keys of a list, read as one page by offset."""
    keys, total = objects.select(connection, selection, sort=sort, descending=descending, start=0, size=100_000)
    assert total == len(keys) == objects.count(connection, selection)
    assert keys == objects.select_all(connection, selection, sort=sort, descending=descending)
    return keys


def page_size(connection: Connection, selection: Selection) -> int:
    """A page size that makes about seven pages, the last one not full."""
    return max(1, objects.count(connection, selection) // 7) + 1


@pytest.mark.parametrize("slug", KNOWLEDGE_BASES)
@pytest.mark.parametrize("descending", [False, True])
def test_pages_by_keyset_have_the_same_objects_as_pages_by_offset(
    filled_library: Library, slug: str, descending: bool
) -> None:
    fields = [field.name for field in HOSTED.named(slug).indexed_fields]
    with filled_library.database.read() as connection:
        release = latest(connection, slug)
        selection = Selection(releases=[release.key], listed_only=False)
        for sort in (*SORTS, *fields):
            expected = by_offset(connection, selection, sort, descending)
            assert expected
            assert walked(connection, selection, sort, descending, page_size(connection, selection)) == expected, sort


@pytest.mark.parametrize("descending", [False, True])
def test_objects_of_several_releases_are_in_the_order_of_the_releases(
    filled_library: Library, descending: bool
) -> None:
    with filled_library.database.read() as connection:
        installed = [release.key for release in releases.installed(connection, "attack-ics")]
        assert len(installed) > 1
        for among in (installed, installed[::-1]):
            selection = Selection(releases=among)
            for sort in SORTS:
                expected = by_offset(connection, selection, sort, descending)
                assert walked(connection, selection, sort, descending, page_size(connection, selection)) == expected


def test_relationship_objects_are_paged_by_keyset_too(filled_library: Library) -> None:
    with filled_library.database.read() as connection:
        release = latest(connection, "attack-ics")
        selection = Selection(releases=[release.key], types=[RELATIONSHIP], listed_only=False)
        keys = walked(connection, selection, "modified", True, 1 + len(release.types) * 40)
        assert keys == by_offset(connection, selection, "modified", True)
        assert len(keys) == release.facts["counts_by_type"][RELATIONSHIP]


def test_a_page_can_follow_an_object_that_no_longer_matches(filled_library: Library) -> None:
    with filled_library.database.read() as connection:
        release = latest(connection, "cwe")
        everything = Selection(releases=[release.key])
        first = objects.select_after(connection, everything, None, sort="id", descending=False, size=10)
        last = first[-1]
        fewer = Selection(releases=[release.key], without=[placed.object_key for placed in first])
        assert objects.select_after(connection, fewer, last.position, sort="id", descending=False, size=10) == (
            objects.select_after(connection, everything, last.position, sort="id", descending=False, size=10)
        )


def walked_edges(
    connection: Connection, queries: Sequence[EdgeQuery], sort: str, descending: bool, size: int
) -> list[Edge]:
    """The relationships of a list, read page by page by keyset."""
    page_after = partial(edge_order.select_after, connection, queries, sort=sort, descending=descending, size=size)
    return [placed.edge for placed in all_pages(page_after, size)]


def pages_by_offset(edges: Sequence[Edge], sort: str, descending: bool, size: int) -> list[Edge]:
    """The relationships of a list, read by page number as answers do."""
    ordered = edge_order.in_order(edges, sort, descending=descending)
    pages = [cut(ordered, PageRequest(number, size)).items for number in range(1, len(ordered) // size + 2)]
    return [edge for page in pages for edge in page]


def identities(edges: Sequence[Edge]) -> list[object]:
    """What identifies relationships. An embedded one is the same whichever of its owners it is made from."""
    return [(edge_order.position_of(edge, "created"), edge.family, edge.relationship_type, edge.note) for edge in edges]


@pytest.mark.parametrize("slug", ["attack-ics", "capec", "cwe", "atlas", "disarm", "mitre-f3", "sector"])
@pytest.mark.parametrize("descending", [False, True])
def test_relationships_and_links_of_a_release_are_paged_by_keyset(
    filled_library: Library, slug: str, descending: bool
) -> None:
    with filled_library.database.read() as connection:
        release = latest(connection, slug)
        for include_embedded in (True, False):
            queries = [*relationships.by_family(connection, release, include_embedded=include_embedded).values()]
            edges = relationships.found(connection, queries)
            size = len(edges) // 3 + 1
            for sort in ("modified", "created"):
                walk = walked_edges(connection, queries, sort, descending, size)
                assert identities(walk) == identities(pages_by_offset(edges, sort, descending, size))


@pytest.mark.parametrize("slug", ["attack-ics", "capec", "cwe"])
def test_relationships_and_links_of_an_object_are_paged_by_keyset(filled_library: Library, slug: str) -> None:
    with filled_library.database.read() as connection:
        release = latest(connection, slug)
        edges = relationships.found(connection, relationships.by_family(connection, release).values())
        busiest, _ = Counter(edge.target for edge in edges if edge.family == "native").most_common(1)[0]
        queries = relationships.at_object(connection, release, busiest)
        mine = relationships.edges_of(connection, release, busiest)
        assert {edge.family for edge in mine} >= {"native", "embedded"}
        for descending in (False, True):
            walk = walked_edges(connection, queries, "modified", descending, 7)
            assert identities(walk) == identities(pages_by_offset(mine, "modified", descending, 7))


def latest(connection: Connection, slug: str) -> Release:
    release = releases.find(connection, slug, None)
    assert release is not None
    return release
