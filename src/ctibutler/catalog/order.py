"""The order of lists of objects: pages by number and pages by keyset follow the same one.

A missing value is the smallest. Ties are broken by STIX id, ascending in both directions, so that pages do not
overlap; then by release, in the order in which the selection names them; then by place in the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ctibutler.catalog.engine.connection import Connection

_COLUMNS = {
    "modified": "object.modified",
    "created": "object.created",
    "name": "object.name",
    "id": "object.id_order",
    "type": "(SELECT word FROM word WHERE word_key = object.type_key)",
}


@dataclass(frozen=True, slots=True)
class Position:
    """Where an object stands in a list. `value` is what the list is sorted by (times in microseconds), None where the
    object has no such value; `release` is the place of its release among those selected, from 0."""

    value: str | int | None
    stix_id: str
    release: int
    place: int


@dataclass(frozen=True, slots=True)
class Order:
    """How a list is sorted: `column` and `release` are SQL expressions."""

    column: str
    release: str
    descending: bool

    @property
    def by(self) -> str:
        """What follows ORDER BY."""
        # PostgreSQL takes a bare number for the number of a column.
        by_release = "" if self.release == "0" else f"{self.release}, "
        direction = "DESC NULLS LAST" if self.descending else "ASC NULLS FIRST"
        return f"{self.column} {direction}, identifier.stix_id ASC, {by_release}member.position ASC"

    def beyond(self, position: Position) -> str:
        """The condition that a row comes after this position. Its parameters: `parameters_of(position)`."""
        tie = f"(identifier.stix_id, {self.release}, member.position) > (:after_id, :after_release, :after_place)"
        if position.value is None:
            same = f"{self.column} IS NULL AND {tie}"
            return f"({same})" if self.descending else f"({self.column} IS NOT NULL OR {same})"
        same = f"{self.column} = :after_value AND {tie}"
        if self.descending:
            return f"({self.column} < :after_value OR {self.column} IS NULL OR {same})"
        return f"({self.column} > :after_value OR {same})"


def parameters_of(position: Position) -> dict[str, object]:
    """The parameters of `Order.beyond`."""
    value = {} if position.value is None else {"after_value": position.value}
    return {"after_id": position.stix_id, "after_release": position.release, "after_place": position.place, **value}


def order_of(connection: Connection, releases: Sequence[int], sort: str, descending: bool) -> Order:
    """The order by `modified`, `created`, `name`, `type`, `id` (the primary id as people count), or an indexed field (its
    smallest value). `releases` are the keys of the selected releases, first to last."""
    column = _COLUMNS.get(sort) or _field(connection, sort)
    places = " ".join(f"WHEN {int(key)} THEN {place}" for place, key in enumerate(releases))
    return Order(column, f"CASE member.release_key {places} END" if len(releases) > 1 else "0", descending)


def _field(connection: Connection, name: str) -> str:
    return (
        "(SELECT min(value) FROM field WHERE field.object_key = object.object_key"
        f" AND field.name_key = {connection.key(name)})"
    )
