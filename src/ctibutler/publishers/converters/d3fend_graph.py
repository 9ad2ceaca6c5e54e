"""The graph of D3FEND's ontology, read from JSON-LD: its nodes, their members, and their hierarchy."""

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
    """One node. `id` is its `@id`, such as `d3f:FileHashing`; `members` are all its members, as in the file."""

    id: str
    members: Mapping[str, Any] = field(repr=False)

    @property
    def key(self) -> str:
        """The key for references to this node, which may differ from its `@id` in case."""
        return self.id.lower()

    @property
    def name(self) -> str:
        """Its label, or the `@id` after the colon if it has none, as three properties of 1.1.0."""
        return self.text("rdfs:label") or self.id.rpartition(":")[2] or self.id

    @property
    def external_id(self) -> str:
        """The publisher's id, such as `D3-FH`. Most nodes have only their `@id`."""
        return self.text("d3f:d3fend-id") or self.id

    def text(self, member: str) -> str:
        """The first value of a member, or an empty string."""
        return next(iter(self.texts(member)), "")

    def texts(self, member: str) -> list[str]:
        """All values of a member, in order: literals as text, and references as their `@id`."""
        found = []
        for value in _values(self.members.get(member)):
            text = value.get("@value", value.get("@id")) if isinstance(value, dict) else value
            if isinstance(text, str | int | float):
                found.append(str(text))
            else:
                self._warn(member, "a literal or a reference", value)
        return found

    def targets(self, member: str) -> list[str]:
        """The `@id` of each node that a member refers to."""
        found = []
        for value in _values(self.members.get(member)):
            if isinstance(value, dict) and isinstance(value.get("@id"), str):
                found.append(value["@id"])
            else:
                self._warn(member, "a reference", value)
        return found

    def passage(self, member: str) -> str:
        """The text of a member. A list of texts is written as a Python list, as in upstream's bundles."""
        value = self.members.get(member)
        if not isinstance(value, list):
            return self.text(member)
        try:
            return str(value)
        except RecursionError:
            raise MalformedFile(f"D3FEND ontology: {self.id}: {member}: nested too deeply") from None

    def _warn(self, member: str, expected: str, found: object) -> None:
        _log.warning("%s: %s: expected %s, found %s; left out", self.id, member, expected, kind(found))


class Graph:
    """All nodes, in the order of the file and by key."""

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
        """The node with this `@id`, ignoring case. Nodes whose ids differ only in case are merged."""
        return self._by_key.get(name.lower())

    def below(self, member: str, *tops: str) -> set[str]:
        """The ids of all nodes that lead to one of `tops` through `member`, in one or more steps.

        A top is among them only if it is below another top or below itself.
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
        """The targets of `member` by node key: those of the node itself, or of the first node above it that has any.

        The nodes above are those that it leads to through `through`, depth first. Cycles are not followed.
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
    """Read the graph in a JSON-LD file. Entries that are not nodes with an `@id` are logged and left out.

    Raises MalformedFile if the file is not a JSON object with a `@graph`.
    """
    try:
        document = msgspec.json.decode(content)
    except (ValueError, RecursionError) as error:
        raise MalformedFile(f"D3FEND ontology: not JSON: {error}") from error
    if not isinstance(document, dict):
        raise MalformedFile(f"D3FEND ontology: expected a JSON object, found {kind(document)}")
    if not isinstance(document.get("@graph"), list):
        raise MalformedFile(f"D3FEND ontology: @graph: expected a list, found {kind(document.get('@graph'))}")
    return Graph(_nodes(document["@graph"]))


def kind(value: object) -> str:
    """The kind of a JSON value, for messages."""
    if value is None:
        return "nothing"
    return {dict: "an object", list: "a list", str: "text", bool: "a boolean"}.get(type(value), "a number")


def _nodes(entries: list[Any]) -> Iterator[Node]:
    for position, entry in enumerate(entries):
        if not isinstance(entry, dict):
            _log.warning("@graph[%d]: expected an object, found %s; left out", position, kind(entry))
        elif not isinstance(entry.get("@id"), str) or not entry["@id"]:
            _log.warning("@graph[%d].@id: expected text, found %s; left out", position, kind(entry.get("@id")))
        else:
            yield Node(entry["@id"], entry)


def _merged(known: Node, other: Node) -> Node:
    """Merge two nodes. If both have a member, the value of the node with more members wins."""
    smaller, larger = (other, known) if len(known.members) > len(other.members) else (known, other)
    return Node(larger.id, {**smaller.members, **larger.members})


def _values(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    return [] if value is None else [value]
