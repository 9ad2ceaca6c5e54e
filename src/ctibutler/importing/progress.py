"""Reports the progress of an import, or of creating links, to the caller."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int | None], None]
"""Called repeatedly with a stage, how much of it is done, and how much there is in total, if known."""

REPORT_EVERY = 500
"""The number of objects or links after which to report again."""


def no_progress(stage: str, done: int, total: int | None) -> None:
    """Ignore the progress."""
