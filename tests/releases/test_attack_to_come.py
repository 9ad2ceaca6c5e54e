"""A possible future ATT&CK: whatever is new in it is stored, listed and found, and everything older is still there.

Answers are compared with plain Python over the objects of two releases: a real or small one, and a made-up one after it.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from ctibutler.answers.across.ids import find_across, versions_across
from ctibutler.answers.across.lists import ListQuery, list_across
from ctibutler.answers.bundles import BundleQuery, object_bundle, whole_object_bundle
from ctibutler.answers.changes import ChangesPage, ChangesQuery, changes
from ctibutler.answers.exports import release_objects
from ctibutler.answers.inference import infer
from ctibutler.answers.library import Library
from ctibutler.answers.naming import ObjectRequest
from ctibutler.answers.navigator import layer
from ctibutler.answers.object_versions import versions_by_modified
from ctibutler.answers.objects import ObjectQuery, find_object, list_objects
from ctibutler.answers.pages import Page, PageRequest, Sort
from ctibutler.answers.releases import about, knowledge_base_list
from ctibutler.answers.search import SearchQuery, search, search_by_relevance
from ctibutler.errors import Hidden, InvalidRequest, NotFound
from ctibutler.forms.changes import rows_of
from ctibutler.forms.knowledge_bases import knowledge_bases_form
from ctibutler.forms.navigator_layer import layer_file
from ctibutler.forms.stix_bundle import object_as_bundle, release_as_bundle
from ctibutler.importing.removal import remove_release
from ctibutler.knowledge_bases import HOSTED
from tests.answers import plain
from tests.answers.walking import ALL, as_json, decoded, ids, listed, related, walk
from tests.catalogue import Catalogues, install, made_content, row_counts
from tests.releases.come import BASES, ICS, NEVER_IN_LISTS, NEW_TYPES, SLUG, Come, as_written, by_content, made_from
from tests.releases.to_come import (
    AFTER,
    BEFORE,
    CHILD,
    CHILD_NUMBER,
    EXTENSION,
    FIRST_PLAYBOOK,
    GOES,
    HEIR,
    MADE_MEASURE,
    MEASURE,
    NEW_NUMBER,
    NEW_TACTIC,
    OLD_PLAYBOOK,
    PLAYBOOK,
    SECOND_CHILD,
    SECOND_CHILD_NUMBER,
    SPLIT,
    STAYS,
    VULNERABILITY,
    number_of,
)

LINK = "https://example.org"


# --- stored


def test_every_object_is_answered_unchanged(come: Come) -> None:
    for label, objects in ((BEFORE, come.made.before), (AFTER, come.made.after)):
        bundle = json.loads(b"".join(release_as_bundle(release_objects(come.library, ICS, label))))
        assert as_written(bundle["objects"]) == as_written(objects)
    for stix_id, stix in come.after.items():
        if stix["type"] in (*NEW_TYPES, "sighting", "extension-definition", "language-content", "x-mitre-tactic"):
            assert json.dumps(json.loads(find_object(come.library, ICS, ObjectRequest(stix_id)).content)) == json.dumps(
                stix
            )


def test_an_export_can_be_filtered_by_a_new_type(come: Come) -> None:
    bundle = release_objects(come.library, ICS, AFTER, types=[PLAYBOOK, "x-mitre-nothing"])
    objects = json.loads(b"".join(release_as_bundle(bundle)))["objects"]
    assert as_written(objects) == as_written([stix for stix in come.made.after if stix["type"] == PLAYBOOK])


def test_an_export_with_derived_relationships_has_every_relationship(come: Come) -> None:
    bundle = json.loads(b"".join(release_as_bundle(release_objects(come.library, ICS, AFTER, include_derived=True))))
    derived = [sro for family, sro in come.all_sros if family != "native"]
    assert by_content(bundle["objects"]) == by_content([*come.made.after, *derived])


def test_objects_of_the_release_are_counted_by_type(come: Come) -> None:
    known = as_json(about(come.library, ICS, AFTER))
    assert known["counts_by_type"] == Counter(stix["type"] for stix in come.made.after)
    assert known["latest"]
    assert known["revoked"] == sum(stix.get("revoked") is True for stix in come.made.after)


# --- listed


@pytest.mark.parametrize("revoked", [True, False])
@pytest.mark.parametrize("deprecated", [True, False])
def test_every_type_is_listed_unless_it_is_declared_as_left_out(come: Come, revoked: bool, deprecated: bool) -> None:
    found = listed(come.library, SLUG, include_revoked=revoked, include_deprecated=deprecated)
    assert by_content(found) == by_content(come.expected(revoked=revoked, deprecated=deprecated))
    assert {stix["type"] for stix in found} >= set(NEW_TYPES)


def test_the_list_of_the_previous_release_is_unchanged(come: Come) -> None:
    for label in (BEFORE, "v18_1"):
        found = listed(come.library, SLUG, label)
        assert by_content(found) == by_content(
            [stix for stix in come.made.before if stix["type"] in plain.LISTED[SLUG]]
        )


def test_the_number_of_objects_of_the_knowledge_base_is_that_of_its_list(come: Come) -> None:
    rows = as_json(knowledge_bases_form(knowledge_base_list(come.library)))["knowledge_bases"]
    (row,) = [row for row in rows if row["name"] == SLUG]
    assert (row["latest"], row["versions"]) == (AFTER, [AFTER, BEFORE])
    assert row["objects_count"] == len(come.expected())


def test_lists_can_be_filtered_by_old_and_new_types(come: Come) -> None:
    for stix_type in {stix["type"] for stix in come.made.after}:
        wanted = [stix for stix in come.expected() if stix["type"] == stix_type]
        assert by_content(come.answered(types=[stix_type])) == by_content(wanted)
    assert {stix["id"] for stix in come.answered(types=[MEASURE, PLAYBOOK, "relationship", "x-mitre-nothing"])} == {
        MADE_MEASURE,
        FIRST_PLAYBOOK,
    }


def test_unlisted_or_unknown_types_match_nothing(come: Come) -> None:
    for types in (["x-mitre-nothing"], ["x-mitre-collection"], ["sighting", "relationship"], ["X-MITRE-PLAYBOOK"]):
        assert listed(come.library, SLUG, types=types) == []
    assert listed(come.library, SLUG, BEFORE, types=list(NEW_TYPES)) == []


@pytest.mark.parametrize("sort", ["modified", "created", "name", "type", "attack_id"])
@pytest.mark.parametrize("direction", ["ascending", "descending"])
def test_new_types_are_sorted_and_paged_with_the_others(come: Come, sort: str, direction: str) -> None:
    order = Sort.parse(f"{sort}_{direction}")

    def ask(page: PageRequest) -> Page[Any]:
        return list_objects(come.library, ICS, ObjectQuery(AFTER, page, order))

    found = walk(ask, 50)
    assert ids(found) == plain.ordered(SLUG, come.expected(revoked=True, deprecated=True), f"{sort}_{direction}")


def test_lists_can_be_filtered_by_external_ids_of_any_form(come: Come) -> None:
    old = {number_of(come.after[stix_id]) for stix_id in come.made.renumbered}
    for external_ids, found in (
        (["pb.ics-0001"], {FIRST_PLAYBOOK}),
        (["PB.ICS-0001", "PB.ICS-0002"], {FIRST_PLAYBOOK}),
        ([FIRST_PLAYBOOK, MADE_MEASURE], {FIRST_PLAYBOOK, MADE_MEASURE}),
        ([NEW_NUMBER, CHILD_NUMBER.lower(), SECOND_CHILD_NUMBER], {HEIR, CHILD, SECOND_CHILD}),
        (["TA0103", "ta0112"], {come.made.tactic, NEW_TACTIC}),
        (sorted(old), set()),
    ):
        assert {stix["id"] for stix in come.answered(external_ids=external_ids)} == found
    with_dead = listed(come.library, SLUG, external_ids=[*old, "PB.ICS-0002"])
    assert {stix["id"] for stix in with_dead} == {*come.made.renumbered, OLD_PLAYBOOK}


def test_other_filters_apply_to_new_types_too(come: Come) -> None:
    assert ids(come.answered(filters={"alias": "zahlerst"})) == [FIRST_PLAYBOOK]
    assert ids(come.answered(name="substation drill")) == [FIRST_PLAYBOOK]
    assert ids(come.answered(description="fence around the relay")) == [MADE_MEASURE]
    assert ids(come.answered(ids=[VULNERABILITY.upper()])) == [VULNERABILITY]


def test_type_words_include_the_new_tactic_and_the_sub_techniques(come: Come) -> None:
    for words in (["Tactic"], ["sub-technique"], ["Technique"], ["Group", "Software"]):
        wanted = [
            stix for stix in come.expected() if any(plain.is_of_word(SLUG, word.capitalize(), stix) for word in words)
        ]
        assert by_content(come.answered(type_words=words)) == by_content(wanted)
    assert {CHILD, SECOND_CHILD} <= {stix["id"] for stix in come.answered(type_words=["Sub-technique"])}


# --- searched


@pytest.mark.parametrize(
    "text", ["drill", "muted annunciator", "restoring telemetry", "fenc relay", "terminal", "horn", "stealth", "impair"]
)
def test_words_are_found_in_objects_of_every_type(come: Come, text: str) -> None:
    wanted = [stix for stix in come.expected() if plain.object_matches(stix, text)]
    assert wanted
    assert by_content(come.answered(text=text)) == by_content(wanted)
    every = [stix for stix in come.made.after if stix["type"] != "relationship" and plain.live(stix)]
    found = decoded(search(come.library, SearchQuery(text, page=ALL)))
    assert by_content(found) == by_content([stix for stix in every if plain.object_matches(stix, text)])


@pytest.mark.parametrize(
    ("text", "stix_id"),
    [
        ("PB.ICS-0001", FIRST_PLAYBOOK),
        ("pbics0001", FIRST_PLAYBOOK),
        ("silent substation drill", FIRST_PLAYBOOK),
        ("zahlerstille", FIRST_PLAYBOOK),
        ("operation quiet relay", FIRST_PLAYBOOK),
        ("telemetry annunciators", FIRST_PLAYBOOK),
        ("loose terminal", VULNERABILITY),
        ("fence around the relay house", MADE_MEASURE),
        (NEW_NUMBER, HEIR),
        (SECOND_CHILD_NUMBER, SECOND_CHILD),
        ("TA0112", NEW_TACTIC),
        ("defense impairment", NEW_TACTIC),
    ],
)
def test_the_best_hit_is_the_expected_object(come: Come, text: str, stix_id: str) -> None:
    found = decoded(search_by_relevance(come.library, SearchQuery(text, show_knowledge_base=True)))
    assert (found[0]["id"], found[0]["knowledgebase_name"]) == (stix_id, SLUG)
    stix_type = stix_id.partition("--")[0]
    only = SearchQuery(text, types=[stix_type], knowledge_bases=["attack"])
    assert ids(decoded(search_by_relevance(come.library, only)))[0] == stix_id
    assert search_by_relevance(come.library, SearchQuery(text, types=["x-mitre-nothing"])).total == 0


def test_a_deprecated_object_of_a_new_type_is_found_on_request(come: Come) -> None:
    hidden = SearchQuery("PB.ICS-0002", types=[PLAYBOOK])
    assert ids(decoded(search_by_relevance(come.library, hidden))) == []
    shown = SearchQuery("PB.ICS-0002", types=[PLAYBOOK], include_deprecated=True)
    assert ids(decoded(search_by_relevance(come.library, shown))) == [OLD_PLAYBOOK]


# --- tactics


def test_techniques_belong_to_both_halves_of_the_split_tactic(come: Come) -> None:
    made = plain.technique_tactics_of(come.made.after)
    for tactic, shortname, name in (
        (come.made.tactic, STAYS, "TA0103 (Stealth)"),
        (NEW_TACTIC, GOES, "TA0112 (Defense Impairment)"),
    ):
        found = related(come.library, SLUG, tactic, note="technique-tactic")
        assert by_content(found) == by_content([sro for sro in made if sro["target_ref"] == tactic])
        assert {sro["source_ref"] for sro in found} == {
            stix["id"]
            for stix in come.made.after
            if shortname in [phase["phase_name"] for phase in stix.get("kill_chain_phases", [])]
        }
        assert all(sro["description"].endswith(f"belongs to Tactic {name}") for sro in found)
    assert related(come.library, SLUG, NEW_TACTIC, note="technique-tactic")


def test_the_previous_release_still_has_the_whole_tactic(come: Come) -> None:
    found = related(come.library, SLUG, "TA0103", BEFORE, note="technique-tactic")
    assert by_content(found) == by_content(
        [sro for sro in plain.technique_tactics_of(come.made.before) if sro["target_ref"] == come.made.tactic]
    )
    assert all(sro["description"].endswith("belongs to Tactic TA0103 (Evasion)") for sro in found)
    with pytest.raises(NotFound):
        find_object(come.library, ICS, ObjectRequest("TA0112", BEFORE))


def test_a_matrix_has_the_new_tactic(come: Come) -> None:
    for matrix in [stix for stix in come.made.after if stix["type"] == "x-mitre-matrix"]:
        found = related(come.library, SLUG, matrix["id"], relationship_type="tactic", direction="source_ref")
        assert sorted(sro["target_ref"] for sro in found) == sorted(matrix["tactic_refs"])
        assert NEW_TACTIC in matrix["tactic_refs"]


# --- changes and versions


def rows_in(found: ChangesPage) -> list[dict[str, Any]]:
    return decoded(rows_of(found, include_objects=True))


def test_changes_since_the_previous_release_are_the_differences_of_the_two_files(come: Come) -> None:
    answered = changes(come.library, ICS, AFTER, ChangesQuery(page=ALL))
    before, after = come.before, come.after
    wanted = {
        stix_id: plain.change(
            [before[stix_id]] if stix_id in before else [], [after[stix_id]] if stix_id in after else []
        )
        for stix_id in before.keys() | after.keys()
    }
    rows = rows_in(answered)
    assert answered.since == BEFORE
    assert {change: count for change, count in answered.counted().items() if count} == Counter(wanted.values())
    assert {row["id"]: row["change"] for row in rows} == {
        stix_id: change for stix_id, change in wanted.items() if change != "unchanged"
    }
    for row in rows:
        was, now = before.get(row["id"]), after.get(row["id"])
        assert (row["before"], row["after"]) == (was, now)
        assert row["external_id"] == plain.primary_id(SLUG, now or was or {})
        differing = {name for name in {**(was or {}), **(now or {})} if (was or {}).get(name) != (now or {}).get(name)}
        assert row["changed_properties"] == (sorted(differing) if was and now else [])


def test_changes_show_what_became_of_renumbered_and_split_objects(come: Come) -> None:
    rows = {row["id"]: row for row in rows_in(changes(come.library, ICS, AFTER, ChangesQuery(page=ALL)))}
    for stix_id in come.made.renumbered:
        assert rows[stix_id]["change"] == "revoked"
        assert {"kill_chain_phases", "revoked"} <= set(rows[stix_id]["changed_properties"])
    for stix_id in (HEIR, CHILD, SECOND_CHILD, NEW_TACTIC, FIRST_PLAYBOOK, MADE_MEASURE, VULNERABILITY):
        assert rows[stix_id]["change"] == "added"
    assert rows[come.made.tactic]["change"] == "modified"
    assert rows[come.made.tactic]["changed_properties"] == ["modified", "name", "x_mitre_shortname"]
    (unknown,) = [row for row in rows.values() if "x_mitre_future" in row["changed_properties"]]
    assert {"x_mitre_future_refs", "x_mitre_platforms", "x_mitre_steps"} <= set(unknown["changed_properties"])
    of_type = changes(come.library, ICS, AFTER, ChangesQuery(types=[PLAYBOOK], sort=Sort("name")))
    assert [row["external_id"] for row in rows_in(of_type)] == ["PB.ICS-0002", "PB.ICS-0001"]


def test_compared_in_reverse_everything_new_is_removed(come: Come) -> None:
    answered = changes(come.library, ICS, BEFORE, ChangesQuery(AFTER, change=["removed"], page=ALL))
    assert {row["id"] for row in rows_in(answered)} == come.after.keys() - come.before.keys()


def test_versions_by_external_id_are_those_of_releases_with_that_id(come: Come) -> None:
    def versions(object_id: str, dead: bool = False) -> list[tuple[str, list[str]]]:
        found = versions_by_modified(come.library, ICS, object_id, dead, dead)
        return [(str(state.modified), list(state.releases)) for state in found]

    for old in come.made.renumbered:
        number = number_of(come.before[old])
        was, now = come.before[old]["modified"], come.after[old]["modified"]
        assert versions(number) == versions(old) == [(was, [BEFORE])]
        assert versions(number, dead=True) == versions(old, dead=True) == [(now, [AFTER]), (was, [BEFORE])]
    for new in (NEW_NUMBER, CHILD_NUMBER, SECOND_CHILD, "TA0112", "pb.ics-0001"):
        assert [labels for _, labels in versions(new)] == [[AFTER]]
    tactic = (come.before[come.made.tactic]["modified"], come.after[come.made.tactic]["modified"])
    assert versions("TA0103") == [(tactic[1], [AFTER]), (tactic[0], [BEFORE])]
    assert as_json(versions_by_modified(come.library, ICS, MADE_MEASURE)) == [{"modified": None, "versions": [AFTER]}]
    assert as_json(versions_across(come.library, "PB.ICS-0001")) == [
        {"knowledge_base": SLUG, "modified": come.after[FIRST_PLAYBOOK]["modified"], "versions": [AFTER]}
    ]


# --- relationships and bundles


def test_new_objects_have_relationships_in_both_directions(come: Come) -> None:
    unknown = next(stix["id"] for stix in come.made.after if "x_mitre_future" in stix)
    for stix_id in (FIRST_PLAYBOOK, OLD_PLAYBOOK, MADE_MEASURE, VULNERABILITY, HEIR, CHILD, unknown, NEW_TACTIC):
        assert by_content(related(come.library, SLUG, stix_id)) == by_content(come.sros(stix_id))
        native = related(come.library, SLUG, stix_id, include_embedded=False)
        assert by_content(native) == by_content(come.sros(stix_id, "native", "technique-tactic"))
    kinds = {sro["relationship_type"] for sro in related(come.library, SLUG, "PB.ICS-0001")}
    assert kinds >= {
        "responds-to",
        "uses",
        "is-rehearsed-in",
        "provokes",
        "created-by",
        "object-marking",
        "x-mitre-step",
    }
    assert kinds >= {"x-mitre-future", "x_mitre_steps-step", "object"}, "from other objects' properties"
    for kind in ("responds-to", "rehearsed"):
        found = related(come.library, SLUG, "PB.ICS-0001", relationship_type=kind)
        assert by_content(found) == by_content(
            [sro for sro in come.sros(FIRST_PLAYBOOK) if kind in sro["relationship_type"]]
        )
        assert found


def test_references_are_followed_in_lists_of_objects_and_not_in_nested_objects(come: Come) -> None:
    unknown = next(stix["id"] for stix in come.made.after if "x_mitre_future" in stix)
    found = related(come.library, SLUG, unknown, relationship_type="x_mitre_steps")
    assert {(sro["relationship_type"], sro["target_ref"]) for sro in found} == {
        ("x_mitre_steps-step", FIRST_PLAYBOOK),
        ("x_mitre_steps-then-next", HEIR),
        ("x_mitre_steps-then-next", CHILD),
    }
    assert related(come.library, SLUG, unknown, relationship_type="a-b") == []
    nowhere = related(come.library, SLUG, unknown, relationship_type="x-mitre-future")
    assert len(nowhere) == 3, "including the one whose target is in no release"


@pytest.mark.parametrize("embedded_sros", [True, False])
def test_bundles_contain_a_new_object_and_its_neighbours(come: Come, embedded_sros: bool) -> None:
    query = BundleQuery(ALL, include_embedded_sros=embedded_sros)
    for stix_id in (FIRST_PLAYBOOK, MADE_MEASURE, VULNERABILITY, HEIR, NEW_TACTIC, *come.made.renumbered):
        page = object_bundle(come.library, ICS, ObjectRequest(stix_id), query)
        wanted = come.bundle(stix_id, embedded_sros=embedded_sros)
        assert by_content(decoded(page)) == by_content(wanted)
        assert decoded(page)[0]["id"] == stix_id
        whole = json.loads(object_as_bundle(whole_object_bundle(come.library, ICS, ObjectRequest(stix_id), query)))
        assert by_content(whole["objects"]) == by_content(wanted)
    assert EXTENSION in ids(decoded(object_bundle(come.library, ICS, ObjectRequest("PB.ICS-0001"), query)))


def test_an_old_external_id_leads_to_the_new_one(come: Come) -> None:
    for old, new in come.made.renumbered.items():
        number = number_of(come.before[old])
        with pytest.raises(Hidden, match="is revoked"):
            find_object(come.library, ICS, ObjectRequest(number, AFTER, include_revoked=False))
        request = ObjectRequest(number, include_revoked=True, include_deprecated=False)
        assert json.loads(find_object(come.library, ICS, request).content) == come.after[old]
        (sro,) = related(come.library, SLUG, number, relationship_type="revoked-by", direction="source_ref")
        assert (sro["source_ref"], sro["target_ref"]) == (old, new)
        assert new in ids(decoded(object_bundle(come.library, ICS, request, BundleQuery(ALL))))
    both = [old for old, new in come.made.renumbered.items() if new == CHILD]
    found = related(come.library, SLUG, CHILD_NUMBER, relationship_type="revoked-by", direction="target_ref")
    assert sorted(sro["source_ref"] for sro in found) == sorted(both)


# --- layers and inference


def layer_expected(come: Come, stix_id: str, *, dead: bool) -> dict[str, tuple[str, ...]]:
    """External id and descriptions of each technique that the object's own relationships lead to."""
    comments: dict[str, list[str]] = {}
    sros = come.sros(stix_id, "native")
    for sro in sorted(sros, key=lambda sro: (plain.instant(sro, "created"), sro["id"])):
        other = come.after.get(sro["target_ref"] if sro["source_ref"] == stix_id else sro["source_ref"])
        if other and other["type"] == "attack-pattern" and (dead or (plain.live(other) and plain.live(sro))):
            comments.setdefault(number_of(other), []).append(sro.get("description") or "")
    return {number: tuple(filter(None, comments[number])) for number in comments}


def test_layers_have_the_new_external_id_instead_of_the_old_one(come: Come) -> None:
    old = number_of(come.before[next(iter(come.made.renumbered))])
    users = {sro["source_ref"] for sro in come.sros(HEIR, "native") if sro["relationship_type"] == "uses"}
    assert come.made.group in users
    for user in users:
        for dead in (False, True):
            shown = layer(come.library, ICS, ObjectRequest(user, AFTER, dead, dead))
            assert {entry.id: entry.descriptions for entry in shown.techniques} == layer_expected(come, user, dead=dead)
            assert shown.release == AFTER
            numbers = [entry.id for entry in shown.techniques]
            assert numbers == sorted(numbers, key=plain.natural)
            assert NEW_NUMBER in numbers
            assert dead or old not in numbers


def test_objects_of_new_types_have_layers_and_tactics_still_have_none(come: Come) -> None:
    shown = layer(come.library, ICS, ObjectRequest("PB.ICS-0001", AFTER, False, False))
    assert layer_file(shown, "").name == "Silent Substation Drill (PB.ICS-0001)"
    drill = "Silent Substation Drill (PB.ICS-0001)"
    assert layer_file(shown, "").description == (
        f"Techniques that are rehearsed in {drill}, techniques that {drill} responds to and techniques used by {drill}"
        f" in {ICS.title} {AFTER}"
    )
    assert [entry.id for entry in shown.techniques] == [NEW_NUMBER, SECOND_CHILD_NUMBER]
    for object_id in ("TA0103", "TA0112", NEW_NUMBER):
        with pytest.raises(InvalidRequest, match="no layer of a"):
            layer(come.library, ICS, ObjectRequest(object_id))


def test_inference_learns_from_objects_of_new_types_that_use_techniques(come: Come) -> None:
    # Only objects of new types use this technique.
    inferred = infer(come.library, ICS, [SECOND_CHILD_NUMBER], ObjectQuery(include_revoked=False))
    assert next(iter(inferred.scores)) == NEW_NUMBER
    assert inferred.scores[NEW_NUMBER] > 0.1
    assert inferred.objects[0].id == HEIR
    assert not {number_of(come.before[old]) for old in come.made.renumbered} & inferred.scores.keys()
    with pytest.raises((InvalidRequest, NotFound), match=r"not been trained|too few"):
        infer(come.library, ICS, [SECOND_CHILD_NUMBER], ObjectQuery(BEFORE))


# --- over all knowledge bases


def test_new_types_are_listed_as_domain_objects_of_all_knowledge_bases(come: Come) -> None:
    known = {*plain.LISTED[SLUG], *NEVER_IN_LISTS}
    for kind, also_left_out in (("sdos", {"x-mitre-matrix", "marking-definition"}), ("knowledgebases", set())):
        page = list_across(come.library, kind, ListQuery(Sort("name"), ALL))  # type: ignore[arg-type]
        found = decoded(page)
        new = [stix for stix in found if stix["type"] in NEW_TYPES]
        assert by_content(new) == by_content([stix for stix in come.made.after if stix["type"] in NEW_TYPES])
        assert not {stix["type"] for stix in found} & {"relationship", "extension-definition", *also_left_out}
        assert {stix["type"] for stix in found} - known == set(NEW_TYPES)
        query = ListQuery(Sort("name"), ALL, types=[PLAYBOOK, "x-mitre-nothing"], external_id="pb.ics-0001")
        assert ids(decoded(list_across(come.library, kind, query))) == [FIRST_PLAYBOOK]  # type: ignore[arg-type]
    for kind in ("scos", "smos"):
        page = list_across(come.library, kind, ListQuery(Sort("type"), ALL))  # type: ignore[arg-type]
        assert not {stix["type"] for stix in decoded(page)} & set(NEW_TYPES)


def test_a_new_domain_of_attack_accepts_new_types_too(come: Come) -> None:
    stranger = "identity--00000000-0000-4000-8000-000000000000"
    query = ListQuery(Sort("name"), ALL, types=[PLAYBOOK], visible_to=stranger)
    assert ids(decoded(list_across(come.library, "sdos", query))) == [OLD_PLAYBOOK, FIRST_PLAYBOOK]
    assert json.loads(find_across(come.library, "PB.ICS-0001", visible_to=stranger).content)["id"] == FIRST_PLAYBOOK


def test_the_public_views_show_new_types(come: Come) -> None:
    with come.library.database.read() as connection:
        rows = connection.rows(
            "SELECT id, external_id FROM mitre_attack_ics_vertex_collection WHERE type = :type ORDER BY external_id",
            type=PLAYBOOK,
        )
    assert [(row.id, row.external_id) for row in rows] == [
        (FIRST_PLAYBOOK, "PB.ICS-0001"),
        (OLD_PLAYBOOK, "PB.ICS-0002"),
    ]


# --- removed again


def everything_about(library: Library) -> str:
    """The answers about the previous release and about everything, as one text."""
    answers: list[Any] = [decoded(list_objects(library, ICS, ObjectQuery(page=ALL)))]
    for stix in answers[0][::10]:
        answers.append(related(library, SLUG, stix["id"]))
        answers.append(as_json(versions_by_modified(library, ICS, stix["id"])))
    answers.append(rows_in(changes(library, ICS, None, ChangesQuery(page=ALL))))
    queries = [SearchQuery(text, page=ALL) for text in ("substation", "telemetry", SPLIT)]
    answers += [decoded(search_by_relevance(library, query)) for query in queries]
    for kind, key in (("sdos", "name"), ("knowledgebases", "name"), ("smos", "type"), ("sros", "created")):
        answers.append(decoded(list_across(library, kind, ListQuery(Sort(key), ALL))))  # type: ignore[arg-type]
    answers.append(as_json(knowledge_base_list(library)))
    answers.append(json.loads(b"".join(release_as_bundle(release_objects(library, ICS, None, include_derived=True)))))
    return json.dumps(answers)


@pytest.mark.parametrize("base", BASES)
def test_the_new_release_leaves_nothing_behind_when_it_is_removed(catalogues: Catalogues, base: str) -> None:
    made = made_from(base)
    database = catalogues.empty()
    library = Library(database, HOSTED)
    install(database, f"{SLUG}@{BEFORE}", made_content(made.before))
    rows, answers = row_counts(database), everything_about(library)
    install(database, f"{SLUG}@{AFTER}", made_content(made.after))
    assert everything_about(library) != answers
    remove_release(database, ICS, AFTER)
    after = row_counts(database)
    del (
        rows["dictionary"],
        after["dictionary"],
    )  # made from the first release that is large enough, and kept with its knowledge base
    assert after == rows
    assert everything_about(library) == answers
    assert listed(library, SLUG, types=list(NEW_TYPES)) == []
