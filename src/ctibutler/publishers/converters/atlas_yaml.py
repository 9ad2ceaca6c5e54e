"""ATLAS's YAML in format 6 as STIX objects, the same that its publisher makes from the file.

Ids, properties and their order follow the publisher's bundles up to 5.6.0. A relationship to something that the file does not
contain is logged and left out; `atlas_format.py` refuses everything else that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ctibutler.errors import MalformedFile
from ctibutler.knowledge_bases import release_labels
from ctibutler.publishers.converters.atlas_description import DESCRIPTION
from ctibutler.publishers.converters.atlas_details import details
from ctibutler.publishers.converters.atlas_format import FILE, AtlasData, Entry, read_atlas
from ctibutler.publishers.converters.atlas_relations import head, leave_out, relationships
from ctibutler.publishers.converters.conversion import Converted, Converter, Edition
from ctibutler.stix import identifiers

_SOURCE: Final = "mitre-atlas"
_SITE: Final = "https://atlas.mitre.org"
_Stix = dict[str, Any]


def convert(content: bytes, edition: Edition) -> Converted:
    """Convert one release to STIX objects and their details.

    Raises MalformedFile if the file is not ATLAS's YAML in format 6, or is another release.
    """
    data = read_atlas(content)
    if edition.label and release_labels.sort_key(edition.label) != release_labels.sort_key(data.release):
        raise MalformedFile(f"{FILE}: collection: version: expected {edition.label}, found {data.release}")
    if not data.tactics or not data.techniques:
        raise MalformedFile(f"{FILE}: expected tactics and techniques, found {len(data.techniques)} techniques")
    made = {entry.id: stix for entry, stix in _objects(data)}
    objects = [*made.values(), *relationships(data, made)]
    matrix = _matrix(data, made)
    collection = _collection(data, [*objects, matrix])
    stix_ids = {external_id: str(stix["id"]) for external_id, stix in made.items()}
    stix_ids |= {data.matrix.id: matrix["id"], data.collection.id: collection["id"]}
    return Converted([*objects, matrix, collection], details=details(data, stix_ids))


def _objects(data: AtlasData) -> Iterator[tuple[Entry, _Stix]]:
    for tactic in data.tactics.values():
        yield tactic, _tactic(tactic)
    parents = {relation.source for relation in data.of("specializes")}
    phases = _phases(data)
    for technique in data.techniques.values():
        yield technique, _technique(technique, phases.get(technique.id, []), is_sub=technique.id in parents)
    for mitigation in data.mitigations.values():
        yield mitigation, _object("course-of-action", mitigation, "mitigations")
    for case_study in data.case_studies.values():
        yield case_study, _object("campaign", case_study, "studies")


def _tactic(tactic: Entry) -> _Stix:
    stix = _object("x-mitre-tactic", tactic, "tactics")
    return {**stix, "x_mitre_shortname": _slug(tactic.name)}


def _technique(technique: Entry, phases: list[_Stix], *, is_sub: bool) -> _Stix:
    stix = _object("attack-pattern", technique, "techniques", {"kill_chain_phases": phases} if phases else {})
    sub = {"x_mitre_is_subtechnique": True} if is_sub else {}
    platforms = technique.properties.get("platforms")
    return {**stix, **sub, **({"x_mitre_platforms": list(platforms)} if isinstance(platforms, list) else {})}


def _object(object_type: str, entry: Entry, page: str, further: Mapping[str, Any] | None = None) -> _Stix:
    return {
        **head(object_type, identifiers.atlas_id(object_type, entry.id), entry),
        "name": entry.name,
        "description": entry.description,
        **(further or {}),
        "external_references": [_reference(entry.id, f"{_SITE}/{page}/{entry.id}"), *_attack_reference(entry)],
        "x_mitre_domains": ["ATLAS"],
    }


def _reference(external_id: str, url: str) -> dict[str, str]:
    return {"source_name": _SOURCE, "url": url, "external_id": external_id}


def _attack_reference(entry: Entry) -> Iterator[dict[str, str]]:
    if entry.attack is not None:
        external_id, url = entry.attack
        yield {"source_name": "mitre-attack", **({"url": url} if url else {}), "external_id": external_id}


def _phases(data: AtlasData) -> dict[str, list[_Stix]]:
    """The kill chain phases of each technique: one for each of its tactics."""
    phases: dict[str, list[_Stix]] = {}
    for relation in data.of("achieves"):
        tactic = data.tactics.get(relation.target)
        if tactic is None or relation.source not in data.techniques:
            leave_out(relation)
        else:
            phase = {"kill_chain_name": _SOURCE, "phase_name": _slug(tactic.name)}
            phases.setdefault(relation.source, []).append(phase)
    return phases


def _matrix(data: AtlasData, made: Mapping[str, _Stix]) -> _Stix:
    matrix = data.matrix
    return {
        **head("x-mitre-matrix", identifiers.atlas_id("x-mitre-matrix", matrix.id), matrix),
        "name": matrix.name,
        **({"description": matrix.description} if matrix.description else {}),
        "external_references": [_reference(_SOURCE, _SITE)],
        "tactic_refs": [made[tactic]["id"] for tactic in _columns(data)],
        "x_mitre_domains": ["ATLAS"],
    }


def _columns(data: AtlasData) -> list[str]:
    """The tactics in the order of the matrix; tactics without a position come last."""
    placed = sorted(data.of("sequences"), key=lambda relation: (relation.position is None, relation.position or 0))
    return list(dict.fromkeys([*(item.target for item in placed if item.target in data.tactics), *data.tactics]))


def _collection(data: AtlasData, objects: Iterable[_Stix]) -> _Stix:
    collection = data.collection
    return {
        **head("x-mitre-collection", identifiers.atlas_id("x-mitre-collection", collection.id), collection),
        "name": collection.name,
        **({"description": collection.description} if collection.description else {}),
        "x_mitre_attack_spec_version": "2.1.0",
        "x_mitre_contents": [
            {"object_ref": stix["id"], **({"object_modified": stix["modified"]} if "modified" in stix else {})}
            for stix in objects
        ],
        "x_mitre_domains": ["ATLAS"],
        "x_mitre_version": data.release,
    }


def _slug(name: str) -> str:
    return name.lower().replace(" ", "-")


CONVERTER: Final = Converter("atlas-yaml", 1, convert, DESCRIPTION)
