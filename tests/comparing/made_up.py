"""Made-up releases of ATT&CK for ICS, as small as the point needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid5

from ctibutler.answers.library import Library
from ctibutler.answers.migrations import outcomes
from ctibutler.catalog.engine.database import Database
from ctibutler.comparing.outcomes import Outcome
from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import install, made_content

Stix = dict[str, Any]
SLUG = "attack-ics"
KB = HOSTED.named(SLUG)
WRITTEN = "2024-01-01T00:00:00.000Z"


def stix_id(key: str, stix_type: str = "attack-pattern") -> str:
    """The id of the object with this key."""
    return f"{stix_type}--{uuid5(UUID(int=17), f'{stix_type} {key}')}"


def made(
    number: str, name: str, text: str, *phases: str, key: str = "", stix_type: str = "attack-pattern", **properties: Any
) -> Stix:
    """An object with a number, of which the id is made unless there is a key; it serves the tactics with these short names."""
    chain = [{"kill_chain_name": "mitre-ics-attack", "phase_name": phase} for phase in phases]
    return {
        "type": stix_type,
        "spec_version": "2.1",
        "id": stix_id(key or number, stix_type),
        "created": WRITTEN,
        "modified": WRITTEN,
        "name": name,
        "description": text,
        "external_references": [{"source_name": "mitre-attack", "external_id": number}],
        **({"kill_chain_phases": chain} if chain else {}),
        **properties,
    }


def technique(number: str, *phases: str, key: str = "", **properties: Any) -> Stix:
    """A technique with a name and a text of its own."""
    name = properties.pop("name", f"Method {number}")
    text = properties.pop("description", f"Adversaries may apply method {number} to a controller.")
    return made(number, name, text, *phases, key=key, **properties)


def tactic(number: str, slug: str, name: str, key: str = "") -> Stix:
    """A tactic."""
    text = f"The adversary is trying to reach {name}."
    return made(number, name, text, key=key or number, stix_type="x-mitre-tactic", x_mitre_shortname=slug)


def revoked(stix: Stix) -> Stix:
    """The same, revoked."""
    return {**stix, "revoked": True}


def deprecated(stix: Stix) -> Stix:
    """The same, deprecated."""
    return {**stix, "x_mitre_deprecated": True}


def revoked_by(source: Stix, target: Stix | str, **properties: Any) -> Stix:
    """The relationship that says so."""
    end = target if isinstance(target, str) else target["id"]
    return {
        "type": "relationship",
        "spec_version": "2.1",
        "id": stix_id(f"{source['id']} {end} {sorted(properties)}", "relationship"),
        "created": WRITTEN,
        "modified": WRITTEN,
        "relationship_type": "revoked-by",
        "source_ref": source["id"],
        "target_ref": end,
        **properties,
    }


def installed(database: Database, *releases: Sequence[Stix], order: Sequence[int] | None = None) -> Library:
    """A library with these releases, 1.0, 2.0 and so on, installed in this order."""
    for place in order or range(len(releases)):
        bundle = made_content(list(releases[place]), f"bundle--{UUID(int=place + 1)}")
        install(database, f"{SLUG}@{place + 1}.0", bundle)
    return Library(database, HOSTED)


def told(library: Library, old: str, new: str, *ids: str, accept: Sequence[str] = ()) -> list[Outcome]:
    """What became of these ids."""
    return list(outcomes(library, KB, old, new, ids, accept=accept))
