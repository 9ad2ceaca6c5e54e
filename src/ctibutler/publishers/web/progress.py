"""How far a download is, reported to whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int | None], None]
"""Called from time to time with the bytes received so far, and the bytes in all where that is known."""


def no_progress(done: int, total: int | None) -> None:
    """Reports to nobody."""
