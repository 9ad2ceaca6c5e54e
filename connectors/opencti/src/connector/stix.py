"""STIX objects as publishers write them."""

from collections.abc import Iterable
from typing import Any

StixObject = dict[str, Any]


def is_revoked(item: StixObject) -> bool:
    """Whether its publisher replaced it. ATT&CK then has a `revoked-by` relationship."""
    return bool(item.get("revoked"))


def is_deprecated(item: StixObject) -> bool:
    """Whether its publisher withdrew it without a successor. ATT&CK and CAPEC have their own properties for that."""
    return bool(item.get("x_mitre_deprecated")) or item.get("x_capec_status") in (
        "Deprecated",
        "Obsolete",
    )


def external_id(item: StixObject, source_names: Iterable[str]) -> str | None:
    """The external id of the first reference with one of these source names, or None."""
    names = set(source_names)
    for reference in item.get("external_references") or ():
        if reference.get("source_name") in names and reference.get("external_id"):
            return str(reference["external_id"])
    return None


def type_of(stix_id: str) -> str:
    """The type part of a STIX id."""
    return stix_id.split("--", 1)[0]
