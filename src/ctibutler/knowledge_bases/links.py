"""The links between knowledge bases."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LinkMode:
    """One kind of link between knowledge bases, as data."""

    name: str
    """Name in URLs, commands and job rows: `cwe-capec`."""

    owner: str
    """The knowledge base whose objects the links start from."""

    others: tuple[str, ...]
    """The knowledge bases that the links lead to."""

    description: str
    """What is linked with what, for the documentation: a phrase without a full stop."""

    needs_mapping: bool = False
    """Links follow the mapping that comes with the owner's releases, not the external ids in its objects."""


CAPEC_ATTACK = LinkMode(
    "capec-attack", "capec", ("attack-enterprise",), "CAPEC attack patterns to the ATT&CK techniques that they name"
)
CWE_CAPEC = LinkMode("cwe-capec", "cwe", ("capec",), "CWE weaknesses to the CAPEC attack patterns that they name")
D3FEND_KNOWLEDGE_BASES = LinkMode(
    "d3fend-knowledgebases",
    "d3fend",
    ("attack-enterprise", "cwe"),
    "D3FEND with ATT&CK Enterprise and CWE, by the mapping of its release",
    needs_mapping=True,
)
ATLAS_ATTACK = LinkMode(
    "atlas-attack",
    "atlas",
    ("attack-enterprise",),
    "ATLAS tactics, techniques and mitigations to those of ATT&CK Enterprise that they were adapted from",
)

# In the order in which they run.
LINK_MODES: tuple[LinkMode, ...] = (CAPEC_ATTACK, D3FEND_KNOWLEDGE_BASES, CWE_CAPEC, ATLAS_ATTACK)


def modes_that_involve(knowledge_base: str) -> list[LinkMode]:
    """The modes whose links change when a release of this knowledge base is imported."""
    return [mode for mode in LINK_MODES if knowledge_base in (mode.owner, *mode.others)]


def mode_named(name: str) -> LinkMode | None:
    """The mode of this name, or None."""
    return next((mode for mode in LINK_MODES if mode.name == name), None)
