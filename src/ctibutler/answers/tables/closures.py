"""Tables as STIX objects: the rows, what leads to them, and what all of these refer to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ctibutler.answers.library import Library
from ctibutler.answers.object_view import ObjectView
from ctibutler.catalog import members, objects, releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import Release
from ctibutler.stix.identifiers import SEED, stix_id, uuid5
from ctibutler.stix.objects import encode, text
from ctibutler.stix.references import embedded_references
from ctibutler.stix.well_known import WELL_KNOWN

Closure = Literal["none", "evidence", "full"]
CLOSURES: tuple[Closure, ...] = ("none", "evidence", "full")
"""How much a bundle holds: the rows; for answers to questions also the objects asked of, what lies between, and the
relationships; also what any of these refers to."""


@dataclass(frozen=True, slots=True)
class TableBundle:
    """The objects of a bundle, each id once. `missing` are ids that they refer to and that no installed release has."""

    id: str
    objects: Iterator[bytes]
    missing: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class TableObjects:
    """What bundles of a table are made of: objects of a library.

    `views` reads the objects of a closure, each time it is called. `named_in` are releases where referred objects are looked
    for first; then come the latest ones. `closures` are those that the table has, its default first.
    """

    library: Library
    views: Callable[[Closure], Iterable[ObjectView]]
    named_in: Sequence[tuple[str, str | None]]
    closures: Sequence[Closure] = ("none", "full")


def table_bundle(table: TableObjects, name: str, closure: Closure) -> TableBundle:
    """Return the bundle of a table. Its id depends on the name and the closure alone."""
    bundle_id = stix_id("bundle", uuid5(SEED, f"{name} {closure}"))
    if closure != "full":
        return TableBundle(bundle_id, _each_once(table.views(closure)))
    known: set[str] = set()
    named: set[str] = set()
    for view in table.views(closure):
        known.add(view.id)
        named.update(_references(view.properties))
    with table.library.database.read() as connection:
        among = _releases(connection, table.named_in)
        found, missing = _followed(connection, among, known, named - known)

    def contents() -> Iterator[bytes]:
        yield from _each_once(table.views(closure))
        yield from found

    return TableBundle(bundle_id, contents(), sorted(missing))


def _each_once(views: Iterable[ObjectView]) -> Iterator[bytes]:
    known: set[str] = set()
    for view in views:
        if view.id not in known:
            known.add(view.id)
            yield view.content


def _releases(connection: Connection, named_in: Sequence[tuple[str, str | None]]) -> list[Release]:
    first = [found for slug, label in named_in if (found := releases.find(connection, slug, label)) is not None]
    return list({release.key: release for release in (*first, *releases.latest(connection))}.values())


def _followed(
    connection: Connection, among: Sequence[Release], known: set[str], wanted: set[str]
) -> tuple[list[bytes], set[str]]:
    """What is referred to, and what that refers to, until nothing is left; and the ids that are nowhere."""
    found: list[bytes] = []
    missing: set[str] = set()
    while wanted:
        contents = _contents(connection, among, wanted)
        known |= wanted
        missing |= wanted - contents.keys()
        wanted = set()
        for stix_id_ in sorted(contents):
            found.append(contents[stix_id_])
            wanted.update(_references(ObjectView(contents[stix_id_]).properties))
        wanted -= known
    return found, missing


def _contents(connection: Connection, among: Sequence[Release], wanted: set[str]) -> dict[str, bytes]:
    keys: dict[str, int] = {}
    for release in among:
        rest = wanted - keys.keys()
        if rest:
            for name, key in sorted(members.with_ids(connection, release.key, rest)):
                keys.setdefault(name, key)
    contents = dict(zip(keys, objects.contents(connection, list(keys.values())), strict=True))
    built_in = {name: encode(WELL_KNOWN[name]) for name in wanted - keys.keys() if name in WELL_KNOWN}
    return contents | built_in


def _references(properties: Mapping[str, object]) -> Iterator[str]:
    for _, target in embedded_references(properties):
        yield target
    for end in ("source_ref", "target_ref"):
        if named := text(properties, end):
            yield named
