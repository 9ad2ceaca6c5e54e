"""Which properties of objects mean what, so that real edits can be told from housekeeping."""

from __future__ import annotations

from typing import Final, Literal

PropertyClass = Literal["status", "name", "place", "meaning", "detection", "sources", "housekeeping"]
PROPERTY_CLASSES: Final[tuple[PropertyClass, ...]] = (
    "status",
    "name",
    "place",
    "meaning",
    "detection",
    "sources",
    "housekeeping",
)
"""The classes that a property can be declared to have. One that is not declared is *meaning*."""


def classed(**properties: tuple[str, ...]) -> dict[str, PropertyClass]:
    """Return property → class, from the properties of each class."""
    return {name: stix_class for stix_class in PROPERTY_CLASSES for name in properties.get(stix_class, ())}


STIX_PROPERTIES: Final[dict[str, PropertyClass]] = classed(
    status=("revoked",),
    name=("name", "aliases", "x_opencti_aliases"),
    sources=("external_references",),
    housekeeping=(
        "id",
        "type",
        "created",
        "modified",
        "created_by_ref",
        "spec_version",
        "object_marking_refs",
        "granular_markings",
        "confidence",
        "lang",
        "extensions",
    ),
)
"""Those of the standard."""

MATRIX_PROPERTIES: Final[dict[str, PropertyClass]] = STIX_PROPERTIES | classed(
    status=("x_mitre_deprecated",),
    name=("x_mitre_aliases", "x_aliases"),
    place=(
        "kill_chain_phases",
        "x_mitre_is_subtechnique",
        "x_mitre_shortname",
        "tactic_refs",
        "x_mitre_tactic_type",
        "x_mitre_analytic_refs",
    ),
    detection=(
        "x_mitre_detection",
        "x_mitre_data_sources",
        "x_mitre_data_source_ref",
        "x_mitre_log_sources",
        "x_mitre_log_source_references",
        "x_mitre_mutable_elements",
        "x_mitre_collection_layers",
    ),
    housekeeping=(
        "x_mitre_version",
        "x_mitre_attack_spec_version",
        "x_mitre_modified_by_ref",
        "x_mitre_contributors",
        "x_mitre_domains",
        "x_mitre_contents",
        "x_mitre_old_attack_id",
    ),
)
"""Those of knowledge bases that are built like ATT&CK."""

CAPEC_PROPERTIES: Final[dict[str, PropertyClass]] = STIX_PROPERTIES | classed(
    status=("x_capec_status",),
    name=("x_capec_alternate_terms",),
    place=(
        "x_capec_abstraction",
        "x_capec_child_of_refs",
        "x_capec_parent_of_refs",
        "x_capec_can_precede_refs",
        "x_capec_can_follow_refs",
        "x_capec_peer_of_refs",
    ),
    housekeeping=("x_capec_version",),
)
"""Those of CAPEC."""

CWE_PROPERTIES: Final[dict[str, PropertyClass]] = STIX_PROPERTIES | classed(place=("object_refs",))
"""Those of CWE."""

D3FEND_PROPERTIES: Final[dict[str, PropertyClass]] = MATRIX_PROPERTIES | classed(housekeeping=("valid_from",))
"""Those of D3FEND."""
