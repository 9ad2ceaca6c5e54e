"""The neighbours of an object as records and as a table."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ctibutler.answers.asking.asked import start_of
from ctibutler.answers.asking.question_records import Start
from ctibutler.answers.library import Library
from ctibutler.answers.neighbours import Neighbour, Neighbourhood
from ctibutler.answers.tables.ages import changed_at
from ctibutler.answers.tables.table import Table, TableColumn, names_of, rows_of


class NeighbourRelation(msgspec.Struct, frozen=True):
    """A type of relationship between the object and a neighbour; `outgoing` if it begins at the object."""

    relationship_type: str
    outgoing: bool


class NeighbourRecord(msgspec.Struct, frozen=True):
    """A neighbour, and the types of its relationships with the object."""

    id: str
    external_id: str | None
    name: str | None
    kind: str
    knowledge_base: str
    version: str
    relations: tuple[NeighbourRelation, ...]


class BetweenRecord(msgspec.Struct, frozen=True):
    """A relationship between two neighbours, by their STIX ids."""

    relationship_type: str
    source_ref: str
    target_ref: str


class NeighbourhoodRecord(msgspec.Struct, frozen=True):
    """An object, its neighbours, and the relationships among these."""

    of: Start
    knowledge_base: str
    version: str
    neighbours: tuple[NeighbourRecord, ...]
    relations: tuple[BetweenRecord, ...]


def neighbourhood_record(found: Neighbourhood) -> NeighbourhoodRecord:
    """Return a neighbourhood as a record."""
    ids = [neighbour.view.id for neighbour in found.neighbours]
    return NeighbourhoodRecord(
        start_of(found.view),
        found.kb.slug,
        found.release,
        tuple(map(_record, found.neighbours)),
        tuple(BetweenRecord(one.relationship_type, ids[one.source], ids[one.target]) for one in found.between),
    )


def _record(neighbour: Neighbour) -> NeighbourRecord:
    view = neighbour.view
    return NeighbourRecord(
        view.id,
        view.external_id,
        view.name,
        neighbour.kind,
        view.knowledge_base.slug if view.knowledge_base else "",
        view.release or "",
        tuple(NeighbourRelation(*relation) for relation in neighbour.relations),
    )


_COLUMNS: Sequence[TableColumn[tuple[NeighbourRecord, int]]] = (
    TableColumn("id", lambda row: row[0].external_id),
    TableColumn("name", lambda row: row[0].name),
    TableColumn("kind", lambda row: row[0].kind),
    TableColumn("from_it", lambda row: [it.relationship_type for it in row[0].relations if it.outgoing]),
    TableColumn("to_it", lambda row: [it.relationship_type for it in row[0].relations if not it.outgoing]),
    TableColumn("among_neighbours", lambda row: row[1]),
    TableColumn("knowledge_base", lambda row: row[0].knowledge_base),
    TableColumn("version", lambda row: row[0].version),
    TableColumn("stix_id", lambda row: row[0].id),
)


def neighbour_table(library: Library, found: Neighbourhood) -> Table:
    """Return a row for each neighbour, with the number of its relationships among neighbours."""
    rows = [(_record(neighbour), found.degrees[place]) for place, neighbour in enumerate(found.neighbours)]
    name = found.view.external_id or found.view.id
    return Table(
        name=f"{found.kb.slug}-{found.release}-{name}-graph",
        title=f"{found.kb.title} {found.release}: neighbours of {name}",
        columns=names_of(_COLUMNS),
        rows=rows_of(_COLUMNS, [rows]),
        facts={"knowledge base": found.kb.title, "release": found.release, "rows": str(len(rows))},
        changed_at=changed_at(library, [(found.kb.slug, found.release)]),
    )
