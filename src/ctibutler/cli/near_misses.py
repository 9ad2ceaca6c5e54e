"""What a person may have meant by a word that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

_ALIKE = 0.65


def hint(word: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """`did you mean attack-ics or attack-mobile?`. If no known word is similar, `otherwise`, or a list of all."""
    words = list(known)
    near = _near(word.strip().casefold(), words)
    if not near:
        return otherwise or f"choose from {', '.join(words)}"
    *others, last = near
    return f"did you mean {', '.join(others)}{' or ' if others else ''}{last}?"


def _near(word: str, known: list[str]) -> list[str]:
    """The words that contain this one; if there are none, those with a similar spelling or beginning, best match first."""
    if len(word) < 2:
        return []
    containing = [other for other in known if word in other.casefold()]
    alike = [other for other in known if _likeness(word, other) >= _ALIKE]
    return containing or sorted(alike, key=lambda other: -_likeness(word, other))


def _likeness(word: str, other: str) -> float:
    beginning = other[: len(word) + 1]
    return max(SequenceMatcher(None, word, text.casefold()).ratio() for text in (other, beginning))
