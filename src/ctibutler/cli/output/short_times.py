"""Times and durations in few characters, for columns of tables."""

from __future__ import annotations

from datetime import datetime

_SECOND = 1_000_000
_UNITS = (("d", 86400), ("h", 3600), ("m", 60))


def short_time(instant: int) -> str:
    """An instant (microseconds) in local time: `18:40` today, `Nov 26` this year, else the year."""
    moment, today = datetime.fromtimestamp(instant / _SECOND).astimezone(), datetime.now().astimezone()
    if moment.date() == today.date():
        return f"{moment:%H:%M}"
    return f"{moment:%b %d}" if moment.year == today.year else f"{moment:%Y}"


def short_duration(microseconds: int) -> str:
    """A duration in its largest unit of which there are two or more: `95s`, `12m`, `30h`, `4d`."""
    seconds = microseconds // _SECOND
    for unit, size in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
