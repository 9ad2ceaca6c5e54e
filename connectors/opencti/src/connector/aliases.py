"""Aliases that are safe to send.

OpenCTI treats an alias as a second name. An object whose alias is the name of another one becomes that one, and two
objects with the same alias become one. So an alias is sent only if it belongs to one live object.
"""

from collections import Counter
from collections.abc import Iterable

from connector.stix import StixObject


def fold(name: str) -> str:
    """A name as the platform compares it."""
    return name.strip().lower()


class Aliases:
    """The aliases of the live objects of one release."""

    def __init__(self, live: Iterable[tuple[str, str, Iterable[str]]]) -> None:
        """`live` are (type, name, aliases) of every live object."""
        self._names: Counter[tuple[str, str]] = Counter()
        self._claims: Counter[tuple[str, str]] = Counter()
        for kind, name, aliases in live:
            own = fold(name)
            self._names[kind, own] += 1
            for alias in {fold(alias) for alias in aliases} - {own}:
                self._claims[kind, alias] += 1
        self.left_out: Counter[str] = Counter()

    def of(self, kind: str, name: str, aliases: Iterable[str]) -> list[str]:
        """The aliases to send with an object of this type and name."""
        own = fold(name)
        kept: dict[str, str] = {}
        for alias in aliases:
            folded = fold(alias)
            if not folded or folded == own or folded in kept:
                continue
            if self._names[kind, folded]:
                self.left_out["alias that is the name of another live object"] += 1
            elif self._claims[kind, folded] > 1:
                self.left_out["alias of two live objects"] += 1
            else:
                kept[folded] = alias.strip()
        return list(kept.values())


def listed(item: StixObject, keys: Iterable[str]) -> list[str]:
    """The aliases of an object in any of these properties."""
    return [alias for key in keys for alias in item.get(key) or ()]
