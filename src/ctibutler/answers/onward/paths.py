"""What leads from one object to another, also across knowledge bases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, pairwise

from ctibutler.answers.asking.asked import named_object
from ctibutler.answers.asking.question_records import QuestionQuery
from ctibutler.answers.library import Library
from ctibutler.answers.naming import allowed, brief, candidates_of, comparable_id
from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.onward.ground import Ground
from ctibutler.answers.onward.missing_links import missing_link_sets
from ctibutler.answers.onward.path_records import (
    MOST_HOPS,
    MOST_PATHS,
    MOST_TURNS,
    Alternative,
    Cut,
    Path,
    PathCounts,
    PathHop,
    PathObject,
    PathQuery,
    Paths,
    Reach,
    Reaches,
)
from ctibutler.answers.onward.provenance import statements, views_of
from ctibutler.answers.onward.shortest import MOST_STATES, Rules, Search, State, on_one_line, search, states_on_paths
from ctibutler.catalog import objects, walks
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.folding import natural_order
from ctibutler.catalog.objects import Found
from ctibutler.catalog.walks import Hop, Node
from ctibutler.errors import InvalidRequest, NotFound
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.kinds import kind_of
from ctibutler.knowledge_bases.places import Place, Relation
from ctibutler.knowledge_bases.relations import Stop, Widening

MOST_CHECKED = 10_000
"""Of so many paths those are left out that come by an object twice."""


def find_paths(library: Library, start_id: str, end_id: str, query: PathQuery) -> Paths:
    """Return all shortest paths between two objects of any knowledge bases, in the order of their ids.

    An id is written with its knowledge base (`attack-ics/T0859`) where several have it. Raises NotFound and Hidden, and
    InvalidRequest if an id is ambiguous or a rule is out of bounds.
    """
    _refuse_out_of_bounds(query)
    with library.database.read() as connection:
        ground = Ground(library, connection, query.versions, query.living)
        start, end = (
            end_named(ground, connection, field, text, query) for field, text in (("from", start_id), ("to", end_id))
        )
        turns = query.turns
        if turns is None:
            turns = 0 if on_one_line(ground, ground.places[start], ground.places[end]) else 1
        rules = Rules(turns, query.hops, query.widen)
        found = search(ground, start, end, rules)
        listed = _listed(ground, found, query.limit)
        # What other rules would give is no part of what is missing here.
        missing = missing_link_sets(ground.missing)
        is_none = not found.paths and found.cut is None
        return Paths(
            start=object_on_path(ground, start, views_of(ground, [start])[start]),
            end=object_on_path(ground, end, views_of(ground, [end])[end]),
            turns=turns,
            widen=query.widen,
            hops=query.hops,
            counts=PathCounts(None if found.cut is not None else found.paths, found.hops),
            paths=_shown(ground, listed),
            reach=_reaches(ground, start, end, rules) if is_none else None,
            instead=tuple(_instead(ground, start, end, rules)) if is_none else (),
            missing=missing,
            cut=None if found.cut is None else Cut(MOST_STATES, found.cut),
        )


def _refuse_out_of_bounds(query: PathQuery) -> None:
    bounds = {
        "turns": (query.turns or 0, 0, MOST_TURNS),
        "hops": (query.hops, 1, MOST_HOPS),
        "limit": (query.limit, 1, MOST_PATHS),
    }
    wrong = {
        name: [f"Allowed are {least} to {most}."]
        for name, (value, least, most) in bounds.items()
        if not least <= value <= most
    }
    if wrong:
        raise InvalidRequest.of_fields(wrong)


def end_named(ground: Ground, connection: Connection, field: str, text: str, query: PathQuery) -> Node:
    """Return the object with this id, which may be preceded by its knowledge base and a slash."""
    slug, slash, object_id = text.partition("/")
    if slash and slug in ground.knowledge_bases.names:
        return start_in(ground, connection, ground.knowledge_bases.named(slug), object_id, query)
    found = _holding(ground, connection, text)
    holding = [kb for kb in ground.knowledge_bases.all if kb.slug in found]
    # F3 took over numbers of Enterprise, and no path leads there.
    places = {place.knowledge_base for relation in ground.relations for place in (relation.of, relation.to)}
    holding = [kb for kb in holding if kb.slug in places] or holding
    live = [kb for kb in holding if allowed(found[kb.slug], False, False)] or holding
    if len(live) > 1:
        ids = " or ".join(f"`{kb.slug}/{brief(text)}`" for kb in live)
        raise InvalidRequest.of(field, f"Several knowledge bases have `{brief(text)}`; write {ids}.")
    if not live:
        raise NotFound(f"no installed knowledge base has an object `{brief(text)}`")
    return start_in(ground, connection, live[0], text, query)


def start_in(ground: Ground, connection: Connection, kb: KnowledgeBase, object_id: str, query: PathQuery) -> Node:
    """Return the object with this id in a knowledge base.

    Raises NotFound and Hidden, and InvalidRequest if no path leads over objects of its kind.
    """
    release = ground.installed(kb)
    asked = QuestionQuery(include_revoked=query.include_revoked, include_deprecated=query.include_deprecated)
    found, view = named_object(connection, kb, release, object_id, asked)
    node = walks.nodes_of(connection, release, [found.object_key])[found.object_key]
    kind = kind_of(kb, found.type, view.properties)
    ground.places[node] = _place_of(ground, kb, kind)
    ground.objects[node] = found.object_key
    return node


def _place_of(ground: Ground, kb: KnowledgeBase, kind: str) -> Place:
    known = (place for relation in ground.relations for place in (relation.of, relation.to))
    return next(
        (place for place in known if place.knowledge_base == kb.slug and kind in place.stop.kinds),
        # Nothing leads there or away, which is an answer too.
        Place(kb.slug, Stop(kind.lower(), kind.lower(), (kind,))),
    )


def _holding(ground: Ground, connection: Connection, text: str) -> dict[str, list[Found]]:
    """Knowledge base → the objects with this id, of those that have any. Those that read the id alike are asked together."""
    alike: dict[str, list[KnowledgeBase]] = {}
    for kb in ground.knowledge_bases.all:
        alike.setdefault(comparable_id(kb, text), []).append(kb)
    found: dict[str, list[Found]] = {}
    for several in alike.values():
        installed = [release for kb in several if (release := ground.release(kb.slug))]
        slugs = {release.key: release.knowledge_base for release in installed}
        for one in candidates_of(connection, several[0], text, installed):
            found.setdefault(slugs[one.release_key], []).append(one)
    return found


def _listed(ground: Ground, found: Search, limit: int) -> list[list[State]]:
    """The first paths in the order of the ids of their objects. Those are left out that come by an object twice."""
    if not found.ends:
        return []
    if found.start == found.end:
        return [found.ends]
    chains = _chains(ground, found)
    if found.paths <= MOST_CHECKED:
        simple = [chain for chain in chains if len({state.node for state in chain}) == len(chain)]
        found.paths = len(simple)
        found.hops = found.hops if simple else None
        return simple[:limit]
    return list(islice(chains, limit))


def _chains(ground: Ground, found: Search) -> Iterator[list[State]]:
    after = states_on_paths(found)
    nodes = {state.node for state in after} | {found.end}
    ids = objects.primary_ids(ground.connection, [ground.objects[node] for node in nodes])
    order = {node: (natural_order(ids.get(ground.objects[node], "")), node) for node in nodes}

    def onward(chain: list[State]) -> Iterator[list[State]]:
        if chain[-1].node == found.end:
            yield chain
            return
        for state in sorted(after[chain[-1]], key=lambda state: order[state.node]):
            yield from onward([*chain, state])

    for state in sorted((state for state in after if state.node == found.start), key=lambda state: state.onward):
        yield from onward([state])


def _shown(ground: Ground, chains: Sequence[Sequence[State]]) -> tuple[Path, ...]:
    taken = {pair: _taken(ground, *pair) for chain in chains for pair in pairwise(chain)}
    nodes = {state.node for chain in chains for state in chain}
    hops = [hop for _, several in taken.values() for hop in several]
    views = views_of(ground, sorted(nodes))
    shown = {node: object_on_path(ground, node, view) for node, view in views.items()}
    stated = statements(ground, list(dict.fromkeys(hops)), views)
    made: dict[tuple[State, State], PathHop] = {}
    for (one, other), (relation, several) in taken.items():
        declared = relation.declared
        made[one, other] = PathHop(
            declared.says if other.onward else declared.said,
            other.onward,
            one.turns != other.turns,
            declared.widens,
            tuple(sorted((stated[hop] for hop in several), key=lambda statement: statement.id)),
        )
    return tuple(
        Path(tuple(shown[state.node] for state in chain), tuple(made[pair] for pair in pairwise(chain)))
        for chain in chains
    )


def _taken(ground: Ground, one: State, other: State) -> tuple[Relation, Sequence[Hop]]:
    """The relation between two states that follow each other, with its relationships."""
    here, there = ground.places[one.node], ground.places[other.node]
    for relation in ground.from_place(here, onward=other.onward, widen="down") + ground.from_place(
        here, onward=other.onward, widen="up"
    ):
        if (relation.to if other.onward else relation.of) == there:
            found = ground.take(relation, (), onward=other.onward).get(one.node, {}).get(other.node)
            if found:
                return relation, found
    raise AssertionError(f"{one} leads to {other} by no relation")


def object_on_path(ground: Ground, node: Node, view: ObjectView) -> PathObject:
    """Return an object as paths show it."""
    release = ground.release_of(node)
    return PathObject(
        release.knowledge_base,
        release.label,
        view.id,
        view.external_id,
        view.name,
        ground.places[node].stop.one,
    )


def _reaches(ground: Ground, start: Node, end: Node, rules: Rules) -> Reaches:
    return Reaches(*(_reach(ground, one, other, rules) for one, other in ((start, end), (end, start))))


def _reach(ground: Ground, start: Node, end: Node, rules: Rules) -> tuple[Reach, ...]:
    """What an object leads to, before any turn, on the way to another: the nearest first."""
    found = search(ground, start, end, rules)
    counted: dict[tuple[Place, bool], set[Node]] = {}
    for state in found.states:
        if state.turns == 0 and state.node != start:
            counted.setdefault((ground.places[state.node], state.onward), set()).add(state.node)
    return tuple(
        Reach(place.knowledge_base, place.stop.one, onward, len(nodes)) for (place, onward), nodes in counted.items()
    )


def _instead(ground: Ground, start: Node, end: Node, rules: Rules) -> Iterator[Alternative]:
    """What one more turn, or widening, would give."""
    widenings: tuple[Widening, ...] = ("down", "up") if rules.widen == "none" else ()
    others = [Rules(rules.turns, rules.hops, widen) for widen in widenings]
    if rules.turns < MOST_TURNS:
        others.insert(0, Rules(rules.turns + 1, rules.hops, rules.widen))
    for other in others:
        found = search(ground, start, end, other)
        if found.hops is not None:
            yield Alternative(other.turns, other.widen, found.paths, found.hops)
