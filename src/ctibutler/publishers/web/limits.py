"""How long and how large a download may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NOT_THERE: Final = frozenset((404, 410))
NOT_IN_A_BUCKET: Final = NOT_THERE | {403}
"""A bucket that may not be listed answers 403 for what it does not have."""

MAX_RETRY_AFTER: Final = 30.0
"""The longest wait, in seconds, that a server may ask for."""


@dataclass(frozen=True)
class Limits:
    """How long and how large a download may be.

    `silence` and `seconds` (in all, further tries included) are seconds. `max_bytes` counts what is sent,
    `unpacked_max_bytes` what becomes of it where it is sent compressed. `retries` counts further tries; an `impatient`
    download makes them only when the server itself answered: whoever does not answer at once is not asked again. `missing`
    are the statuses that say that there is no such file.
    """

    silence: float
    seconds: float
    max_bytes: int
    unpacked_max_bytes: int
    retries: int
    impatient: bool = False
    missing: frozenset[int] = NOT_IN_A_BUCKET
