"""ATT&CK Navigator layers, in layer format 4.5.

The format is described in `layers/spec/v4.5/layerformat.md` of https://github.com/mitre-attack/attack-navigator.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from ctibutler.answers.navigator import Layer, Relation
from ctibutler.answers.tables.layers import TechniqueLayer
from ctibutler.answers.tables.table import Table
from ctibutler.forms.json_form import record_as_json
from ctibutler.stix.markup import plain_text

LAYER_VERSION: Final = "4.5"
NAVIGATOR_VERSION: Final = "5.1.0"
SCORE: Final = 100

# mitreattack-python writes a layer into a worksheet of its name, and no worksheet's name may have these characters.
_NOT_IN_NAMES: Final = re.compile(r"[\\/*?:\[\]]")

_PARTICIPLES: Final = {"uses": "used", "mitigates": "mitigated", "detects": "detected"}


class LayerVersions(msgspec.Struct, frozen=True):
    """The layer format, the release of ATT&CK, and the Navigator."""

    layer: str
    attack: str
    navigator: str


class AnnotatedTechnique(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={"technique_id": "techniqueID", "show_subtechniques": "showSubtechniques"},
):
    """A technique of a layer; no tactic is named, so that it is annotated under all of its tactics."""

    technique_id: str
    score: int
    color: str | UnsetType = UNSET
    show_subtechniques: bool | UnsetType = UNSET
    comment: str


class LayerGradient(msgspec.Struct, frozen=True, rename="camel"):
    """The colours of scores."""

    colors: tuple[str, ...]
    min_value: int
    max_value: int


class LegendItem(msgspec.Struct, frozen=True):
    """What a colour of a layer means, where techniques are told apart by it."""

    label: str
    color: str


class LayerMetadata(msgspec.Struct, frozen=True):
    """A fact about a layer."""

    name: str
    value: str


class LayerLink(msgspec.Struct, frozen=True):
    """A link of a layer."""

    label: str
    url: str


class LayerLayout(
    msgspec.Struct,
    frozen=True,
    rename={
        "show_id": "showID",
        "show_name": "showName",
        "expanded_subtechniques": "expandedSubtechniques",
    },
):
    """How a layer is shown when it is opened. `annotated` unfolds the parents of annotated sub-techniques."""

    layout: str
    show_id: bool | UnsetType = UNSET
    show_name: bool | UnsetType = UNSET
    expanded_subtechniques: str | UnsetType = UNSET


class LayerFile(msgspec.Struct, frozen=True, kw_only=True, rename={"legend_items": "legendItems"}):
    """An ATT&CK Navigator layer."""

    name: str
    description: str
    domain: str
    versions: LayerVersions
    techniques: list[AnnotatedTechnique]
    gradient: LayerGradient
    legend_items: tuple[LegendItem, ...]
    metadata: list[LayerMetadata]
    links: list[LayerLink]
    layout: LayerLayout


GROUP_COLORS: Final = ("#b39ddb", "#ffb74d", "#64b5f6")
"""Violet for both, orange and blue for one of two: told apart with any kind of colour blindness."""

OUTCOME_COLORS: Final = {
    **dict.fromkeys(("ambiguous", "gone", "dead_end", "deprecated", "split", "reused"), "#e57373"),
    **dict.fromkeys(("merged", "demoted", "promoted", "renumbered", "reissued", "revived"), "#b39ddb"),
    **dict.fromkeys(("moved", "redefined"), "#ffb74d"),
    "renamed": "#fff176",
    "edited": "#64b5f6",
    "added": "#81c784",
    "touched": "#e0e0e0",
    "unchanged": "#ffffff",
}
"""What became of techniques: what needs a human in red, other ids in violet, another meaning in orange."""

GRADIENT: Final = LayerGradient(("#ffffff", "#ff6666"), 0, 100)


def layer_file(layer: Layer, link: str) -> LayerFile:
    """Return the layer as a file for the Navigator. `link` is the address behind the layer's link.

    All annotated techniques are visible when it is opened, and comments are plain text.
    """
    return LayerFile(
        name=_NOT_IN_NAMES.sub("-", _name(layer)),
        description=f"{_relations(layer)} in {layer.kb.title} {layer.release}",
        domain=str(layer.kb.navigator_domain),
        versions=_versions(layer),
        techniques=[
            AnnotatedTechnique(
                technique_id=technique.id,
                score=SCORE,
                comment="\n\n".join(filter(None, map(plain_text, technique.descriptions))),
            )
            for technique in layer.techniques
        ],
        gradient=GRADIENT,
        legend_items=(),
        metadata=_metadata(layer),
        links=_links(link),
        # Without the other two, mitreattack-python leaves all cells empty.
        layout=LayerLayout("side", show_id=False, show_name=True, expanded_subtechniques="annotated"),
    )


def table_as_layer(table: Table) -> Iterator[bytes]:
    """Yield the layer of a table whose rows are techniques."""
    assert table.layer is not None
    yield record_as_json(technique_layer_file(table.layer()))


def technique_layer_file(layer: TechniqueLayer) -> LayerFile:
    """Return a layer with the scores of its techniques, and a colour for each of its groups."""
    most = max((technique.score for technique in layer.techniques), default=1)
    colors = [
        OUTCOME_COLORS.get(label) or GROUP_COLORS[place % len(GROUP_COLORS)] for place, label in enumerate(layer.groups)
    ]
    return LayerFile(
        name=_NOT_IN_NAMES.sub("-", layer.name),
        description=layer.description,
        domain=str(layer.kb.navigator_domain),
        versions=LayerVersions(LAYER_VERSION, layer.release, NAVIGATOR_VERSION),
        techniques=[
            AnnotatedTechnique(
                technique_id=technique.id,
                score=technique.score,
                color=UNSET if technique.group is None else colors[technique.group],
                comment=technique.comment,
            )
            for technique in layer.techniques
        ],
        gradient=LayerGradient(GRADIENT.colors, 0, most),
        legend_items=tuple(LegendItem(label, colors[place]) for place, label in enumerate(layer.groups)),
        metadata=[],
        links=[],
        layout=LayerLayout("side", show_id=False, show_name=True, expanded_subtechniques="annotated"),
    )


def compatible_layer_file(layer: Layer, link: str) -> LayerFile:
    """Return the layer as CTI Butler answers it."""
    return LayerFile(
        name=layer.external_id or layer.object_name or layer.stix_id,
        description=f"Techniques used by {layer.object_name or layer.stix_id} ({layer.external_id})",
        domain=str(layer.kb.navigator_domain),
        versions=_versions(layer),
        techniques=[
            AnnotatedTechnique(
                technique_id=technique.id,
                score=SCORE,
                show_subtechniques=True,
                comment="\n\n".join(technique.descriptions),
            )
            for technique in layer.techniques
        ],
        gradient=GRADIENT,
        legend_items=(),
        metadata=_metadata(layer),
        links=_links(link),
        layout=LayerLayout("side"),
    )


def _name(layer: Layer) -> str:
    """`APT29 (G0016)`."""
    if layer.object_name is None:
        return layer.external_id or layer.stix_id
    return f"{layer.object_name} ({layer.external_id})" if layer.external_id else layer.object_name


def _relations(layer: Layer) -> str:
    """`Techniques used by APT29 (G0016)`."""
    name = _name(layer)
    phrases = [_phrase(relation, name) for relation in layer.relations] or [f"techniques of {name}"]
    said = " and ".join(filter(None, (", ".join(phrases[:-1]), phrases[-1])))
    return said[:1].upper() + said[1:]


def _phrase(relation: Relation, name: str) -> str:
    words = relation.relationship_type.replace("-", " ")
    if not relation.outgoing:
        return f"techniques that {_plural(words)} {name}"
    if relation.relationship_type in _PARTICIPLES:
        return f"techniques {_PARTICIPLES[relation.relationship_type]} by {name}"
    return f"techniques that {name} {words}"


def _plural(verb: str) -> str:
    """`targets`: `target`; `is part of`: `are part of`."""
    first, blank, rest = verb.partition(" ")
    return {"is": "are", "has": "have"}.get(first, first.removesuffix("s")) + blank + rest


def _versions(layer: Layer) -> LayerVersions:
    return LayerVersions(LAYER_VERSION, layer.release, NAVIGATOR_VERSION)


def _metadata(layer: Layer) -> list[LayerMetadata]:
    return [
        LayerMetadata("stix_id", layer.stix_id),
        LayerMetadata(layer.kb.id_parameter, layer.external_id or ""),
    ]


def _links(link: str) -> list[LayerLink]:
    return [LayerLink("cti_butler", link)]
