"""Where paths lead: the declared relations as one map over all knowledge bases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.questions import Direction, Step
from ctibutler.knowledge_bases.relations import Onward, Stop


@dataclass(frozen=True)
class Place:
    """A stop in a knowledge base."""

    knowledge_base: str
    stop: Stop


@dataclass(frozen=True)
class Relation:
    """A relation between two places, with the steps in both directions."""

    of: Place
    to: Place
    declared: Onward

    @cached_property
    def onward(self) -> Step:
        """The step onward."""
        return replace(self.declared.step, kinds=self.to.stop.kinds)

    @cached_property
    def back(self) -> Step:
        """The step back."""
        step = self.declared.step
        return replace(
            step,
            kinds=self.of.stop.kinds,
            direction=_OPPOSITE[step.direction],
            knowledge_base=self.of.knowledge_base if step.family == "link" else "",
        )


_OPPOSITE: dict[Direction, Direction] = {"out": "in", "in": "out", "both": "both"}


def relations_of(knowledge_bases: Iterable[KnowledgeBase]) -> list[Relation]:
    """Return the relations that these knowledge bases declare."""
    return [
        Relation(
            Place(kb.slug, declared.of),
            Place(declared.step.knowledge_base or kb.slug, declared.to),
            declared,
        )
        for kb in knowledge_bases
        for declared in kb.onward
    ]
