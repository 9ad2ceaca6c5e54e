"""ATLAS's YAML in format 6 as STIX: made-up releases, and the real 5.6.0 rewritten in that format."""

from __future__ import annotations

import json
import logging
from collections import Counter
from typing import Any

import pytest

from ctibutler.errors import MalformedFile
from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.declaration import DetailField
from ctibutler.publishers.converters import CONVERTERS
from ctibutler.publishers.converters.conversion import Converted, Edition
from tests.oasis import verdicts_on
from tests.publishers.atlas_files import Data, entry, relation, release, step, uuid_of, with_relations, written
from tests.shared import read_shared

Stix = dict[str, Any]
CONVERTER = CONVERTERS["atlas-yaml"]


def converted(data: Data, label: str = "2026.09") -> Converted:
    return CONVERTER.convert(written(data), Edition(label))


def by_external_id(made: Converted) -> dict[str, Stix]:
    return {
        reference["external_id"]: stix
        for stix in made.objects
        for reference in stix.get("external_references", ())
        if reference["source_name"] == "mitre-atlas"
    }


def relations(made: Converted, name: str) -> list[Stix]:
    return [stix for stix in made.objects if stix.get("relationship_type") == name]


def details(made: Converted, external_id: str) -> dict[str, Any]:
    assert made.details is not None
    return dict(made.details[by_external_id(made)[external_id]["id"]])


def refused(data: Any, label: str = "2026.09") -> str:
    with pytest.raises(MalformedFile) as problem:
        CONVERTER.convert(data if isinstance(data, bytes) else written(data), Edition(label))
    return str(problem.value)


class TestObjects:
    def test_each_entry_becomes_an_object_of_its_type(self) -> None:
        made = converted(release())
        assert Counter(stix["type"] for stix in made.objects) == {
            "x-mitre-tactic": 2,
            "attack-pattern": 3,
            "course-of-action": 2,
            "campaign": 1,
            "relationship": 7,
            "x-mitre-matrix": 1,
            "x-mitre-collection": 1,
        }
        names = {stix["relationship_type"] for stix in made.objects if stix["type"] == "relationship"}
        assert names == {"subtechnique-of", "mitigates", "uses"}

    def test_ids_are_the_publishers(self) -> None:
        made = by_external_id(converted(release()))
        assert made["AML.T0051"]["id"] == "attack-pattern--6ff098e9-2864-579e-bebb-a0f1c92ec772"
        # As in ATLAS 5.6.0 and in the YAML of 2026.06.
        assert made["AML.T0051.000"]["id"] == "attack-pattern--073f16fc-c4c0-5351-8a22-9c77aaaab91f"
        assert made["AML.M0000"]["id"] == "course-of-action--c35b59f9-60f8-5bd1-ad76-9cbb549a97ce"
        assert made["AML.CS0059"]["id"] == f"campaign--{uuid_of('AML.CS0059')}"

    def test_a_technique_has_the_properties_of_the_publishers_bundle(self) -> None:
        assert by_external_id(converted(release()))["AML.T0065"] == {
            "type": "attack-pattern",
            "spec_version": "2.1",
            "id": f"attack-pattern--{uuid_of('AML.T0065')}",
            "created": "2023-10-25T00:00:00.000Z",
            "modified": "2026-08-31T00:00:00.000Z",
            "name": "LLM Prompt Crafting",
            "description": "About LLM Prompt Crafting.",
            "kill_chain_phases": [
                {"kill_chain_name": "mitre-atlas", "phase_name": "resource-development"},
                {"kill_chain_name": "mitre-atlas", "phase_name": "execution"},
            ],
            "external_references": [
                {
                    "source_name": "mitre-atlas",
                    "url": "https://atlas.mitre.org/techniques/AML.T0065",
                    "external_id": "AML.T0065",
                },
                {
                    "source_name": "mitre-attack",
                    "url": "https://attack.mitre.org/techniques/T1110/",
                    "external_id": "T1110",
                },
            ],
            "x_mitre_domains": ["ATLAS"],
            "x_mitre_platforms": ["Enterprise"],
        }

    def test_a_sub_technique_is_marked_and_related_to_its_technique(self) -> None:
        made = converted(release())
        objects = by_external_id(made)
        assert objects["AML.T0051.000"]["x_mitre_is_subtechnique"] is True
        assert "x_mitre_is_subtechnique" not in objects["AML.T0051"]
        [link] = relations(made, "subtechnique-of")
        assert (link["source_ref"], link["target_ref"]) == (objects["AML.T0051.000"]["id"], objects["AML.T0051"]["id"])

    def test_a_case_study_uses_a_technique_once_for_each_step(self) -> None:
        made = converted(release())
        objects = by_external_id(made)
        uses = relations(made, "uses")
        assert [link["source_ref"] for link in uses] == [objects["AML.CS0059"]["id"]] * 3
        assert Counter(link["target_ref"] for link in uses) == {
            objects["AML.T0051"]["id"]: 2,
            objects["AML.T0065"]["id"]: 1,
        }
        assert len({link["id"] for link in uses}) == 3
        assert {link["description"] for link in uses} == {"They did S00.", "They did S01.", "They did S02."}

    def test_steps_without_an_id_get_distinct_ids(self) -> None:
        bare = relation("employs", "AML.CS0059", "AML.T0065", tactic="AML.TA0003")
        made = converted(with_relations(release(), bare, bare))
        assert len({link["id"] for link in relations(made, "uses")}) == 5

    def test_a_mitigations_repeated_description_is_not_used_for_an_id(self) -> None:
        made = converted(release())
        mitigates = relations(made, "mitigates")
        assert len({link["id"] for link in mitigates}) == 3
        assert mitigates[0]["id"] == f"relationship--{uuid_of('AML.M0000-mitigates-Say less.')}"

    def test_the_matrix_lists_its_tactics_by_position(self) -> None:
        made = converted(release())
        objects = by_external_id(made)
        matrix = next(stix for stix in made.objects if stix["type"] == "x-mitre-matrix")
        assert matrix["tactic_refs"] == [objects["AML.TA0003"]["id"], objects["AML.TA0005"]["id"]]

    def test_a_tactic_without_a_position_comes_last(self) -> None:
        data = release()
        data["relationships"]["ATLAS-matrix"]["sequences"].pop(1)
        matrix = next(stix for stix in converted(data).objects if stix["type"] == "x-mitre-matrix")
        assert matrix["tactic_refs"] == [f"x-mitre-tactic--{uuid_of(name)}" for name in ("AML.TA0005", "AML.TA0003")]

    def test_the_collection_gives_the_release_and_lists_every_object(self) -> None:
        made = converted(release())
        *others, collection = made.objects
        assert (collection["type"], collection["x_mitre_version"]) == ("x-mitre-collection", "2026.09")
        assert [item["object_ref"] for item in collection["x_mitre_contents"]] == [stix["id"] for stix in others]

    def test_ids_are_distinct_and_references_resolve(self) -> None:
        made = converted(release())
        ids = [stix["id"] for stix in made.objects]
        assert len(set(ids)) == len(ids)
        ends = {stix[end] for stix in made.objects for end in ("source_ref", "target_ref") if end in stix}
        assert ends <= set(ids)

    @pytest.mark.parametrize("label", ["2026.05.1", "2026.10", "v2026_10"])
    def test_every_form_of_label_is_read(self, label: str) -> None:
        said = label.removeprefix("v").replace("_", ".")
        assert converted(release(said), label).objects[-1]["x_mitre_version"] == said

    def test_a_relationship_that_is_there_twice_is_made_once(self) -> None:
        twice = relation("specializes", "AML.T0051.000", "AML.T0051")
        again = relation("mitigates", "AML.M0000", "AML.T0051", description="Say less.")
        made = converted(with_relations(release(), twice, again))
        assert len(relations(made, "subtechnique-of")) == 1
        assert relations(made, "mitigates") == relations(converted(release()), "mitigates")
        ids = [stix["id"] for stix in made.objects]
        assert len(set(ids)) == len(ids)

    def test_the_validator_of_oasis_accepts_them(self) -> None:
        assert verdicts_on(converted(release()).objects) == (True, Counter())

    def test_the_same_file_gives_the_same_objects(self) -> None:
        assert converted(release()) == converted(release())

    def test_optional_fields_of_collection_and_matrix_may_be_missing(self) -> None:
        made = converted(release(collection={"version": "2026.09"}, matrix={"id": "ATLAS-matrix"}))
        matrix, collection = made.objects[-2:]
        assert (collection["id"], "created" in collection) == (
            "x-mitre-collection--7a735cfc-0469-5d8b-b11f-d014be33394e",
            False,
        )
        assert matrix["id"] == "x-mitre-matrix--967c63ff-22bd-5ff8-aa59-1e1fca8dec78"


class TestDetails:
    def test_a_technique_has_maturity_platforms_and_references(self) -> None:
        assert details(converted(release()), "AML.T0051") == {
            "maturity": "Realized",
            "platforms": ["Generative AI", "Agentic AI"],
            "references": [{"id": "ref-1", "title": "A paper", "url": "https://example.org/paper"}],
        }

    def test_a_mitigation_has_categories_and_phases(self) -> None:
        assert details(converted(release()), "AML.M0000") == {
            "categories": ["Policy"],
            "lifecycle_phases": ["Deployment", "Monitoring and Maintenance"],
        }

    def test_a_case_study_has_its_facts_and_its_steps_in_the_order_of_the_attack(self) -> None:
        said = details(converted(release()), "AML.CS0059")
        steps = said.pop("steps")
        assert said == {
            "type": "Incident",
            "actor": "Somebody",
            "target": "An assistant",
            "reporter": "Researchers",
            "date": "2026-06-01",
            "date_granularity": "Month",
        }
        assert [one["step_id"] for one in steps] == ["S00", "S01", "S02"]
        assert steps[0] == {
            "step_id": "S00",
            "tactic_id": "AML.TA0003",
            "tactic": "Resource Development",
            "technique_id": "AML.T0065",
            "technique": "LLM Prompt Crafting",
            "description": "They did S00.",
            "leads_to": ["S01"],
        }
        assert "leads_to" not in steps[2]

    def test_an_exercise_has_no_reporter(self) -> None:
        data = release()
        data["case-studies"]["AML.CS0059"] |= {"type": "Exercise", "reporter": None}
        assert "reporter" not in details(converted(data), "AML.CS0059")

    def test_objects_without_details_are_left_out(self) -> None:
        made = converted(release())
        assert by_external_id(made)["AML.TA0005"]["id"] not in (made.details or {})

    def test_a_field_of_a_later_format_is_kept(self) -> None:
        data = release()
        data["format-version"] = "6.1.0"
        data["techniques"]["AML.T0065"]["threat-models"] = [{"model-id": "M1"}]
        assert details(converted(data), "AML.T0065")["threat_models"] == [{"model_id": "M1"}]

    def test_every_field_is_declared(self) -> None:
        made = converted(release())
        declared = HOSTED.named("atlas").details
        for said in (made.details or {}).values():
            _check(said, declared)
        used = {name for said in (made.details or {}).values() for name in said}
        assert used == {field.name for field in declared}


def _check(record: Any, declared: tuple[DetailField, ...]) -> None:
    fields = {field.name: field for field in declared}
    for name, value in record.items():
        field = fields[name]
        for one in value if field.many else [value]:
            if field.fields:
                _check(one, field.fields)
            else:
                assert isinstance(one, str)


class TestSteps:
    def order(self, *steps: Data) -> list[str]:
        data = release()
        del data["relationships"]["AML.CS0059"]
        said = details(converted(with_relations(data, *steps)), "AML.CS0059")["steps"]
        return [one.get("step_id", one["description"]) for one in said]

    def test_the_order_comes_from_the_graph_and_not_from_the_numbers(self) -> None:
        cs, technique, tactic = "AML.CS0059", "AML.T0051", "AML.TA0005"
        assert self.order(
            step(cs, "S00", technique, tactic),
            step(cs, "S01", technique, tactic, "S00"),
            step(cs, "S02", technique, tactic, "S01"),
        ) == ["S02", "S01", "S00"]

    def test_branches_are_ordered_by_number_and_join_after_both(self) -> None:
        cs, technique, tactic = "AML.CS0059", "AML.T0051", "AML.TA0005"
        assert self.order(
            step(cs, "S10", technique, tactic),
            step(cs, "S2", technique, tactic, "S10"),
            step(cs, "S9", technique, tactic, "S10"),
            step(cs, "S1", technique, tactic, "S9", "S2"),
        ) == ["S1", "S2", "S9", "S10"]

    def test_a_cycle_is_reported_and_ends(self, caplog: pytest.LogCaptureFixture) -> None:
        cs, technique, tactic = "AML.CS0059", "AML.T0051", "AML.TA0005"
        with caplog.at_level(logging.WARNING):
            found = self.order(
                step(cs, "S02", technique, tactic, "S01"),
                step(cs, "S01", technique, tactic, "S02"),
                step(cs, "S00", technique, tactic, "S01"),
                step(cs, "S03", technique, tactic, "S03"),
            )
        assert found == ["S00", "S01", "S02", "S03"]
        assert "AML.CS0059: the steps after S01 lead back to it" in caplog.text

    def test_a_step_that_leads_to_an_unknown_step_is_reported(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING):
            assert self.order(step("AML.CS0059", "S00", "AML.T0051", "AML.TA0005", "S07")) == ["S00"]
        assert "AML.CS0059: step S00 leads to S07, which does not exist" in caplog.text

    def test_steps_without_ids_come_last_in_the_order_of_the_file(self) -> None:
        bare = [relation("employs", "AML.CS0059", "AML.T0065", description=text) for text in ("b", "a")]
        assert self.order(*bare, step("AML.CS0059", "S00", "AML.T0051", "AML.TA0005")) == ["S00", "b", "a"]


class TestRefusals:
    def test_another_format_is_refused(self) -> None:
        data = release()
        data["format-version"] = "7.0.0"
        assert refused(data) == "ATLAS YAML: format-version: line 1: expected format 6, found `7.0.0`"
        legacy = {"id": "ATLAS", "name": "ATLAS", "version": "5.6.0", "matrices": []}
        assert refused(legacy) == "ATLAS YAML: format-version: line 1: expected format 6, found nothing"

    def test_another_release_is_refused(self) -> None:
        assert refused(release("2026.08")) == "ATLAS YAML: collection: version: expected 2026.09, found 2026.08"

    @pytest.mark.parametrize(
        "section", ["tactics", "techniques", "mitigations", "case-studies", "relationships", "matrix"]
    )
    def test_a_missing_section_is_named(self, section: str) -> None:
        data = release()
        del data[section]
        assert refused(data) == f"ATLAS YAML: {section}: expected a map, but it is missing"

    def test_a_release_without_techniques_is_refused(self) -> None:
        assert refused(release(techniques={})) == "ATLAS YAML: expected tactics and techniques, found 0 techniques"

    @pytest.mark.parametrize(
        ("field", "value", "sentence"),
        [
            ("id", "AML.T0066", "id: line {}: expected `AML.T0065`, found `AML.T0066`"),
            ("uuid", "6ff098e9-2864-579e-bebb-a0f1c92ec772", "uuid: line {}: expected `"),
            ("name", None, "name: line {}: expected text, found nothing"),
            ("name", ["x"], "name: line {}: expected text, found a list"),
            (
                "created-date",
                "yesterday",
                "created-date: line {}: expected a date such as 2026-09-15, found `yesterday`",
            ),
            ("attack-reference", "T1110", "attack-reference: line {}: expected a map, found `T1110`"),
            ("attack-reference", {"url": "x"}, "attack-reference: id: line {}: expected text, found nothing"),
        ],
    )
    def test_an_object_without_an_identity_is_refused_with_its_line(
        self, field: str, value: object, sentence: str
    ) -> None:
        data = release()
        data["techniques"]["AML.T0065"][field] = value
        lines = written(data).decode().splitlines()
        begin = lines.index("  AML.T0065:")
        line = next(number for number, text in enumerate(lines[begin:], begin + 1) if text.startswith(f"    {field}:"))
        assert refused(data).startswith(f"ATLAS YAML: techniques: AML.T0065: {sentence.format(line)}")

    @pytest.mark.parametrize(
        ("item", "sentence"),
        [
            ("text", "expected a map, found `text`"),
            (relation("mitigates", "AML.M0001", "AML.T0065"), "expected `AML.M0000`, found `AML.M0001`"),
            ({"source": "AML.M0000"}, "expected text, found nothing"),
            (relation("mitigates", "AML.M0000", "AML.T0065", **{"leads-to": "S01"}), "expected a list of text"),
            (relation("mitigates", "AML.M0000", "AML.T0065", position="first"), "expected a number, found `first`"),
        ],
    )
    def test_a_malformed_relationship_is_refused(self, item: object, sentence: str) -> None:
        data = release()
        data["relationships"]["AML.M0000"]["mitigates"].append(item)
        found = refused(data)
        assert found.startswith("ATLAS YAML: relationships: AML.M0000: mitigates")
        assert sentence in found
        assert "line " in found

    def test_relationships_that_are_not_lists_are_refused(self) -> None:
        data = release()
        data["relationships"]["AML.M0000"]["mitigates"] = {}
        assert "AML.M0000: mitigates: line" in refused(data)

    def test_a_list_where_a_map_belongs_is_refused(self) -> None:
        assert refused(written([1])) == "ATLAS YAML: line 1: expected a map, found a list"

    def test_invalid_yaml_is_refused(self) -> None:
        assert refused(b"ATLAS-2026.09.yaml").startswith("ATLAS YAML: a symbolic link to ATLAS-2026.09.yaml")

    def test_relationships_to_missing_objects_are_left_out_and_reported(self, caplog: pytest.LogCaptureFixture) -> None:
        data = with_relations(
            release(),
            relation("mitigates", "AML.M0000", "AML.T9999"),
            relation("specializes", "AML.T0065", "AML.T9999"),
            relation("achieves", "AML.T0065", "AML.TA9999"),
            relation("employs", "AML.CS9999", "AML.T0065"),
        )
        with caplog.at_level(logging.WARNING):
            made = converted(data)
        ids = {stix["id"] for stix in made.objects}
        assert all(stix["target_ref"] in ids for stix in made.objects if "target_ref" in stix)
        assert len(relations(made, "mitigates")) == 3
        assert "AML.M0000 mitigates AML.T9999 is left out: one of them is not in the file" in caplog.text
        assert caplog.text.count("is left out") == 4

    def test_an_unknown_kind_of_relationship_is_ignored(self) -> None:
        data = with_relations(release(), relation("detects", "AML.M0000", "AML.T0065"))
        assert converted(data).objects == converted(release()).objects


@pytest.mark.real
class TestRealRelease:
    """The real 5.6.0, rewritten in format 6, is converted to the objects that were published."""

    def test_objects_are_equal_except_for_new_properties(self) -> None:
        published = _published()
        made = converted(_in_format_6(published), "5.6.0")
        expected = [stix for stix in published if stix["type"] != "relationship"]
        found = [
            {name: value for name, value in stix.items() if name != "x_mitre_domains"}
            for stix in made.objects
            if stix["type"] not in ("relationship", "x-mitre-matrix", "x-mitre-collection")
        ]
        assert len(found) == 221
        assert found == expected

    def test_the_validator_of_oasis_refuses_only_two_days_of_the_publisher(self) -> None:
        published = _published()
        accepted, errors = verdicts_on(converted(_in_format_6(published), "5.6.0").objects)
        assert not accepted
        assert {str(error).partition(": ")[0] for error in errors} == _wrong_days(published)
        assert len(errors) == 2

    def test_relationships_with_a_unique_id_are_equal(self) -> None:
        published = _published()
        made = converted(_in_format_6(published), "5.6.0")
        expected = [stix for stix in published if stix["type"] == "relationship"]
        found = [
            {name: value for name, value in stix.items() if name != "x_mitre_domains"}
            for stix in made.objects
            if stix["type"] == "relationship"
        ]
        assert _pairs(found) == _pairs(expected)
        shared = Counter(stix["id"] for stix in expected)
        own = {stix["id"]: stix for stix in expected if shared[stix["id"]] == 1}
        assert len(own) == 201
        by_id = {stix["id"]: stix for stix in found}
        assert len(by_id) == len(found)
        assert {stix_id: by_id[stix_id] for stix_id in own} == own


def _wrong_days(objects: list[Stix]) -> set[str]:
    return {stix["id"] for stix in objects if stix["modified"] < stix["created"]}


def _published() -> list[Stix]:
    objects = json.loads(read_shared("kb-primary/atlas/stix-atlas-5.6.0.json.zst"))["objects"]
    return [stix for stix in objects if stix["type"] not in ("x-mitre-matrix", "x-mitre-collection")]


def _pairs(objects: list[Stix]) -> Counter[tuple[str, str, str]]:
    return Counter((stix["source_ref"], stix["relationship_type"], stix["target_ref"]) for stix in objects)


def _in_format_6(objects: list[Stix]) -> Data:
    """The STIX of 5.6.0, rewritten in format 6. Two exact repeats of a relationship are merged."""
    sections = {
        "x-mitre-tactic": "tactics",
        "attack-pattern": "techniques",
        "course-of-action": "mitigations",
    }
    data = release("5.6.0", tactics={}, techniques={}, mitigations={}, case_studies={}, relationships={})
    ids = {stix["id"]: stix["external_references"][0]["external_id"] for stix in objects if stix["type"] in sections}
    tactics = {stix["x_mitre_shortname"]: ids[stix["id"]] for stix in objects if "x_mitre_shortname" in stix}
    for stix in objects:
        if stix["type"] in sections:
            external_id = ids[stix["id"]]
            said = {
                "description": stix["description"],
                "created-date": stix["created"][:10],
                "modified-date": stix["modified"][:10],
            } | ({"platforms": stix["x_mitre_platforms"]} if "x_mitre_platforms" in stix else {})
            section = sections[stix["type"]]
            data[section][external_id] = entry(section.removesuffix("s"), external_id, stix["name"], **said)
            phases = [tactics[phase["phase_name"]] for phase in stix.get("kill_chain_phases", ())]
            with_relations(data, *(relation("achieves", external_id, tactic) for tactic in phases))
        else:
            name = str(stix["relationship_type"]).replace("subtechnique-of", "specializes")
            said = {"description": stix["description"]} if "description" in stix else {}
            with_relations(data, relation(name, ids[stix["source_ref"]], ids[stix["target_ref"]], **said))
    return data
