"""The techniques of layers of real objects, compared with plain Python over the publisher's files."""

from __future__ import annotations

import pytest

from ctibutler.answers.library import Library
from ctibutler.answers.naming import ObjectRequest
from ctibutler.answers.navigator import LayerTechnique, Relation, layer
from ctibutler.errors import InvalidRequest, NotFound
from ctibutler.knowledge_bases import HOSTED
from tests.answers import plain

pytestmark = pytest.mark.real

TYPES = ("tool", "malware", "intrusion-set", "campaign", "course-of-action", "x-mitre-asset")


def expected(slug: str, label: str, stix: plain.Stix, dead: bool) -> tuple[list[Relation], list[LayerTechnique]]:
    by_id = {one["id"]: one for one in plain.vertices(slug, label) if one["type"] == "attack-pattern"}
    descriptions: dict[str, list[str]] = {}
    relations: set[Relation] = set()
    sros = [sro for family, sro in plain.sros_of(slug, label, stix["id"]) if family == "native"]
    for sro in sorted(sros, key=lambda sro: (plain.instant(sro, "created"), sro["id"])):
        outgoing = sro["source_ref"] == stix["id"]
        other = by_id.get(sro["target_ref"] if outgoing else sro["source_ref"])
        if other and (dead or (plain.live(sro) and plain.live(other))):
            descriptions.setdefault(str(plain.primary_id(slug, other)), []).append(sro.get("description") or "")
            relations.add(Relation(sro["relationship_type"], outgoing))
    techniques = [
        LayerTechnique(number, tuple(filter(None, descriptions[number])))
        for number in sorted(descriptions, key=plain.natural)
    ]
    return sorted(relations), techniques


@pytest.mark.parametrize(
    ("slug", "label"), [("attack-enterprise", "16.0"), ("attack-ics", "17.0")], ids=["enterprise", "ics"]
)
def test_layers_show_the_techniques_of_an_object(contract_library: Library, slug: str, label: str) -> None:
    for stix_type in TYPES:
        objects = [stix for stix in plain.listed(slug, label) if stix["type"] == stix_type]
        for stix in objects[:: max(1, len(objects) // 8)]:
            for dead in (True, False):
                if not dead and not plain.live(stix):
                    continue
                request = ObjectRequest(stix["id"], None, dead, dead)
                made = layer(contract_library, HOSTED.named(slug), request)
                relations, techniques = expected(slug, label, stix, dead)
                assert list(made.techniques) == techniques, stix["id"]
                assert list(made.relations) == relations, stix["id"]


def test_there_is_no_layer_of_a_technique_or_of_an_unknown_object(contract_library: Library) -> None:
    kb = HOSTED.named("attack-enterprise")
    for object_id in ("T1059", "TA0001", "DS0009"):
        with pytest.raises(InvalidRequest, match="no layer of a"):
            layer(contract_library, kb, ObjectRequest(object_id))
    for request in (ObjectRequest("S9999"), ObjectRequest("S1088", "99.0")):
        with pytest.raises(NotFound):
            layer(contract_library, kb, request)
