"""Whole lists as tables: columns, and rows that are read while they are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ctibutler.answers.tables.closures import TableObjects
from ctibutler.answers.tables.feeds import Feed
from ctibutler.answers.tables.layers import TechniqueLayer
from ctibutler.errors import InvalidRequest

Item = TypeVar("Item")
Cell = str | int | bool | None | Iterable[str]

BETWEEN_VALUES = "; "
"""Joins the values of a cell. 1,130 names of contributors in ATT&CK hold a comma, none a semicolon."""


@dataclass(frozen=True, slots=True)
class TableColumn(Generic[Item]):
    """A column: its heading, and how its cell is read from an item."""

    name: str
    read: Callable[[Item], Cell]


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its cells as text, and the item that a JSON list has in its place."""

    cells: tuple[str, ...]
    item: object


@dataclass(frozen=True, slots=True)
class Sheet:
    """A second list beside a table."""

    columns: tuple[str, ...]
    rows: Iterator[Row]


@dataclass(frozen=True, slots=True)
class Table:
    """A whole list.

    `name` is the stem of a file name. `facts` say what was asked, of which release, and how many rows there are. `rows` can
    be read once. `changed_at` is when the newest release that it was read from was installed, in microseconds. `objects` are
    those of bundles, `layer` makes a layer for the Navigator; None where the rows are no objects, or no techniques. `layers`
    makes several, each with the stem of a file name; None where one holds all rows. `evidence`
    makes the list of what leads to the rows, None where there is none. `feed` is what newsreaders show, None where rows tell
    nothing new.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: Iterator[Row]
    facts: Mapping[str, str]
    changed_at: int
    objects: TableObjects | None = None
    layer: Callable[[], TechniqueLayer] | None = None
    layers: Callable[[], Iterator[tuple[str, TechniqueLayer]]] | None = None
    evidence: Callable[[], Sheet] | None = None
    feed: Feed | None = None


def chosen(
    columns: Sequence[TableColumn[Item]], names: Sequence[str] | None, others: Sequence[TableColumn[Item]] = ()
) -> list[TableColumn[Item]]:
    """Return the columns with these names, in this order, out of these and others; these for None.

    Raises InvalidRequest for an unknown name.
    """
    if names is None:
        return list(columns)
    by_name = {column.name: column for column in (*columns, *others)}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise InvalidRequest.of("columns", f"`{unknown[0][:40]}` is none of {', '.join(by_name)}.")
    return [by_name[name] for name in dict.fromkeys(names)]


def names_of(columns: Iterable[TableColumn[Item]]) -> tuple[str, ...]:
    """Return the names of columns."""
    return tuple(column.name for column in columns)


def rows_of(
    columns: Sequence[TableColumn[Item]],
    portions: Iterable[Sequence[Item]],
    listed: Callable[[Item], object] = lambda item: item,
) -> Iterator[Row]:
    """Yield a row for each item. `listed` returns what a JSON list has in its place."""
    for portion in portions:
        for item in portion:
            yield Row(tuple(as_text(column.read(item)) for column in columns), listed(item))


def as_text(cell: Cell) -> str:
    """Return a value as text: a list with `; ` between its values, nothing for None."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int):
        return str(cell)
    return cell if isinstance(cell, str) else BETWEEN_VALUES.join(dict.fromkeys(cell))
