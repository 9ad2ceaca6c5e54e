"""Excerpts of two releases of Enterprise ATT&CK, as small as a test needs and part of this folder: see `excerpt/README.md`."""

import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "excerpt"
SLUG = "attack-enterprise"
RELEASES = {SLUG: ("17.1", "18.1")}


@cache
def objects(slug: str, version: str) -> list[dict[str, Any]]:
    """The objects of an excerpt. Shared between tests: read only."""
    assert version in RELEASES[slug]
    name = f"enterprise-attack-{version.replace('.', '_')}.json"
    content = (FOLDER / "mitre-attack-enterprise-repo-data" / name).read_bytes()
    found: list[dict[str, Any]] = json.loads(content)["objects"]
    return found
