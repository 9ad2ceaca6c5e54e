"""The order of tactics, read from the matrix, on every kill chain phase.

A phase that arrives without an order is set to 0 by the platform, so each phase carries one. Names are never written
down here: publishers rename and split tactics.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from connector import identifiers
from connector.stix import StixObject

Phase = dict[str, Any]


class PhaseOrder:
    """Positions of the tactics of one release, from 0, in the order of its matrix."""

    def __init__(self, objects: Iterable[StixObject], phases_of: Callable[[StixObject], Iterable[Phase]]) -> None:
        tactics: dict[str, str] = {}
        matrices: list[StixObject] = []
        chains: Counter[str] = Counter()
        for item in objects:
            if item["type"] == "x-mitre-tactic" and item.get("x_mitre_shortname"):
                tactics[item["id"]] = item["x_mitre_shortname"]
            elif item["type"] == "x-mitre-matrix":
                matrices.append(item)
            for phase in phases_of(item) if item.get("kill_chain_phases") else ():
                chains[phase["kill_chain_name"]] += 1
        # Mobile ATT&CK has two matrices: the larger one is what people see, the other one's tactics follow.
        matrices.sort(key=lambda matrix: (-len(matrix.get("tactic_refs") or ()), matrix["id"]))
        names = (tactics.get(ref) for matrix in matrices for ref in matrix.get("tactic_refs") or ())
        self._positions = {name: position for position, name in enumerate(dict.fromkeys(filter(None, names)))}
        self._chain = chains.most_common(1)[0][0] if chains else None
        self.unknown: Counter[str] = Counter()

    def ordered(self, phases: Iterable[Phase]) -> list[Phase]:
        """The phases of an object, each with its position; one that no matrix names comes last."""
        result = []
        for phase in phases:
            name = phase["phase_name"]
            if name not in self._positions:
                self.unknown[name] += 1
            position = self._positions.get(name, len(self._positions))
            entry = {"kill_chain_name": phase["kill_chain_name"], "phase_name": name, "x_opencti_order": position}
            result.append(entry)
        return result

    def objects(self) -> list[StixObject]:
        """The phases as objects of their own, so that one message moves a column."""
        chain = self._chain
        if chain is None:
            return []
        return [
            {
                "type": "kill-chain-phase",
                "id": identifiers.phase_id(chain, name),
                "kill_chain_name": chain,
                "phase_name": name,
                "order": position,
            }
            for name, position in self._positions.items()
        ]
