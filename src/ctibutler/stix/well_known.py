"""Well-known objects: objects of any knowledge base may refer to them, although no release contains them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from ctibutler.stix.markings import TLP_1, TLP_2
from ctibutler.stix.seeds import dogesec, tool_identity, tool_marking_definition

_OBJECTS: Final = (
    *TLP_1,
    *TLP_2,
    dogesec(),
    tool_identity("stix2arango"),
    tool_marking_definition("stix4doge"),
    tool_marking_definition("stix2arango"),
    tool_marking_definition("arango_cti_processor"),
)

WELL_KNOWN: Final[Mapping[str, dict[str, Any]]] = MappingProxyType({obj["id"]: obj for obj in _OBJECTS})
"""STIX id → object. Read only. If an installed release contains one of these ids, its object is preferred."""
