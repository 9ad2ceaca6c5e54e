"""Navigator layers of real objects, compared with plain Python over the publisher's files."""

from __future__ import annotations

from typing import Any

import pytest

from ctibutler.answers.library import Library
from ctibutler.answers.navigator import layer
from ctibutler.answers.objects import ObjectRequest
from ctibutler.errors import InvalidRequest, NotFound
from ctibutler.knowledge_bases import HOSTED
from tests.answers import plain

pytestmark = pytest.mark.real

LINK = "https://app.ctibutler.com"
TYPES = ("tool", "malware", "intrusion-set", "campaign", "course-of-action", "x-mitre-asset")


def techniques(slug: str, label: str, stix: plain.Stix, dead: bool) -> list[dict[str, Any]]:
    by_id = {one["id"]: one for one in plain.vertices(slug, label) if one["type"] == "attack-pattern"}
    comments: dict[str, list[str]] = {}
    sros = [sro for family, sro in plain.sros_of(slug, label, stix["id"]) if family == "native"]
    for sro in sorted(sros, key=lambda sro: (plain.instant(sro, "created"), sro["id"])):
        other = by_id.get(sro["target_ref"] if sro["source_ref"] == stix["id"] else sro["source_ref"])
        if other and (dead or (plain.live(sro) and plain.live(other))):
            comments.setdefault(str(plain.primary_id(slug, other)), []).append(sro.get("description") or "")
    return [
        {
            "techniqueID": number,
            "score": 100,
            "showSubtechniques": True,
            "comment": "\n\n".join(filter(None, comments[number])),
        }
        for number in sorted(comments, key=plain.natural)
    ]


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
                made = layer(contract_library, HOSTED.named(slug), request, LINK)
                assert made["techniques"] == techniques(slug, label, stix, dead), stix["id"]


def test_a_layer_has_all_fields_of_the_contract(contract_library: Library) -> None:
    made = layer(
        contract_library, HOSTED.named("attack-enterprise"), ObjectRequest("s1088", "16_0", False, False), LINK
    )
    shown: Any = made.pop("techniques")
    assert made == {
        "name": "S1088",
        "description": "Techniques used by Disco (S1088)",
        "domain": "enterprise-attack",
        "versions": {"layer": "4.5", "attack": "16.0", "navigator": "5.1.0"},
        "gradient": {"colors": ["#ffffff", "#ff6666"], "minValue": 0, "maxValue": 100},
        "legendItems": [],
        "metadata": [
            {"name": "stix_id", "value": "malware--e1445afd-c359-45ed-8f27-626dc4d5e157"},
            {"name": "attack_id", "value": "S1088"},
        ],
        "links": [{"label": "cti_butler", "url": LINK}],
        "layout": {"layout": "side"},
    }
    assert {
        "techniqueID": "T1105",
        "score": 100,
        "showSubtechniques": True,
        "comment": "[Disco](https://attack.mitre.org/software/S1088) can download files to targeted systems via SMB."
        "(Citation: MoustachedBouncer ESET August 2023)",
    } in shown


def test_there_is_no_layer_of_a_technique_or_of_what_is_not_there(contract_library: Library) -> None:
    kb = HOSTED.named("attack-enterprise")
    for object_id in ("T1059", "TA0001", "DS0009"):
        with pytest.raises(InvalidRequest, match="no layer of a"):
            layer(contract_library, kb, ObjectRequest(object_id), LINK)
    for request in (ObjectRequest("S9999"), ObjectRequest("S1088", "99.0")):
        with pytest.raises(NotFound):
            layer(contract_library, kb, request, LINK)
