"""What differs between two states of an object, property by property, with both values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from ctibutler.comparing.classes import CHANGE_CLASSES, ChangeClass, value_of
from ctibutler.comparing.differences import Content
from ctibutler.comparing.words import normal, similarity, text_words, word_diff
from ctibutler.stix.canonical import comparable, is_empty
from ctibutler.stix.objects import canonical

# With more words in both texts together, finding what they have in common takes seconds. No text at hand has half as many.
_MOST_WORDS: Final = 6_000


class PropertyDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A property that differs between two states of an object.

    `path` is its name; inside objects, the names of all levels with dots between them. `before` and `after` are the values as
    published, null for none. `words` are the parts of two texts, without markup and citations: `["=", "…"]` is in both, `["-",
    "…"]` in the first, `["+", "…"]` in the second. `similarity` (0 to 1) is that of their words. `added` and `removed` are the
    items that only one of two lists has.
    """

    path: str
    change_class: ChangeClass = msgspec.field(name="class")
    change: Literal["added", "removed", "changed"]
    before: Any
    after: Any
    words: list[tuple[str, ...]] | UnsetType = UNSET
    similarity: float | UnsetType = UNSET
    added: list[Any] | UnsetType = UNSET
    removed: list[Any] | UnsetType = UNSET


def property_differences(
    old: Content, new: Content, classes: Mapping[str, ChangeClass], *, with_words: bool
) -> list[PropertyDifference]:
    """Return what differs in the properties that have these classes, by class and path."""
    found = [
        difference
        for name, known in classes.items()
        for difference in _at(name, name, known, value_of(old, name), value_of(new, name), with_words=with_words)
    ]
    return sorted(found, key=lambda difference: (CHANGE_CLASSES.index(difference.change_class), difference.path))


def value_difference(path: str, known: ChangeClass, before: object, after: object) -> PropertyDifference:
    """Return the difference between two values that are neither texts of words nor objects."""
    (found,) = _at(path, path, known, before, after, with_words=False)
    return found


def _at(
    path: str, name: str, known: ChangeClass, before: object, after: object, *, with_words: bool
) -> Iterator[PropertyDifference]:
    if isinstance(before, Mapping) and isinstance(after, Mapping) and before and after:
        for key in sorted({*before, *after}):
            inside = before.get(key), after.get(key)
            if canonical(comparable(key, inside[0])) != canonical(comparable(key, inside[1])):
                yield from _at(f"{path}.{key}", key, known, *inside, with_words=with_words)
        return
    change: Literal["added", "removed", "changed"] = (
        "added" if is_empty(before) else "removed" if is_empty(after) else "changed"
    )
    words: list[tuple[str, ...]] | UnsetType = UNSET
    alike: float | None = None
    if change == "changed" and isinstance(before, str) and isinstance(after, str) and known != "housekeeping":
        old, new = text_words(before), text_words(after)
        alike = similarity(old, new)
        if with_words:
            words = _words(before, after, len(old) + len(new))
    added: list[object] | UnsetType = UNSET
    removed: list[object] | UnsetType = UNSET
    if isinstance(before or [], list) and isinstance(after or [], list):
        removed, added = _only_one(name, before or [], after or [])
    yield PropertyDifference(
        path=path,
        change_class=known,
        change=change,
        before=before,
        after=after,
        words=words,
        similarity=UNSET if alike is None else round(alike, 2),
        added=added,
        removed=removed,
    )


def _words(before: str, after: str, number: int) -> list[tuple[str, ...]]:
    if number > _MOST_WORDS:
        return [("-", normal(before)), ("+", normal(after))]
    return [*word_diff(before, after)]


def _only_one(name: str, before: object, after: object) -> tuple[list[object], list[object]]:
    """The items of two lists that only the first has, and only the second, in their order."""
    assert isinstance(before, list)
    assert isinstance(after, list)
    marks = [[canonical(comparable(name, item)) for item in side] for side in (before, after)]
    in_both = set(marks[0]) & set(marks[1])
    sides: Sequence[list[object]] = (before, after)
    removed, added = [
        [item for item, mark in zip(side, found, strict=True) if mark not in in_both]
        for side, found in zip(sides, marks, strict=True)
    ]
    return removed, added
