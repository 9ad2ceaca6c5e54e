"""Servers that do not answer, apart from files that are not there."""

from __future__ import annotations

from ctibutler.errors import SourceUnavailable


class SourceDown(SourceUnavailable):
    """The whole source does not answer: asking it about the next knowledge base is pointless."""


class SourceSlow(SourceDown):
    """The source answers but takes too long: it is not asked for more lists, but a file may still arrive in time."""


class TryAgain(Exception):
    """A failure that may pass. `wait` is how many seconds the server asks to wait."""

    def __init__(self, problem: SourceUnavailable, wait: float | None = None) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.wait = wait
