"""What leads from one knowledge base to the next, as tables: paths, chains, coverage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ctibutler.answers.library import Library
from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.onward.chains import ChainPlace, chain
from ctibutler.answers.onward.coverage import CoverageEnd, CoverageRow, cover
from ctibutler.answers.onward.path_records import MissingLinkSet, Path, PathObject, PathQuery, Paths, Statement
from ctibutler.answers.onward.paths import find_paths
from ctibutler.answers.pages import WHOLE
from ctibutler.answers.tables.ages import changed_at
from ctibutler.answers.tables.closures import Closure, TableObjects
from ctibutler.answers.tables.object_tables import ACROSS_COLUMNS
from ctibutler.answers.tables.table import Cell, Table, TableColumn, chosen, names_of, rows_of
from ctibutler.catalog import members, objects, relationship_contents, releases
from ctibutler.catalog.relationships import edges_with_id
from ctibutler.knowledge_bases.declaration import KnowledgeBase

ALONG = " → "
"""Between the values of a cell that has one for each object or hop of a path, in their order."""

_CLOSURES: tuple[Closure, ...] = ("evidence", "none", "full")

PATH_COLUMNS: tuple[TableColumn[Path], ...] = (
    TableColumn("from_id", lambda item: item.objects[0].external_id),
    TableColumn("from_name", lambda item: item.objects[0].name),
    TableColumn("to_id", lambda item: item.objects[-1].external_id),
    TableColumn("to_name", lambda item: item.objects[-1].name),
    TableColumn("hops", lambda item: len(item.hops)),
    TableColumn("ids", lambda item: _along(one.external_id for one in item.objects)),
    TableColumn("names", lambda item: _along(one.name for one in item.objects)),
    TableColumn("kinds", lambda item: _along(one.kind for one in item.objects)),
    TableColumn("releases", lambda item: _along(_release(one) for one in item.objects)),
    TableColumn("says", lambda item: _along(hop.says for hop in item.hops)),
    TableColumn("directions", lambda item: _along("onward" if hop.onward else "back" for hop in item.hops)),
    TableColumn("stated_by", lambda item: _along(one.stated_by.publisher for one in _first(item))),
    TableColumn("stated_in", lambda item: _along(one.stated_in for one in _first(item))),
    TableColumn("stated_at", lambda item: _along(one.stated_at for one in _first(item))),
    TableColumn("stix_ids", lambda item: _along(one.id for one in item.objects)),
    TableColumn("relationships", lambda item: _along(one.id for one in _first(item))),
)

COVERAGE_COLUMNS: tuple[TableColumn[CoverageRow], ...] = (
    TableColumn("from", lambda item: item.start.knowledge_base),
    TableColumn("from_release", lambda item: item.start.version),
    TableColumn("from_kind", lambda item: item.start.kind),
    TableColumn("to", lambda item: item.end.knowledge_base),
    TableColumn("to_release", lambda item: item.end.version),
    TableColumn("to_kind", lambda item: item.end.kind),
    TableColumn("by", lambda item: item.by),
    TableColumn("links", lambda item: item.links),
    TableColumn("pairs", lambda item: item.pairs),
    TableColumn("paths", lambda item: item.paths),
    TableColumn("from_objects", lambda item: item.start.objects),
    TableColumn("from_related", lambda item: item.start.related),
    TableColumn("to_objects", lambda item: item.end.objects),
    TableColumn("to_related", lambda item: item.end.related),
)


@dataclass(frozen=True, slots=True)
class _Reached:
    """An object of a chain, and where it stands in it."""

    view: ObjectView
    place: ChainPlace


CHAIN_COLUMNS: tuple[TableColumn[_Reached], ...] = (
    TableColumn("stage", lambda item: item.place.stage),
    TableColumn("direction", lambda item: "onward" if item.place.onward else "back"),
    *(
        TableColumn(column.name, lambda item, column=column: column.read(item.view))  # type: ignore[misc]
        for column in ACROSS_COLUMNS
    ),
)


def path_table(library: Library, start: str, end: str, query: PathQuery, columns: Sequence[str] | None = None) -> Table:
    """Return all shortest paths between two objects, up to the limit of the query: a row for each.

    Raises NotFound and InvalidRequest as `find_paths` does, and InvalidRequest for an unknown column.
    """
    shown = chosen(PATH_COLUMNS, columns)
    found = find_paths(library, start, end, query)
    count = "not known: the search stopped early" if found.counts.paths is None else str(found.counts.paths)
    labels = list(dict.fromkeys(_labels([found.start, found.end, *(o for p in found.paths for o in p.objects)])))
    return Table(
        name=f"{_id(found.start)}-{_id(found.end)}",
        title=f"Paths from {_named(found.start)} to {_named(found.end)}",
        columns=names_of(shown),
        rows=rows_of(shown, [found.paths]),
        facts={
            "from": f"{_named(found.start)}, {_release(found.start)}",
            "to": f"{_named(found.end)}, {_release(found.end)}",
            "turns": str(found.turns),
            "widen": found.widen,
            "paths": count,
            **_not_linked(found.missing),
            "rows": str(len(found.paths)),
        },
        changed_at=changed_at(library, labels),
        objects=TableObjects(library, lambda closure: _views(library, found, closure), labels, _CLOSURES),
    )


def _views(library: Library, found: Paths, closure: Closure) -> Iterator[ObjectView]:
    """The objects on paths, in their order; and unless the closure is `none`, the relationships that the paths go along."""
    on_paths = dict.fromkeys(one for path in found.paths for one in path.objects)
    by_release: dict[tuple[str, str], list[str]] = {}
    for one in on_paths:
        by_release.setdefault((one.knowledge_base, one.version), []).append(one.id)
    stated = dict.fromkeys(one.id for path in found.paths for hop in path.hops for one in hop.statements)
    contents: dict[tuple[str, str, str], bytes] = {}
    told: dict[str, bytes] = {}
    with library.database.read() as connection:
        among = [release for one in by_release if (release := releases.find(connection, *one)) is not None]
        for release in among:
            home = (release.knowledge_base, release.label)
            keys = dict(members.with_ids(connection, release.key, by_release[home]))
            read = objects.contents(connection, list(keys.values()))
            contents |= {(*home, name): content for name, content in zip(keys, read, strict=True)}
            if closure != "none":
                published = dict(members.with_ids(connection, release.key, stated.keys() - told.keys()))
                told |= dict(zip(published, objects.contents(connection, list(published.values())), strict=True))
        if closure != "none":
            made = [edge for name in stated.keys() - told.keys() for edge in edges_with_id(connection, name, among)[:1]]
            of_made = relationship_contents.contents(connection, made)
            told |= {edge.id: content for edge, content in zip(made, of_made, strict=True)}
    for one in on_paths:
        content = contents.get((one.knowledge_base, one.version, one.id))
        if content is not None:
            yield ObjectView(content)
    yield from (ObjectView(told[name]) for name in stated if name in told)


def chain_table(
    library: Library,
    kb: KnowledgeBase,
    object_id: str,
    query: PathQuery,
    stage: str | None = None,
    columns: Sequence[str] | None = None,
) -> Table:
    """Return all objects that lead to an object or that it leads to, each with its stage.

    Raises NotFound and Hidden as `chain` does, and InvalidRequest for an unknown column.
    """
    shown = chosen(CHAIN_COLUMNS, columns)
    found = chain(library, kb, object_id, query, WHOLE, stage)
    reached = [_Reached(view, place) for view, place in zip(found.page.items, found.places, strict=True)]
    return Table(
        name=f"{_id(found.of)}-chain",
        title=f"Chain of {_named(found.of)}",
        columns=names_of(shown),
        rows=rows_of(shown, [reached], lambda item: item.view),
        facts={
            "of": f"{_named(found.of)}, {_release(found.of)}",
            **{f"{one.stage} by {one.by}": str(one.objects) for one in found.stages},
            **{told.stage: ", ".join(told.values) for told in found.told},
            **_not_linked(found.missing),
            "rows": str(len(reached)),
        },
        changed_at=changed_at(
            library, [*_labels([found.of]), *((one.knowledge_base, one.version) for one in found.stages)]
        ),
        objects=TableObjects(
            library, lambda _: found.page.items, [(one.knowledge_base, one.version) for one in found.stages]
        ),
    )


def coverage_table(library: Library, versions: Mapping[str, str | None], columns: Sequence[str] | None = None) -> Table:
    """Return how much of each release leads on to the next, a row for each two ends. Its facts list what leads nowhere.

    Raises NotFound as `cover` does, and InvalidRequest for an unknown column.
    """
    shown = chosen(COVERAGE_COLUMNS, columns)
    found = cover(library, versions)
    ends: list[CoverageEnd] = [end for row in found.rows for end in (row.start, row.end)]
    return Table(
        name="coverage",
        title="What leads from one knowledge base to the next",
        columns=names_of(shown),
        rows=rows_of(shown, [found.rows]),
        facts={
            "releases": ", ".join(dict.fromkeys(f"{end.knowledge_base} {end.version}" for end in ends)),
            "leads nowhere": ", ".join(f"{one.external_id} → {one.names} ({one.of})" for one in found.nowhere),
            **_not_linked(found.missing),
            "rows": str(len(found.rows)),
        },
        changed_at=changed_at(library, ((end.knowledge_base, end.version) for end in ends)),
    )


def _along(values: Iterable[str | None]) -> Cell:
    return ALONG.join(value or "" for value in values)


def _first(path: Path) -> list[Statement]:
    """The first statement of each hop."""
    return [hop.statements[0] for hop in path.hops]


def _not_linked(missing: Sequence[MissingLinkSet]) -> dict[str, str]:
    pairs = [f"{one.owner} {one.owner_version or ''} and {one.other} {one.other_version or ''}" for one in missing]
    return {"not linked": "; ".join(pairs)} if pairs else {}


def _labels(objects: Iterable[PathObject]) -> list[tuple[str, str]]:
    return [(one.knowledge_base, one.version) for one in objects]


def _release(one: PathObject) -> str:
    return f"{one.knowledge_base} {one.version}"


def _named(one: PathObject) -> str:
    return f"{_id(one)} {one.name or ''}".rstrip()


def _id(one: PathObject) -> str:
    return one.external_id or one.id
