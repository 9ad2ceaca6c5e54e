"""Entries of a layer that meet: what becomes of their scores, colours and notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ctibutler.migration.items import Replacement

MARK = "ctibutler"
COMBINE = ("max", "min", "sum", "mean", "first")
"""How scores that meet are combined."""

_KEYS = ("techniqueID", "tactic")
# What a value of an entry may be without saying anything.
_NOTHING: tuple[object, ...] = (None, "", [], {})
_LISTS = ("metadata", "links")


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it was, and the id and the tactic that it has now."""

    number: int
    position: int
    old_id: str
    new_id: str
    tactic: str | None
    value: Mapping[str, object]
    replacement: Replacement | None
    is_copy: bool = False

    @property
    def key(self) -> tuple[str, str | None]:
        """What two entries must not share."""
        return self.new_id.upper(), self.tactic

    def value_now(self) -> dict[str, object]:
        """Return the entry with its new id and tactic, or with the mark that says why it has none."""
        value = dict(self.value)
        if self.replacement is None:
            return value
        if self.replacement.mark is not None:
            return _marked(value, self.replacement.mark)
        if str(value.get("techniqueID", "")).upper() != self.new_id.upper():
            value["techniqueID"] = self.new_id
        if self.tactic is not None and "tactic" in value:
            value["tactic"] = self.tactic
        return value


def merged(entries: Sequence[Entry], combine: str | None) -> tuple[dict[str, object], str | None]:
    """Return one entry for all of these, and what could not be joined without a loss; None if everything could."""
    first, *others = entries
    result = first.value_now()
    said = [entry for entry in entries if _annotations(entry.value)]
    if not said or all(_annotations(entry.value) == _annotations(said[0].value) for entry in said):
        # Equal, or all but one say nothing.
        return {**result, **_annotations(said[0].value)} if said else result, None
    conflict = _scores(result, entries, combine)
    for entry in others:
        _append_notes(result, entry)
    return result, conflict


def _annotations(value: Mapping[str, object]) -> dict[str, object]:
    return {
        key: item
        for key, item in value.items()
        if key not in (*_KEYS, "showSubtechniques") and item not in _NOTHING and (key, item) != ("enabled", True)
    }


def _scores(result: dict[str, object], entries: Sequence[Entry], combine: str | None) -> str | None:
    """Set score and colour, and return which of them differ without a rule."""
    differing = [
        key
        for key in ("score", "color", "enabled")
        if len({repr(entry.value.get(key)) for entry in entries if entry.value.get(key) not in _NOTHING}) > 1
    ]
    for key in ("score", "color", "enabled"):
        values = [entry.value[key] for entry in entries if entry.value.get(key) not in _NOTHING]
        if values and result.get(key) in _NOTHING:
            result[key] = values[0]
    if not differing:
        return None
    numbers = [
        (float(score), entry)
        for entry in entries
        if isinstance(score := entry.value.get("score"), int | float) and not isinstance(score, bool)
    ]
    scored = [entry for entry in entries if entry.value.get("score") not in _NOTHING]
    if combine is None or len(numbers) < len(scored):
        for entry in entries[1:]:
            _record(result, entry, differing)
        shown = " and ".join({"score": "scores", "color": "colours", "enabled": "states"}[key] for key in differing)
        *most, last = dict.fromkeys(entry.old_id for entry in entries)
        met = f"{', '.join(most)} and {last} meet" if most else f"{len(entries)} entries of {last} meet"
        return f"{met} here with different {shown}"
    if numbers:
        total, chosen = _combined(numbers, combine)
        result["score"] = int(total) if total == int(total) else total
        if chosen.value.get("color") not in _NOTHING:
            result["color"] = chosen.value["color"]
    return None


def _combined(numbers: Sequence[tuple[float, Entry]], combine: str) -> tuple[float, Entry]:
    """The combined score, and the entry that the colour is taken from."""
    if combine == "max":
        return max(numbers, key=lambda pair: pair[0])
    if combine == "min":
        return min(numbers, key=lambda pair: pair[0])
    first = numbers[0]
    if combine == "first":
        return first
    total = sum(score for score, _ in numbers)
    return (total if combine == "sum" else total / len(numbers)), first[1]


def _record(result: dict[str, object], entry: Entry, keys: Sequence[str]) -> None:
    said = ", ".join(f"{key} {entry.value[key]}" for key in keys if entry.value.get(key) not in _NOTHING)
    if said:
        _add(result, "metadata", {"name": MARK, "value": f"{entry.old_id} had {said}"})


def _append_notes(result: dict[str, object], entry: Entry) -> None:
    comment = entry.value.get("comment")
    if isinstance(comment, str) and comment and comment != result.get("comment"):
        before = result.get("comment")
        own = f"{entry.old_id}: {comment}"
        result["comment"] = f"{before}\n{own}" if isinstance(before, str) and before else own
    for key in _LISTS:
        items = entry.value.get(key)
        for item in items if isinstance(items, list) else ():
            _add(result, key, _with_old_id(item, entry.old_id))


def _with_old_id(item: object, old_id: str) -> object:
    for name in ("name", "label"):
        if isinstance(item, dict) and isinstance(item.get(name), str):
            return {**item, name: f"{old_id}: {item[name]}"}
    return item


def _add(result: dict[str, object], key: str, item: object) -> None:
    present = result.get(key)
    result[key] = [*(present if isinstance(present, list) else []), item]


def _marked(value: dict[str, object], mark: str) -> dict[str, object]:
    present = value.get("metadata")
    items = present if isinstance(present, list) else []
    item = {"name": MARK, "value": mark}
    return value if item in items else {**value, "metadata": [*items, item]}
