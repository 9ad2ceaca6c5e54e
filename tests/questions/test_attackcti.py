"""Questions find what attackcti finds in the same release."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ctibutler.answers.asking.question_records import QuestionQuery
from ctibutler.answers.library import Library
from ctibutler.answers.naming import ObjectRequest
from ctibutler.answers.objects import ObjectQuery, list_objects
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
ICS = HOSTED.named("attack-ics")
RELEASES = [
    pytest.param(("attack-ics", "18.1"), id="ics"),
    pytest.param(("attack-enterprise", "18.1"), id="enterprise", marks=pytest.mark.slow),
]


@pytest.fixture(scope="module", params=RELEASES)
def peer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Peer:
    slug, label = request.param
    return Peer(slug, label, tmp_path_factory.mktemp("attackcti"))


@pytest.fixture(scope="module")
def of_ics(tmp_path_factory: pytest.TempPathFactory) -> Peer:
    return Peer("attack-ics", "18.1", tmp_path_factory.mktemp("attackcti"))


def objects(peer: Peer, *kinds: str) -> dict[str, plain.Stix]:
    """The live objects of these kinds, by id."""
    return {
        stix["id"]: stix
        for stix in published(peer.slug, peer.label)
        if plain.live(stix) and stix["type"] != "relationship" and kind(peer.slug, stix) in kinds
    }


def sample(found: dict[str, plain.Stix], seed: str) -> list[plain.Stix]:
    return [found[stix_id] for stix_id in Random(seed).sample(sorted(found), min(SAMPLE, len(found)))]


def answers(library: Library, peer: Peer, stix_id: str, word: str, **query: Any) -> set[str]:
    found = asked(library, peer.slug, stix_id, word, evidence=False, release=peer.label, **query)
    return {row.object.id for row in found.page.items}


def listed(library: Library, peer: Peer, **query: Any) -> set[str]:
    """The ids of the live objects in a list."""
    asked_for = ObjectQuery(page=ALL, include_revoked=False, include_deprecated=False, release=peer.label, **query)
    return {view.id for view in list_objects(library, HOSTED.named(peer.slug), asked_for).items}


SAME: tuple[tuple[str, str, str, str, dict[str, Any]], ...] = (
    ("get_techniques_used_by_group", "relationships", "Group", "techniques", {"via": ["own"]}),
    ("get_software_used_by_group", "relationships", "Group", "software", {"via": ["own"]}),
    ("get_techniques_used_by_group_software", "relationships", "Group", "techniques", {"via": ["software"]}),
    ("get_techniques_used_by_software", "relationships", "Software", "techniques", {}),
    ("get_techniques_mitigated_by_mitigations", "relationships", "Mitigation", "techniques", {}),
    ("get_techniques_by_relationship", "relationships", "Mitigation", "techniques", {}),
    ("get_techniques_by_relationship", "relationships", "Detection Strategy", "techniques", {}),
    ("get_detection_strategies_by_technique", "detections", "Technique", "detections", {"via": ["strategies"]}),
    ("get_analytics_by_technique", "detections", "Technique", "analytics", {}),
    ("get_data_components_by_technique_via_analytics", "detections", "Technique", "data-components", {}),
)


@pytest.mark.parametrize(("function", "part", "of", "word", "query"), SAME, ids=[f"{row[0]}-{row[2]}" for row in SAME])
def test_the_same_objects(
    asked_library: Library, peer: Peer, function: str, part: str, of: str, word: str, query: dict[str, Any]
) -> None:
    """The library walks relationships of revoked software too, which we leave out."""
    told = set()
    for stix in sample(objects(peer, of), f"{function} {of}"):
        found = answers(asked_library, peer, stix["id"], word, **query)
        arguments = (stix["id"],) if part == "detections" and of == "Technique" else (stix,)
        assert found == live_ids(peer.query(part, function, *arguments)), stix["id"]
        told |= found
    assert told


def test_log_sources_of_techniques(asked_library: Library, peer: Peer) -> None:
    """They are told by the analytics of a technique: a data component, the name of the log and its channel."""
    every = objects(peer, "Technique", "Sub-technique")
    told = 0
    for stix in every.values() if peer.slug == "attack-ics" else sample(every, "log sources"):
        found = asked(asked_library, peer.slug, stix["id"], "data-components", evidence_limit=1000)
        sources = {
            (item["x_mitre_data_component_ref"], item["name"], item["channel"])
            for view in found.through
            for item in view.properties.get("x_mitre_log_source_references", ())  # type: ignore[attr-defined]
        }
        theirs = peer.query("detections", "get_log_source_references_by_technique", stix["id"])
        assert sources == {tuple(item.values()) for item in theirs}, stix["id"]
        told += len(sources)
    assert told > SAMPLE


def test_techniques_with_all_that_detects_them(asked_library: Library, of_ics: Peer) -> None:
    techniques = of_ics.query("techniques", "get_techniques")
    enriched = of_ics.query("detections", "enrich_techniques_with_detections", techniques)
    assert len(enriched) == len(objects(of_ics, "Technique")) > 0
    for technique in enriched:
        strategies = technique.get("x_attackcti_detection_strategies", [])
        analytics = [item for strategy in strategies for item in strategy["x_attackcti_analytics"]]
        assert answers(asked_library, of_ics, technique["id"], "detections") == {item["id"] for item in strategies}
        assert answers(asked_library, of_ics, technique["id"], "analytics") == {item["id"] for item in analytics}


def test_techniques_of_data_components_by_name(asked_library: Library, peer: Peer) -> None:
    components = objects(peer, "Data Component")
    told = set()
    for stix in sample(components, "components"):
        theirs = peer.query("techniques", "get_techniques_by_data_components", stix["name"])
        meant = [other["id"] for other in components.values() if stix["name"].lower() in other["name"].lower()]
        found = asked(asked_library, peer.slug, meant, "techniques", evidence=False)
        assert {row.object.id for row in found.page.items} == live_ids(theirs), stix["name"]
        told |= live_ids(theirs)
    assert told


def test_what_all_groups_use(asked_library: Library, peer: Peer) -> None:
    records = peer.query("relationships", "get_techniques_used_by_all_groups")
    found = asked(asked_library, peer.slug, None, "techniques", of="Group", via=["own"], evidence_limit=1000)
    pairs = {(row.of.id, row.object.id, path.path[0]) for row in found.page.items if row.of for path in row.evidence}
    live = {stix["id"] for stix in published(peer.slug, peer.label) if plain.live(stix)}
    theirs = {(record["id"], record["technique_ref"], record["relationship_id"]) for record in records}
    assert pairs == {record for record in theirs if record[2] in live} != set()


def test_relationships_of_an_object(asked_library: Library, peer: Peer) -> None:
    told = 0
    for stix in sample(objects(peer, "Group", "Software", "Mitigation"), "relationships"):
        word = "mitigates" if stix["type"] == "course-of-action" else "uses"
        query = RelationshipQuery(page=ALL, include_embedded=False, relationship_type=word)
        request = ObjectRequest(stix["id"], peer.label, False, False)
        shown = list_relationships(asked_library, HOSTED.named(peer.slug), request, query).items
        theirs = peer.query("relationships", "get_relationships_by_object", stix)
        assert {sro.id for sro in shown if plain.live(dict(sro.properties))} == {sro["id"] for sro in theirs}
        told += len(theirs)
    assert told > SAMPLE


def test_a_layer_for_each_group(asked_library: Library, peer: Peer, tmp_path: Path) -> None:
    """The library counts what the group itself uses, and scores 1."""
    peer.query("relationships", "export_groups_navigator_layers", output_dir=tmp_path)
    theirs = {}
    for path in tmp_path.glob("*.json"):
        made = json.loads(path.read_bytes())
        theirs[path.stem.rpartition("_")[2]] = {entry["techniqueID"]: entry["score"] for entry in made["techniques"]}
    table = question_table(
        asked_library,
        HOSTED.named(peer.slug),
        None,
        "techniques",
        QuestionQuery(of="Group", via=["own"], evidence=False),
        per="start",
    )
    with zipfile.ZipFile(io.BytesIO(b"".join(TABLE_FORMS["layer"].written(table).chunks))) as archive:
        layers = {name.partition(".")[0]: json.loads(archive.read(name)) for name in archive.namelist()}
    ours = {
        number: {entry["techniqueID"]: entry["score"] for entry in layer["techniques"]}
        for number, layer in layers.items()
    }
    assert ours == theirs != {}
    assert all(layer["name"].startswith(number) for number, layer in layers.items())


LISTS: tuple[tuple[str, str, dict[str, Any], dict[str, Any]], ...] = (
    ("groups", "get_groups", {}, {"types": ["intrusion-set"]}),
    ("software", "get_software", {}, {"types": ["malware", "tool"]}),
    ("software", "get_malware", {}, {"types": ["malware"]}),
    ("campaigns", "get_campaigns", {}, {"types": ["campaign"]}),
    ("tactics", "get_tactics", {}, {"types": ["x-mitre-tactic"]}),
    ("mitigations", "get_mitigations", {}, {"types": ["course-of-action"]}),
    ("data_sources", "get_data_components", {}, {"types": ["x-mitre-data-component"]}),
    ("detections", "get_detection_strategies", {}, {"types": ["x-mitre-detection-strategy"]}),
    ("analytics", "get_analytics", {}, {"types": ["x-mitre-analytic"]}),
    ("techniques", "get_techniques", {}, {"types": ["attack-pattern"]}),
    (
        "techniques",
        "get_techniques",
        {"include_subtechniques": False},
        {"type_words": ["Technique"]},
    ),
    (
        "techniques",
        "get_techniques_since_time",
        {"timestamp": "2023-01-01T00:00:00.000Z"},
        {"types": ["attack-pattern"], "created_min": microseconds("2023-01-01T00:00:00.001Z")},
    ),
    (
        "campaigns",
        "get_campaigns_since_time",
        {"timestamp": "2023-01-01T00:00:00.000Z"},
        {"types": ["campaign"], "created_min": microseconds("2023-01-01T00:00:00.001Z")},
    ),
    (
        "techniques",
        "get_techniques_by_tactic",
        {"name": "collection"},
        {"types": ["attack-pattern"], "tactics": ["collection"]},
    ),
    (
        "techniques",
        "get_techniques_by_content",
        {"content": "Firmware"},
        {"types": ["attack-pattern"], "description": "firmware"},
    ),
    (
        "groups",
        "get_group_by_alias",
        {"alias": "Sandworm Team"},
        {"types": ["intrusion-set"], "filters": {"alias": "sandworm team"}},
    ),
)


@pytest.mark.parametrize(
    ("part", "function", "arguments", "filters"), LISTS, ids=[f"{row[1]}-{'-'.join(row[2])}" for row in LISTS]
)
def test_lists(
    asked_library: Library,
    peer: Peer,
    part: str,
    function: str,
    arguments: dict[str, Any],
    filters: dict[str, Any],
) -> None:
    given = tuple(arguments.values()) if function == "get_group_by_alias" else ()
    named = {} if given else arguments
    assert listed(asked_library, peer, **filters) == live_ids(peer.query(part, function, *given, **named)) != set()


def test_techniques_of_a_platform(asked_library: Library, peer: Peer) -> None:
    platforms = Counter(
        name for stix in objects(peer, "Technique").values() for name in stix.get("x_mitre_platforms", ())
    )
    [(platform, _)] = platforms.most_common(1)
    shown = listed(asked_library, peer, types=["attack-pattern"], filters={"platform": [platform.lower()]})
    assert shown == live_ids(peer.query("techniques", "get_techniques_by_platform", name=platform)) != set()


def test_an_object_by_its_number(asked_library: Library, of_ics: Peer) -> None:
    for stix in sample(objects(of_ics, "Technique", "Software", "Group"), "numbers"):
        number = str(plain.primary_id("attack-ics", stix))
        theirs = of_ics.query("", "get_object_by_attack_id", stix["type"], number)
        assert listed(asked_library, of_ics, external_ids=[number.lower()], types=[stix["type"]]) == live_ids(theirs)
        assert live_ids(theirs) == {stix["id"]}
