"""The real releases that the tests read, and where they lie.

They are found as `../shared/kb` beside the repository, or where CTIBUTLER_TEST_KB (or CTIBUTLER_TEST_SHARED, for the
folder above) says.
"""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import zstandard

REPOSITORY = Path(__file__).resolve().parents[4]
_SHARED = Path(os.environ.get("CTIBUTLER_TEST_SHARED") or REPOSITORY.parent / "shared")
FOLDER = Path(os.environ.get("CTIBUTLER_TEST_KB") or _SHARED / "kb")

FILES = {
    "attack-enterprise": "mitre-attack-enterprise-repo-data/enterprise-attack-{}.json.zst",
    "attack-mobile": "mitre-attack-mobile-repo-data/mobile-attack-{}.json.zst",
    "attack-ics": "mitre-attack-ics-repo-data/ics-attack-{}.json.zst",
    "capec": "mitre-capec-repo-data/stix-capec-v{}.json.zst",
    "cwe": "cwe2stix-manual-output/cwe-bundle-v{}.json.zst",
    "disarm": "disarm2stix-manual-output/disarm-bundle-v{}.json.zst",
    "atlas": "mitre-atlas-repo-data/mitre-atlas-v{}.json.zst",
    "mitre-f3": "mitre-f3-repo-data/f3-stix-v{}.json.zst",
    "location": "location2stix-manual-output/location-bundle-v{}.json.zst",
    "sector": "sector2stix-manual-output/sector-bundle-v{}.json.zst",
    "d3fend": "d3fend2stix-manual-output/d3fend-v{}-bundle.json.zst",
}


def is_there() -> bool:
    return FOLDER.is_dir()


def path(slug: str, version: str) -> Path:
    return FOLDER / FILES[slug].format(version.replace(".", "_"))


def content(slug: str, version: str) -> bytes:
    """A release file, uncompressed."""
    with path(slug, version).open("rb") as file:
        return zstandard.ZstdDecompressor().stream_reader(file).read()


@cache
def objects(slug: str, version: str) -> list[dict[str, Any]]:
    """The objects of a release, verbatim. Shared between tests: read only."""
    found: list[dict[str, Any]] = json.loads(content(slug, version))["objects"]
    return found
