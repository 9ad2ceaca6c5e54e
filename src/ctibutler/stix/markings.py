"""The Traffic Light Protocol: its nine marking definitions, and the level of a marking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

TLP_2_EXTENSION: Final = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
TLP_CLEAR: Final = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"


def _tlp_1(level: str, uuid: str) -> dict[str, Any]:
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": f"marking-definition--{uuid}",
        "created": "2017-01-20T00:00:00.000Z",
        "definition_type": "tlp",
        "name": f"TLP:{level.upper()}",
        "definition": {"tlp": level},
    }


def _tlp_2(level: str, uuid: str) -> dict[str, Any]:
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": f"marking-definition--{uuid}",
        "created": "2022-10-01T00:00:00.000Z",
        "name": f"TLP:{level.upper()}",
        "extensions": {TLP_2_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": level}},
    }


TLP_1: Final = (
    _tlp_1("white", "613f2e26-407d-48c7-9eca-b8e91df99dc9"),
    _tlp_1("green", "34098fce-860f-48ae-8e50-ebd3cc5e41da"),
    _tlp_1("amber", "f88d31f6-486f-44da-b317-01333bde0b82"),
    _tlp_1("red", "5e57c739-391a-4eb3-b6be-7d15ca92d5ed"),
)
"""As STIX 2.1 defines them, section 7.2.1.4. Read only."""

TLP_2: Final = (
    _tlp_2("clear", "94868c89-83c2-464b-929b-a1a8aa3c8487"),
    _tlp_2("green", "bab4a63c-aed9-4cf5-a766-dfca5abac2bb"),
    _tlp_2("amber", "55d920b0-5e8b-4f79-9ee9-91f868d9b421"),
    _tlp_2("amber+strict", "939a9414-2ddd-4d32-a0cd-375ea402b003"),
    _tlp_2("red", "e828b379-4e03-4974-9ac4-e53a884c97c1"),
)
"""As the OASIS extension for TLP 2.0 defines them. Read only."""


def tlp_level(marking_definition: Mapping[str, Any]) -> str | None:
    """`white`, `clear`, `amber+strict` …, in lower case; None if the marking is not about TLP.

    The definition decides, not the name or id, because publishers ship their own copies.
    """
    extensions = marking_definition.get("extensions")
    tlp_2 = extensions.get(TLP_2_EXTENSION) if isinstance(extensions, Mapping) else None
    if isinstance(tlp_2, Mapping):
        return _lower(tlp_2.get("tlp_2_0"))
    tlp_1 = marking_definition.get("definition")
    return _lower(tlp_1.get("tlp")) if isinstance(tlp_1, Mapping) else None


def _lower(level: object) -> str | None:
    return level.lower() if isinstance(level, str) else None


OPEN_MARKINGS: Final = frozenset(
    marking["id"] for marking in (*TLP_1, *TLP_2) if tlp_level(marking) in ("white", "clear", "green")
)
"""Ids of the TLP markings that allow anybody to read an object."""
