"""How much of the processor a process of ours asks for."""

from __future__ import annotations

import os

_BEHIND = 5


def give_way() -> None:
    """Let other processes go first: who waits for a page should not notice that a release is being imported."""
    if hasattr(os, "nice") and os.nice(0) < _BEHIND:
        os.nice(_BEHIND - os.nice(0))
