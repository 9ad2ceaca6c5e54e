"""The knowledge bases that this connector can bring into OpenCTI, in the order in which it works through them.

The order matters: a relationship between two knowledge bases may only follow both of its ends, and one message queue
keeps the order from one work to the next.
"""

from dataclasses import dataclass

ATTACK_TYPES = (
    "attack-pattern",
    "campaign",
    "course-of-action",
    "intrusion-set",
    "malware",
    "tool",
    "x-mitre-data-component",
    "x-mitre-data-source",
)


@dataclass(frozen=True, slots=True)
class LinkMode:
    """A kind of cross-link that the server derives: its name there, and the knowledge bases that its ends lie in."""

    name: str
    ends: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KnowledgeBase:
    """What the connector must know about one knowledge base."""

    slug: str
    title: str
    mapping: str
    """Which rules turn its objects into OpenCTI's: a key of `converter_to_stix.MAPPINGS`."""
    entities: tuple[str, ...]
    """Types of the publisher that arrive in OpenCTI as entities."""
    external_ids: tuple[str, ...] = ()
    """`source_name` of the external reference that names an object in its own knowledge base."""
    version_parameter: str = "version"
    """How the older API calls the release in its lists; it ignores any other word."""
    namesakes: tuple[str, ...] = ()
    """Knowledge bases whose live objects may share OpenCTI's identity with a dead object of this one."""
    links: tuple[LinkMode, ...] = ()
    borrows_from: tuple[str, ...] = ()
    """Knowledge bases whose techniques appear here again under their own number."""
    site: str = ""
    """What a relative link in a description is relative to."""


def _attack(matrix: str, title: str) -> KnowledgeBase:
    others = tuple(f"attack-{other}" for other in ("enterprise", "mobile", "ics") if other != matrix)
    return KnowledgeBase(
        slug=f"attack-{matrix}",
        title=title,
        mapping="attack",
        entities=ATTACK_TYPES,
        external_ids=("mitre-attack", "mitre-mobile-attack", "mitre-ics-attack"),
        version_parameter="attack_version",
        namesakes=(*others, "mitre-f3"),
    )


ALL = (
    _attack("enterprise", "MITRE ATT&CK Enterprise"),
    _attack("mobile", "MITRE ATT&CK Mobile"),
    _attack("ics", "MITRE ATT&CK ICS"),
    KnowledgeBase(
        slug="capec",
        title="MITRE CAPEC",
        mapping="capec",
        entities=("attack-pattern", "course-of-action"),
        external_ids=("capec",),
        version_parameter="capec_version",
        links=(LinkMode("capec-attack", ("attack-enterprise",)),),
    ),
    KnowledgeBase(
        slug="cwe",
        title="MITRE CWE",
        mapping="cwe",
        entities=("weakness", "grouping"),
        external_ids=("cwe",),
        version_parameter="cwe_version",
        links=(LinkMode("cwe-capec", ("capec",)),),
    ),
    KnowledgeBase(
        slug="disarm",
        title="DISARM",
        mapping="disarm",
        entities=("attack-pattern",),
        external_ids=("DISARM", "mitre-attack"),
        version_parameter="disarm_version",
    ),
    KnowledgeBase(
        slug="atlas",
        title="MITRE ATLAS",
        mapping="atlas",
        entities=("attack-pattern", "course-of-action"),
        external_ids=("mitre-atlas",),
        version_parameter="atlas_version",
        site="https://atlas.mitre.org",
    ),
    KnowledgeBase(
        slug="mitre-f3",
        title="MITRE Fight Fraud Framework",
        mapping="f3",
        entities=("attack-pattern",),
        external_ids=("mitre-f3",),
        version_parameter="f3_version",
        namesakes=("attack-enterprise", "attack-mobile", "attack-ics"),
        borrows_from=("attack-enterprise", "attack-mobile", "attack-ics"),
    ),
    KnowledgeBase(
        slug="location",
        title="Locations",
        mapping="location",
        entities=("location",),
        external_ids=("location2stix",),
        version_parameter="location_version",
    ),
    KnowledgeBase(
        slug="sector",
        title="Sectors",
        mapping="sector",
        entities=("identity",),
        external_ids=("sector2stix",),
        version_parameter="sector_version",
    ),
    KnowledgeBase(
        slug="d3fend",
        title="MITRE D3FEND",
        mapping="d3fend",
        entities=("course-of-action",),
        external_ids=("mitre-d3fend",),
        version_parameter="d3fend_version",
        links=(LinkMode("d3fend-knowledgebases", ("attack-enterprise", "cwe")),),
        site="https://d3fend.mitre.org",
    ),
)

BY_SLUG = {kb.slug: kb for kb in ALL}

NOTHING_TO_IMPORT = ("tlp",)
"""Accepted names whose objects the platform makes itself."""

ALIASES = {
    "attack": ("attack-enterprise", "attack-mobile", "attack-ics"),
    "f3": ("mitre-f3",),
    "all": tuple(kb.slug for kb in ALL),
}

NAMES = tuple(BY_SLUG) + NOTHING_TO_IMPORT
"""Every name that the configuration accepts, aliases apart."""
