"""Links: relationships that we generate between objects that refer to each other by external ids.

They lead from techniques to the tactics of the same release, and between knowledge bases. The functions take decoded
objects and return SROs. The caller decides which objects of which releases to link.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ctibutler.stix import identifiers
from ctibutler.stix.markings import TLP_CLEAR
from ctibutler.stix.objects import dicts, external_references, is_deprecated, is_revoked
from ctibutler.stix.seeds import DOGESEC

MARKINGS: Final = (TLP_CLEAR, identifiers.seed_marking_definition_id("arango_cti_processor"))

# CAPEC writes ATTACK in all releases from 3.5 to 3.9; upstream's documentation says mitre-attack.
_ATTACK_SOURCES: Final = ("ATTACK", "mitre-attack")
_CAPEC_PAGE: Final = "https://capec.mitre.org/data/definitions/{}.html"
_CWE_PAGE: Final = "http://cwe.mitre.org/data/definitions/{}.html"  # http, as in the weaknesses themselves


def technique_tactics(objects: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The SROs from each technique of a release to its tactics, without duplicates. `objects` holds the whole release.

    Tactics are found by the phase's name; the kill chain is ignored. If two tactics have the same short name, a live one
    is preferred, then the last one. Revoked and deprecated techniques are included. Techniques and tactics without an
    external reference are skipped.
    """
    techniques = []
    tactics: dict[str, Mapping[str, Any]] = {}
    for obj in objects:
        if obj["type"] == "attack-pattern" and external_references(obj):
            techniques.append(obj)
        elif (
            obj["type"] == "x-mitre-tactic"
            and external_references(obj)
            and isinstance(obj.get("x_mitre_shortname"), str)
        ):
            known = tactics.get(obj["x_mitre_shortname"])
            if known is None or _is_live(obj) or not _is_live(known):
                tactics[obj["x_mitre_shortname"]] = obj
    for technique in techniques:
        phases = dicts(technique.get("kill_chain_phases"))
        names = dict.fromkeys(name for phase in phases if isinstance(name := phase.get("phase_name"), str))
        yield from (technique_tactic(technique, tactics[name]) for name in names if name in tactics)


def technique_tactic(technique: Mapping[str, Any], tactic: Mapping[str, Any]) -> dict[str, Any]:
    """The SRO from a technique to one of its tactics. Both must have an external reference."""
    return _link(
        identifiers.technique_tactic_id(technique["id"], tactic["id"]),
        "related-to",
        technique,
        tactic,
        description=f"Technique {_label(technique)} belongs to Tactic {_label(tactic)}",
        references=[*external_references(technique)[:1], *external_references(tactic)[:1]],
    )


def attack_ids(obj: Mapping[str, Any]) -> list[str]:
    """The ATT&CK objects that an object of CAPEC or ATLAS refers to (`T1574.010`), without duplicates."""
    return _named(obj, _ATTACK_SOURCES)


def capec_attack(attack_pattern: Mapping[str, Any], technique: Mapping[str, Any]) -> dict[str, Any]:
    """The link from a CAPEC attack pattern to an ATT&CK Enterprise technique that it refers to."""
    capec_id, technique_id = external_id(attack_pattern), external_id(technique)
    return _link(
        identifiers.capec_attack_id(attack_pattern["id"], technique["id"]),
        "related-to",
        attack_pattern,
        technique,
        description=f"{_label(attack_pattern)} uses technique {_label(technique)}",
        references=[
            {"source_name": "capec", "external_id": capec_id, "url": _CAPEC_PAGE.format(_number(capec_id))},
            {"source_name": "mitre-attack", "external_id": technique_id},
        ],
    )


def capec_ids(weakness: Mapping[str, Any]) -> list[str]:
    """The CAPEC attack patterns that a weakness refers to (`CAPEC-122`), without duplicates."""
    return _named(weakness, ("capec",))


def cwe_capec(weakness: Mapping[str, Any], attack_pattern: Mapping[str, Any]) -> dict[str, Any]:
    """The link from a CWE weakness to a CAPEC attack pattern that it refers to."""
    cwe_id, capec_id = external_id(weakness), external_id(attack_pattern)
    return _link(
        identifiers.cwe_capec_id(weakness["id"], attack_pattern["id"]),
        "related-to",
        weakness,
        attack_pattern,
        description=f"{_label(weakness)} is exploited using {_label(attack_pattern)}",
        references=[
            {"source_name": "cwe", "external_id": cwe_id, "url": _CWE_PAGE.format(_number(cwe_id))},
            {"source_name": "capec", "external_id": capec_id, "url": _CAPEC_PAGE.format(_number(capec_id))},
        ],
    )


def atlas_attack(adapted: Mapping[str, Any], original: Mapping[str, Any]) -> dict[str, Any]:
    """The link from an ATLAS tactic, technique or mitigation to its original in ATT&CK Enterprise."""
    own_reference = next(iter(external_references(adapted)), {})
    return _link(
        identifiers.atlas_attack_id(adapted["id"], original["id"]),
        "related-to",
        adapted,
        original,
        description=f"{_label(adapted)} was adapted from {_label(original)}",
        references=[own_reference, {"source_name": "mitre-attack", "external_id": external_id(original)}],
    )


def d3fend_link(source: Mapping[str, Any], target: Mapping[str, Any], property_name: str) -> dict[str, Any]:
    """A link from D3FEND's mapping, for one of its properties (`d3f:modifies`). Either end may be in another knowledge base."""
    relationship_type = property_name.removeprefix("d3f:")
    return _link(
        identifiers.d3fend_link_id(relationship_type, source["id"], target["id"]),
        relationship_type,
        source,
        target,
        description=f"{_name(source)} ({external_id(source)}) {relationship_type} "
        f"{_name(target)} ({external_id(target)})",
        references=[*external_references(source)[:1], *external_references(target)[:1]],
    )


def embedded_relationships(link: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The three embedded relationships of a link: its creator and its two markings.

    Their namespace and creator differ from those of other embedded relationships because upstream's link layer generates
    them. They have no external reference.
    """
    references = [("created-by", link["created_by_ref"])]
    references += [("object-marking", marking) for marking in link["object_marking_refs"]]
    return [
        {
            "type": "relationship",
            "spec_version": "2.1",
            "id": identifiers.link_embedded_relationship_id(relationship_type, link["id"], target),
            "created_by_ref": DOGESEC,
            **_times(link),
            "relationship_type": relationship_type,
            "source_ref": link["id"],
            "target_ref": target,
            "object_marking_refs": list(MARKINGS),
        }
        for relationship_type, target in references
    ]


def external_id(obj: Mapping[str, Any]) -> str:
    """The first external id of an object, by which links find it; empty if it has none."""
    return next((found for reference in external_references(obj) if (found := _external_id(reference))), "")


def _link(
    stix_id: str,
    relationship_type: str,
    source: Mapping[str, Any],
    target: Mapping[str, Any],
    *,
    description: str,
    references: list[dict[str, Any]],
) -> dict[str, Any]:
    return {
        "type": "relationship",
        "spec_version": "2.1",
        "id": stix_id,
        "created_by_ref": DOGESEC,
        **_times(source),
        "relationship_type": relationship_type,
        "description": description,
        "source_ref": source["id"],
        "target_ref": target["id"],
        "external_references": references,
        "object_marking_refs": list(MARKINGS),
    }


def _is_live(obj: Mapping[str, Any]) -> bool:
    return not is_revoked(obj) and not is_deprecated(obj)


def _times(obj: Mapping[str, Any]) -> dict[str, Any]:
    return {name: obj[name] for name in ("created", "modified") if name in obj}


def _label(obj: Mapping[str, Any]) -> str:
    return f"{external_id(obj)} ({_name(obj)})"


def _name(obj: Mapping[str, Any]) -> str:
    return str(obj.get("name", ""))


def _named(obj: Mapping[str, Any], sources: tuple[str, ...]) -> list[str]:
    named = (
        _external_id(reference) for reference in external_references(obj) if reference.get("source_name") in sources
    )
    return [name for name in dict.fromkeys(named) if name]


def _number(external: str) -> str:
    return external.rpartition("-")[2]


def _external_id(reference: Mapping[str, Any]) -> str:
    found = reference.get("external_id")
    return found if isinstance(found, str) else ""
