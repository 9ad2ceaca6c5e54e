"""ATT&CK Navigator layers, formats 1.0 to 4.5: ids and tactics of their entries. Everything else in them stays as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ctibutler.errors import UnreadableFile
from ctibutler.migration.ids import field_id
from ctibutler.migration.items import Item, Items, Joined, Place, Reading, Replacement, Replacements, Written
from ctibutler.migration.json_spans import Member, beginning, escaped, members, removed, whole_value
from ctibutler.migration.kinds.layer_entries import Entry, merged
from ctibutler.migration.texts import Edit, decoded, spliced

FORMAT = "4.5"
NAVIGATOR = "5.1.0"
MARK = "ctibutler"

_Entries = list[tuple[Member, str]]


@dataclass(frozen=True, slots=True)
class Stated:
    """What a layer says about itself: its domain, and the release of ATT&CK."""

    domain: str | None
    release: str | None


def is_layer(value: object) -> bool:
    """Whether a JSON value is a layer or a list of layers."""
    layers = value if isinstance(value, list) else [value]
    return bool(layers) and all(
        isinstance(layer, dict)
        and ("domain" in layer or "versions" in layer)
        and ("techniques" in layer or "versions" in layer or "version" in layer)
        and layer.get("type") != "bundle"
        for layer in layers
    )


def stated(content: bytes) -> Stated:
    """Return what the first layer of a file says about itself."""
    value, _ = whole_value(decoded(content))
    first = value[0] if isinstance(value, list) else value
    if not isinstance(first, dict):
        return Stated(None, None)
    versions = first.get("versions")
    release = versions.get("attack") if isinstance(versions, dict) else None
    domain = first.get("domain")
    return Stated(
        domain if isinstance(domain, str) else None,
        str(release) if isinstance(release, str | int | float) and not isinstance(release, bool) else None,
    )


def read(content: bytes, reading: Reading) -> list[Item]:
    """Return the entries, each one item by itself.

    Raises UnreadableFile if it is none, or has no list of techniques.
    """
    text = decoded(content)
    value, _ = whole_value(text)
    if not all(isinstance(layer, dict) for layer in (value if isinstance(value, list) else [value])):
        raise UnreadableFile("neither a layer nor a list of layers")
    items = []
    for number, (entry, pointer) in enumerate(_entries(text)):
        value = entry.value
        written = value.get("techniqueID") if isinstance(value, dict) else value
        tactic = value.get("tactic") if isinstance(value, dict) else None
        shown = written if isinstance(written, str) else escaped(written, ascii_only=False)[:100]
        found = field_id(reading.kb, written) if isinstance(written, str) else None
        items.append(
            Item(
                found or shown,
                shown,
                Place(pointer=pointer),
                entry.start,
                entry.end,
                context=number,
                tactic=tactic if isinstance(tactic, str) and tactic else None,
                readable=found is not None,
            )
        )
    return items


def write(content: bytes, reading: Reading, items: Items, replacements: Replacements) -> Written:
    """Return the layers with the replacements in them, and the release that they are of now.

    Entries that meet become one. If their scores or colours differ and the reading does not say how to combine them, the
    first one's stay, the notes of the others are kept, and the join has a conflict.
    """
    text = decoded(content)
    is_ascii = text.isascii()
    edits: list[Edit] = []
    joined: list[Joined] = []
    number = 0
    for start, prefix in _layers(text):
        entries = _entries_of(text, start, prefix)
        numbers = range(number, number + len(entries))
        number += len(entries)
        edits += _layer_edits(text, start, reading, is_ascii)
        entry_edits, met = _entry_edits(text, entries, numbers, items, replacements, reading, is_ascii)
        edits += entry_edits
        joined += met
    return Written(spliced(text, edits).encode(), tuple(joined), tuple(_remarks(text, reading)))


def _layers(text: str) -> Iterator[tuple[int, str]]:
    """Where each layer begins, and the pointer to it, in a text that is known to be JSON."""
    start = beginning(text)
    if text[start] == "[":
        for number, member in enumerate(members(text, start)):
            yield member.start, f"/{number}"
    else:
        yield start, ""


def _entries(text: str) -> Iterator[tuple[Member, str]]:
    for start, prefix in _layers(text):
        yield from _entries_of(text, start, prefix)


def _entries_of(text: str, start: int, prefix: str) -> _Entries:
    for member in members(text, start):
        if member.key == "techniques":
            if not isinstance(member.value, list):
                raise UnreadableFile(f"{prefix}/techniques: a layer needs a list of techniques here")
            listed = members(text, member.start)
            return [(entry, f"{prefix}/techniques/{number}") for number, entry in enumerate(listed)]
    raise UnreadableFile(f"{prefix or 'the layer'}: a layer needs a list `techniques`")


def _entry_edits(
    text: str,
    entries: _Entries,
    numbers: Sequence[int],
    items: Items,
    replacements: Replacements,
    reading: Reading,
    is_ascii: bool,
) -> tuple[list[Edit], list[Joined]]:
    groups: dict[tuple[str, str | None], list[Entry]] = {}
    gone: set[int] = set()
    changed: set[tuple[str, str | None]] = set()
    for position, ((member, _), number) in enumerate(zip(entries, numbers, strict=True)):
        item, replacement = items[number], replacements.get(number)
        if not isinstance(member.value, dict):
            continue
        new, tactic = _ends(item, replacement)
        if not new:
            gone.add(position)
        for copy, object_id in enumerate(new):
            entry = Entry(
                number, position, item.written, object_id, tactic, member.value, replacement, is_copy=copy > 0
            )
            groups.setdefault(entry.key, []).append(entry)
            if replacement is not None and replacement.mark is None:
                changed.add(entry.key)
    edits: list[Edit] = []
    copies: dict[int, list[str]] = {}
    joined: list[Joined] = []
    for key, group in groups.items():
        first, *others = group
        result = first.value_now()
        if others and key in changed:
            result, conflict = merged(group, reading.combine)
            joined += [Joined(other.number, first.number, conflict) for other in others]
            gone |= {other.position for other in others if not other.is_copy} - {first.position}
            others = []
        for entry, value in ((first, result), *((other, other.value_now()) for other in others)):
            if entry.is_copy:
                copies.setdefault(entry.position, []).append(escaped(value, is_ascii))
            elif value != entry.value:
                edits += _members_edits(text, entries[entry.position][0], value, is_ascii)
    spans = [(member.start, member.end) for member, _ in entries]
    for position, texts in copies.items():
        end = spans[position][1]
        edits.append((end, end, "".join(f", {copy}" for copy in texts)))
    cuts = removed(text, spans, gone)
    inside = [
        edit for edit in edits if not any(start <= edit[0] and edit[1] <= end and end > start for start, end in cuts)
    ]
    return [*inside, *((start, end, "") for start, end in cuts)], joined


def _ends(item: Item, replacement: Replacement | None) -> tuple[list[str], str | None]:
    """The ids and the tactic that an entry has in the end."""
    if replacement is None or replacement.mark is not None:
        return [item.id if item.readable else item.written], item.tactic
    ids = [one.id for one in replacement.new]
    return ids, replacement.tactic if replacement.tactic is not None else item.tactic


def _members_edits(text: str, entry: Member, value: Mapping[str, object], is_ascii: bool) -> Iterator[Edit]:
    """What turns an entry into this value, with all members that are equal left as they are."""
    own = list(members(text, entry.start))
    for member in own:
        if member.key not in value:
            continue
        if value[member.key] != member.value:
            yield member.start, member.end, escaped(value[member.key], is_ascii)
    missing = [key for key in value if key not in {member.key for member in own}]
    if missing and own:
        last = own[-1]
        between = text[own[-2].end : last.key_start] if len(own) > 1 else ", "
        colon = text[text.index('"', last.key_start + 1) : last.start]
        colon = colon[colon.rindex('"') + 1 :]
        added = "".join(f"{between}{escaped(key, is_ascii)}{colon}{escaped(value[key], is_ascii)}" for key in missing)
        yield last.end, last.end, added


def _layer_edits(text: str, start: int, reading: Reading, is_ascii: bool) -> Iterator[Edit]:
    """What says which release a layer is of; of one in a format before 4.0, also what the format demands."""
    if reading.release is None:
        return
    own = {member.key: member for member in members(text, start)}
    versions = own.get("versions")
    if versions is not None and isinstance(versions.value, dict):
        yield from _version_edits(text, versions, reading.release)
        return
    version, domain = own.get("version"), own.get("domain")
    if version is not None:
        stated_now = {"attack": reading.release.partition(".")[0], "navigator": NAVIGATOR, "layer": FORMAT}
        yield version.key_start, version.end, f'"versions": {escaped(stated_now, is_ascii)}'
    if domain is not None and reading.kb.navigator_domain and domain.value != reading.kb.navigator_domain:
        yield domain.start, domain.end, escaped(reading.kb.navigator_domain, is_ascii)


def _version_edits(text: str, versions: Member, release: str) -> Iterator[Edit]:
    own = {member.key: member for member in members(text, versions.start)}
    attack = own.get("attack")
    major = release.partition(".")[0]
    if attack is None:
        comma = ", " if own else ""
        yield versions.start + 1, versions.start + 1, f'"attack": "{major}"{comma}'
        return
    stood = str(attack.value)
    new = ("v" if stood.startswith("v") else "") + (release if "." in stood else major)
    if new != stood:
        yield attack.start, attack.end, f'"{new}"' if isinstance(attack.value, str) else new


def _remarks(text: str, reading: Reading) -> Iterator[str]:
    if not reading.platforms:
        return
    for start, prefix in _layers(text):
        for member in members(text, start):
            filters = member.value if member.key == "filters" else None
            named = filters.get("platforms") if isinstance(filters, dict) else None
            for platform in named if isinstance(named, list) else ():
                if isinstance(platform, str) and platform.lower() not in reading.platforms:
                    yield f"{prefix}/filters/platforms: {reading.release} has no platform `{platform[:60]}`; kept"
