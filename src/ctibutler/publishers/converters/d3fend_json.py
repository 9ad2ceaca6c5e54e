"""Converts D3FEND's ontology to STIX: defensive tactics and techniques, digital artifacts, and their relationships.

The objects equal the result of upstream's converter for the same file. This is the reason for odd properties, such as a
sentence as the URL of a reference, or a Python list as a description.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ctibutler.errors import MalformedFile
from ctibutler.publishers.converters import d3fend_references as references
from ctibutler.publishers.converters.common_properties import common_properties
from ctibutler.publishers.converters.conversion import Converted, Converter, Edition
from ctibutler.publishers.converters.d3fend_description import DESCRIPTION
from ctibutler.publishers.converters.d3fend_graph import Graph, Node, read_graph
from ctibutler.publishers.converters.d3fend_relations import (
    SUBCLASS,
    Relation,
    associations,
    enabled_tactics,
    enabling,
)
from ctibutler.stix import seeds
from ctibutler.stix.identifiers import (
    d3fend_artifact_id,
    d3fend_matrix_id,
    d3fend_relationship_id,
    d3fend_tactic_id,
    d3fend_technique_id,
    seed_marking_definition_id,
)
from ctibutler.stix.markings import TLP_CLEAR

_log = logging.getLogger(__name__)

_ONTOLOGY: Final = "http://d3fend.mitre.org/ontologies/d3fend.owl"
_MARKINGS: Final = (TLP_CLEAR, seed_marking_definition_id("d3fend2stix"))

_TACTIC: Final = "d3f:DefensiveTactic"
_TECHNIQUE: Final = "d3f:DefensiveTechnique"
_ARTIFACTS: Final = ("d3f:Artifact", "d3f:File", "d3f:NetworkTraffic", "d3f:Software")

_Stix = dict[str, Any]
_Nodes = dict[str, Node]
"""Nodes by key, in order."""


def convert(content: bytes, edition: Edition) -> Converted:
    """The objects of one release, from its `d3fend.json`, and the relations to other knowledge bases.

    Raises MalformedFile if the file is not D3FEND's ontology, or if it is another release.
    """
    graph = read_graph(content)
    ontology = _ontology(graph, edition)
    released = _release_date(ontology)
    tactics = _tactics(graph)
    techniques = _subclasses(graph, (_TECHNIQUE,), tactics)
    artifacts = _subclasses(graph, _ARTIFACTS, tactics | techniques)
    enabled = enabled_tactics(graph, techniques, tactics)
    made = (
        {key: _tactic(node, released) for key, node in tactics.items()}
        | {key: _technique(node, graph, enabled[key], released) for key, node in techniques.items()}
        | {key: _artifact(node, graph, released) for key, node in artifacts.items()}
    )
    relations = list(associations(graph, techniques))
    objects = [
        seeds.dogesec(),
        seeds.tool_marking_definition("d3fend2stix"),
        *(made[key] for key in tactics),
        *(made[key] for key in techniques),
        *_relationships(enabling(graph, enabled, techniques), made, released),
        _matrix(ontology, [made[key]["id"] for key in tactics], released),
        *(made[key] for key in artifacts),
        *_relationships(relations, made, released),
    ]
    # Each id only once: a file may repeat itself.
    return Converted(list({obj["id"]: obj for obj in objects}.values()), leftovers=_leftovers(relations, made))


def _ontology(graph: Graph, edition: Edition) -> Node:
    """The node that describes the ontology."""
    ontology = graph.find(_ONTOLOGY)
    if ontology is None:
        raise MalformedFile(f"D3FEND ontology: @graph: expected a node {_ONTOLOGY}, found none")
    label = _required(ontology, "owl:versionInfo")
    if edition.label and edition.label != label:
        raise MalformedFile(f'D3FEND ontology: owl:versionInfo: expected "{edition.label}", found "{label}"')
    return ontology


def _required(ontology: Node, member: str) -> str:
    text = ontology.text(member)
    if not text:
        raise MalformedFile(f"D3FEND ontology: {_ONTOLOGY}: {member} is missing")
    return text


def _release_date(ontology: Node) -> str:
    """The time of the release, as a STIX timestamp with milliseconds. A time without an offset is UTC."""
    text = _required(ontology, "d3f:release-date")
    try:
        moment = datetime.fromisoformat(text)
        utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise MalformedFile(f'D3FEND ontology: d3f:release-date: expected a time, found "{text}"') from None
    return utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _tactics(graph: Graph) -> _Nodes:
    """The defensive tactics in the order in which D3FEND shows them. Those without a place are last."""
    tactics = [node for node in graph.nodes if _TACTIC in node.texts("@type")]
    if not tactics:
        raise MalformedFile(f"D3FEND ontology: @graph: expected nodes of type {_TACTIC}, found none")
    return {node.key: node for node in sorted(tactics, key=_place)}


def _place(tactic: Node) -> float:
    place = tactic.text("d3f:display-order")
    try:
        return float(place)
    except ValueError:
        _log.warning(
            '%s: d3f:display-order: expected a number, found "%s"; the tactic is placed last', tactic.id, place
        )
        return float("inf")


def _subclasses(graph: Graph, tops: tuple[str, ...], taken: _Nodes) -> _Nodes:
    """The subclasses of `tops`, except those that already become another object."""
    below = graph.below(SUBCLASS, *tops)
    classes = {node.key: node for node in graph.nodes if node.id in below and node.key not in taken}
    if not classes:
        raise MalformedFile(f"D3FEND ontology: @graph: expected subclasses of {tops[0]}, found none")
    return classes


def _tactic(node: Node, released: str) -> _Stix:
    return {
        **_head("x-mitre-tactic", d3fend_tactic_id(node.id), released),
        "name": node.name,
        "description": _description(node),
        "external_references": [references.page("tactic", node)],
        "object_marking_refs": list(_MARKINGS),
        "x_mitre_shortname": (node.id.rpartition(":")[2] or node.id).lower(),
        **_attack_properties(x_mitre_domains=["d3fend"], x_mitre_version="0.1"),
    }


def _technique(node: Node, graph: Graph, enabled: list[Node], released: str) -> _Stix:
    aliases = node.texts("d3f:synonym")
    top_level = _TECHNIQUE.lower() in (target.lower() for target in node.targets(SUBCLASS))
    return {
        **_head("course-of-action", d3fend_technique_id(node.id), released),
        "name": node.name,
        "description": _description(node),
        "external_references": [
            references.page("technique", node),
            *references.cited(node, graph),
            *(references.enabled(tactic) for tactic in enabled),
        ],
        "object_marking_refs": list(_MARKINGS),
        **({"x_aliases": aliases} if aliases else {}),
        **_attack_properties(
            x_mitre_domains=["d3fend"],
            x_mitre_is_subtechnique=not top_level,
            x_mitre_platforms=["-"],
            x_mitre_version="0.1",
        ),
    }


def _artifact(node: Node, graph: Graph, released: str) -> _Stix:
    return {
        **_head("indicator", d3fend_artifact_id(node.id), released),
        "name": node.name,
        "description": _description(node),
        "indicator_types": ["unknown"],
        "pattern": node.id,
        "pattern_type": "d3fend",
        "valid_from": released.replace(".000Z", "Z"),
        "external_references": [references.page("dao/artifact", node), *references.cited(node, graph)],
        "object_marking_refs": list(_MARKINGS),
    }


def _matrix(ontology: Node, tactics: list[str], released: str) -> _Stix:
    licence, address = ontology.text("dcterms:license"), ontology.text("owl:versionIRI")
    version = {"source_name": "version", "url": address, "external_id": ontology.text("owl:versionInfo")}
    if not address:
        del version["url"]
    return {
        **_head("x-mitre-matrix", d3fend_matrix_id(), released),
        "name": _required(ontology, "dcterms:title"),
        "description": ontology.passage("dcterms:description"),
        "tactic_refs": tactics,
        "external_references": [
            {"source_name": "mitre-d3fend", "url": references.SITE, "external_id": "mitre-d3fend"},
            *([{"source_name": "license", "external_id": licence}] if licence else []),
            version,
        ],
        "object_marking_refs": list(_MARKINGS),
        **_attack_properties(x_mitre_domains=["d3fend"], x_mitre_version="0.1"),
    }


def _relationships(relations: Iterable[Relation], made: Mapping[str, _Stix], released: str) -> Iterator[_Stix]:
    """The relations between two objects."""
    for relation in relations:
        source, target = made.get(relation.source.key), made.get(relation.target.key)
        if source and target:
            yield _relationship(relation, source, target, released)


def _leftovers(relations: Iterable[Relation], made: Mapping[str, _Stix]) -> list[dict[str, str]]:
    """The other relations, by external ids. Relations to superclasses are left out, because there is nothing to link."""
    return [
        {
            "source": relation.source.external_id,
            "target": relation.target.external_id,
            "type": relation.predicate.id,
            "description": relation.description,
        }
        for relation in relations
        if not relation.is_subclass and not (relation.source.key in made and relation.target.key in made)
    ]


def _relationship(relation: Relation, source: _Stix, target: _Stix, released: str) -> _Stix:
    relationship_type = relation.predicate.name
    if relation.is_subclass:
        techniques = source["type"] == target["type"] == "course-of-action"
        relationship_type = "subtechnique-of" if techniques else "subclass-of"
    return {
        **_head("relationship", d3fend_relationship_id(source["id"], target["id"], relationship_type), released),
        "relationship_type": relationship_type,
        "description": relation.description,
        "source_ref": source["id"],
        "target_ref": target["id"],
        "external_references": [dict(source["external_references"][0]), dict(target["external_references"][0])],
        "object_marking_refs": list(_MARKINGS),
        **_attack_properties(),
    }


def _description(node: Node) -> str:
    definition, article = node.passage("d3f:definition"), node.passage("d3f:kb-article")
    return f"{definition}\n\n{article}" if article else definition


def _head(object_type: str, stix_id: str, released: str) -> _Stix:
    return common_properties(object_type, stix_id, created_by=seeds.DOGESEC, created=released, modified=released)


def _attack_properties(**more: Any) -> _Stix:
    """The properties that ATT&CK adds to its objects, ordered by name."""
    properties = {
        "x_mitre_attack_spec_version": "3.3.0",
        "x_mitre_deprecated": False,
        "x_mitre_modified_by_ref": seeds.DOGESEC,
        **more,
    }
    return dict(sorted(properties.items()))


CONVERTER: Final = Converter("d3fend-json", 1, convert, DESCRIPTION)
