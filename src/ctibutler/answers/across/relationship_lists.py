"""The list of all relationships of the latest releases, each id once.

It has 200,000 items where all knowledge bases are installed. A page is found by counting: what each holder of relationships
has, by time, says which holders a page lies in, and only theirs are read.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, chain, groupby

from ctibutler.answers.library import Library
from ctibutler.answers.object_view import ObjectView, views
from ctibutler.answers.pages import Page, PageRequest, Sort, cut
from ctibutler.answers.relationships import RelationshipQuery, filtered
from ctibutler.answers.visibility import visible
from ctibutler.catalog import edge_counts, relationship_contents, relationships
from ctibutler.catalog.duplicates import Sharing, sharing_ids
from ctibutler.catalog.edge_counts import EdgeFilter, Time
from ctibutler.catalog.edge_order import EARLIEST, in_order
from ctibutler.catalog.edges import Edge, Family
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.relationship_contents import EdgeContent, content_of
from ctibutler.catalog.releases import Release
from ctibutler.stix.objects import decode

# Relationships of one time, from which on their order is remembered: a collection of ATT&CK has 25,000.
_MANY = 500
# So many relationships are sorted together, unless one time has more.
_TOGETHER = 4000
_FAMILIES: tuple[Family, ...] = ("native", "embedded", "link")


@dataclass(frozen=True, slots=True)
class Times:
    """A list of relationships as times: `starts[n]` relationships come before the n-th time, and `first_holders[n]` holders.

    `holders` are keys in the catalogue, with the family and the place of the release (`_packed`). The relationships of one
    time are sorted by id. Those in `apart`, by time, are not counted by holder, because their ids are there several times.
    """

    times: array[int]
    starts: array[int]
    first_holders: array[int]
    holders: array[int]
    apart: dict[int, list[Edge]]

    def __len__(self) -> int:
        """How many numbers it holds."""
        return 3 * len(self.times) + len(self.holders) + 100 * len(self.apart)

    @property
    def total(self) -> int:
        """The number of relationships."""
        return self.starts[-1]

    def covering(self, page: PageRequest) -> range:
        """Return the places of the times that the relationships of a page have."""
        start, end = min(page.start, self.total), min(page.start + page.size, self.total)
        return (
            range(bisect_right(self.starts, start) - 1, bisect_right(self.starts, end - 1)) if start < end else range(0)
        )

    def count(self, place: int) -> int:
        """Return how many relationships have the time at this place."""
        return self.starts[place + 1] - self.starts[place]


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked, apart from the page."""

    releases: tuple[Release, ...]
    query: RelationshipQuery
    sort: Sort
    visible_to: str | None

    @property
    def mark(self) -> tuple[object, ...]:
        """What distinguishes it from other questions about one state of the catalogue."""
        keys = tuple(release.key for release in self.releases)
        return "sros", keys, self.sort, self.visible_to, self.query.question


def list_relationships_across(
    library: Library,
    connection: Connection,
    releases: Sequence[Release],
    query: RelationshipQuery,
    visible_to: str | None = None,
) -> Page[ObjectView]:
    """Return a page of the relationships of these releases that match a query."""
    page = edges_across(library, connection, releases, query, visible_to)
    return page.with_items(views(relationship_contents.contents(connection, page.items)))


def edges_across(
    library: Library,
    connection: Connection,
    releases: Sequence[Release],
    query: RelationshipQuery,
    visible_to: str | None = None,
) -> Page[EdgeContent]:
    """Return a page of what the JSON of these relationships is read or made from."""
    question = _Question(tuple(releases), query, query.sort, visible_to)
    ends = query.source_refs if query.source_refs is not None else query.target_refs
    if ends is None:
        return _page(library, connection, question, query.page)
    return cut(library.list_cache.get(connection, question.mark, lambda: _at(connection, question, ends)), query.page)


def _page(library: Library, connection: Connection, question: _Question, page: PageRequest) -> Page[EdgeContent]:
    times = library.list_cache.get(connection, question.mark, lambda: _times(connection, question), array("q").itemsize)
    covering = times.covering(page)
    found: list[EdgeContent] = []
    for is_many, places in groupby(covering, key=lambda place: times.count(place) >= _MANY):
        if is_many:
            for place in places:
                make = partial(_read, connection, question, times, [place])
                found += library.list_cache.get(connection, (*question.mark, place), make)
        else:
            for portion in _portions(times, places):
                found += _read(connection, question, times, portion)
    before = page.start - times.starts[covering.start] if covering else 0
    return Page(page, found[before : before + page.size], times.total)


def _times(connection: Connection, question: _Question) -> Times:
    sharing = sharing_ids(connection, [release.key for release in question.releases])
    sort: Time = "created" if question.sort.key == "created" else "modified"
    counts: dict[int, int] = {}
    holders: dict[int, list[int]] = {}
    for place, release in enumerate(question.releases):
        for family, listed in edge_counts.held(connection, release, _filter(question), sort):
            shared = sharing.links if family == "link" else sharing.objects
            of_family = _packed(0, place, family)
            for key, moment, edges in listed:
                if key not in shared:
                    time = EARLIEST if moment is None else moment
                    if time in counts:
                        counts[time] += edges
                        holders[time].append(of_family + (key << 16))
                    else:
                        counts[time] = edges
                        holders[time] = [of_family + (key << 16)]
    apart: dict[int, list[Edge]] = {}
    for edge in _apart(connection, question, sharing):
        moment = edge.created if sort == "created" else edge.modified
        apart.setdefault(EARLIEST if moment is None else moment, []).append(edge)
    for time, edges_apart in apart.items():
        counts[time] = counts.get(time, 0) + len(edges_apart)
    ordered = sorted(counts, reverse=question.sort.descending)
    of_time = [holders.get(time, []) for time in ordered]
    return Times(
        times=array("q", ordered),
        starts=array("q", accumulate((counts[time] for time in ordered), initial=0)),
        first_holders=array("q", accumulate(map(len, of_time), initial=0)),
        holders=array("q", chain.from_iterable(of_time)),
        apart=apart,
    )


def _portions(times: Times, places: Iterable[int]) -> Iterator[list[int]]:
    """The places of times, as many together as have some thousand relationships."""
    portion: list[int] = []
    size = 0
    for place in places:
        portion.append(place)
        size += times.count(place)
        if size >= _TOGETHER:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _read(connection: Connection, question: _Question, times: Times, places: Sequence[int]) -> list[EdgeContent]:
    """The relationships of these times, in order."""
    holders = times.holders[times.first_holders[places[0]] : times.first_holders[places[-1] + 1]]
    edges = [edge for place in places for edge in times.apart.get(times.times[place], ())]
    for place, family, keys in _unpacked(holders):
        edges += _edges_of(connection, question.releases[place], question.query, family, keys)
    sort = question.sort
    return [
        content_of(edge) for edge in in_order(filtered(edges, question.query), sort.key, descending=sort.descending)
    ]


def _edges_of(
    connection: Connection, release: Release, query: RelationshipQuery, family: Family, keys: Sequence[int]
) -> list[Edge]:
    queries = relationships.by_family(connection, release, include_embedded=query.include_embedded)
    return queries[family].of_holders(keys).run(connection) if keys and family in queries else []


def _apart(connection: Connection, question: _Question, sharing: Sharing) -> list[Edge]:
    """The relationships whose ids may be there several times, each id once, that match."""
    edges: list[tuple[Edge, str]] = []
    for release in question.releases:
        for family in _FAMILIES:
            keys = sorted(sharing.links if family == "link" else sharing.objects)
            found = relationships.distinct(_edges_of(connection, release, question.query, family, keys))
            edges += [(edge, release.knowledge_base) for edge in found]
    return _matching(connection, question, edges)


def _at(connection: Connection, question: _Question, ends: Sequence[str]) -> list[EdgeContent]:
    """The relationships that begin or end at some objects, in order."""
    asked = {end.lower() for end in ends}
    edges = [
        (edge, release.knowledge_base)
        for release in question.releases
        for edge in relationships.found_at(connection, release, asked, include_embedded=question.query.include_embedded)
    ]
    sort, passing = question.sort, _matching(connection, question, edges)
    return [content_of(edge) for edge in in_order(passing, sort.key, descending=sort.descending)]


def _matching(connection: Connection, question: _Question, edges: Iterable[tuple[Edge, str]]) -> list[Edge]:
    passing = filtered(_each_id_once(edges), question.query)
    if question.visible_to is None:
        return passing
    contents = relationship_contents.contents(connection, passing)
    pairs = zip(passing, contents, strict=True)
    return [edge for edge, content in pairs if visible(decode(content), question.visible_to)]


def _each_id_once(edges: Iterable[tuple[Edge, str]]) -> list[Edge]:
    ordered = sorted(edges, key=lambda pair: pair[1])
    ordered.sort(key=lambda pair: EARLIEST if pair[0].modified is None else pair[0].modified, reverse=True)
    return list({edge.id: edge for edge, _ in reversed(ordered)}.values())


def _filter(question: _Question) -> EdgeFilter:
    query = question.query
    return EdgeFilter(
        include_embedded=query.include_embedded,
        relationship_type=query.relationship_type,
        source_types=query.source_types,
        target_types=query.target_types,
        visible_to=question.visible_to,
    )


def _packed(key: int, place: int, family: Family) -> int:
    """A holder as one number: its key, the place of its release, its family."""
    return (key << 16) + (place << 2) + _FAMILIES.index(family)


def _unpacked(holders: Iterable[int]) -> Iterator[tuple[int, Family, list[int]]]:
    """Place of a release, family, and the keys of their holders."""
    found: dict[tuple[int, int], list[int]] = {}
    for holder in holders:
        found.setdefault((holder >> 2 & 0x3FFF, holder & 3), []).append(holder >> 16)
    for (place, family), keys in found.items():
        yield place, _FAMILIES[family], keys
