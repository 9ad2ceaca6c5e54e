"""ATLAS since 2026.05, made up from 5.6.0: what its publisher changed then, in the form of its STIX bundles.

The bundles have case studies as campaigns, platforms, an id for each relationship, and neither matrix nor collection.
Retired objects are left out, not flagged. The texts of what is new are made up; the name ShadowRay is real, and ATT&CK
has a campaign of this name too.
"""

import json
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.platform import excerpt

SLUG = "atlas"
FIRST, LATER = "5.6.0", "2026.09"
RETIRED = "AML.T0054"
NEW_TECHNIQUE = "AML.T0999"
CASE_STUDIES = {"AML.CS0023": "ShadowRay", "AML.CS0059": "A Zero-Click Leak"}
PLATFORMS = ("Predictive AI", "Generative AI", "Agentic AI", "Enterprise")

_FILE = "mitre-atlas-repo-data/mitre-atlas-v{}.json"
_NAMESPACE = uuid.UUID(bytes=b"atlas.mitre.org.")
_DATES = {"created": "2026-06-01T00:00:00.000Z", "modified": "2026-08-31T00:00:00.000Z"}

Objects = list[dict[str, Any]]


def first() -> Objects:
    """The excerpt of 5.6.0 that is part of these tests."""
    path = excerpt.FOLDER / _FILE.format(FIRST.replace(".", "_"))
    found: Objects = json.loads(path.read_bytes())["objects"]
    return found


def stix_id(stix_type: str, external_id: str) -> str:
    """The id that ATLAS gives an object."""
    return f"{stix_type}--{uuid.uuid5(_NAMESPACE, external_id)}"


def number(item: dict[str, Any]) -> str | None:
    """The ATLAS id of an object."""
    for reference in item.get("external_references") or ():
        if reference["source_name"] == "mitre-atlas":
            return str(reference["external_id"])
    return None


def since_2026(
    before: Objects, case_studies: Iterable[str] = tuple(CASE_STUDIES)
) -> Objects:
    """A later release that follows `before`, with these case studies."""
    gone = stix_id("attack-pattern", RETIRED)
    kept = [
        {**item, "x_mitre_domains": ["ATLAS"]}
        for item in before
        if item["type"] in ("x-mitre-tactic", "attack-pattern", "course-of-action")
        and item["id"] != gone
    ]
    for place, item in enumerate(
        one for one in kept if one["type"] == "attack-pattern"
    ):
        item["x_mitre_platforms"] = [PLATFORMS[place % len(PLATFORMS)]]
    new = _object("attack-pattern", NEW_TECHNIQUE, "Made-up Technique")
    new["kill_chain_phases"] = [
        {"kill_chain_name": "mitre-atlas", "phase_name": "exfiltration"}
    ]
    new["x_mitre_platforms"] = ["Agentic AI", "Enterprise"]
    relations = [
        {**item, "id": _relation_id(*_triple(item))}
        for item in before
        if item["type"] == "relationship"
        and gone not in (item["source_ref"], item["target_ref"])
    ]
    campaigns = [
        _object("campaign", one, CASE_STUDIES[one]) for one in sorted(case_studies)
    ]
    steps = [
        _uses(campaign, step, technique)
        for campaign in campaigns
        for step, technique in enumerate(("AML.T0051", NEW_TECHNIQUE, "AML.T0051"))
    ]
    return [*kept, new, *campaigns, *relations, *steps]


def bucket(folder: Path, releases: dict[str, Objects]) -> Path:
    """A folder with releases, as a server installs them from a bucket."""
    for label, objects in releases.items():
        path = folder / _FILE.format(label.replace(".", "_"))
        path.parent.mkdir(parents=True, exist_ok=True)
        bundle = {"type": "bundle", "id": f"bundle--{uuid.uuid4()}", "objects": objects}
        path.write_text(json.dumps(bundle), encoding="utf-8")
    return folder


def _object(stix_type: str, external_id: str, name: str) -> dict[str, Any]:
    return {
        "type": stix_type,
        "spec_version": "2.1",
        "id": stix_id(stix_type, external_id),
        **_DATES,
        "name": name,
        "description": f"About {name} in ATLAS.",
        "external_references": [
            {
                "source_name": "mitre-atlas",
                "url": f"https://atlas.mitre.org/{external_id}",
                "external_id": external_id,
            }
        ],
        "x_mitre_domains": ["ATLAS"],
    }


def _uses(campaign: dict[str, Any], step: int, technique: str) -> dict[str, Any]:
    target = stix_id("attack-pattern", technique)
    return {
        "type": "relationship",
        "spec_version": "2.1",
        "id": _relation_id("uses", f"{campaign['id']}-S{step:02}", target),
        **_DATES,
        "relationship_type": "uses",
        "source_ref": campaign["id"],
        "target_ref": target,
        "description": f"Step {step} of {campaign['name']}.",
    }


def _triple(item: dict[str, Any]) -> tuple[str, str, str]:
    return (item["relationship_type"], item["source_ref"], item["target_ref"])


def _relation_id(kind: str, source: str, target: str) -> str:
    return stix_id("relationship", f"{source}-{kind}-{target}")
