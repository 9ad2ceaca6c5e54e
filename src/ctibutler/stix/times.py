"""Instants as STIX writes them, and as we compare them: integer microseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(int):
    """An instant in microseconds since 1970, as a field of an answer: JSON shows it as RFC 3339 text."""


@lru_cache(maxsize=65536)
def microseconds(text: str) -> int:
    """The instant of an RFC 3339 time, whatever the number of its fractional digits (beyond six they are cut).

    Raises ValueError when the text is no time with an offset.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or len(text) < len("2020-01-01T00:00:00Z"):
        raise ValueError(f"no time with an offset: {text!r}")
    return (moment - _EPOCH) // _MICROSECOND


def rfc3339(instant: int) -> str:
    """The instant as RFC 3339 text in UTC with six fractional digits: `2026-03-01T14:21:02.850924Z`."""
    moment = _EPOCH + instant * _MICROSECOND
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def now() -> int:
    """This moment."""
    return (datetime.now(UTC) - _EPOCH) // _MICROSECOND
