"""STIX bundles: copies of objects of a knowledge base, and what other objects in them say about such objects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from ctibutler.errors import UnreadableFile
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.migration.ids import field_id, mentions, written_as
from ctibutler.migration.items import (
    Item,
    Items,
    Joined,
    Named,
    Place,
    Reading,
    Replacement,
    Replacements,
    Written,
)
from ctibutler.migration.json_spans import Member, beginning, escaped, members, removed, whole_value
from ctibutler.migration.texts import Edit, decoded, spliced
from ctibutler.stix.times import microseconds, rfc3339

COPY: Final = "copy"
"""The form of an item that is an object of the knowledge base."""

_REFERENCE: Final = "reference"
_EXTERNAL: Final = "external id of "
_MILLISECOND: Final = 1000


def is_bundle(value: object) -> bool:
    """Whether a JSON value is a STIX bundle, or a list of STIX objects."""
    if isinstance(value, dict):
        return value.get("type") == "bundle" and isinstance(value.get("objects"), list)
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, dict) and "--" in str(item.get("id", "")) and "type" in item for item in value)
    )


def read(content: bytes, reading: Reading) -> list[Item]:
    """Return the copies of objects, and references to such objects and their ids in all others.

    Raises UnreadableFile.
    """
    text = decoded(content)
    value, _ = whole_value(text)
    if not is_bundle(value):
        raise UnreadableFile("neither a STIX bundle nor a list of STIX objects")
    objects = list(_objects(text))
    own = {_stix_id(member) for member, _ in objects if not _is_copy(reading.kb, member.value)}
    items = []
    for number, (member, pointer) in enumerate(objects):
        if not isinstance(member.value, dict):
            continue
        if _is_copy(reading.kb, member.value):
            stix_id = _stix_id(member)
            items.append(
                Item(stix_id, stix_id, Place(pointer=pointer), member.start, member.end, slot=number, form=COPY)
            )
        else:
            items += _mentions(text, reading.kb, member, pointer, own, number)
    return items


def write(content: bytes, reading: Reading, items: Items, replacements: Replacements) -> Written:
    """Return the bundle with the objects of the new release in it, and references that lead to them.

    An object whose copy is in the bundle already goes. An object of the file's own that changes is a millisecond newer.
    """
    text = decoded(content)
    objects = list(_objects(text))
    by_slot: dict[int | None, list[int]] = {}
    for number, item in enumerate(items):
        by_slot.setdefault(item.slot, []).append(number)
    copies = _Copies(text, reading, items, replacements)
    edits: list[Edit] = []
    remade: set[str] = set()
    for position, (member, _) in enumerate(objects):
        numbers = by_slot.get(position, ())
        if numbers and items[numbers[0]].form == COPY:
            edits += copies.replaced(member, position, numbers[0])
        elif (newer := reading.objects.get(_stix_id(member))) is not None:
            edits += _unless_equal(member, newer)
        elif changes := [
            edit for number in numbers for edit in _changes(text, reading, items[number], replacements.get(number))
        ]:
            edits += changes
            edits += _newer(text, member)
            remade.add(_stix_id(member))
    cuts = removed(text, [(member.start, member.end) for member, _ in objects], copies.gone)
    after = spliced(text, [*edits, *((start, end, "") for start, end in cuts)])
    return Written(after.encode(), tuple(copies.joined), tuple(_equal_now(after, remade)) if remade else ())


def known_ids(content: bytes, items: Items, replacements: Replacements) -> list[str]:
    """Return the STIX ids of the objects of a bundle, and of those that its copies become: the new release may have them."""
    found = [_stix_id(member) for member, _ in _objects(decoded(content))]
    for number, replacement in replacements.items():
        if items[number].form == COPY:
            found += [one.id for one in replacement.new]
    return [stix_id for stix_id in dict.fromkeys(found) if stix_id]


class _Copies:
    """The copies of objects of the knowledge base in a bundle: each object stands there once."""

    def __init__(self, text: str, reading: Reading, items: Items, replacements: Replacements) -> None:
        self._text, self._reading, self._items, self._replacements = text, reading, items, replacements
        self.joined: list[Joined] = []
        self.gone: set[int] = set()
        self._holders: dict[str, int] = {}
        for number, item in enumerate(items):
            if item.form == COPY and self._new(number) is None:
                self._holders.setdefault(item.id, number)

    def replaced(self, member: Member, position: int, number: int) -> Iterator[Edit]:
        """What stands in the place of a copy. One that needs a human stays as it is."""
        new = self._new(number)
        if new is None:
            newer = self._reading.objects.get(self._items[number].id) if number not in self._replacements else None
            yield from _unless_equal(member, newer) if newer is not None else ()
            return
        kept = []
        for stix_id in new:
            if self._holders.setdefault(stix_id, number) == number:
                kept.append(self._reading.objects.get(stix_id, self._text[member.start : member.end]))
            else:
                self.joined.append(Joined(number, self._holders[stix_id]))
        if kept:
            yield member.start, member.end, ", ".join(kept)
        else:
            self.gone.add(position)

    def _new(self, number: int) -> list[str] | None:
        """The objects that a copy becomes; None if it stays the same object."""
        replacement = self._replacements.get(number)
        return None if replacement is None or replacement.mark is not None else [one.id for one in replacement.new]


def _unless_equal(member: Member, newer: str) -> Iterator[Edit]:
    if json.loads(newer) != member.value:
        yield member.start, member.end, newer


def _objects(text: str) -> Iterator[tuple[Member, str]]:
    """The objects of a text that is known to be JSON, with pointers to them."""
    start, prefix = beginning(text), ""
    if text[start] == "{":
        prefix = "/objects"
        start = next(member.start for member in members(text, start) if member.key == "objects")
    for number, member in enumerate(members(text, start)):
        yield member, f"{prefix}/{number}"


def _stix_id(member: Member) -> str:
    return str(member.value.get("id", "")) if isinstance(member.value, dict) else ""


def _types(kb: KnowledgeBase) -> set[str]:
    """The types of objects with ids of their own."""
    return {name for form in kb.id_forms for name in form.types} or set(kb.listed_types)


def _is_copy(kb: KnowledgeBase, value: object) -> bool:
    """Whether an object is one of the knowledge base: its first external reference is one of its own."""
    if not isinstance(value, dict) or value.get("type") not in _types(kb):
        return False
    references = value.get("external_references")
    first = references[0] if isinstance(references, list) and references else None
    return isinstance(first, dict) and first.get("source_name") in kb.id_sources and "external_id" in first


def _mentions(text: str, kb: KnowledgeBase, member: Member, pointer: str, own: set[str], slot: int) -> Iterator[Item]:
    types = _types(kb)
    for found in members(text, member.start):
        where = f"{pointer}/{found.key}"
        if found.key == "external_references" and isinstance(found.value, list):
            yield from _external_ids(text, kb, found, where, slot)
        elif found.key.endswith("_ref") and isinstance(found.value, str):
            if found.value.partition("--")[0] in types and found.value not in own:
                place = Place(pointer=where)
                yield Item(
                    found.value,
                    found.value,
                    place,
                    found.start,
                    found.end,
                    slot=slot,
                    form=_REFERENCE,
                    holds_one=True,
                )
        elif found.key.endswith("_refs") and isinstance(found.value, list):
            for number, one in enumerate(members(text, found.start)):
                if isinstance(one.value, str) and one.value.partition("--")[0] in types and one.value not in own:
                    place = Place(pointer=f"{where}/{number}")
                    yield Item(one.value, one.value, place, one.start, one.end, slot=slot, form=_REFERENCE)


def _external_ids(text: str, kb: KnowledgeBase, found: Member, where: str, slot: int) -> Iterator[Item]:
    for number, reference in enumerate(members(text, found.start)):
        value = reference.value
        if not isinstance(value, dict) or value.get("source_name") not in kb.id_sources or "external_id" not in value:
            continue
        one = next(member for member in members(text, reference.start) if member.key == "external_id")
        written = one.value if isinstance(one.value, str) else text[one.start : one.end][:100]
        object_id = field_id(kb, written)
        yield Item(
            object_id or written,
            written,
            Place(pointer=f"{where}/{number}/external_id"),
            one.start,
            one.end,
            slot=slot,
            readable=object_id is not None,
            form=f"{_EXTERNAL}{reference.start}",
            holds_one=True,
        )


def _changes(text: str, reading: Reading, item: Item, replacement: Replacement | None) -> Iterator[Edit]:
    """What puts other ids in the place of a reference or an external id, and the new page in the place of its page."""
    if replacement is None or replacement.mark is not None:
        return
    new = [one.id for one in replacement.new]
    yield item.start, item.end, ", ".join(escaped(one, text.isascii()) for one in new)
    if item.form.startswith(_EXTERNAL):
        reference = int(item.form.removeprefix(_EXTERNAL))
        for member in members(text, reference):
            if member.key == "url" and isinstance(member.value, str):
                yield from _page(text, reading.kb, member, item.id, replacement.new[0])


def _page(text: str, kb: KnowledgeBase, url: Member, old: str, new: Named) -> Iterator[Edit]:
    raw = text[url.start : url.end]
    for mention in mentions(kb, raw):
        if mention.id == old:
            written = raw[mention.start : mention.end]
            if (shown := written_as(kb, mention.form, written, new.id, new.name)) is not None:
                yield url.start + mention.start, url.start + mention.end, shown


def _newer(text: str, member: Member) -> Iterator[Edit]:
    for found in members(text, member.start):
        if found.key == "modified" and isinstance(found.value, str):
            try:
                moment = microseconds(found.value.upper()) + _MILLISECOND
            except (ValueError, OverflowError):
                return
            yield found.start, found.end, f'"{_milliseconds(moment)}"'


def _milliseconds(moment: int) -> str:
    shown = rfc3339(moment)
    return shown if moment % _MILLISECOND else f"{shown[:-4]}Z"


def _equal_now(text: str, changed: set[str]) -> Iterator[str]:
    """Relationships that say the same since ends of them became one object. They stay."""
    seen: dict[tuple[object, ...], str] = {}
    for member, pointer in _objects(text):
        value = member.value
        if not isinstance(value, Mapping) or value.get("type") != "relationship":
            continue
        key = (value.get("source_ref"), value.get("relationship_type"), value.get("target_ref"))
        if key in seen and changed & {str(value.get("id")), seen[key]}:
            yield f"{pointer}: says the same as {seen[key]} now; both stay"
        seen.setdefault(key, str(value.get("id")))
