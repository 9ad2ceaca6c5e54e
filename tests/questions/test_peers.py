"""Questions find what MITRE's own library finds in the same release."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from mitreattack.navlayers import OverviewLayerGenerator, UsageLayerGenerator

from ctibutler.answers.asking.question_records import QuestionQuery
from ctibutler.answers.library import Library
from ctibutler.answers.naming import ObjectRequest
from ctibutler.answers.objects import ObjectQuery, find_object, list_objects
from ctibutler.answers.relationships import RelationshipQuery, list_relationships
from ctibutler.answers.tables.question_tables import question_table
from ctibutler.forms.table_forms import TABLE_FORMS
from ctibutler.knowledge_bases import HOSTED
from ctibutler.stix.times import microseconds
from tests.answers import plain
from tests.catalogue import published
from tests.questions.asking import ALL, asked
from tests.questions.graphs import kind
from tests.questions.peers import Peer, live_ids

pytestmark = pytest.mark.real

SAMPLE = 20
EVERY_PATH = 100_000


@dataclass(frozen=True)
class Same:
    """A function of the library, and the question that finds the same: of what kind, its word and its ways."""

    function: str
    of: str
    word: str
    via: tuple[str, ...] | None = None


SAME = (
    Same("get_software_used_by_group", "Group", "software"),
    Same("get_campaigns_attributed_to_group", "Group", "campaigns"),
    Same("get_techniques_used_by_group", "Group", "techniques"),
    Same("get_techniques_used_by_group_software", "Group", "techniques", ("software",)),
    Same("get_software_used_by_campaign", "Campaign", "software"),
    Same("get_groups_attributing_to_campaign", "Campaign", "groups"),
    Same("get_techniques_used_by_campaign", "Campaign", "techniques"),
    Same("get_groups_using_software", "Software", "groups"),
    Same("get_campaigns_using_software", "Software", "campaigns"),
    Same("get_techniques_used_by_software", "Software", "techniques"),
    Same("get_groups_using_technique", "Technique", "groups"),
    Same("get_campaigns_using_technique", "Technique", "campaigns"),
    Same("get_software_using_technique", "Technique", "software"),
    Same("get_mitigations_mitigating_technique", "Technique", "mitigations"),
    Same("get_assets_targeted_by_technique", "Technique", "assets"),
    Same("get_tactics_by_technique", "Technique", "tactics"),
    Same("get_techniques_mitigated_by_mitigation", "Mitigation", "techniques"),
    Same("get_techniques_targeting_asset", "Asset", "techniques"),
    Same("get_detection_strategies_detecting_technique", "Technique", "detections", ("strategies",)),
    Same("get_techniques_detected_by_detection_strategy", "Detection Strategy", "techniques"),
    Same("get_analytics_by_detection_strategy", "Detection Strategy", "analytics"),
)
BEFORE_18 = (
    Same("get_datacomponents_detecting_technique", "Technique", "data-components"),
    Same("get_techniques_detected_by_datacomponent", "Data Component", "techniques"),
)
OF_SUB_TECHNIQUES = (
    Same("get_subtechniques_of_technique", "Technique", "sub-techniques"),
    Same("get_parent_technique_of_subtechnique", "Sub-technique", "parents"),
)


# Functions about everything, and the questions without a start that find the same pairs.
OF_ALL = (
    Same("get_all_software_used_by_all_groups", "Group", "software"),
    Same("get_all_campaigns_attributed_to_all_groups", "Group", "campaigns"),
    Same("get_all_techniques_used_by_all_groups", "Group", "techniques"),
    Same("get_all_software_used_by_all_campaigns", "Campaign", "software"),
    Same("get_all_groups_attributing_to_all_campaigns", "Campaign", "groups"),
    Same("get_all_techniques_used_by_all_campaigns", "Campaign", "techniques"),
    Same("get_all_groups_using_all_software", "Software", "groups"),
    Same("get_all_campaigns_using_all_software", "Software", "campaigns"),
    Same("get_all_techniques_used_by_all_software", "Software", "techniques"),
    Same("get_all_groups_using_all_techniques", "Technique", "groups"),
    Same("get_all_campaigns_using_all_techniques", "Technique", "campaigns"),
    Same("get_all_software_using_all_techniques", "Technique", "software"),
    Same("get_all_mitigations_mitigating_all_techniques", "Technique", "mitigations"),
    Same("get_all_assets_targeted_by_all_techniques", "Technique", "assets"),
    Same("get_all_detection_strategies_detecting_all_techniques", "Technique", "detections", ("strategies",)),
    Same("get_all_techniques_mitigated_by_all_mitigations", "Mitigation", "techniques"),
    Same("get_all_techniques_targeting_all_assets", "Asset", "techniques"),
    Same("get_all_techniques_detected_by_all_detection_strategies", "Detection Strategy", "techniques"),
)
OF_ALL_BEFORE_18 = (
    Same("get_all_datacomponents_detecting_all_techniques", "Technique", "data-components"),
    Same("get_all_techniques_detected_by_all_datacomponents", "Data Component", "techniques"),
)
OF_ALL_SUB_TECHNIQUES = (
    Same("get_all_subtechniques_of_all_techniques", "Technique", "sub-techniques"),
    Same("get_all_parent_techniques_of_all_subtechniques", "Sub-technique", "parents"),
)


class Peers:
    """Releases, each read when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[tuple[str, str], Peer] = {}

    def of(self, slug: str, label: str) -> Peer:
        known = self._known.get((slug, label))
        if known is None:
            known = self._known[slug, label] = Peer(slug, label, self._folder)
        return known


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Peers:
    return Peers(tmp_path_factory.mktemp("peers"))


def named(same: Same) -> str:
    return same.function


IN_ICS, IN_MOBILE, BEFORE = ("attack-ics", "18.1"), ("attack-mobile", "18.1"), ("attack-ics", "17.1")
IN_ENTERPRISE, ENTERPRISE_BEFORE = ("attack-enterprise", "18.1"), ("attack-enterprise", "17.1")


def check(library: Library, peer: Peer, same: Same) -> None:
    """For twenty objects, the question finds what the function finds, and for one of them something."""
    found = set()
    for stix_id in sample(live_of(peer, same.of), same.function):
        answer = asked(library, peer.slug, stix_id, same.word, via=same.via, evidence=False, release=peer.label)
        ids = {row.object.id for row in answer.page.items}
        assert ids == peer.finds(same.function, stix_id), stix_id
        found |= ids
    assert found


def live_of(peer: Peer, *kinds: str) -> list[str]:
    """The ids of the live objects of these kinds."""
    return sorted(
        stix["id"]
        for stix in published(peer.slug, peer.label)
        if plain.live(stix) and stix["type"] != "relationship" and kind(peer.slug, stix) in kinds
    )


def sample(ids: Iterable[str], seed: str) -> list[str]:
    every = sorted(ids)
    return Random(seed).sample(every, min(SAMPLE, len(every)))


@pytest.mark.parametrize("same", SAME, ids=named)
def test_in_ics(asked_library: Library, peers: Peers, same: Same) -> None:
    check(asked_library, peers.of(*IN_ICS), same)


@pytest.mark.parametrize("same", BEFORE_18, ids=named)
def test_data_components_before_attack_18(asked_library: Library, peers: Peers, same: Same) -> None:
    check(asked_library, peers.of(*BEFORE), same)


@pytest.mark.parametrize("same", OF_SUB_TECHNIQUES, ids=named)
def test_sub_techniques_in_mobile(asked_library: Library, peers: Peers, same: Same) -> None:
    check(asked_library, peers.of(*IN_MOBILE), same)


@pytest.mark.slow
@pytest.mark.parametrize("same", [*SAME, *OF_SUB_TECHNIQUES], ids=named)
def test_in_enterprise(asked_library: Library, peers: Peers, same: Same) -> None:
    if same.word == "assets" or same.of == "Asset":
        pytest.skip("Enterprise has no assets")
    check(asked_library, peers.of(*IN_ENTERPRISE), same)


@pytest.mark.slow
@pytest.mark.parametrize("same", BEFORE_18, ids=named)
def test_data_components_in_enterprise_before_attack_18(asked_library: Library, peers: Peers, same: Same) -> None:
    check(asked_library, peers.of(*ENTERPRISE_BEFORE), same)


def check_all(library: Library, peer: Peer, same: Same) -> None:
    """Without a start, the question finds the pairs that the function finds for all objects."""
    kinds = (same.of, "Sub-technique") if same.of == "Technique" else (same.of,)
    found = set()
    for of in (of for of in kinds if (live_of(peer, of) and same.word != "sub-techniques") or of == same.of):
        answer = asked(library, peer.slug, None, same.word, of=of, via=same.via, evidence=False, release=peer.label)
        found |= {(row.of.id, row.object.id) for row in answer.page.items if row.of is not None}
    starts = live_of(peer, *kinds)
    assert found == {(start, end) for start, end in peer.pairs(same.function) if start in set(starts)} != set()


@pytest.mark.parametrize("same", OF_ALL, ids=named)
def test_everything_in_ics(asked_library: Library, peers: Peers, same: Same) -> None:
    check_all(asked_library, peers.of(*IN_ICS), same)


@pytest.mark.parametrize("same", OF_ALL_BEFORE_18, ids=named)
def test_all_data_components_before_attack_18(asked_library: Library, peers: Peers, same: Same) -> None:
    check_all(asked_library, peers.of(*BEFORE), same)


@pytest.mark.parametrize("same", OF_ALL_SUB_TECHNIQUES, ids=named)
def test_all_sub_techniques_in_mobile(asked_library: Library, peers: Peers, same: Same) -> None:
    check_all(asked_library, peers.of(*IN_MOBILE), same)


@pytest.mark.slow
@pytest.mark.parametrize("same", [*OF_ALL, *OF_ALL_SUB_TECHNIQUES], ids=named)
def test_everything_in_enterprise(asked_library: Library, peers: Peers, same: Same) -> None:
    if same.word == "assets" or same.of == "Asset":
        pytest.skip("Enterprise has no assets")
    check_all(asked_library, peers.of(*IN_ENTERPRISE), same)


@pytest.mark.slow
@pytest.mark.parametrize("same", OF_ALL_BEFORE_18, ids=named)
def test_all_data_components_in_enterprise_before_attack_18(asked_library: Library, peers: Peers, same: Same) -> None:
    check_all(asked_library, peers.of(*ENTERPRISE_BEFORE), same)


MATRICES = [IN_ICS, IN_MOBILE, pytest.param(IN_ENTERPRISE, marks=pytest.mark.slow)]


@pytest.mark.parametrize("release", MATRICES)
def test_tactics_of_a_matrix(asked_library: Library, peers: Peers, release: tuple[str, str]) -> None:
    peer = peers.of(*release)
    by_name = peer.call("get_tactics_by_matrix")
    [matrix_id] = live_of(peer, "Matrix")
    [matrix] = [stix for stix in published(*release) if stix["id"] == matrix_id]
    answer = asked(asked_library, peer.slug, matrix_id, "tactics")
    assert {row.object.id for row in answer.page.items} == live_ids(by_name[matrix["name"]])
    one = answer.page.items[0].object.id
    assert [row.object.id for row in asked(asked_library, peer.slug, one, "matrices").page.items] == [matrix_id]


@pytest.mark.parametrize("release", MATRICES)
def test_procedures(asked_library: Library, peers: Peers, release: tuple[str, str]) -> None:
    """The relationships by which groups, software and campaigns use a technique are the evidence of three questions."""
    peer = peers.of(*release)
    live = {stix["id"] for stix in published(*release) if plain.live(stix)}
    techniques = live_of(peer, "Technique", "Sub-technique")
    told = 0
    for stix_id in techniques if peer.slug == "attack-ics" else sample(techniques, "procedures"):
        found = set[str]()
        for word in ("groups", "software", "campaigns"):
            answer = asked(asked_library, peer.slug, stix_id, word, via=["own"], evidence_limit=EVERY_PATH)
            found |= {sro.id for sro in answer.relationships}
        procedures = peer.call("get_procedure_examples_by_technique", stix_id)
        assert found == {sro["id"] for sro in procedures if sro["id"] in live and sro["source_ref"] in live}, stix_id
        told += len(found)
    assert told > SAMPLE


def test_the_successors_of_revoked_objects(asked_library: Library, peers: Peers) -> None:
    peer = peers.of(*IN_ICS)
    revoked = [stix["id"] for stix in published(*IN_ICS) if stix.get("revoked") and stix["type"] != "relationship"]
    assert revoked
    for stix_id in sample(revoked, "revoked"):
        successor = peer.call("get_revoking_object", stix_id)
        answer = asked(
            asked_library, "attack-ics", stix_id, "successors", include_revoked=True, include_deprecated=True
        )
        assert [row.object.id for row in answer.page.items] == ([] if successor is None else [successor["id"]])


DAY = "2024-01-01T00:00:00.000Z"
LISTS: tuple[tuple[str, tuple[object, ...], dict[str, Any]], ...] = (
    ("get_matrices", (), {"types": ["x-mitre-matrix"]}),
    ("get_techniques", (), {"types": ["attack-pattern"]}),
    ("get_tactics", (), {"types": ["x-mitre-tactic"]}),
    ("get_groups", (), {"types": ["intrusion-set"]}),
    ("get_software", (), {"types": ["malware", "tool"]}),
    ("get_campaigns", (), {"types": ["campaign"]}),
    ("get_mitigations", (), {"types": ["course-of-action"]}),
    ("get_assets", (), {"types": ["x-mitre-asset"]}),
    ("get_datacomponents", (), {"types": ["x-mitre-data-component"]}),
    ("get_detectionstrategies", (), {"types": ["x-mitre-detection-strategy"]}),
    ("get_analytics", (), {"types": ["x-mitre-analytic"]}),
    (
        "get_techniques_by_tactic",
        ("collection", "ics-attack"),
        {"types": ["attack-pattern"], "tactics": ["collection"]},
    ),
)


@pytest.mark.parametrize(("function", "arguments", "filters"), LISTS, ids=[row[0] for row in LISTS])
def test_lists(
    asked_library: Library, peers: Peers, function: str, arguments: tuple[object, ...], filters: dict[str, Any]
) -> None:
    assert listed(asked_library, "attack-ics", **filters) == peers.of(*IN_ICS).finds(function, *arguments) != set()


def test_data_sources_before_attack_18(asked_library: Library, peers: Peers) -> None:
    shown = listed(asked_library, "attack-ics", types=["x-mitre-data-source"], release="17.1")
    assert shown == peers.of(*BEFORE).finds("get_datasources") != set()


def test_techniques_and_sub_techniques_are_told_apart(asked_library: Library, peers: Peers) -> None:
    peer = peers.of(*IN_MOBILE)
    sub = live_ids(peer.call("get_subtechniques"))
    assert listed(asked_library, "attack-mobile", type_words=["Sub-technique"]) == sub != set()
    alone = live_ids(peer.call("get_techniques", include_subtechniques=False))
    assert listed(asked_library, "attack-mobile", type_words=["Technique"]) == alone != set()


def test_objects_of_every_type(asked_library: Library, peers: Peers) -> None:
    peer = peers.of(*IN_ICS)
    types = {stix["type"] for stix in published(*IN_ICS)} & set(plain.LISTED["attack-ics"])
    for stix_type in types:
        assert listed(asked_library, "attack-ics", types=[stix_type]) == peer.finds("get_objects_by_type", stix_type)


@pytest.mark.parametrize("release", MATRICES)
def test_techniques_of_a_platform(asked_library: Library, peers: Peers, release: tuple[str, str]) -> None:
    """The library finds parts of a platform's name, we whole names in any case."""
    techniques = [stix for stix in published(*release) if stix["type"] == "attack-pattern"]
    platforms = {name for stix in techniques for name in stix.get("x_mitre_platforms", ())}
    assert platforms
    for platform in platforms:
        others = [name for name in platforms if platform in name]
        shown = listed(
            asked_library,
            release[0],
            types=["attack-pattern"],
            filters={"platform": [name.upper() for name in others]},
        )
        assert shown == peers.of(*release).finds("get_techniques_by_platform", platform), platform


@pytest.mark.parametrize(
    ("function", "name"), [("get_objects_created_after", "created_min"), ("get_objects_modified_after", "modified_min")]
)
def test_objects_since_a_day(asked_library: Library, peers: Peers, function: str, name: str) -> None:
    shown = listed(asked_library, "attack-ics", **{name: microseconds(DAY)})
    every = listed(asked_library, "attack-ics")
    assert shown == peers.of(*IN_ICS).finds(function, DAY) & every != set()


def test_objects_by_their_ids(asked_library: Library, peers: Peers) -> None:
    peer = peers.of(*IN_ICS)
    words = [word.word for word in HOSTED.named("attack-ics").type_words]
    for stix_id in sample(live_of(peer, *words), "ids"):
        number, stix_type = peer.call("get_attack_id", stix_id), peer.call("get_stix_type", stix_id)
        theirs = peer.call("get_object_by_attack_id", number, stix_type)
        for name in (stix_id, number, number.lower()):
            view = find_object(asked_library, HOSTED.named("attack-ics"), ObjectRequest(name, None, False, False))
            assert (view.id, view.external_id, view.type) == (theirs["id"], number, stix_type)
            assert view.name == peer.call("get_name", stix_id) == peer.call("get_object_by_stix_id", stix_id)["name"]


def test_objects_by_name(asked_library: Library, peers: Peers) -> None:
    """Our filter finds parts of names in any case: among them exactly those that the library finds."""
    peer = peers.of(*IN_ICS)
    by_id = {stix["id"]: stix for stix in published(*IN_ICS)}
    for stix_id in sample(live_of(peer, "Technique", "Software", "Asset"), "names"):
        name, stix_type = by_id[stix_id]["name"], by_id[stix_id]["type"]
        shown = listed(asked_library, "attack-ics", types=[stix_type], name=name.upper())
        theirs = peer.finds("get_objects_by_name", name, stix_type)
        assert {other for other in shown if by_id[other]["name"] == name} == theirs >= {stix_id}


@pytest.mark.parametrize("part", ["network", "FIRMWARE", "programmable logic controller", "stuxnet"])
def test_objects_by_a_part_of_their_description(asked_library: Library, peers: Peers, part: str) -> None:
    shown = listed(asked_library, "attack-ics", description=part)
    every = listed(asked_library, "attack-ics")
    assert shown == peers.of(*IN_ICS).finds("get_objects_by_content", part) & every != set()


@pytest.mark.parametrize(
    ("function", "types"),
    [
        ("get_groups_by_alias", ("intrusion-set",)),
        ("get_software_by_alias", ("malware", "tool")),
        ("get_campaigns_by_alias", ("campaign",)),
    ],
)
def test_objects_by_alias(asked_library: Library, peers: Peers, function: str, types: tuple[str, ...]) -> None:
    """Our filter finds parts of aliases in any case: among them all that the library finds."""
    peer = peers.of(*IN_ICS)
    objects = {stix["id"]: stix for stix in published(*IN_ICS) if stix["type"] in types and plain.live(stix)}
    aliases = {stix_id: set(plain.aliases(stix)) for stix_id, stix in objects.items()}
    for alias in sample({name for names in aliases.values() for name in names}, function):
        shown = listed(asked_library, "attack-ics", types=types, filters={"alias": alias.lower()})
        theirs = peer.finds(function, alias)
        assert shown >= theirs != set()
        assert {stix_id for stix_id in shown if alias in aliases[stix_id]} == {
            stix_id for stix_id in theirs if alias in aliases[stix_id]
        }


RELATED = (
    ("intrusion-set", "uses", "attack-pattern"),
    ("malware", "uses", "attack-pattern"),
    ("course-of-action", "mitigates", "attack-pattern"),
    ("attack-pattern", "targets", "x-mitre-asset"),
    ("campaign", "attributed-to", "intrusion-set"),
)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("source", "relation", "target"), RELATED)
def test_related_objects(
    asked_library: Library, peers: Peers, source: str, relation: str, target: str, reverse: bool
) -> None:
    """What `relationships/` of an object lists, by its filters."""
    expected = peers.of(*IN_ICS).pairs("get_related", source, relation, target, reverse=reverse)
    live = {stix["id"] for stix in published(*IN_ICS) if plain.live(stix)}
    expected = {(start, end) for start, end in expected if start in live}
    starts = sample({start for start, _ in expected}, f"{source} {relation} {target} {reverse}")
    found = set()
    for start in starts:
        query = RelationshipQuery(
            page=ALL,
            include_embedded=False,
            direction="target_ref" if reverse else "source_ref",
            relationship_type=relation,
            source_types=[source],
            target_types=[target],
        )
        request = ObjectRequest(start, None, False, False)
        listed_sros = list_relationships(asked_library, HOSTED.named("attack-ics"), request, query).items
        ends = [(sro.properties["source_ref"], sro.properties["target_ref"]) for sro in listed_sros]
        found |= {(b, a) if reverse else (a, b) for a, b in ends if a in live and b in live}
    assert found == {(start, end) for start, end in expected if start in starts} != set()


def layer_of(library: Library, ids: list[str] | None, query: QuestionQuery) -> dict[str, int]:
    """Technique → score of a layer in our form."""
    table = question_table(library, HOSTED.named("attack-ics"), ids, "techniques", query)
    made = json.loads(b"".join(TABLE_FORMS["layer"].written(table).chunks))
    return {entry["techniqueID"]: entry["score"] for entry in made["techniques"]}


def test_layers_of_what_is_used(asked_library: Library, peers: Peers) -> None:
    peer = peers.of(*IN_ICS)
    made = UsageLayerGenerator(source="local", domain="ics", resource=str(peer.path))
    numbers = {stix["id"]: str(plain.primary_id("attack-ics", stix)) for stix in published(*IN_ICS)}
    for stix_id in sample(live_of(peer, "Group", "Software", "Mitigation"), "layers"):
        entries = made.generate_layer(match=stix_id).to_dict()["techniques"]
        theirs = {entry["techniqueID"] for entry in entries if entry["score"]}
        ours = layer_of(asked_library, [numbers[stix_id]], QuestionQuery(via=["own"], evidence=False))
        assert ours == dict.fromkeys(theirs, 1), numbers[stix_id]


def test_layers_of_how_much_is_used(asked_library: Library, peers: Peers) -> None:
    """The score of a technique is how many groups use it. For software and mitigations the library's scores are all 0: it
    looks for objects of two types at once, and for ids among relationships."""
    made = OverviewLayerGenerator(source="local", domain="ics", resource=str(peers.of(*IN_ICS).path))
    entries = made.generate_layer(obj_type="group").to_dict()["techniques"]
    expected = {entry["techniqueID"]: entry["score"] for entry in entries if entry["score"]}
    found = layer_of(asked_library, None, QuestionQuery(of="Group", via=["own"], evidence=False))
    assert found == expected != {}


def listed(library: Library, slug: str, **query: Any) -> set[str]:
    """The ids of the live objects in a list."""
    asked_for = ObjectQuery(page=ALL, include_revoked=False, include_deprecated=False, **query)
    return {view.id for view in list_objects(library, HOSTED.named(slug), asked_for).items}
