"""Relations between the nodes of D3FEND's ontology: which there are, and what is said of them."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ctibutler.publishers.converters.d3fend_graph import Graph, Node

SUBCLASS: Final = "rdfs:subClassOf"
ENABLES: Final = "d3f:enables"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Relation:
    """What one node says of another: RDF's triple."""

    source: Node
    predicate: Node
    target: Node

    @property
    def is_subclass(self) -> bool:
        return self.predicate.id == SUBCLASS

    @property
    def description(self) -> str:
        """The definition of the property, which speaks of `x` and `y`, said of the two nodes by name."""
        if self.is_subclass:
            return f"{self.source.name} is a sub-class of {self.target.name}"
        names = {"x": self.source.name, "y": self.target.name}
        return re.sub(r"\b[xy]\b", lambda found: names[found[0]], self.predicate.passage("d3f:definition"))


def associations(graph: Graph, techniques: Mapping[str, Node]) -> Iterator[Relation]:
    """Every relation from a node to a node: subclasses, and what may be associated in any way.

    Without the tactics that techniques enable: those are inherited, and `enabling` knows them.
    """
    below = graph.below("rdfs:subPropertyOf", "d3f:may-be-associated-with")
    properties = {node.id: node for node in graph.nodes if node.id in below} | {SUBCLASS: Node(SUBCLASS, {})}
    for source in graph.nodes:
        for member in source.members:
            if member not in properties or (member == ENABLES and source.key in techniques):
                continue
            for name in source.targets(member):
                target = graph.find(name)
                if target is None:
                    _log.warning("%s: %s %s: no such node, left out", source.id, member, name)
                else:
                    yield Relation(source, properties[member], target)


def enabling(graph: Graph, enabled: Mapping[str, list[Node]], techniques: Mapping[str, Node]) -> list[Relation]:
    """The relations from techniques to the tactics that they enable, those to one tactic together."""
    enables = graph.find(ENABLES) or Node(ENABLES, {})
    relations = [Relation(techniques[key], enables, tactic) for key, tactics in enabled.items() for tactic in tactics]
    turns: dict[str, int] = {}
    for relation in relations:
        turns.setdefault(relation.target.key, len(turns))
    return sorted(relations, key=lambda relation: turns[relation.target.key])


def enabled_tactics(graph: Graph, techniques: Mapping[str, Node], tactics: Mapping[str, Node]) -> dict[str, list[Node]]:
    """The tactics that each technique enables: its own, or those of the first class above it that enables anything."""
    named = graph.inherited(ENABLES, SUBCLASS, techniques.values())
    return {key: _tactics(node, named[key], tactics) for key, node in techniques.items()}


def _tactics(technique: Node, names: list[str], tactics: Mapping[str, Node]) -> list[Node]:
    enabled: dict[str, Node] = {}
    for name in names:
        if tactic := tactics.get(name.lower()):
            enabled[tactic.key] = tactic
        else:
            _log.warning("%s: %s %s: no such tactic, left out", technique.id, ENABLES, name)
    return list(enabled.values())
