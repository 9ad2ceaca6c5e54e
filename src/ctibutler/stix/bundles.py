"""Reads and writes STIX bundles. Errors say what is wrong and where."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import msgspec

from ctibutler.errors import MalformedFile
from ctibutler.stix.objects import RELATIONSHIP, StixObject, digest_of, encode

_ID = re.compile(r"[a-z0-9][a-z0-9-]*--[!-~]{1,200}")
_LONGEST_WORD = 250
Properties = Mapping[str, object]


@dataclass(frozen=True)
class Limits:
    """The largest bundle that is accepted."""

    max_bytes: int = 1024 * 1024 * 1024
    max_objects: int = 2_000_000
    max_depth: int = 64


@dataclass(frozen=True)
class Bundle:
    """A bundle's id and its objects in the order of the file, without exact duplicates."""

    id: str | None
    objects: list[StixObject]


class _Envelope(msgspec.Struct):
    type: msgspec.Raw = msgspec.Raw(b"null")
    id: msgspec.Raw = msgspec.Raw(b"null")
    spec_version: msgspec.Raw = msgspec.Raw(b"null")
    objects: msgspec.Raw = msgspec.Raw(b"null")


_envelope = msgspec.json.Decoder(_Envelope).decode
_raw_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_anything = msgspec.json.Decoder().decode


class Known(Protocol):
    """What is known of an object that was read before."""

    @property
    def id(self) -> str:
        """Its STIX id."""

    @property
    def type(self) -> str:
        """Its type."""


Visit = Callable[[StixObject, Properties | None], None]
"""Called with each object of a bundle and its properties; None if the object was read before."""


def _ignore(_: StixObject, __: Properties | None) -> None:
    """Do nothing with an object."""


def read_bundle(
    content: bytes,
    name: str,
    limits: Limits = Limits(),
    known: Mapping[bytes, Known] = MappingProxyType({}),
    visit: Visit = _ignore,
) -> Bundle:
    """Read a STIX 2.1 bundle.

    `name` stands for the file in messages. Properties that start with `_` are internal to a database and are dropped.
    An object whose digest is `known` has been read and checked before: it is not decoded. `visit` is called while an object
    is decoded anyway; all decoded objects together would fill the memory.

    Raises MalformedFile, which says what is wrong and where: `ics.json: objects[12]: no id`. An object that repeats a key
    is refused.
    """
    _check_size(len(content), name, limits)
    envelope = _read_envelope(content.removeprefix(b"\xef\xbb\xbf"), name)
    raws = _read_list(envelope.objects, name)
    _check_number(len(raws), name, limits)
    bundle_id = _value(envelope.id, "id", name)
    objects = _distinct(_read(raws, name, limits, known), visit)
    return Bundle(bundle_id if isinstance(bundle_id, str) else None, objects)


def bundle_of_objects(bundle_id: str, objects: Iterable[Properties], name: str) -> Bundle:
    """A bundle of objects that a converter created. Each is encoded once, and checked like an object from a file.

    `name` stands for the converted file in messages. Raises MalformedFile.
    """
    return Bundle(bundle_id, _distinct(_made(objects, name), _ignore))


def check_limits(bundle: Bundle, name: str, limits: Limits) -> None:
    """Raises MalformedFile if a bundle that was not read from a file exceeds the limits."""
    _check_size(sum(len(stix_object.content) for stix_object in bundle.objects), name, limits)
    _check_number(len(bundle.objects), name, limits)


def bundle_chunks(bundle_id: str, contents: Iterable[bytes]) -> Iterator[bytes]:
    """A bundle in chunks of bytes, one object at a time, for streaming."""
    yield b'{"type":"bundle","id":' + msgspec.json.encode(bundle_id) + b',"objects":['
    separator = b""
    for content in contents:
        yield separator + content
        separator = b","
    yield b"]}"


def _check_size(size: int, name: str, limits: Limits) -> None:
    if size > limits.max_bytes:
        raise MalformedFile(f"{name}: {size:,} bytes exceed the limit of {limits.max_bytes:,}")


def _check_number(objects: int, name: str, limits: Limits) -> None:
    if objects > limits.max_objects:
        raise MalformedFile(f"{name}: {objects:,} objects exceed the limit of {limits.max_objects:,}")


def _read_envelope(content: bytes, name: str) -> _Envelope:
    try:
        envelope = _envelope(content)
    except msgspec.ValidationError:
        raise MalformedFile(f"{name}: expected a STIX bundle, found JSON that is not an object") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as failure:
        raise MalformedFile(f"{name}: not JSON, or cut off: {_reason(failure)}") from None
    except RecursionError:
        raise MalformedFile(f"{name}: is nested too deeply") from None
    found = _value(envelope.type, "type", name)
    if found != "bundle":
        raise MalformedFile(f"{name}: type: expected `bundle`, found {_brief(found)}")
    if _value(envelope.spec_version, "spec_version", name) == "2.0":
        raise MalformedFile(f"{name}: this is a STIX 2.0 bundle; STIX 2.1 is expected")
    return envelope


def _value(raw: msgspec.Raw, where: str, name: str) -> object:
    # The decoder checked the syntax of skipped values, but not their UTF-8 or the range of their numbers.
    try:
        return _anything(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as failure:
        raise MalformedFile(f"{name}: {where}: not JSON: {_reason(failure)}") from None
    except RecursionError:
        raise MalformedFile(f"{name}: {where}: is nested too deeply") from None


def _read_list(raw: msgspec.Raw, name: str) -> list[msgspec.Raw]:
    try:
        objects = _raw_list(raw)
    except msgspec.ValidationError:
        raise MalformedFile(f"{name}: objects: expected a list of objects") from None
    except RecursionError:
        raise MalformedFile(f"{name}: objects: is nested too deeply") from None
    if not objects:
        raise MalformedFile(f"{name}: objects: the bundle is empty")
    return objects


def _read(
    raws: list[msgspec.Raw], name: str, limits: Limits, known: Mapping[bytes, Known]
) -> Iterator[tuple[StixObject, Properties | None]]:
    """The objects of a bundle as they were read, and their properties; None for those that are known."""
    for position, raw in enumerate(raws):
        try:
            yield _read_object(raw, position, limits, known)
        except _Wrong as wrong:
            raise MalformedFile(f"{name}: objects[{position}]{wrong}") from None


def _made(objects: Iterable[Properties], name: str) -> Iterator[tuple[StixObject, Properties]]:
    for position, properties in enumerate(objects):
        try:
            content = encode(properties)
            yield _stix_object(content, digest_of(content), properties, position, Limits())
        except _Wrong as wrong:
            raise MalformedFile(f"{name}: objects[{position}]{wrong}") from None


class _Wrong(Exception):
    """What is wrong with one object: the rest of a message that starts with its place."""


def _read_object(
    raw: msgspec.Raw, position: int, limits: Limits, known: Mapping[bytes, Known]
) -> tuple[StixObject, Properties | None]:
    try:
        content = msgspec.json.format(bytes(raw), indent=-1)
        digest = digest_of(content)
        before = known.get(digest)
        if before is not None:
            return StixObject(before.id, before.type, content, digest, position), None
        properties = _anything(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as failure:
        raise _Wrong(f": not JSON: {_reason(failure)}") from None
    except RecursionError:
        raise _Wrong(f": is nested deeper than {limits.max_depth} levels") from None
    if not isinstance(properties, dict):
        raise _Wrong(f": expected an object, found {_brief(properties)}")
    read = _stix_object(content, digest, properties, position, limits)
    _check_keys(content, properties)
    return read


def _check_keys(content: bytes, properties: dict[str, object]) -> None:
    """Refuse an object that repeats a key: parsers differ in which value they take, so it would mean two things."""
    if encode(properties) == content or content.count(b'":') == _count_keys(properties):
        return

    def without_repetition(pairs: list[tuple[str, object]]) -> None:
        seen = set()
        for key, _ in pairs:
            if key in seen:
                raise _Wrong(f": repeats the key {_brief(key)}")
            seen.add(key)

    # The count is only a hint: texts too may contain a quotation mark before a colon.
    json.loads(content, object_pairs_hook=without_repetition)


def _count_keys(value: object) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(_count_keys, value.values()))
    return sum(map(_count_keys, value)) if isinstance(value, list) else 0


def _stix_object(
    content: bytes, digest: bytes, properties: Properties, position: int, limits: Limits
) -> tuple[StixObject, Properties]:
    if content.count(b"{") + content.count(b"[") > limits.max_depth and _depth(properties) > limits.max_depth:
        raise _Wrong(f": is nested deeper than {limits.max_depth} levels")
    if (b'"_' in content or b'"\\u005' in content) and any(key.startswith("_") for key in properties):
        properties = {key: value for key, value in properties.items() if not key.startswith("_")}
        content = encode(properties)
        digest = digest_of(content)
    stix_id, stix_type = properties.get("id"), properties.get("type")
    if not isinstance(stix_type, str) or not stix_type:
        raise _Wrong(f".type: expected the object's type, found {_brief(stix_type)}")
    if not isinstance(stix_id, str) or not _ID.fullmatch(stix_id) or not stix_id.startswith(stix_type + "--"):
        raise _Wrong(f".id: expected `{stix_type[:80]}--` and a UUID, found {_brief(stix_id)}")
    if stix_type == RELATIONSHIP:
        _check_relationship(properties)
    return StixObject(stix_id, stix_type, content, digest, position), properties


def _check_relationship(properties: Properties) -> None:
    for end in ("source_ref", "target_ref"):
        value = properties.get(end)
        if not isinstance(value, str) or not _ID.fullmatch(value):
            raise _Wrong(f".{end}: expected a STIX id, found {_brief(value)} (in {properties['id']})")
    word = properties.get("relationship_type")
    if not isinstance(word, str) or not 0 < len(word) <= _LONGEST_WORD or not word.isprintable():
        raise _Wrong(f".relationship_type: expected a word, found {_brief(word)} (in {properties['id']})")


def _distinct(read: Iterable[tuple[StixObject, Properties | None]], visit: Visit) -> list[StixObject]:
    seen: set[bytes] = set()
    objects = []
    for stix_object, properties in read:
        if stix_object.digest not in seen:
            seen.add(stix_object.digest)
            objects.append(stix_object)
            visit(stix_object, properties)
    return objects


def _depth(value: object) -> int:
    deepest = 0
    level: list[object] = [value]
    while level:
        deepest += 1
        containers = [item for item in level if isinstance(item, dict | list)]
        level = [item for box in containers for item in (box.values() if isinstance(box, dict) else box)]
    return deepest


def _brief(value: object) -> str:
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _reason(failure: Exception) -> str:
    return str(failure)[:300]
