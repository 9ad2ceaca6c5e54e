"""Reports the progress of a download to the caller."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int | None], None]
"""Called repeatedly with the bytes received so far and the total, None if that is unknown."""


def no_progress(done: int, total: int | None) -> None:
    """Ignore the progress."""
