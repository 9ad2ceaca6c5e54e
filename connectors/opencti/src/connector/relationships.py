"""The relationships that OpenCTI accepts.

The platform has a list of relationship types for each pair of entity types, and refuses all others. It accepts
`related-to` and `revoked-by` between any two. A type that it refuses becomes the description of a `related-to`.
"""

from dataclasses import dataclass

from connector.stix import StixObject

ANYWHERE = frozenset({"related-to", "revoked-by"})

# Only the pairs that the knowledge bases have.
ALLOWED: dict[tuple[str, str], frozenset[str]] = {
    ("attack-pattern", "attack-pattern"): frozenset(
        {"subtechnique-of", "derived-from"}
    ),
    ("attack-pattern", "malware"): frozenset({"uses", "delivers"}),
    ("attack-pattern", "tool"): frozenset({"uses"}),
    ("attack-pattern", "vulnerability"): frozenset({"targets"}),
    ("course-of-action", "attack-pattern"): frozenset({"mitigates"}),
    ("course-of-action", "course-of-action"): frozenset({"derived-from"}),
    ("course-of-action", "malware"): frozenset({"mitigates", "remediates"}),
    ("course-of-action", "tool"): frozenset({"mitigates"}),
    ("course-of-action", "vulnerability"): frozenset({"mitigates", "remediates"}),
    ("malware", "attack-pattern"): frozenset({"uses"}),
    ("malware", "malware"): frozenset(
        {"uses", "controls", "downloads", "drops", "variant-of", "derived-from"}
    ),
    ("malware", "tool"): frozenset({"uses", "downloads", "drops"}),
    ("malware", "intrusion-set"): frozenset({"authored-by"}),
    ("malware", "vulnerability"): frozenset({"exploits", "targets"}),
    ("tool", "attack-pattern"): frozenset({"uses"}),
    ("tool", "malware"): frozenset({"delivers", "drops"}),
    ("tool", "tool"): frozenset({"derived-from"}),
    ("tool", "vulnerability"): frozenset({"has", "targets"}),
    ("intrusion-set", "attack-pattern"): frozenset({"uses"}),
    ("intrusion-set", "malware"): frozenset({"uses"}),
    ("intrusion-set", "tool"): frozenset({"uses"}),
    ("intrusion-set", "intrusion-set"): frozenset({"derived-from", "part-of"}),
    ("intrusion-set", "campaign"): frozenset({"attributed-to"}),
    ("intrusion-set", "vulnerability"): frozenset({"targets"}),
    ("campaign", "attack-pattern"): frozenset({"uses"}),
    ("campaign", "malware"): frozenset({"uses"}),
    ("campaign", "tool"): frozenset({"uses"}),
    ("campaign", "intrusion-set"): frozenset({"attributed-to"}),
    ("campaign", "campaign"): frozenset({"derived-from"}),
    ("campaign", "vulnerability"): frozenset({"targets"}),
    ("data-component", "attack-pattern"): frozenset({"detects"}),
    ("vulnerability", "vulnerability"): frozenset({"derived-from"}),
    ("sector", "sector"): frozenset({"part-of", "derived-from"}),
    ("country", "region"): frozenset({"located-at"}),
    ("region", "region"): frozenset({"located-at"}),
}

_IDENTITY_KINDS = {"class": "sector", "system": "system", "individual": "individual"}
_DATA_KINDS = {
    "x-mitre-data-component": "data-component",
    "x-mitre-data-source": "data-source",
}


@dataclass(frozen=True, slots=True)
class Relation:
    """A relationship before conversion. Its ends are the publisher's ids."""

    type: str
    source: str
    target: str
    origin: StixObject
    """The object it comes from. Its author, markings, dates and references become those of the relationship."""
    description: str | None = None
    id: str | None = None
    """The publisher's id. None for a derived relationship, and for an id that several relationships share."""


def kind_of(sent: StixObject) -> str:
    """The kind of entity that an object becomes."""
    if sent["type"] == "identity":
        return _IDENTITY_KINDS.get(sent.get("identity_class", ""), "organization")
    if sent["type"] == "location":
        return str(sent["x_opencti_location_type"]).lower()
    return _DATA_KINDS.get(sent["type"], str(sent["type"]))


def is_allowed(relationship_type: str, source_kind: str, target_kind: str) -> bool:
    """Whether the platform accepts this relationship between these kinds."""
    return relationship_type in ANYWHERE or relationship_type in ALLOWED.get(
        (source_kind, target_kind), ()
    )
