"""The knowledge bases that this connector imports, in the order of import.

The order matters. A relationship between two knowledge bases must follow both of its ends, and the message queue keeps the
order from one work to the next.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

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
    """A kind of cross-link on the server: its name, and the knowledge bases of its ends."""

    name: str
    ends: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KnowledgeBase:
    """What the connector knows about a knowledge base."""

    slug: str
    title: str
    mapping: str
    """A key of `mappings.MAPPINGS`: the rules that convert its objects."""
    entities: tuple[str, ...]
    """The publisher's types that become entities."""
    external_ids: tuple[str, ...] = ()
    """`source_name` of the external references whose `external_id` names an object of this knowledge base."""
    version_parameter: str = "version"
    """The name of the release parameter in the lists of the older API, which ignores any other name."""
    namesakes: tuple[str, ...] = ()
    """Knowledge bases whose live objects may share an entity with a revoked or deprecated object of this one."""
    links: tuple[LinkMode, ...] = ()
    borrows_from: tuple[str, ...] = ()
    """Knowledge bases that lend objects to this one: what is the same entity in OpenCTI keeps their words."""
    site: str = ""
    """The base of relative links in descriptions."""
    platforms: Mapping[str, str | None] = field(default_factory=dict)
    """Values of `x_mitre_platforms` to replace; None drops a value that is not a platform."""


ATTACK = ("attack-enterprise", "attack-mobile", "attack-ics")


def _attack(matrix: str, title: str) -> KnowledgeBase:
    slug = f"attack-{matrix}"
    others = tuple(other for other in ATTACK if other != slug)
    return KnowledgeBase(
        slug=slug,
        title=title,
        mapping="attack",
        entities=ATTACK_TYPES,
        external_ids=("mitre-attack", "mitre-mobile-attack", "mitre-ics-attack"),
        version_parameter="attack_version",
        namesakes=(*others, "atlas", "mitre-f3"),
        platforms={"None": None},  # on 82 techniques of ATT&CK for ICS
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
        platforms={"Mac": "macOS"},
    ),
    KnowledgeBase(
        slug="atlas",
        title="MITRE ATLAS",
        mapping="atlas",
        entities=("attack-pattern", "campaign", "course-of-action"),
        external_ids=("mitre-atlas",),
        version_parameter="atlas_version",
        # Of both, some campaigns have the same name, such as ShadowRay. OpenCTI knows a campaign by its name.
        namesakes=ATTACK,
        borrows_from=ATTACK,
        site="https://atlas.mitre.org",
        # Up to 5.6.0, every technique says this. Later ones say which systems it is for, such as `Generative AI`.
        platforms={"ATLAS": None},
    ),
    KnowledgeBase(
        slug="mitre-f3",
        title="MITRE Fight Fraud Framework",
        mapping="f3",
        entities=("attack-pattern",),
        external_ids=("mitre-f3",),
        version_parameter="f3_version",
        namesakes=ATTACK,
        borrows_from=ATTACK,
        platforms={"F3": None},
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
"""Names that are accepted although the platform has these objects already."""

ALIASES = {
    "attack": ATTACK,
    "f3": ("mitre-f3",),
    "all": tuple(kb.slug for kb in ALL),
}

NAMES = tuple(BY_SLUG) + NOTHING_TO_IMPORT
"""Every accepted name, without the aliases."""
