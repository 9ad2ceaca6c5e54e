"""What is asked of two releases while files are brought from one to the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Protocol

from ctibutler.answers import migrations
from ctibutler.answers.field_values import field_values
from ctibutler.answers.library import Library
from ctibutler.answers.stored_contents import stored_contents
from ctibutler.comparing import tactics
from ctibutler.comparing.outcomes import Outcome
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.migration.contexts import TacticFlow
from ctibutler.migration.items import Tactic


class Between(Protocol):
    """Two releases of a knowledge base."""

    @property
    def flow(self) -> TacticFlow:
        """Their tactics."""

    @property
    def platforms(self) -> frozenset[str]:
        """The platforms that objects of the second release have, folded; none if layers of this knowledge base name none."""

    def outcomes(self, ids: Sequence[str]) -> Sequence[Outcome]:
        """Return what became of these ids, in their order."""

    def in_new(self, ids: Sequence[str]) -> Sequence[Outcome]:
        """Return what these ids are in the second release itself, in their order."""

    def contents(self, stix_ids: Sequence[str]) -> dict[str, str]:
        """Return STIX id → JSON of those that the second release has."""


class Installed:
    """Two releases that are installed. `accept` says which candidates are taken without a human."""

    def __init__(self, library: Library, kb: KnowledgeBase, source: str, target: str, accept: Sequence[str]) -> None:
        self._library, self._kb = library, kb
        self._source, self._target = source, target
        self._accept = tuple(accept)

    @cached_property
    def flow(self) -> TacticFlow:
        """Their tactics."""
        return flow_of(migrations.tactic_flow(self._library, self._kb, self._source, self._target))

    @cached_property
    def platforms(self) -> frozenset[str]:
        """The platforms that objects of the second release have, folded; none if layers of this knowledge base name none."""
        if self._kb.navigator_platforms is None:
            return frozenset()
        return field_values(self._library, self._kb, self._target, self._kb.navigator_platforms)

    def outcomes(self, ids: Sequence[str]) -> Sequence[Outcome]:
        """Return what became of these ids, in their order."""
        return migrations.outcomes(self._library, self._kb, self._source, self._target, ids, accept=self._accept)

    def in_new(self, ids: Sequence[str]) -> Sequence[Outcome]:
        """Return what these ids are in the second release itself, in their order."""
        return migrations.outcomes(self._library, self._kb, self._target, self._target, ids)

    def contents(self, stix_ids: Sequence[str]) -> dict[str, str]:
        """Return STIX id → JSON of those that the second release has."""
        return {
            stix_id: content.decode()
            for stix_id, content in stored_contents(self._library, self._kb, self._target, stix_ids).items()
        }


def pairs_of(library: Library, kb: KnowledgeBase, accept: Sequence[str] = ()) -> Callable[[str, str], Between]:
    """Return what gives two installed releases of a knowledge base by their labels."""
    return lambda source, target: Installed(library, kb, source, target, accept)


def flow_of(found: tactics.TacticFlow) -> TacticFlow:
    """Return the tactics of two releases as files name them: by id or short name."""
    fates = found.fates.values()
    after = {one: None for several in found.after.values() for one in several}
    after |= {fate.heir: None for fate in fates if fate.heir is not None}
    return TacticFlow(
        before=tuple(_tactic(fate.tactic) for fate in fates),
        after=tuple(map(_tactic, after)),
        ends={_id(fate.tactic): _ends(fate) for fate in fates},
        of_before={key: [_id(one) for one in several] for key, several in found.before.items()},
        of_after={key: [_id(one) for one in several] for key, several in found.after.items()},
    )


def _ends(fate: tactics.TacticFate) -> list[tuple[str, float]]:
    if fate.is_split:
        return [(_id(share.tactic), share.share) for share in fate.shares]
    return [(_id(fate.heir), 1.0)] if fate.heir is not None else []


def _tactic(found: tactics.Tactic) -> Tactic:
    return Tactic(_id(found), found.slug, found.name or found.slug)


def _id(found: tactics.Tactic) -> str:
    return found.id or found.slug
