"""ATT&CK Navigator layers: the techniques that an object has to do with."""

from __future__ import annotations

from collections.abc import Sequence

from ctibutler.answers.library import Library
from ctibutler.answers.objects import ObjectRequest, resolve
from ctibutler.catalog import objects as catalog
from ctibutler.catalog import relationships
from ctibutler.catalog.folding import natural_order
from ctibutler.errors import InvalidRequest
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.objects import decode, instant, is_deprecated, is_revoked, text

LAYER_VERSION, NAVIGATOR_VERSION = "4.5", "5.1.0"
TECHNIQUE = "attack-pattern"


def layer(library: Library, kb: KnowledgeBase, request: ObjectRequest, link: str) -> dict[str, object]:
    """A layer of the techniques at the other end of the object's own relationships.

    Relationships and techniques that are revoked or deprecated are left out unless the request includes them. `link` is
    the address behind the layer's link.

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
        sros = [decode(content) for content in relationships.contents(connection, native)]
        ends = {edge.target if edge.source == found.stix_id else edge.source for edge in native}
        members = [
            key for end in sorted(ends) for key in _member(catalog.named(connection, [release.key], stix_id=end))
        ]
        techniques = {str(item["id"]): item for item in map(decode, catalog.contents(connection, members))}
    return {
        "name": found.external_id or text(named, "name") or found.stix_id,
        "description": f"Techniques used by {text(named, 'name') or found.stix_id} ({found.external_id})",
        "domain": kb.navigator_domain,
        "versions": {"layer": LAYER_VERSION, "attack": release.label, "navigator": NAVIGATOR_VERSION},
        "techniques": _entries(kb, request, found.stix_id, sros, techniques),
        "gradient": {"colors": ["#ffffff", "#ff6666"], "minValue": 0, "maxValue": 100},
        "legendItems": [],
        "metadata": [
            {"name": "stix_id", "value": found.stix_id},
            {"name": kb.id_parameter, "value": found.external_id or ""},
        ],
        "links": [{"label": "cti_butler", "url": link}],
        "layout": {"layout": "side"},
    }


def _member(found: Sequence[catalog.Found]) -> list[int]:
    return [item.object_key for item in found if item.type == TECHNIQUE][:1]


def _entries(
    kb: KnowledgeBase,
    request: ObjectRequest,
    stix_id: str,
    sros: Sequence[dict[str, object]],
    techniques: dict[str, dict[str, object]],
) -> list[dict[str, object]]:
    comments: dict[str, list[str]] = {}
    for sro in sorted(sros, key=lambda sro: (instant(sro, "created") or 0, str(sro["id"]))):
        end = str(sro["target_ref"] if sro["source_ref"] == stix_id else sro["source_ref"])
        technique = techniques.get(end)
        if technique is None or not (_allowed(request, sro) and _allowed(request, technique)):
            continue
        technique_id = kb.primary_id(technique)
        if technique_id:
            comments.setdefault(technique_id, []).append(text(sro, "description") or "")
    return [
        {
            "techniqueID": technique_id,
            "score": 100,
            "showSubtechniques": True,
            "comment": "\n\n".join(comment for comment in comments[technique_id] if comment),
        }
        for technique_id in sorted(comments, key=natural_order)
    ]


def _allowed(request: ObjectRequest, properties: dict[str, object]) -> bool:
    return (request.include_revoked or not is_revoked(properties)) and (
        request.include_deprecated or not is_deprecated(properties)
    )
