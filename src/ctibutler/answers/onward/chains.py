"""Everything that an object leads to, and that leads to it, stage by stage and without a turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from ctibutler.answers.library import Library
from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.onward.ground import Ground
from ctibutler.answers.onward.missing_links import missing_link_sets
from ctibutler.answers.onward.path_records import MissingLinkSet, PathObject, PathQuery
from ctibutler.answers.onward.paths import object_on_path, start_in
from ctibutler.answers.onward.provenance import views_of
from ctibutler.answers.pages import Count, Page, PageRequest, cut
from ctibutler.catalog import details
from ctibutler.catalog.walks import Node
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.places import Place
from ctibutler.stix.objects import decode


class ChainStage(msgspec.Struct, frozen=True):
    """How many objects of a kind are reached, onward or back, and by what they are reached directly: `patterns`, say."""

    stage: str
    by: str
    kind: str
    knowledge_base: str
    version: str
    onward: bool
    objects: Count


class ChainText(msgspec.Struct, frozen=True):
    """Ids that the publisher names in the details of the object. They are shown, not followed."""

    stage: str
    kind: str
    values: tuple[str, ...]


class ChainPlace(NamedTuple):
    """Where an object of a chain stands: its stage, and whether it is led to."""

    stage: str
    onward: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """The stages before and after an object, and the objects of one of them: of all, if none was asked for. `places` are those
    of the objects on the page."""

    of: PathObject
    stages: Sequence[ChainStage]
    told: Sequence[ChainText]
    missing: Sequence[MissingLinkSet]
    page: Page[ObjectView]
    places: Sequence[ChainPlace]


@dataclass(frozen=True, slots=True)
class _Stage:
    """The objects of a place that are reached directly from one other."""

    place: Place
    by: Place
    onward: bool


def chain(
    library: Library, kb: KnowledgeBase, object_id: str, query: PathQuery, page: PageRequest, stage: str | None = None
) -> Chain:
    """Return what an object leads to and what leads to it, along the declared relations and never turning.

    Raises NotFound, also for a pinned release that is not installed, and Hidden.
    """
    with library.database.read() as connection:
        ground = Ground(library, connection, query.versions, query.living)
        start = start_in(ground, connection, kb, object_id, query)
        reached = {**_reached(ground, start, onward=False), **_reached(ground, start, onward=True)}
        stages = [_shown(ground, one, nodes) for one, nodes in reached.items()]
        listed: dict[Node, ChainPlace] = {}
        for one, nodes in reached.items():
            if stage in (None, one.place.stop.word):
                for node in nodes:
                    listed.setdefault(node, ChainPlace(one.place.stop.word, one.onward))
        shown = cut(sorted(listed), page)
        view = views_of(ground, [start])[start]
        return Chain(
            object_on_path(ground, start, view),
            stages,
            _told(ground, kb, start, view),
            missing_link_sets(ground.missing),
            shown.with_items(list(views_of(ground, shown.items).values())),
            [listed[node] for node in shown.items],
        )


def _reached(ground: Ground, start: Node, *, onward: bool) -> dict[_Stage, set[Node]]:
    """What is reached in one direction, in the order of its distance."""
    found: dict[_Stage, set[Node]] = {}
    known = {start}
    frontier = {start}
    while frontier:
        following: set[Node] = set()
        by_place: dict[Place, list[Node]] = {}
        for node in sorted(frontier):
            by_place.setdefault(ground.places[node], []).append(node)
        for place, nodes in by_place.items():
            for relation in ground.from_place(place, onward=onward, widen="none"):
                taken = ground.take(relation, nodes, onward=onward)
                far = {other for node in nodes for other in taken[node]} - {start}
                if far:
                    there = relation.to if onward else relation.of
                    found.setdefault(_Stage(there, place, onward), set()).update(far)
                following |= far
        frontier = following - known
        known |= frontier
    return found


def _shown(ground: Ground, stage: _Stage, nodes: set[Node]) -> ChainStage:
    release = ground.release(stage.place.knowledge_base)
    assert release is not None
    return ChainStage(
        stage.place.stop.word,
        stage.by.stop.word,
        stage.place.stop.one,
        release.knowledge_base,
        release.label,
        stage.onward,
        len(nodes),
    )


def _told(ground: Ground, kb: KnowledgeBase, start: Node, view: ObjectView) -> list[ChainText]:
    """What the details of an object name."""
    stored = details.of_object(ground.connection, start[0], view.id) if kb.named_in_details else None
    if stored is None:
        return []
    properties = decode(stored)
    told = []
    for named in kb.named_in_details:
        records = properties.get(named.records)
        values = [str(one.get(named.field)) for one in records if one.get(named.field)] if records else []  # type: ignore[attr-defined]  # a list of records
        if values:
            told.append(ChainText(named.word, named.kind, tuple(dict.fromkeys(values))))
    return told
