"""STIX bundles: copies of objects of a knowledge base, and what other objects in them say about such objects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.migration.ids import read_id
from ctibutler.migration.items import Item, Items, Joined, Place, Reading, Replacements, Written
from ctibutler.migration.json_spans import Member, escaped, members, removed, whole_value
from ctibutler.migration.texts import Edit, decoded, spliced
from ctibutler.stix.times import microseconds, rfc3339

COPY: Final = "copy"
"""The form of an item that is an object of the knowledge base."""

_REFERENCE: Final = "reference"
_EXTERNAL: Final = "external id"
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
    """Return the copies of objects, and references to such objects and their ids in all others."""
    text = decoded(content)
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
    edits: list[Edit] = []
    joined: list[Joined] = []
    gone: set[int] = set()
    holders = {
        items[number].id: number
        for number in reversed(range(len(items)))
        if items[number].form == COPY and number not in replacements
    }
    remade: set[str] = set()
    for position, (member, _) in enumerate(objects):
        for number in by_slot.get(position, ()):
            item, replacement = items[number], replacements.get(number)
            if replacement is not None and replacement.mark is not None:
                continue
            if item.form == COPY:
                new = [item.id] if replacement is None else [one.id for one in replacement.new]
                kept = []
                for stix_id in new:
                    if holders.setdefault(stix_id, number) == number:
                        kept.append(reading.objects.get(stix_id, text[member.start : member.end]))
                    else:
                        joined.append(Joined(number, holders[stix_id]))
                if not kept:
                    gone.add(position)
                elif not (len(kept) == 1 and json.loads(kept[0]) == member.value):
                    edits.append((member.start, member.end, ", ".join(kept)))
            elif replacement is not None:
                edits += _replaced(text, reading.kb, item, [one.id for one in replacement.new])
        if any(member.start <= start and end <= member.end for start, end, _ in edits[-1:]) and not _is_copy(
            reading.kb, member.value
        ):
            edits += _newer(text, member)
            remade.add(_stix_id(member))
    cuts = removed(text, [(member.start, member.end) for member, _ in objects], gone)
    after = spliced(text, [*edits, *((start, end, "") for start, end in cuts)])
    return Written(after.encode(), tuple(joined), tuple(_equal_now(after, remade)))


def copies(items: Items, replacements: Replacements) -> list[str]:
    """Return the STIX ids of the objects that copies in a bundle become."""
    found = []
    for number, item in enumerate(items):
        replacement = replacements.get(number)
        if item.form == COPY and (replacement is None or replacement.mark is None):
            found += [item.id] if replacement is None else [one.id for one in replacement.new]
    return list(dict.fromkeys(found))


def _objects(text: str) -> Iterator[tuple[Member, str]]:
    value, start = whole_value(text)
    prefix = ""
    if isinstance(value, dict):
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
                yield Item(
                    found.value, found.value, Place(pointer=where), found.start, found.end, slot=slot, form=_REFERENCE
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
        object_id = read_id(kb, written)
        yield Item(
            object_id or written,
            written,
            Place(pointer=f"{where}/{number}/external_id"),
            one.start,
            one.end,
            slot=slot,
            readable=object_id is not None,
            form=_EXTERNAL,
        )


def _replaced(text: str, kb: KnowledgeBase, item: Item, new: list[str]) -> Iterator[Edit]:
    """What puts other ids in the place of a reference or an external id. Only a list has room for several."""
    is_list = item.place.pointer is not None and item.place.pointer.rpartition("/")[2].isdecimal()
    if not new or (len(new) > 1 and not is_list):
        return
    yield item.start, item.end, ", ".join(escaped(one, text.isascii()) for one in new)
    if item.form == _EXTERNAL:
        yield from _addresses(text, kb, item, new[0])


def _addresses(text: str, kb: KnowledgeBase, item: Item, new: str) -> Iterator[Edit]:
    """The publisher's page, in the same reference."""
    path = f"/{item.id.replace('.', '/')}"
    start, end = text.rfind("{", 0, item.start), text.find("}", item.end)
    at = text.find(path + '"', start, end)
    if at != -1:
        yield at, at + len(path), f"/{new.replace('.', '/')}"


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
