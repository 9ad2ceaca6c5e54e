"""How long and how large a download may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NOT_THERE: Final = frozenset((404, 410))
NOT_IN_A_BUCKET: Final = NOT_THERE | {403}
"""A bucket that may not be listed answers 403 for files that it does not have."""

MAX_RETRY_AFTER: Final = 30.0
"""The longest `Retry-After`, in seconds, that is honoured."""


@dataclass(frozen=True)
class Limits:
    """How long and how large a download may be.

    `silence` is the time without any data, `seconds` the time in total, retries included; both in seconds. `max_bytes`
    limits what is transferred, `unpacked_max_bytes` what a compressed response unpacks to. An `impatient` download is only
    retried if the server answered. `missing` holds the HTTP statuses that mean "no such file".
    """

    silence: float
    seconds: float
    max_bytes: int
    unpacked_max_bytes: int
    retries: int
    impatient: bool = False
    missing: frozenset[int] = NOT_IN_A_BUCKET
