"""Seed objects: the identity and the marking definition that each of upstream's tools adds to its objects.

Objects in circulation refer to these ids, so the objects are defined here as they were published. Some of them are no
longer available anywhere else.
"""

from __future__ import annotations

from typing import Any, Final

from ctibutler.stix.identifiers import extension_definition_id, seed_identity_id, seed_marking_definition_id
from ctibutler.stix.markings import TLP_CLEAR

DOGESEC: Final = seed_identity_id("dogesec")
EPOCH: Final = "2020-01-01T00:00:00.000Z"
"""The creation time of all seed objects."""

_MAKER: Final = "https://github.com/muchdogesec/"


def _marked_by(tool: str) -> list[str]:
    return [TLP_CLEAR, seed_marking_definition_id(tool)]


def dogesec() -> dict[str, Any]:
    """The identity of the organisation that publishes the tools."""
    return {
        "type": "identity",
        "spec_version": "2.1",
        "id": DOGESEC,
        "created": EPOCH,
        "modified": EPOCH,
        "name": "dogesec",
        "description": _MAKER,
        "identity_class": "organization",
        "sectors": ["technology"],
        "contact_information": "https://www.dogesec.com/contact/",
        "confidence": 100,
        "object_marking_refs": _marked_by("stix4doge"),
    }


def tool_identity(tool: str) -> dict[str, Any]:
    """The identity of a tool, such as `stix2arango`."""
    return {
        "type": "identity",
        "spec_version": "2.1",
        "id": seed_identity_id(tool),
        "created_by_ref": DOGESEC,
        "created": EPOCH,
        "modified": EPOCH,
        "name": tool,
        "description": _MAKER + tool,
        "identity_class": "system",
        "sectors": ["technology"],
        "contact_information": "https://www.dogesec.com/contact/",
        "confidence": 100,
        "object_marking_refs": _marked_by("stix4doge"),
    }


def retired_tool_identity(tool: str) -> dict[str, Any]:
    """The identity of `disarm2stix` or `location2stix`, as it was until October 2025, when it was withdrawn.

    Unlike the current identities, it has no confidence.
    """
    identity = tool_identity(tool)
    del identity["confidence"]
    return identity


def tool_marking_definition(tool: str) -> dict[str, Any]:
    """The marking definition of a tool. It has no `modified`. The one of `stix4doge` marks itself."""
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": seed_marking_definition_id(tool),
        "created_by_ref": DOGESEC,
        "created": EPOCH,
        "definition_type": "statement",
        "definition": {"statement": f"This object was created using: {_MAKER}{tool}"},
        "object_marking_refs": _marked_by("stix4doge"),
    }


WEAKNESS_EXTENSION: Final = extension_definition_id("weakness")


def weakness_extension_definition() -> dict[str, Any]:
    """The extension definition that makes `weakness` an object type."""
    return {
        "type": "extension-definition",
        "spec_version": "2.1",
        "id": WEAKNESS_EXTENSION,
        "created_by_ref": DOGESEC,
        "created": EPOCH,
        "modified": EPOCH,
        "name": "Weakness",
        "description": "This extension creates a new SDO that can be used to represent weaknesses (for CWEs).",
        "schema": "https://raw.githubusercontent.com/muchdogesec/"
        "stix2extensions/main/automodel_generated/schemas/sdos/weakness.json",
        "version": "1.1",
        "extension_types": ["new-sdo"],
        "object_marking_refs": _marked_by("stix2extensions"),
    }
