"""The publishers' objects as one graph (networkx), and questions answered on it: what the walker is compared with.

Only the declarations are shared with the code: which relationships a way goes along, and in which direction.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import networkx

from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.questions import Question, Step, Way
from tests.answers import plain
from tests.catalogue import published
from tests.publishers.test_cwe_details import release_4_14
from tests.shared import read_shared

Node = tuple[str, str]
"""A knowledge base and a STIX id."""

Releases = tuple[tuple[str, str], ...]
"""Knowledge bases, each with the label of one release."""

LABELS = {
    "sector": "1.0",
    "location": "1.0",
    "mitre-f3": "1.1",
    "disarm": "1.6",
    "d3fend": "1.2.0",
    "capec": "3.9",
    "cwe": "4.14",
    "atlas": "5.6.0",
    "attack-ics": "18.1",
    "attack-mobile": "18.1",
    "attack-enterprise": "18.1",
}
LATEST: Releases = tuple(LABELS.items())
"""The releases that are linked with each other."""


def kind(slug: str, stix: plain.Stix) -> str | None:
    """What an object is called, by rules of the test's own."""
    sources = {reference.get("source_name") for reference in stix.get("external_references") or []}
    if slug == "cwe":
        grouping = "View" if "cwe_view" in sources else "Category"
        return {"weakness": "Weakness", "grouping": grouping}.get(stix["type"])
    if slug == "capec":
        return {"attack-pattern": "Attack pattern", "course-of-action": "Mitigation"}.get(stix["type"])
    if slug == "location":
        return ("Country" if "country" in plain.references_named(stix, "type") else "Region") * (
            stix["type"] == "location"
        ) or None
    if slug == "sector":
        return "Sector" if stix.get("identity_class") == "class" else None
    words = [word.word for word in HOSTED.named(slug).type_words]
    known = [
        word for word in words if word in ("Artifact", "Matrix", "Case Study") or plain.is_of_word(slug, word, stix)
    ]
    own = {"indicator": "Artifact", "x-mitre-matrix": "Matrix", "campaign": "Campaign"}
    named = [word for word in known if word not in ("Artifact", "Matrix", "Case Study")]
    if slug == "atlas" and stix["type"] == "campaign":
        return "Case Study"
    return named[0] if named else own.get(stix["type"])


@lru_cache(maxsize=20)
def objects_of(slug: str, label: str) -> dict[str, plain.Stix]:
    """The objects of a release by id, without relationships: of several contents of one id a live one, else the first."""
    found: dict[str, plain.Stix] = {}
    for stix in published(slug, label):
        if stix["type"] == "relationship":
            continue
        known = found.get(stix["id"])
        if known is None or (not plain.live(known) and plain.live(stix)):
            found[stix["id"]] = stix
    return found


@lru_cache(maxsize=2)
def graph(releases: Releases = LATEST) -> networkx.MultiDiGraph[Node]:
    """All objects and relationships of these releases; edges know their relation, family or mode, and views.

    Only the latest releases have links, and CWE its views.
    """
    made: networkx.MultiDiGraph[Node] = networkx.MultiDiGraph()
    for slug, label in releases:
        for stix in objects_of(slug, label).values():
            made.add_node((slug, stix["id"]), live=plain.live(stix), kind=kind(slug, stix), stix=stix)
        for family, relation, source, target in _relationships(slug, label):
            _connect(made, (slug, source), (slug, target), family, relation)
    for slug, other, mode, links in _links() if releases == LATEST else ():
        for sro in links:
            of_source, of_target = _bases(made, slug, other, sro)
            ends = (of_source, sro["source_ref"]), (of_target, sro["target_ref"])
            _connect(made, *ends, mode, sro["relationship_type"])
    views = _views(made) if releases == LATEST else {}
    for source, target, data in made.edges(data=True):
        data["views"] = views.get((source, target, data["relation"]), set())
    return made


def _relationships(slug: str, label: str) -> Iterator[tuple[str, str, str, str]]:
    """Family, type, source and target of the relationships of a release, without those that no question goes along."""
    for stix in published(slug, label):
        if stix["type"] == "relationship":
            if plain.live(stix):
                yield "native", stix["relationship_type"], stix["source_ref"], stix["target_ref"]
            continue
        for relation, target in plain.embedded_references(stix):
            if relation not in ("created-by", "object-marking", "x-mitre-modified-by"):
                yield "embedded", relation, stix["id"], target
    for sro in plain.technique_tactics_of(list(objects_of(slug, label).values())):
        yield "technique-tactic", sro["relationship_type"], sro["source_ref"], sro["target_ref"]


def _connect(made: networkx.MultiDiGraph[Node], source: Node, target: Node, family: str, relation: str) -> None:
    if source in made and target in made:
        made.add_edge(source, target, key=(family, relation), family=family, relation=relation)


def _bases(made: networkx.MultiDiGraph[Node], slug: str, other: str, sro: plain.Stix) -> tuple[str, str]:
    def base(stix_id: str) -> str:
        return slug if (slug, stix_id) in made else "cwe" if ("cwe", stix_id) in made else other

    return base(sro["source_ref"]), base(sro["target_ref"])


def _links() -> Iterator[tuple[str, str, str, list[plain.Stix]]]:
    yield "capec", "attack-enterprise", "capec-attack", plain.capec_attack("3.9", "18.1")
    yield "cwe", "capec", "cwe-capec", plain.cwe_capec("4.14", "3.9")
    path = "kb/d3fend2stix-manual-output/d3fend-v1_2_0-external-relationships.json.zst"
    mapping = json.loads(read_shared(path))
    yield "d3fend", "attack-enterprise", "d3fend-knowledgebases", plain.d3fend_links("1.2.0", "18.1", "4.14", mapping)


def _views(made: networkx.MultiDiGraph[Node]) -> dict[tuple[Node, Node, str], set[str]]:
    """The views in which CWE's relationships hold, from its XML."""
    root, _, _ = release_4_14()
    numbers = {plain.primary_id("cwe", data["stix"]): node for node, data in made.nodes(data=True) if node[0] == "cwe"}
    found: dict[tuple[Node, Node, str], set[str]] = defaultdict(set)
    for weakness in root.iter("{*}Weakness"):
        for related in weakness.iter("{*}Related_Weakness"):
            source = numbers.get(f"CWE-{weakness.get('ID')}")
            target = numbers.get(f"CWE-{related.get('CWE_ID')}")
            if source and target:
                found[source, target, str(related.get("Nature"))].add(f"CWE-{related.get('View_ID')}")
    return found


def answers(slug: str, question: Question, way: Way, start: Node, releases: Releases = LATEST) -> set[Node]:
    """What a way reaches from an object, on the graph."""
    at_hand = {start}
    for number, step in enumerate(way.steps):
        kinds = step.kinds or (question.gives if number == len(way.steps) - 1 else ())
        if step.within and step.repeat:
            reached = _within(step, at_hand, kinds, start)
        elif step.repeat:
            along = _along(step, kinds, None, releases)
            reached = {far for near in at_hand if near in along for far in networkx.descendants(along, near)}
        else:
            along = _along(step, kinds, None, releases)
            reached = {far for near in at_hand if near in along for far in along.successors(near)}
        at_hand = reached | (at_hand if step.optional else set())
    live = {node for node in at_hand if graph(releases).nodes[node]["live"]}
    return live - {start}


def _within(step: Step, at_hand: Iterable[Node], kinds: tuple[str, ...], start: Node) -> set[Node]:
    """What is reached over relationships that all hold in one view: any one, or the start itself."""
    reached: set[Node] = set()
    for view in _all_views():
        if step.of_start and view != plain.primary_id("cwe", graph().nodes[start]["stix"]):
            continue
        along = _along(step, kinds, view, LATEST)
        for near in at_hand:
            if near in along:
                reached |= networkx.descendants(along, near)
    return reached


@lru_cache
def _all_views() -> tuple[str, ...]:
    return tuple(sorted({view for *_, data in graph().edges(data=True) for view in data["views"]}))


@lru_cache(maxsize=500)
def _along(step: Step, kinds: tuple[str, ...], view: str | None, releases: Releases) -> networkx.DiGraph[Node]:
    """The part of the graph that a step goes along, each edge in the direction of the step."""
    whole = graph(releases)
    part: networkx.DiGraph[Node] = networkx.DiGraph()

    def add(near: Node, far: Node) -> None:
        data = whole.nodes[far]
        if (not kinds or data["kind"] in kinds) and (data["live"] or step.through_dead):
            part.add_edge(near, far)

    for source, target, data in whole.edges(data=True):
        if not _is_along(step, data, view):
            continue
        ends: Any = ((source, target), (target, source))
        for outwards, (near, far) in zip((True, False), ends, strict=True):
            if step.family == "link" and far[0] != (step.knowledge_base or near[0]):
                continue
            if step.family == "embedded" and not whole.nodes[source]["live"] and not outwards:
                continue
            if step.direction == "both" or (step.direction == "out") is outwards:
                add(near, far)
    return part


def _is_along(step: Step, data: dict[str, Any], view: str | None) -> bool:
    if data["family"] != (step.mode if step.family == "link" else step.family):
        return False
    if view is not None and view not in data["views"]:
        return False
    return "*" in step.relations or data["relation"] in step.relations
