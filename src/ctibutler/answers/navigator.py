"""The techniques that an object is related to, as ATT&CK Navigator layers show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from ctibutler.answers.library import Library
from ctibutler.answers.naming import ObjectRequest, resolve
from ctibutler.catalog import objects as catalog
from ctibutler.catalog import relationship_contents, relationships
from ctibutler.catalog.folding import natural_order
from ctibutler.errors import InvalidRequest
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.objects import decode, instant, is_deprecated, is_revoked, text

TECHNIQUE: Final = "attack-pattern"


class Relation(NamedTuple):
    """How the object is related to techniques: the type of the relationship, and whether it begins at the object."""

    relationship_type: str
    outgoing: bool


@dataclass(frozen=True, slots=True)
class LayerTechnique:
    """A technique of a layer, by its primary id.

    `descriptions` are those of its relationships to the object, as published, oldest first, without empty ones.
    """

    id: str
    descriptions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """The techniques that an object of a release is related to, sorted by id, and the relations that lead to them, sorted."""

    kb: KnowledgeBase
    release: str
    stix_id: str
    external_id: str | None
    object_name: str | None
    relations: tuple[Relation, ...]
    techniques: tuple[LayerTechnique, ...]


@dataclass(frozen=True, slots=True)
class _Tie:
    """A relationship between the object and a technique."""

    relation: Relation
    created: int
    stix_id: str
    technique_id: str
    description: str | None


def layer(library: Library, kb: KnowledgeBase, request: ObjectRequest) -> Layer:
    """Find the techniques at the other end of the object's own relationships.

    Relationships and techniques that are revoked or deprecated are left out unless the request includes them.

    Raises NotFound, and InvalidRequest for a type that has no layer (a technique).
    """
    with library.database.read() as connection:
        release, found = resolve(connection, kb, request)
        # What a new type of object has to do with techniques, its relationships say.
        if found.type not in kb.navigator_types and not kb.is_new(found.type):
            allowed = ", ".join(kb.navigator_types)
            raise InvalidRequest(f"no layer of a `{found.type}`; there are layers of {allowed}")
        named = decode(catalog.contents(connection, [found.object_key])[0])
        edges = relationships.edges_of(connection, release, found.stix_id, include_embedded=False)
        native = [edge for edge in edges if edge.family == "native"]
        sros = [decode(content) for content in relationship_contents.contents(connection, native)]
        ends = {edge.target if edge.source == found.stix_id else edge.source for edge in native}
        members = [key for end in sorted(ends) for key in _member(catalog.with_stix_id(connection, [release.key], end))]
        techniques = {str(item["id"]): item for item in map(decode, catalog.contents(connection, members))}
    ties = _ties(kb, request, found.stix_id, sros, techniques)
    return Layer(
        kb=kb,
        release=release.label,
        stix_id=found.stix_id,
        external_id=found.external_id,
        object_name=text(named, "name"),
        relations=tuple(sorted({tie.relation for tie in ties})),
        techniques=_techniques(ties),
    )


def _member(found: Sequence[catalog.Found]) -> list[int]:
    return [item.object_key for item in found if item.type == TECHNIQUE][:1]


def _ties(
    kb: KnowledgeBase,
    request: ObjectRequest,
    stix_id: str,
    sros: Sequence[Mapping[str, object]],
    techniques: Mapping[str, Mapping[str, object]],
) -> list[_Tie]:
    ties = []
    for sro in sros:
        outgoing = sro["source_ref"] == stix_id
        technique = techniques.get(str(sro["target_ref"] if outgoing else sro["source_ref"]))
        if technique is None or not (_allowed(request, sro) and _allowed(request, technique)):
            continue
        technique_id = kb.primary_id(technique)
        if technique_id:
            relation = Relation(str(sro["relationship_type"]), outgoing)
            created = instant(sro, "created") or 0
            ties.append(_Tie(relation, created, str(sro["id"]), technique_id, text(sro, "description")))
    return sorted(ties, key=lambda tie: (tie.created, tie.stix_id))


def _techniques(ties: Sequence[_Tie]) -> tuple[LayerTechnique, ...]:
    descriptions: dict[str, list[str]] = {}
    for tie in ties:
        descriptions.setdefault(tie.technique_id, []).extend([tie.description] if tie.description else [])
    return tuple(
        LayerTechnique(technique_id, tuple(descriptions[technique_id]))
        for technique_id in sorted(descriptions, key=natural_order)
    )


def _allowed(request: ObjectRequest, properties: Mapping[str, object]) -> bool:
    return (request.include_revoked or not is_revoked(properties)) and (
        request.include_deprecated or not is_deprecated(properties)
    )
