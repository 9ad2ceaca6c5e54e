"""Values of one property in two releases: whether they differ, and in what.

Most of a value is the same bytes before and after, so lists are compared by the bytes of their items first: only what is left
is decoded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import Final, TypeVar

import msgspec

from ctibutler.stix.canonical import EMPTY_JSON, SETS_OF_OBJECTS, comparable
from ctibutler.stix.objects import canonical

decoded = msgspec.json.Decoder().decode
_items_of = msgspec.json.Decoder(list[msgspec.Raw]).decode

_Mark = TypeVar("_Mark", bound=Hashable)

_LONGEST_EMPTY: Final = max(map(len, EMPTY_JSON))


def means_something(raw: msgspec.Raw | None) -> bool:
    """Return whether a value means something: neither no value nor an empty one does."""
    return raw is not None and (len(memoryview(raw)) > _LONGEST_EMPTY or bytes(raw) not in EMPTY_JSON)


def differing(name: str, old: msgspec.Raw | None, new: msgspec.Raw | None) -> tuple[object, object] | None:
    """Return in what two values of a property differ, in the form in which they are compared; None if they mean the same.

    Of lists whose order means nothing, what both have is left out.
    """
    if old is not None and new is not None:
        kinds = _kind(old) + _kind(new)
        if kinds == b'""':
            before, after = decoded(old), decoded(new)
            return None if before == after else (before or None, after or None)
        if kinds == b"[[":
            return _differing_lists(name, _items_of(old), _items_of(new))
    before, after = [None if raw is None else comparable(name, decoded(raw)) for raw in (old, new)]
    return _unless_same(before, after)


def is_other(name: str, old: msgspec.Raw | None, new: msgspec.Raw | None) -> bool:
    """Return whether two values of a property differ."""
    if old is not None and new is not None and _kind(old) + _kind(new) == b"[[":
        before, after = _items_of(old), _items_of(new)
        if len(before) != len(after) and before and _kind(before[0]) == b"{":
            return True
    return differing(name, old, new) is not None


def is_list_of_texts(raw: msgspec.Raw | None) -> bool:
    """Return whether a value is a list that begins with a text."""
    return raw is not None and bytes(memoryview(raw)[:2]) == b'["'


def _differing_lists(name: str, old: list[msgspec.Raw], new: list[msgspec.Raw]) -> tuple[object, object] | None:
    """In what two lists differ. An empty one means the same as no list."""
    if not old or not new:
        before, after = [comparable(name, list(map(decoded, raws))) for raws in (old, new)]
        return _unless_same(before, after)
    if name in SETS_OF_OBJECTS:
        gone, come = _apart(list(map(bytes, old)), list(map(bytes, new)))
        return _differing_objects(list(map(decoded, gone)), list(map(decoded, come)))
    before, after = [list(map(decoded, raws)) for raws in (old, new)]
    if all(isinstance(item, str) for item in (*before, *after)):
        return _differing_sets(set(before), set(after))
    return _unless_same(comparable(name, before), comparable(name, after))


def _differing_sets(old: set[str], new: set[str]) -> tuple[object, object] | None:
    return None if old == new else (sorted(old - new), sorted(new - old))


def _differing_objects(old: list[object], new: list[object]) -> tuple[object, object] | None:
    """The objects that only one of two lists has, in the form in which they are compared."""
    gone, come = _apart(list(map(_mark, old)), list(map(_mark, new)))
    return (list(map(_unmarked, gone)), list(map(_unmarked, come))) if gone or come else None


def _mark(item: object) -> bytes | frozenset[tuple[str, str]]:
    """What is equal for objects that mean the same. Most are a few texts."""
    if isinstance(item, dict) and all(type(value) is str and value for value in item.values()):
        return frozenset(item.items())
    return canonical(comparable("", item))


def _unmarked(mark: bytes | frozenset[tuple[str, str]]) -> object:
    return decoded(mark) if isinstance(mark, bytes) else dict(sorted(mark))


def _apart(old: list[_Mark], new: list[_Mark]) -> tuple[list[_Mark], list[_Mark]]:
    """What only one of two lists has, as often as it has it more often, in its order."""
    before, after = set(old), set(new)
    if len(before) == len(old) and len(after) == len(new):
        return [one for one in old if one not in after], [one for one in new if one not in before]
    gone, come = Counter(old), Counter(new)
    return list((gone - come).elements()), list((come - gone).elements())


def _unless_same(before: object, after: object) -> tuple[object, object] | None:
    return None if canonical(before) == canonical(after) else (before, after)


def _kind(raw: msgspec.Raw) -> bytes:
    return bytes(memoryview(raw)[:1])
