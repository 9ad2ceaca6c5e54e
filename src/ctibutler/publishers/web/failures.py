"""Why a download failed: the server, or only this file, and whether a retry may help."""

from __future__ import annotations

from ctibutler.errors import SourceUnavailable


class SourceDown(SourceUnavailable):
    """The whole source does not answer, so it is not asked about further knowledge bases."""


class SourceSlow(SourceDown):
    """The source answers too slowly: it is not asked for more lists, but a file may still arrive in time."""


class TryAgain(Exception):
    """A failure that may be temporary. `wait` is the number of seconds that the server asks to wait."""

    def __init__(self, problem: SourceUnavailable, wait: float | None = None) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.wait = wait
