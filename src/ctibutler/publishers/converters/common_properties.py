"""The properties that converted objects start with. STIX calls them common properties."""

from __future__ import annotations

from typing import Any


def common_properties(
    object_type: str, stix_id: str, *, created_by: str, created: str, modified: str
) -> dict[str, Any]:
    """The type, id, creator and times of a STIX 2.1 object, in the order in which upstream's converters write them."""
    return {
        "type": object_type,
        "spec_version": "2.1",
        "id": stix_id,
        "created_by_ref": created_by,
        "created": created,
        "modified": modified,
    }
