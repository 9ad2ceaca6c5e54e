"""What an onward relation is: how paths go from one kind of object to the next, also into other knowledge bases.

A weakness leads to the attack patterns that it names, these to techniques, these to what counters them. Paths follow such
relations in one direction: two weaknesses that happen to share a pattern have nothing else to do with each other. Relations
are data. One search (`answers/onward/`) follows them all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from ctibutler.knowledge_bases.linked_steps import COUNTERMEASURE, TECHNIQUE
from ctibutler.knowledge_bases.questions import Step

Widening = Literal["none", "down", "up"]


@dataclass(frozen=True)
class Stop:
    """Kinds of objects that paths lead over, as one."""

    word: str
    """What several are called: `weaknesses`."""

    one: str
    """What one is called: `weakness`."""

    kinds: tuple[str, ...]
    """The kinds, in the words of their knowledge base."""

    turns: bool = False
    """Whether a path may turn here: two objects that lead to the same one of these share something that matters."""


WEAKNESSES = Stop("weaknesses", "weakness", ("Weakness",), turns=True)
PATTERNS = Stop("patterns", "attack pattern", ("Attack pattern",), turns=True)
TECHNIQUES = Stop("techniques", "technique", TECHNIQUE, turns=True)
GROUPS = Stop("groups", "group", ("Group",), turns=True)
CAMPAIGNS = Stop("campaigns", "campaign", ("Campaign",), turns=True)
SOFTWARE = Stop("software", "software", ("Software",), turns=True)
MITIGATIONS = Stop("mitigations", "mitigation", ("Mitigation",))
STRATEGIES = Stop("strategies", "detection strategy", ("Detection Strategy",))
ANALYTICS = Stop("analytics", "analytic", ("Analytic",))
COMPONENTS = Stop("data-components", "data component", ("Data Component",))
ASSETS = Stop("assets", "asset", ("Asset",))
ARTIFACTS = Stop("artifacts", "artifact", ("Artifact",))
COUNTERMEASURES = Stop("countermeasures", "D3FEND technique", COUNTERMEASURE)


@dataclass(frozen=True)
class NamedInDetails:
    """Ids that details name and that are no objects of ours: they are shown, never followed."""

    word: str
    """What several are called: `cves`."""

    kind: str
    """What one is called: `CVE`."""

    records: str
    """The field of the details that lists the records."""

    field: str
    """The field of such a record that holds the id."""


@dataclass(frozen=True)
class Onward:
    """A relation that paths go along, as its knowledge base declares it."""

    of: Stop
    """Where it begins."""

    step: Step
    """The step along it. The relationship itself may point the other way."""

    to: Stop
    """Where it leads to."""

    says: str
    """How it reads onward: `names`."""

    said: str
    """How it reads back: `is named by`."""

    widens: Widening = "none"
    """What has to be asked for to go along it: `down` to a kind of the object, which stands for it, or `up` to what it is a
    kind of. `none`: nothing."""


def narrower(of: Stop, step: Step) -> tuple[Onward, Onward]:
    """The two relations along which a path may widen. The step leads to the kinds of an object."""
    up = replace(step, direction="out" if step.direction == "in" else "in", repeat=False)
    return (
        Onward(of, replace(step, repeat=False), of, "has the kind", "is a kind of", "down"),
        Onward(of, up, of, "is a kind of", "has the kind", "up"),
    )
