"""How far a typed word is from a known one."""

from __future__ import annotations

from collections import Counter

# Letters that are typed for the digits that they look like.
_LOOKS_LIKE = str.maketrans("oils", "0115")
_TYPED_ALIKE = 0.5


def distance(typed: str, known: str, most: int) -> float | None:
    """Return how many letters were added, left out, replaced or swapped with their neighbours; None for more than `most`.

    A letter for the digit that it looks like is half a mistake: `t1o59` is nearer to `t1059` than to `t1559`.
    """
    if abs(len(typed) - len(known)) > most:
        return None
    if typed == known:
        return 0
    if typed.translate(_LOOKS_LIKE) == known.translate(_LOOKS_LIKE):
        return _TYPED_ALIKE
    # Every mistake changes how often at most two letters occur: this leaves few pairs to compare.
    counts = Counter(typed)
    counts.subtract(known)
    if sum(map(abs, counts.values())) > 2 * most:
        return None
    found = _mistakes(typed, known)
    return found if found <= most else None


def _mistakes(typed: str, known: str) -> int:
    """The optimal string alignment distance."""
    before: list[int] = []
    row = list(range(len(known) + 1))
    for place, letter in enumerate(typed, 1):
        earlier, before, row = before, row, [place]
        for column, other in enumerate(known, 1):
            best = min(before[column] + 1, row[-1] + 1, before[column - 1] + (letter != other))
            if place > 1 and column > 1 and letter == known[column - 2] and typed[place - 2] == other:
                best = min(best, earlier[column - 2] + 1)
            row.append(best)
    return row[-1]
