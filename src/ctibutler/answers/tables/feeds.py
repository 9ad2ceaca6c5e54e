"""Tables as feeds: what newsreaders show of their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ctibutler.stix.times import Instant, microseconds, moment_of, rfc3339


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """An entry. `id` is unique in its feed; `updated` is RFC 3339, None where nothing says when."""

    id: str
    title: str
    updated: str | None
    category: str
    text: str


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed. `path` names it among all feeds: knowledge base, releases. `entries` reads them, each time it is called."""

    path: Sequence[str]
    author: str
    entries: Callable[[], Iterator[FeedEntry]]


def published_time(published: str | None) -> str | None:
    """Return a time as RFC 3339; None if it is none."""
    try:
        return None if published is None else rfc3339(Instant(microseconds(moment_of(published))))
    except (ValueError, OverflowError):
        return None
