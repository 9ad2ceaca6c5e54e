"""ATLAS's YAML in format 6: its objects and relationships, checked while they are read.

A file is refused if an object would lose its identity: ids or UUIDs that contradict each other, a missing name or day, an
unknown format. If only a relationship is incomplete, the converter leaves it out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from ctibutler.errors import MalformedFile
from ctibutler.publishers.converters.yaml_files import YamlList, YamlMap, YamlValue, kind, read_yaml
from ctibutler.stix.identifiers import atlas_id

FILE: Final = "ATLAS YAML"
FORMAT: Final = "6"
"""The major version of the format that can be read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An object. Days look like `2026-09-15`. `attack` is the id and URL of its counterpart in ATT&CK, `properties` is
    everything that the file says about it. Only the collection and the matrix may have no description and no days."""

    id: str
    name: str
    description: str | None
    created: str | None
    modified: str | None
    attack: tuple[str, str | None] | None
    properties: YamlMap


@dataclass(frozen=True, slots=True)
class Relation:
    """A relationship between two ids. A step of a case study also has a tactic, an id, and the ids of the next steps."""

    source: str
    target: str
    type: str
    description: str | None
    tactic: str | None
    step: str | None
    leads_to: tuple[str, ...]
    position: int | None
    line: int


@dataclass(frozen=True, slots=True)
class AtlasData:
    """One release: objects by id and relationships by type, in the order of the file."""

    release: str
    collection: Entry
    matrix: Entry
    tactics: Mapping[str, Entry]
    techniques: Mapping[str, Entry]
    mitigations: Mapping[str, Entry]
    case_studies: Mapping[str, Entry]
    relations: Mapping[str, tuple[Relation, ...]]

    def of(self, relationship_type: str) -> tuple[Relation, ...]:
        """The relationships of this type."""
        return self.relations.get(relationship_type, ())


def read_atlas(content: bytes) -> AtlasData:
    """Read the release in a YAML file.

    Raises MalformedFile, which says what is wrong, where and on which line.
    """
    root = _map(read_yaml(content, FILE), FILE, 1)
    _check_format(root)
    collection = _single(root, "collection")
    return AtlasData(
        release=_text(collection.properties, "version", f"{FILE}: collection", root.lines["collection"]),
        collection=collection,
        matrix=_single(root, "matrix"),
        tactics=_entries(root, "tactics"),
        techniques=_entries(root, "techniques"),
        mitigations=_entries(root, "mitigations"),
        case_studies=_entries(root, "case-studies"),
        relations=_relations(root),
    )


def _check_format(root: YamlMap) -> None:
    found = root.get("format-version")
    if not isinstance(found, str) or found.partition(".")[0] != FORMAT:
        line = root.lines.get("format-version", 1)
        raise _wrong(f"{FILE}: format-version", line, f"format {FORMAT}", found)


def _section(root: YamlMap, name: str) -> YamlMap:
    if name not in root:
        raise MalformedFile(f"{FILE}: {name}: expected a map, but it is missing")
    value = root[name]
    return YamlMap() if value is None else _map(value, f"{FILE}: {name}", root.lines[name])


def _entries(root: YamlMap, section: str) -> dict[str, Entry]:
    entries = _section(root, section)
    return {key: _entry(entries, key, f"{FILE}: {section}: {key}") for key in entries}


def _entry(holder: YamlMap, key: str, where: str) -> Entry:
    line = holder.lines[key]
    properties = _map(holder[key], where, line)
    entry_id = _text(properties, "id", where, line)
    if entry_id != key:
        raise _wrong(f"{where}: id", properties.lines["id"], f"`{key}`", entry_id)
    entry = Entry(
        id=entry_id,
        name=_text(properties, "name", where, line),
        description=_text(properties, "description", where, line),
        created=_day(properties, "created-date", where, line),
        modified=_day(properties, "modified-date", where, line),
        attack=_attack(properties, where, line),
        properties=properties,
    )
    _check_uuid(entry, where)
    return entry


def _single(root: YamlMap, name: str) -> Entry:
    """The collection or the matrix: there is one of each. They may be incomplete, because nothing depends on that."""
    where, properties = f"{FILE}: {name}", _section(root, name)
    line = root.lines[name]
    entry = Entry(
        id=_optional(properties, "id", where, line) or f"ATLAS-{name}",
        name=_optional(properties, "name", where, line) or "ATLAS",
        description=_optional(properties, "description", where, line),
        created=_day(properties, "created-date", where, line) if properties.get("created-date") else None,
        modified=_day(properties, "modified-date", where, line) if properties.get("modified-date") else None,
        attack=None,
        properties=properties,
    )
    _check_uuid(entry, where)
    return entry


def _check_uuid(entry: Entry, where: str) -> None:
    """Raise MalformedFile if the UUID is not made from the id: our ids would differ from the publisher's."""
    stated = entry.properties.get("uuid")
    own = atlas_id("", entry.id).removeprefix("--")
    if stated is not None and stated != own:
        raise _wrong(f"{where}: uuid", entry.properties.lines["uuid"], f"`{own}`", stated)


def _attack(properties: YamlMap, where: str, line: int) -> tuple[str, str | None] | None:
    if properties.get("attack-reference") is None:
        return None
    line = properties.lines.get("attack-reference", line)
    where = f"{where}: attack-reference"
    reference = _map(properties["attack-reference"], where, line)
    return _text(reference, "id", where, line), _optional(reference, "url", where, line)


def _relations(root: YamlMap) -> dict[str, tuple[Relation, ...]]:
    found: dict[str, list[Relation]] = {}
    for relation in _all_relations(root):
        found.setdefault(relation.type, []).append(relation)
    return {name: tuple(relations) for name, relations in found.items()}


def _all_relations(root: YamlMap) -> Iterator[Relation]:
    where, by_source = f"{FILE}: relationships", _section(root, "relationships")
    for source, value in by_source.items():
        by_type = _map(value, f"{where}: {source}", by_source.lines[source])
        for name, items in by_type.items():
            yield from _list_of_relations(items, f"{where}: {source}: {name}", by_type.lines[name], (source, name))


def _list_of_relations(value: YamlValue, where: str, line: int, keys: tuple[str, str]) -> Iterator[Relation]:
    if not isinstance(value, YamlList):
        raise _wrong(where, line, "a list", value)
    for item, own_line in zip(value, value.lines, strict=True):
        yield _relation(_map(item, where, own_line), where, own_line, keys)


def _relation(item: YamlMap, where: str, line: int, keys: tuple[str, str]) -> Relation:
    source, relationship_type = keys
    for name, key in (("source", source), ("relationship-type", relationship_type)):
        stated = _text(item, name, where, line)
        if stated != key:
            raise _wrong(f"{where}: {name}", item.lines[name], f"`{key}`", stated)
    return Relation(
        source=source,
        target=_text(item, "target", where, line),
        type=relationship_type,
        description=_optional(item, "description", where, line),
        tactic=_optional(item, "tactic", where, line),
        step=_optional(item, "step-id", where, line),
        leads_to=_texts(item, "leads-to", where, line),
        position=_number(item, "position", where, line),
        line=line,
    )


def _map(value: YamlValue, where: str, line: int) -> YamlMap:
    if not isinstance(value, YamlMap):
        raise _wrong(where, line, "a map", value)
    return value


def _text(holder: YamlMap, name: str, where: str, line: int) -> str:
    text = _optional(holder, name, where, line)
    if not text:
        raise _wrong(f"{where}: {name}", holder.lines.get(name, line), "text", text)
    return text


def _optional(holder: YamlMap, name: str, where: str, line: int) -> str | None:
    value = holder.get(name)
    if value is not None and not isinstance(value, str):
        raise _wrong(f"{where}: {name}", holder.lines.get(name, line), "text", value)
    return value


def _texts(holder: YamlMap, name: str, where: str, line: int) -> tuple[str, ...]:
    value = holder.get(name)
    if value is None:
        return ()
    if not isinstance(value, YamlList) or not all(isinstance(item, str) for item in value):
        raise _wrong(f"{where}: {name}", holder.lines.get(name, line), "a list of text", value)
    return tuple(str(item) for item in value)


def _number(holder: YamlMap, name: str, where: str, line: int) -> int | None:
    text = _optional(holder, name, where, line)
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", text) is None:
        raise _wrong(f"{where}: {name}", holder.lines[name], "a number", text)
    return int(text)


def _day(holder: YamlMap, name: str, where: str, line: int) -> str:
    text = _text(holder, name, where, line)
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise _wrong(f"{where}: {name}", holder.lines[name], "a date such as 2026-09-15", text) from None


def _wrong(where: str, line: int, expected: str, found: YamlValue) -> MalformedFile:
    return MalformedFile(f"{where}: line {line}: expected {expected}, found {kind(found)}")
