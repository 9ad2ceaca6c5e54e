"""What is asked of two releases while files are brought from one to the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ctibutler.comparing.outcomes import Outcome
from ctibutler.migration.contexts import TacticFlow


class Between(Protocol):
    """Two releases of a knowledge base."""

    @property
    def flow(self) -> TacticFlow:
        """Their tactics."""

    def outcomes(self, ids: Sequence[str]) -> Sequence[Outcome]:
        """Return what became of these ids, in their order."""

    def in_new(self, ids: Sequence[str]) -> Sequence[Outcome]:
        """Return what these ids are in the second release itself, in their order."""

    def contents(self, stix_ids: Sequence[str]) -> dict[str, str]:
        """Return STIX id → JSON of those that the second release has."""
