"""Puts the kill chain phases of the platform in the order of their matrix.

OpenCTI takes the order of a phase only when it creates the phase: an import does not change it later. An edit does, and
needs the capability to manage kill chain phases.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Phase = tuple[str, str]
"""Kill chain name and phase name."""

CAPABILITY = "SETTINGS_SETKILLCHAINPHASES"


class KillChainPhases(Protocol):
    """The part of pycti that reads and edits phases."""

    def list(self, **arguments: Any) -> Any: ...
    def update_field(self, **arguments: Any) -> Any: ...


@dataclass(slots=True)
class Reordered:
    """Phases with a new position, and those that could not be moved."""

    moved: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    reason: str | None = None


def misplaced(
    phases: KillChainPhases, wanted: Mapping[Phase, int]
) -> dict[str, tuple[str, int]]:
    """The phases on the platform whose order is not the wanted one: platform id -> (phase name, wanted order)."""
    chains = sorted({chain for chain, _ in wanted})
    if not chains:
        return {}
    filters = {
        "mode": "and",
        "filters": [
            {
                "key": ["kill_chain_name"],
                "values": chains,
                "operator": "eq",
                "mode": "or",
            }
        ],
        "filterGroups": [],
    }
    found = {}
    for phase in phases.list(filters=filters):
        name = (phase["kill_chain_name"], phase["phase_name"])
        if name in wanted and phase.get("x_opencti_order") != wanted[name]:
            found[phase["id"]] = (name[1], wanted[name])
    return found


def reorder(phases: KillChainPhases, wanted: Mapping[Phase, int]) -> Reordered:
    """Move the phases that the platform has in another place. A phase that it lacks gets its order on creation."""
    result = Reordered()
    for phase_id, (name, order) in misplaced(phases, wanted).items():
        if result.reason is None:
            try:
                phases.update_field(
                    id=phase_id,
                    input=[{"key": "x_opencti_order", "value": [str(order)]}],
                )
                result.moved[name] = order
                continue
            except (
                ValueError
            ) as error:  # what pycti raises for an answer with errors: the right is missing
                result.reason = str(error)
        result.refused[name] = order
    return result
