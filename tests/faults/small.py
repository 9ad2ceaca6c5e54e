"""A small real bundle for tests to break: twelve objects of ATT&CK for ICS 8.0."""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

NAME = "ics-attack-8_0-trimmed.json"
_PATH = Path(__file__).parent / "data" / NAME


@cache
def small_bundle_bytes() -> bytes:
    """The file, byte for byte."""
    return _PATH.read_bytes()


@cache
def _decoded() -> dict[str, Any]:
    bundle: dict[str, Any] = json.loads(small_bundle_bytes())
    return bundle


def small_bundle() -> dict[str, Any]:
    """A new copy for each caller."""
    return deepcopy(_decoded())


def place_of(bundle: dict[str, Any], stix_type: str) -> int:
    """The index of the first object of a type."""
    return next(place for place, found in enumerate(bundle["objects"]) if found["type"] == stix_type)
