"""Relations between the nodes of D3FEND's ontology, and their descriptions."""

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
    """A relation from one node to another: an RDF triple."""

    source: Node
    predicate: Node
    target: Node

    @property
    def is_subclass(self) -> bool:
        return self.predicate.id == SUBCLASS

    @property
    def description(self) -> str:
        """The definition of the property, with the names of the two nodes in place of `x` and `y`."""
        if self.is_subclass:
            return f"{self.source.name} is a sub-class of {self.target.name}"
        names = {"x": self.source.name, "y": self.target.name}
        return re.sub(r"\b[xy]\b", lambda found: names[found[0]], self.predicate.passage("d3f:definition"))


def associations(graph: Graph, techniques: Mapping[str, Node]) -> Iterator[Relation]:
    """Every relation between nodes: `rdfs:subClassOf`, and all subproperties of `d3f:may-be-associated-with`.

    The tactics that techniques enable are left out. They can be inherited, and `enabling` returns them.
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
                    _log.warning("%s: %s: there is no node %s; left out", source.id, member, name)
                else:
                    yield Relation(source, properties[member], target)


def enabling(graph: Graph, enabled: Mapping[str, list[Node]], techniques: Mapping[str, Node]) -> list[Relation]:
    """The relations from techniques to the tactics that they enable, grouped by tactic."""
    enables = graph.find(ENABLES) or Node(ENABLES, {})
    relations = [Relation(techniques[key], enables, tactic) for key, tactics in enabled.items() for tactic in tactics]
    turns: dict[str, int] = {}
    for relation in relations:
        turns.setdefault(relation.target.key, len(turns))
    return sorted(relations, key=lambda relation: turns[relation.target.key])


def enabled_tactics(graph: Graph, techniques: Mapping[str, Node], tactics: Mapping[str, Node]) -> dict[str, list[Node]]:
    """The tactics that each technique enables: its own, or those of the first superclass that enables any."""
    named = graph.inherited(ENABLES, SUBCLASS, techniques.values())
    return {key: _tactics(node, named[key], tactics) for key, node in techniques.items()}


def _tactics(technique: Node, names: list[str], tactics: Mapping[str, Node]) -> list[Node]:
    enabled: dict[str, Node] = {}
    for name in names:
        if tactic := tactics.get(name.lower()):
            enabled[tactic.key] = tactic
        else:
            _log.warning("%s: %s: there is no tactic %s; left out", technique.id, ENABLES, name)
    return list(enabled.values())
