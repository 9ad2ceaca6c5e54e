"""The publishers' hosts, simulated by one local server with their paths and files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from typing import Any

from ctibutler.settings import Settings
from tests.configured import settings_with
from tests.publishers.server import LocalServer, body, status

RAW = "/raw.githubusercontent.com"
API = "/api.github.com"
ATTACK = f"{RAW}/mitre-attack/attack-stix-data/master"
CAPEC = f"{RAW}/mitre/cti/master/capec/2.1/stix-capec.json"
CWE = "/cwe.mitre.org/data"
ATLAS = "/mitre-atlas/atlas-navigator-data"
DISARM = "/DISARMFoundation/DISARMframeworks"
WORKBOOK = "DISARM_MASTER_DATA/DISARM_FRAMEWORKS_MASTER.xlsx"
D3FEND = "/d3fend.mitre.org"
F3 = f"{RAW}/center-for-threat-informed-defense/fight-fraud-framework/main/public"


def settings(server: LocalServer, **further: Any) -> Settings:
    """The settings of an installation that reaches the publishers at this server only."""
    given = {"bucket": "", "sources": "publisher", "publishers_url": server.url, "download_retries": 0}
    return settings_with(**(given | further))


def serve(server: LocalServer, files: Mapping[str, bytes | object]) -> None:
    """Serve these files by path; anything but bytes is encoded as JSON. Each has an ETag, so that it is sent only once."""
    for path, content in files.items():
        written = content if isinstance(content, bytes) else json.dumps(content).encode()
        server.answers[path] = _file(written)


def _file(content: bytes) -> Any:
    tag = f'"{sha256(content).hexdigest()}"'

    def answer(request: BaseHTTPRequestHandler) -> None:
        known = request.headers.get("If-None-Match") == tag
        (status(304) if known else body(content, etag=tag))(request)

    return answer


def index(**releases: list[str]) -> dict[str, Any]:
    """The index of ATT&CK's collections; `enterprise_attack=["18.1"]` gives that domain's releases."""
    base = "https://raw.githubusercontent.com/mitre-attack/attack-stix-data/master"
    return {
        "id": "10296991-439b-4202-90a3-e38812613ad4",
        "name": "MITRE ATT&CK",
        "collections": [
            {
                "id": f"x-mitre-collection--{domain}",
                "versions": [
                    {
                        "version": label,
                        "url": f"{base}/{domain.replace('_', '-')}/{domain.replace('_', '-')}-{label}.json",
                        "modified": "2025-11-13T14:00:00.188Z",
                    }
                    for label in labels
                ],
            }
            for domain, labels in releases.items()
        ],
    }


def commit(sha: str, day: str, message: str = "Changed the workbook") -> dict[str, Any]:
    """A commit as GitHub lists it."""
    return {"sha": sha, "commit": {"message": message, "committer": {"name": "A", "date": f"{day}T12:00:00Z"}}}


def bundle(*objects: dict[str, Any]) -> dict[str, Any]:
    """A STIX bundle."""
    return {"type": "bundle", "id": "bundle--5c1dcb2c-1e7f-4a4b-9d4e-0f3a1f6f2a11", "objects": list(objects)}
