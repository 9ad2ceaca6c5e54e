"""The steps from one knowledge base to another, which their questions have in common."""

from __future__ import annotations

from ctibutler.knowledge_bases.links import CAPEC_ATTACK, CWE_CAPEC, D3FEND_KNOWLEDGE_BASES
from ctibutler.knowledge_bases.questions import ANY, In, Link, Out

TECHNIQUE = ("Technique", "Sub-technique")
COUNTERMEASURE = ("Mitigation", "Sub-mitigation")
"""D3FEND's techniques: its releases call them mitigations."""

# Between D3FEND's own techniques there are relationships too; an artifact tells them apart.
ACTS_ON = Out(ANY, to="Artifact")
"""From a D3FEND technique to the artifacts that it acts on."""
ACTED_ON_BY = In(ANY, to=COUNTERMEASURE)
"""From an artifact to the D3FEND techniques that act on it."""
UPWARDS = Out("subclass-of", to="Artifact", repeat=True, optional=True)
"""From an artifact to itself and what it is a kind of: what acts on these acts on it."""
DOWNWARDS = In("subclass-of", to="Artifact", repeat=True, optional=True)
"""From an artifact to itself and its kinds."""

_D3FEND = D3FEND_KNOWLEDGE_BASES.name
ARTIFACTS_OF_TECHNIQUE = Link(_D3FEND, "d3fend", to="Artifact")
TECHNIQUES_OF_ARTIFACT = Link(_D3FEND, "attack-enterprise", to=TECHNIQUE)
ARTIFACTS_OF_WEAKNESS = Link(_D3FEND, "d3fend", to="Artifact")
WEAKNESSES_OF_ARTIFACT = Link(_D3FEND, "cwe", to="Weakness")
D3FEND_OF_MITIGATION = Link(_D3FEND, "d3fend", to=COUNTERMEASURE)
MITIGATIONS_OF_D3FEND = Link(_D3FEND, "attack-enterprise", to="Mitigation")

PATTERNS_OF_TECHNIQUE = Link(CAPEC_ATTACK.name, "capec", to="Attack pattern")
TECHNIQUES_OF_PATTERN = Link(CAPEC_ATTACK.name, "attack-enterprise", to=TECHNIQUE)
PATTERNS_OF_WEAKNESS = Link(CWE_CAPEC.name, "capec", to="Attack pattern")
WEAKNESSES_OF_PATTERN = Link(CWE_CAPEC.name, "cwe", to="Weakness")
