"""The neighbours of an object, and how they are related among themselves."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ctibutler.answers.arrangements import order_of_tactics
from ctibutler.answers.library import Library
from ctibutler.answers.naming import ObjectRequest, resolve
from ctibutler.answers.object_view import ObjectView, views
from ctibutler.catalog import members, neighbours, objects, releases, walks
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.folding import folded, natural_order
from ctibutler.catalog.neighbours import Tie
from ctibutler.catalog.releases import Release
from ctibutler.catalog.walks import Living, Node
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.kinds import kind_of, kinds_named
from ctibutler.knowledge_bases.matrices import matrix_form


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An object next to the one in the middle. `relations` are the types of the relationships between both, each with whether
    it begins in the middle. `tactic` is the place of its first tactic in the matrix, None where it has none."""

    view: ObjectView
    relations: Sequence[tuple[str, bool]]
    tactic: int | None = None

    @property
    def kind(self) -> str:
        """What it is, in the words of its knowledge base."""
        return kind_of(self.view.knowledge_base, self.view.type, self.view.properties)

    @property
    def name_order(self) -> str:
        """Sorts by name."""
        return folded(self.view.name or "")

    @property
    def id_order(self) -> str:
        """Sorts ids as people count."""
        return natural_order(self.view.external_id or self.view.id)


@dataclass(frozen=True, slots=True)
class Between:
    """A relationship between two neighbours, by their places in the list."""

    relationship_type: str
    source: int
    target: int


@dataclass(frozen=True)
class Neighbourhood:
    """An object, its live neighbours, and the relationships among these."""

    kb: KnowledgeBase
    release: str
    view: ObjectView
    neighbours: Sequence[Neighbour]
    between: Sequence[Between]

    def narrowed(
        self, kinds: Collection[str] = (), types: Collection[str] = (), outwards: bool | None = None
    ) -> Neighbourhood:
        """Return those neighbours alone that are of one of these kinds, and joined with the middle by a relationship of one of
        these types that begins in the middle, or ends there. Each filter may be left out."""
        kept: dict[int, Neighbour] = {}
        for place, neighbour in enumerate(self.neighbours):
            relations = [
                (type_, out)
                for type_, out in neighbour.relations
                if (not types or type_ in types) and outwards in (None, out)
            ]
            if relations and (not kinds or neighbour.kind in kinds):
                kept[place] = replace(neighbour, relations=relations)
        now = {place: number for number, place in enumerate(kept)}
        between = [
            Between(one.relationship_type, now[one.source], now[one.target])
            for one in self.between
            if one.source in now and one.target in now
        ]
        return replace(self, neighbours=list(kept.values()), between=between)

    @cached_property
    def degrees(self) -> list[int]:
        """To how many relationships among neighbours each of them belongs."""
        counted = [0] * len(self.neighbours)
        for one in self.between:
            counted[one.source] += 1
            counted[one.target] += 1
        return counted


def find_neighbours(library: Library, kb: KnowledgeBase, request: ObjectRequest) -> Neighbourhood:
    """Return the live objects that relationships of the publisher, or links, join with an object, and the relationships that
    join two of them. References from properties do not count.

    Raises NotFound and Hidden, as `find_object` does.
    """
    with library.database.read() as connection:
        release, found = resolve(connection, kb, request)
        middle: Node = (release.key, objects.identifiers_of(connection, [found.object_key])[0])
        ties = neighbours.ties_of(connection, release, middle[1])
        around: dict[Node, dict[tuple[str, bool], None]] = {}
        for tie in ties:
            other = tie.other_than(middle)
            if other != middle:
                around.setdefault(other, {})[tie.relationship_type, tie.source == middle] = None
        living = neighbours.live_objects(connection, around)
        nodes = [node for node in around if node in living]
        read = _views(library, connection, {node: living[node] for node in nodes})
        tactics = _first_tactics(library, connection, read)
        among = neighbours.ties_among(connection, set(nodes))
        view = ObjectView(objects.content(connection, found.object_key), kb, release.label)
    place_of = {node: place for place, node in enumerate(nodes)}
    return Neighbourhood(
        kb,
        release.label,
        view,
        [Neighbour(read[node], tuple(around[node]), tactics.get(node)) for node in nodes],
        sorted(
            (_between(tie, place_of) for tie in among if tie.source != tie.target),
            key=lambda it: (it.source, it.target, it.relationship_type),
        ),
    )


def _between(tie: Tie, place_of: Mapping[Node, int]) -> Between:
    return Between(tie.relationship_type, place_of[tie.source], place_of[tie.target])


def _views(library: Library, connection: Connection, living: Mapping[Node, int]) -> dict[Node, ObjectView]:
    by_release: dict[int, list[Node]] = {}
    for node in living:
        by_release.setdefault(node[0], []).append(node)
    read: dict[Node, ObjectView] = {}
    for release_key, nodes in by_release.items():
        release = releases.by_key(connection, release_key)
        kb = library.knowledge_bases.named(release.knowledge_base)
        contents = objects.contents(connection, [living[node] for node in nodes])
        read |= dict(zip(nodes, views(contents, kb, release.label), strict=True))
    return read


def _first_tactics(library: Library, connection: Connection, read: Mapping[Node, ObjectView]) -> dict[Node, int]:
    """The place of the first tactic of each technique, in the order in which the matrices of its release name them."""
    places: dict[Node, int] = {}
    for release_key in dict.fromkeys(node[0] for node in read):
        release = releases.by_key(connection, release_key)
        kb = library.knowledge_bases.named(release.knowledge_base)
        form = matrix_form(kb)
        if form is None:
            continue
        techniques = {
            node
            for node, view in read.items()
            if node[0] == release_key and kind_of(kb, view.type, view.properties) in form.techniques
        }
        order = _tactics(connection, release) if techniques else {}
        kinds = kinds_named(kb, form.techniques)
        for hop, _ in walks.take(connection, form.serves, release, list(order), kinds, Living()):
            if hop.far in techniques:
                places[hop.far] = min(order[hop.near[1]], places.get(hop.far, len(order)))
    return places


def _tactics(connection: Connection, release: Release) -> dict[int, int]:
    """Identifier of a tactic → its place in the matrices of a release."""
    types = [name for name in release.types if name.endswith("-matrix")]
    keys = members.member_keys(connection, release, types) if types else []
    named = order_of_tactics(views(objects.contents(connection, keys)))
    keys_of = dict(members.with_ids(connection, release.key, named))
    nodes = walks.nodes_of(connection, release, keys_of.values())
    return {nodes[keys_of[stix_id]][1]: place for place, stix_id in enumerate(named) if stix_id in keys_of}
