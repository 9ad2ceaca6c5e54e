"""What differs between two releases of an object, for people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from ctibutler.answers.differences import ObjectDifference, OtherEnd
from ctibutler.cli.output import text as output
from ctibutler.cli.output.text import printable
from ctibutler.comparing.events import NamedObject
from ctibutler.comparing.properties import PropertyDifference
from ctibutler.knowledge_bases.declaration import KnowledgeBase

_INDENT: Final = "  "
_FOLDED: Final[Mapping[str, str]] = {
    "housekeeping": "housekeeping",
    "format": "only written differently",
    "model": "data model: changed for all objects of this type",
    "vocabulary": "vocabulary: words renamed everywhere",
}
"""The classes that are only named, with what they mean."""
# Of a text that did not change, so many words are shown before and after a change.
_WORDS_AROUND = 8
_MOST_NAMED = 8
_LONGEST_VALUE = 120
_WORD = re.compile(r"\S+")


def write_difference(found: ObjectDifference, kb: KnowledgeBase, *, everything: bool) -> None:
    """Print what became of an object, then the properties that differ, by class, and the relationships. `everything` shows
    whole texts, all relationships, and the values of what is otherwise only named."""
    output.line(output.bold(printable(_head(found))))
    output.line(f"{kb.title}, {found.kind.lower()}, {found.since} to {found.label}")
    output.line()
    output.line(output.filled(printable(", ".join((found.outcome, *found.also)))))
    output.line(output.filled(printable(found.reason)))
    names = {one.stix_id: one for one in found.named}
    _write_properties(
        [one for one in found.properties if everything or one.change_class not in _FOLDED], names, everything
    )
    if not everything:
        _write_folded(found.properties)
    _write_relationships(found, everything)
    if not found.properties and not found.relationships and not found.counts:
        output.line(output.filled(f"The same in both: digest {found.after.digest}."))


def _head(found: ObjectDifference) -> str:
    before = _called(found.before.external_id or found.before.stix_id, found.before.name)
    after = _called(found.after.external_id or found.after.stix_id, found.after.name)
    return before if before == after else f"{before} → {after}"


def _write_properties(
    properties: Sequence[PropertyDifference], names: Mapping[str | None, NamedObject], everything: bool
) -> None:
    last = None
    for one in properties:
        if one.change_class != last:
            output.line()
            output.line(output.bold(one.change_class.capitalize()))
            last = one.change_class
        for line in _lines(one, names, everything):
            output.line(line)


def _lines(one: PropertyDifference, names: Mapping[str | None, NamedObject], everything: bool) -> Iterator[str]:
    before, after = (_value(value, names, everything) for value in (one.before, one.after))
    is_flag = isinstance(one.before, bool) or isinstance(one.after, bool)
    is_short = (one.change == "changed" or is_flag) and len(before) + len(after) < _LONGEST_VALUE / 2
    if isinstance(one.words, list) and not is_short:
        alike = f": {one.similarity:.0%} of the words stayed" if isinstance(one.similarity, float) else ""
        yield f"{_INDENT}{one.path}{alike}"
        for paragraph in _diff_text(one.words, everything).split("\n"):
            if paragraph.strip():
                yield output.filled(printable(paragraph), _INDENT * 2, _INDENT * 2)
        return
    if isinstance(one.added, list) and isinstance(one.removed, list) and (one.added or one.removed):
        yield f"{_INDENT}{one.path}"
        for sign, items in (("+", one.added), ("-", one.removed)):
            shown = [_item(item, names) for item in items]
            if all(len(item) < _LONGEST_VALUE / 3 for item in shown):
                shown = ["; ".join(shown)] if shown else []
            for item in _cut(shown, everything):
                yield output.filled(printable(item), _INDENT * 3, f"{_INDENT * 2}{sign} ")
        return
    if is_short:
        yield output.filled(f"{before or 'none'} → {after or 'none'}", _INDENT * 2, f"{_INDENT}{one.path}: ")
        return
    yield f"{_INDENT}{one.path}"
    for sign, value in (("-", before), ("+", after)):
        if value:
            yield output.filled(value, _INDENT * 3, f"{_INDENT * 2}{sign} ")


def _diff_text(words: Sequence[tuple[str, ...]], everything: bool) -> str:
    """Both texts in one, with [-what is gone-] and {+what is new+}. Long equal parts are cut in the middle."""
    parts = []
    for place, (sign, text) in enumerate(words):
        if sign == "=":
            parts.append(text if everything else _around(text, first=place == 0, last=place == len(words) - 1))
        else:
            opening, closing = ("[-", "-]") if sign == "-" else ("{+", "+}")
            parts.append("\n".join(f"{opening}{line}{closing}" if line else "" for line in text.split("\n")))
    return "".join(parts)


def _around(text: str, *, first: bool, last: bool) -> str:
    """The beginning and the end of an equal part, which stand next to changes."""
    words = list(_WORD.finditer(text))
    begin, end = 0 if first else _WORDS_AROUND, 0 if last else _WORDS_AROUND
    if len(words) <= begin + end + 3:
        return text
    head = text[: words[begin - 1].end()] if begin else ""
    tail = text[words[-end].start() :] if end else ""
    cut = f"{head} … {tail}"
    return cut.lstrip(" ") if first else cut.rstrip(" ") if last else cut


def _write_folded(properties: Iterable[PropertyDifference]) -> None:
    folded: dict[str, list[str]] = {}
    for one in properties:
        if one.change_class in _FOLDED:
            folded.setdefault(one.change_class, []).append(one.path)
    if folded:
        output.line()
        output.line(output.bold("Also"))
    for known, paths in folded.items():
        output.line(output.filled(f"{', '.join(paths)} ({_FOLDED[known]})", _INDENT * 2, _INDENT))


def _write_relationships(found: ObjectDifference, everything: bool) -> None:
    if found.relationships:
        output.line()
        output.line(output.bold("Relationships"))
    for kind, sides in found.relationships.items():
        words = kind.replace("-", " ")
        for direction, said in (("source_ref", words), ("target_ref", f"{words} it")):
            for sign, ends in (("+", sides.added), ("-", sides.removed)):
                named = [_end(end) for end in ends if end.direction == direction]
                if named:
                    listed = "; ".join(_cut(named, everything))
                    start = f"{_INDENT}{sign} {said}: "
                    output.line(output.filled(printable(f"({len(named)}) {listed}"), _INDENT * 3, start))


def _end(end: OtherEnd) -> str:
    return _called(end.object.external_id or end.object.stix_id or "", end.object.name)


def _cut(items: Sequence[str], everything: bool) -> list[str]:
    if everything or len(items) <= _MOST_NAMED + 1:
        return [*items]
    return [*items[:_MOST_NAMED], f"{len(items) - _MOST_NAMED:,} more (--all)"]


def _item(item: object, names: Mapping[str | None, NamedObject]) -> str:
    """An item of a list, by what people know it by."""
    if isinstance(item, str):
        named = names.get(item)
        return _called(named.external_id or item, named.name) if named else item
    if isinstance(item, dict):
        for keys in (
            ("phase_name",),
            ("source_name", "external_id"),
            ("source_name", "description"),
            ("source_name", "url"),
        ):
            if all(isinstance(item.get(key), str) for key in keys):
                return _shortened(" ".join(item[key] for key in keys))
    return _shortened(msgspec.json.encode(item).decode())


def _value(value: object, names: Mapping[str | None, NamedObject], everything: bool) -> str:
    if value is None:
        return ""
    said = printable(value if isinstance(value, str) else _item(value, names))
    return said if everything else _shortened(said)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1].rstrip()}…"


def _called(external_id: str, name: str | None) -> str:
    return f"{external_id} {name}" if name and name != external_id else external_id
