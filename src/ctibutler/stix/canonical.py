"""The form of an object's properties in which two releases are compared.

An absent property, `null`, `false`, and empty texts, lists and objects are one value. The order of keys means nothing, nor does
the order of lists of texts, of phases and of references.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Final

from ctibutler.stix.objects import DIGEST_SIZE, canonical

EMPTY_JSON: Final = frozenset((b"null", b"false", b'""', b"[]", b"{}"))
"""The JSON of values that mean the same as no value."""

SETS_OF_OBJECTS: Final = frozenset(("kill_chain_phases", "external_references"))
"""Lists of objects in which publishers change the order without meaning anything."""


def is_empty(value: object) -> bool:
    """Return whether a value means the same as no value. A number never does."""
    return value is None or value is False or (isinstance(value, str | list | dict) and not value)


def comparable(name: str, value: object) -> object:
    """Return a property's value in the form in which it is compared; None if it means the same as no value."""
    if isinstance(value, dict):
        inside = {key: comparable(key, item) for key, item in value.items()}
        return {key: item for key, item in inside.items() if item is not None} or None
    if isinstance(value, list):
        items = [comparable("", item) for item in value]
        if all(isinstance(item, str) for item in items):
            return sorted(set(map(str, items))) or None
        return sorted(items, key=canonical) if name in SETS_OF_OBJECTS else items
    return None if is_empty(value) else value


def canonical_digest(properties: Mapping[str, object], without: Iterable[str] = ()) -> bytes:
    """Return the digest of the canonical form of an object, of 16 bytes; `without` names properties to leave out."""
    left_out = frozenset(without)
    kept = {name: value for name, value in properties.items() if name not in left_out}
    return blake2b(canonical(comparable("", kept)), digest_size=DIGEST_SIZE).digest()
