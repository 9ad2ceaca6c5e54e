"""The order of tactics, read from the matrix, on every kill chain phase.

A release without a matrix, such as ATLAS since 2026.05, has the order in which its tactics are listed. That is enough to
place a new phase, but not to move those that OpenCTI has.

The platform gives a phase without an order the position 0, so each phase carries one. No tactic is named here:
publishers rename and split tactics.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from connector.stix import StixObject

Phase = dict[str, Any]


class PhaseOrder:
    """Positions of the tactics of one release, from 0."""

    def __init__(
        self,
        objects: Iterable[StixObject],
        phases_of: Callable[[StixObject], Iterable[Phase]],
    ) -> None:
        tactics: dict[str, str] = {}
        matrices: list[StixObject] = []
        for item in objects:
            if item["type"] == "x-mitre-tactic" and item.get("x_mitre_shortname"):
                tactics[item["id"]] = item["x_mitre_shortname"]
            elif item["type"] == "x-mitre-matrix":
                matrices.append(item)
        # Mobile ATT&CK has two matrices. The tactics of the larger one come first.
        matrices.sort(
            key=lambda matrix: (-len(matrix.get("tactic_refs") or ()), matrix["id"])
        )
        self._is_known = bool(matrices)
        names = (
            (
                tactics.get(ref)
                for matrix in matrices
                for ref in matrix.get("tactic_refs") or ()
            )
            if matrices
            else tactics.values()
        )
        self._positions = {
            name: position
            for position, name in enumerate(dict.fromkeys(filter(None, names)))
        }
        self._phases_of = phases_of
        self._used: dict[tuple[str, str], int] = {}
        self.unknown: Counter[str] = Counter()

    def of(self, item: StixObject) -> list[Phase]:
        """The phases of an object with their positions. A phase of no known tactic comes last."""
        return [
            self._placed(phase["kill_chain_name"], phase["phase_name"])
            for phase in self._phases_of(item)
        ]

    @property
    def used(self) -> Mapping[tuple[str, str], int]:
        """The position of each phase that an object has, by kill chain and phase name. Empty without a matrix."""
        return self._used if self._is_known else {}

    def _placed(self, chain: str, name: str) -> Phase:
        if name not in self._positions:
            self.unknown[name] += 1
        position = self._used[chain, name] = self._positions.get(
            name, len(self._positions)
        )
        return {
            "kill_chain_name": chain,
            "phase_name": name,
            "x_opencti_order": position,
        }
