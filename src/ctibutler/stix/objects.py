"""A STIX object: its publisher's bytes, and the properties decoded from them."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from ctibutler.stix.times import microseconds

RELATIONSHIP = "relationship"
META_TYPES = frozenset({"marking-definition", "extension-definition", "language-content"})
DIGEST_SIZE = 16

_decode = msgspec.json.Decoder().decode
_canonical = msgspec.json.Encoder(order="deterministic").encode


class StixObject(msgspec.Struct, frozen=True, gc=False):
    """One object of a bundle.

    `content` is its published JSON without insignificant white space: what is stored and returned. `digest` identifies the
    content. `position` is its index in the file. A struct, because an import creates 25,000 of them in a second.
    """

    id: str
    type: str
    content: bytes
    digest: bytes
    position: int

    def properties(self) -> dict[str, object]:
        """Decode the object. Not cached: 25,000 decoded objects would take up most of the memory."""
        return decode(self.content)


def digest_of(content: bytes) -> bytes:
    """The digest that identifies a content: BLAKE2b of the minified bytes, 16 bytes."""
    return blake2b(content, digest_size=DIGEST_SIZE).digest()


def decode(content: bytes) -> dict[str, object]:
    """An object's properties from its JSON."""
    properties = _decode(content)
    assert isinstance(properties, dict)
    return properties


def encode(properties: Mapping[str, object]) -> bytes:
    """Encode an object that we created as minified JSON."""
    return msgspec.json.encode(properties)


def canonical(properties: object) -> bytes:
    """JSON with sorted keys: equal for objects that differ only in the order of their keys."""
    return _canonical(properties)


def instant(properties: Mapping[str, object], name: str) -> int | None:
    """A time property in microseconds; None if the object does not have it.

    Raises ValueError if the value is not a timestamp.
    """
    value = properties.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"{name}: expected a timestamp, found {repr(value)[:80]}")
    try:
        return microseconds(value)
    except ValueError:
        raise ValueError(f"{name}: expected a timestamp, found {value[:80]!r}") from None


def text(properties: Mapping[str, object], name: str) -> str | None:
    """A property if it is a string, else None."""
    value = properties.get(name)
    return value if isinstance(value, str) else None


def dicts(value: object) -> list[dict[str, Any]]:
    """The JSON objects in a list; none if the value is not a list, because a user's own file may contain anything."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def external_references(properties: Mapping[str, object]) -> list[dict[str, Any]]:
    """The external references of an object, in its order."""
    return dicts(properties.get("external_references"))


def citations(properties: Mapping[str, object]) -> list[dict[str, Any]]:
    """The external references that are literature: those without an id.

    ATT&CK also has a reference for each alias, whose description is `(Citation: …)`: the name of another reference.
    """
    return [
        reference
        for reference in external_references(properties)
        if "external_id" not in reference and not str(reference.get("description", "")).startswith("(Citation: ")
    ]


def is_revoked(properties: Mapping[str, object]) -> bool:
    """Whether the publisher withdrew the object."""
    return properties.get("revoked") is True


def is_deprecated(properties: Mapping[str, object]) -> bool:
    """Whether the publisher deprecated the object: ATT&CK's flag, or CAPEC's status."""
    return properties.get("x_mitre_deprecated") is True or properties.get("x_capec_status") in (
        "Deprecated",
        "Obsolete",
    )


def type_of_id(stix_id: str) -> str:
    """The type part of a STIX id."""
    return stix_id.split("--", 1)[0]
