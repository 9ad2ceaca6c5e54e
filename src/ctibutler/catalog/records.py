"""Records: what upstream's database keeps, one for every content of an object in every release.

The public views and the export for ArangoDB show the same records under the same keys; what both need to know stands
here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ctibutler.knowledge_bases import versions
from ctibutler.stix.markings import TLP_1, TLP_2
from ctibutler.stix.seeds import EPOCH, dogesec, tool_identity, tool_marking_definition
from ctibutler.stix.times import microseconds

STORAGE_NOTE: Final = "automatically imported on collection creation"
LINKS_NOTE: Final = "automatically imported object at script runtime"


@dataclass(frozen=True, slots=True)
class Seed:
    """An object that every vertex collection holds though no file carries it, with the note of the layer that put it
    there; `recorded` is in microseconds."""

    properties: dict[str, Any]
    recorded: int
    note: str | None = None
    processor_note: str | None = None


# We insert nothing, so there is no moment of insertion: a fixed one gives a seed the same key in every export.
_RECORDED: Final = microseconds(EPOCH)

SEEDS: Final = (
    *(
        Seed(properties, _RECORDED, note=STORAGE_NOTE)
        for properties in (
            tool_marking_definition("stix2arango"),
            tool_identity("stix2arango"),
            dogesec(),
            *TLP_1,
            *TLP_2,
        )
    ),
    # The link layer brings dogesec once more: one microsecond later, so that keys differ.
    *(
        Seed(properties, _RECORDED + 1, processor_note=LINKS_NOTE)
        for properties in (dogesec(), tool_marking_definition("arango_cti_processor"))
    ),
)

SEED_RECORDED: Final = {seed.properties["id"]: seed.recorded for seed in reversed(SEEDS)}
"""STIX id → moment of its first record: where an edge ends that names a seed which the release does not carry."""


def release_note(label: str) -> str:
    """How records name their release: `version=16_0`."""
    return f"version={versions.in_file_name(label)}"
