"""The order of lists of relationships: lists that are sorted in memory and pages by keyset follow the same one.

By `modified` or `created`; a missing time is the smallest. Ties are broken by id, then by the ends, ascending in both
directions. Native relationships come before those that we made; then the other time and, of native ones, the key decide.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from ctibutler.catalog.edges import Edge, EdgeQuery
from ctibutler.catalog.engine.connection import Connection

EARLIEST = -(2**63)


class EdgePosition(NamedTuple):
    """Where a relationship stands in a list that is sorted by `time` (microseconds).

    Edges that we made are the same relationship if their positions are equal.
    """

    time: int
    id: str
    source: str
    target: str
    made: int
    created: int
    modified: int
    key: int


class PlacedEdge(NamedTuple):
    """A relationship of a list, and the position to ask for what follows it."""

    edge: Edge
    position: EdgePosition


def position_of(edge: Edge, sort: str) -> EdgePosition:
    """Return where an edge stands in a list sorted by `modified` or `created`."""
    return EdgePosition(_time(edge.created if sort == "created" else edge.modified), *_ties(edge))


def in_order(edges: Iterable[Edge], sort: str, *, descending: bool) -> list[Edge]:
    """Sort edges by `modified` or `created`."""
    return sorted(edges, key=_key(sort, descending))


def select_after(
    connection: Connection,
    queries: Sequence[EdgeQuery],
    after: EdgePosition | None,
    *,
    sort: str,
    descending: bool,
    size: int,
) -> list[PlacedEdge]:
    """Return the `size` edges that follow a position, each once; the first ones if it is None.

    `queries` find the edges of the list. It continues right after the position even if relationships before it were added
    or removed.
    """
    found: list[PlacedEdge] = []
    while len(found) < size:
        portions = [_portion(connection, query, after, sort, descending, size) for query in queries]
        merged = list(islice(heapq.merge(*portions, key=_key(sort, descending)), size))
        for edge in merged:
            position = position_of(edge, sort)
            if position != after:
                found.append(PlacedEdge(edge, position))
            after = position
        if len(merged) < size:
            break
    return found[:size]


def _key(sort: str, descending: bool) -> Callable[[Edge], tuple[object, ...]]:
    by_created, sign = sort == "created", -1 if descending else 1
    return lambda edge: (sign * _time(edge.created if by_created else edge.modified), *_ties(edge))


def _ties(edge: Edge) -> tuple[str, str, str, int, int, int, int]:
    """What decides between edges of the same time: the fields of a position from `id` on."""
    made, key = (0, edge.key) if edge.family == "native" else (1, 0)
    return edge.id, edge.source, edge.target, made, _time(edge.created), _time(edge.modified), key


def _time(moment: int | None) -> int:
    return EARLIEST if moment is None else moment


def _portion(
    connection: Connection, query: EdgeQuery, after: EdgePosition | None, sort: str, descending: bool, size: int
) -> list[Edge]:
    created, modified = (f"coalesce({column}, :earliest)" for column in (query.created, query.modified))
    time = created if sort == "created" else modified
    ties = [query.id, "source.stix_id", "target.stix_id", created, modified, *([query.key] if query.key else [])]
    beyond = "" if after is None else f"AND {_beyond(query, time, created, modified, descending)}"
    rows = connection.rows(
        f"""
        SELECT {query.columns} {query.tables} {beyond}
         ORDER BY {time} {"DESC" if descending else "ASC"}, {", ".join(ties)}
         LIMIT {int(size)}
        """,
        **query.parameters,
        earliest=EARLIEST,
        **({} if after is None else {f"after_{name}": value for name, value in after._asdict().items()}),
    )
    return [query.read(row) for row in rows]


def _beyond(query: EdgeQuery, time: str, created: str, modified: str, descending: bool) -> str:
    """The condition that an edge comes after a position."""
    made, key = ("1", "0") if query.key is None else ("0", query.key)
    ties = f"{query.id}, source.stix_id, target.stix_id, {made}, {created}, {modified}, {key}"
    values = ", ".join(f":after_{name}" for name in EdgePosition._fields[1:])
    return f"({time} {'<' if descending else '>'} :after_time OR ({time} = :after_time AND ({ties}) > ({values})))"
