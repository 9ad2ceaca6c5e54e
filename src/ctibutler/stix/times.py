"""Timestamps: as STIX writes them, and as integer microseconds since 1970 for comparison."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(int):
    """A timestamp in microseconds since 1970. JSON answers show it in RFC 3339 format."""


@lru_cache(maxsize=65536)
def microseconds(text: str) -> int:
    """Parse an RFC 3339 timestamp with any number of fractional digits; those beyond six are cut off.

    Raises ValueError if the text is not a timestamp with a UTC offset.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or len(text) < len("2020-01-01T00:00:00Z"):
        raise ValueError(f"not a timestamp with a UTC offset: {text!r}")
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(text: str) -> str:
    """Return a day as the timestamp of its beginning in UTC; any other text as it is, in upper case."""
    return f"{text}T00:00:00Z" if len(text) == len("2020-01-01") else text.upper()


def rfc3339(instant: int) -> str:
    """Format a timestamp as RFC 3339 in UTC with six fractional digits: `2026-03-01T14:21:02.850924Z`."""
    moment = _EPOCH + instant * _MICROSECOND
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def now() -> int:
    """The current time in microseconds."""
    return (datetime.now(UTC) - _EPOCH) // _MICROSECOND
