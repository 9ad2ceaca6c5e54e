"""Words for numbers of things."""

from __future__ import annotations

_WITHOUT_PLURAL = ("software",)


def plural(word: str) -> str:
    """Return the plural of a kind of objects, in lower case: `techniques`, `weaknesses`, `detection strategies`."""
    lower = word.lower()
    if lower in _WITHOUT_PLURAL:
        return lower
    if lower.endswith(("s", "x", "ch", "sh")):
        return f"{lower}es"
    if lower.endswith("y") and lower[-2:-1] not in "aeiou":
        return f"{lower[:-1]}ies"
    return f"{lower}s"


def counted(number: int, word: str) -> str:
    """Return how many there are: `1 technique`, `1,204 techniques`."""
    return f"{number:,} {word.lower() if number == 1 else plural(word)}"
