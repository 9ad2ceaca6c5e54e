"""Objects that every vertex collection of upstream's database holds although no file carries them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ctibutler.catalog.contract.records import ABSENT, Rank, Standing, standing
from ctibutler.stix.markings import TLP_1, TLP_2
from ctibutler.stix.objects import instant
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
_SEEDS_RECORDED: Final = microseconds(EPOCH)

SEEDS: Final = (
    *(
        Seed(properties, _SEEDS_RECORDED, note=STORAGE_NOTE)
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
        Seed(properties, _SEEDS_RECORDED + 1, processor_note=LINKS_NOTE)
        for properties in (dogesec(), tool_marking_definition("arango_cti_processor"))
    ),
)

SEED_RECORDED: Final[dict[str, int]] = {seed.properties["id"]: seed.recorded for seed in reversed(SEEDS)}
"""STIX id → moment of its first record: where an edge ends that names a seed which the release does not carry."""


def seed_standing(seed: Seed, carried: set[str]) -> Standing:
    """The standing of a seed. A release's object with its id outranks it; of two seeds with one id, the later counts."""
    if seed.properties["id"] in carried:
        return Standing(last=False, first=False, visible=False)
    ranks = [_seed_rank(other) for other in SEEDS if other.properties["id"] == seed.properties["id"]]
    return standing(_seed_rank(seed), ranks)


def _seed_rank(seed: Seed) -> Rank:
    modified = instant(seed.properties, "modified")
    return Rank(ABSENT if modified is None else modified, "", seed.recorded)
