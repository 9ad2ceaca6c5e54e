"""TLP: the markings of the Traffic Light Protocol."""

from __future__ import annotations

from ctibutler.knowledge_bases.declaration import BucketFiles, Example, KnowledgeBase, SigmaTag, StixDict
from ctibutler.stix.markings import tlp_level


def _in_sigma(marking: StixDict) -> str | None:
    """The level as Sigma writes it: `amber-strict`. It has none for `white`, which TLP 2 calls `clear`."""
    level = tlp_level(marking)
    return None if level is None or level == "white" else level.replace("+", "-")


TLP = KnowledgeBase(
    slug="tlp",
    aliases=("tlps",),
    title="Traffic Light Protocol",
    publisher="OASIS, FIRST",
    licence="OASIS Open; TLP by FIRST.org.",
    database_name="tlp",
    id_parameter="tlp_id",
    version_parameter="tlp_version",
    job_type="tlp-update",
    primary_id=tlp_level,
    id_prefix="TLP:",
    examples=("clear", "TLP:AMBER+STRICT"),
    example=Example("2", "amber+strict", "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003", "AMBER"),
    listed_types=("marking-definition",),
    sigma_tags=(SigmaTag("tlp", _in_sigma, ("marking-definition",)),),
    default_sort="name_ascending",
    label_colours={
        "clear": "clear",
        "white": "clear",
        "green": "green",
        "amber": "amber",
        "amber+strict": "amber",
        "red": "red",
    },
    bucket=BucketFiles("tlp", "tlpv{}-bundle.json"),
)
