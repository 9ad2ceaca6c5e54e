"""What somebody may have meant who typed a word that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

_ALIKE = 0.65


def hint(word: str, known: Iterable[str]) -> str:
    """`did you mean attack-ics or attack-mobile?`, or all there are if none is like the word."""
    words = list(known)
    near = _near(word.strip().casefold(), words)
    if not near:
        return f"there are {', '.join(words)}"
    *others, last = near
    return f"did you mean {', '.join(others)}{' or ' if others else ''}{last}?"


def _near(word: str, known: list[str]) -> list[str]:
    """The words that contain this one; if there are none, those that are spelled alike, or begin alike."""
    if len(word) < 2:
        return []
    return [other for other in known if word in other.casefold()] or [
        other for other in known if max(_likeness(word, other), _likeness(word, other[: len(word) + 1])) >= _ALIKE
    ]


def _likeness(word: str, other: str) -> float:
    return SequenceMatcher(None, word, other.casefold()).ratio()
