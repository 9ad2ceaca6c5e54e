"""The graph of D3FEND's ontology, read from JSON-LD: nodes, what they say, and which of them are below which."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ctibutler.errors import MalformedFile

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Node:
    """One node. `id` is its `@id`, such as `d3f:FileHashing`; `members` is all of it, as the file has it."""

    id: str
    members: Mapping[str, Any] = field(repr=False)

    @property
    def key(self) -> str:
        """The key by which other nodes find it: references may differ from `@id` in case."""
        return self.id.lower()

    @property
    def name(self) -> str:
        """Its label. Some nodes have none (three properties of 1.1.0): the `@id` after the colon then."""
        return self.text("rdfs:label") or self.id.rpartition(":")[2] or self.id

    @property
    def external_id(self) -> str:
        """The id that the publisher gave it, such as `D3-FH`; most nodes have only their `@id`."""
        return self.text("d3f:d3fend-id") or self.id

    def text(self, member: str) -> str:
        """The first value of a member; empty if there is none."""
        return next(iter(self.texts(member)), "")

    def texts(self, member: str) -> list[str]:
        """All values of a member, in order: literals as text, references as the `@id` that they name."""
        found = []
        for value in _values(self.members.get(member)):
            text = value.get("@value", value.get("@id")) if isinstance(value, dict) else value
            if isinstance(text, str | int | float):
                found.append(str(text))
            else:
                self._complain(member, "a literal or a reference", value)
        return found

    def targets(self, member: str) -> list[str]:
        """The nodes that a member refers to, by `@id`."""
        found = []
        for value in _values(self.members.get(member)):
            if isinstance(value, dict) and isinstance(value.get("@id"), str):
                found.append(value["@id"])
            else:
                self._complain(member, "a reference", value)
        return found

    def passage(self, member: str) -> str:
        """Prose. Several texts where one belongs become a list as Python writes it: upstream's bundles have it so."""
        value = self.members.get(member)
        if not isinstance(value, list):
            return self.text(member)
        try:
            return str(value)
        except RecursionError:
            raise MalformedFile(f"D3FEND ontology: {self.id}: {member}: nested too deeply") from None

    def _complain(self, member: str, expected: str, found: object) -> None:
        _log.warning("%s: %s: expected %s, found %s; left out", self.id, member, expected, kind(found))


class Graph:
    """The nodes, in the order of the file and by key."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        exact: dict[str, Node] = {}
        for node in nodes:
            exact[node.id] = _merged(exact[node.id], node) if node.id in exact else node
        self.nodes = list(exact.values())
        self._by_key: dict[str, Node] = {}
        for node in self.nodes:
            known = self._by_key.get(node.key)
            self._by_key[node.key] = node if known is None else _merged(known, node)

    def find(self, name: str) -> Node | None:
        """The node with this `@id`, in any case. Nodes whose ids differ only in case are found as one."""
        return self._by_key.get(name.lower())

    def below(self, member: str, *tops: str) -> set[str]:
        """The ids of all nodes that lead to one of `tops` through `member`, in one step or several.

        A top is among them only where it is below another, or below itself.
        """
        children: dict[str, list[Node]] = {}
        for node in self.nodes:
            if member in node.members:
                for target in node.targets(member):
                    children.setdefault(target.lower(), []).append(node)
        found: set[str] = set()
        waiting = [top.lower() for top in tops]
        while waiting:
            reached = [node for node in children.get(waiting.pop(), ()) if node.id not in found]
            found.update(node.id for node in reached)
            waiting += (node.key for node in reached)
        return found

    def inherited(self, member: str, through: str, nodes: Iterable[Node]) -> dict[str, list[str]]:
        """The targets of `member` by node key: a node's own, or those of the first node above it that has any.

        Above is what a node leads to through `through`, depth first. Where that runs in a circle, the way back counts
        for nothing.
        """
        found: dict[str, list[str]] = {}
        path: list[tuple[Node, Iterator[Node]]] = []

        def enter(node: Node) -> None:
            found[node.key] = node.targets(member)
            above = map(self.find, node.targets(through))
            path.append((node, (parent for parent in above if parent)))

        for start in nodes:
            if start.key not in found:
                enter(start)
            while path:
                node, above = path[-1]
                parent = None if found[node.key] else next(above, None)
                if parent is None:
                    path.pop()
                    if path:
                        found[path[-1][0].key] = found[node.key]
                elif parent.key in found:
                    found[node.key] = found[parent.key]
                else:
                    enter(parent)
        return found


def read_graph(content: bytes) -> Graph:
    """The graph in a JSON-LD file. What is no node with an `@id` is left out, with a line in the log.

    Raises MalformedFile when the file is no JSON object with an `@graph`.
    """
    try:
        document = msgspec.json.decode(content)
    except (ValueError, RecursionError) as error:
        raise MalformedFile(f"D3FEND ontology: no JSON: {error}") from error
    if not isinstance(document, dict):
        raise MalformedFile(f"D3FEND ontology: expected a JSON object, found {kind(document)}")
    if not isinstance(document.get("@graph"), list):
        raise MalformedFile(f"D3FEND ontology: @graph: expected a list, found {kind(document.get('@graph'))}")
    return Graph(_nodes(document["@graph"]))


def kind(value: object) -> str:
    """The kind of a JSON value, for messages."""
    if value is None:
        return "nothing"
    return {dict: "an object", list: "a list", str: "a text", bool: "a truth value"}.get(type(value), "a number")


def _nodes(entries: list[Any]) -> Iterator[Node]:
    for position, entry in enumerate(entries):
        if not isinstance(entry, dict):
            _log.warning("@graph[%d]: expected an object, found %s; left out", position, kind(entry))
        elif not isinstance(entry.get("@id"), str) or not entry["@id"]:
            _log.warning("@graph[%d].@id: expected a text, found %s; left out", position, kind(entry.get("@id")))
        else:
            yield Node(entry["@id"], entry)


def _merged(known: Node, newcomer: Node) -> Node:
    """Two nodes as one: where both say something, the one that says more of itself is believed."""
    poorer, richer = (newcomer, known) if len(known.members) > len(newcomer.members) else (known, newcomer)
    return Node(richer.id, {**poorer.members, **richer.members})


def _values(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    return [] if value is None else [value]
