"""Lists as files: the whole list in every form, on both engines."""

from __future__ import annotations

import csv
import io
import json
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from python_calamine import CalamineWorkbook

from tests.catalogue import catalogue_with, install, made_content
from tests.server.serving import Server, running
from tests.shared import read_bundle

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LISTS = (
    "/api/v1/attack-ics/objects/?sort=name_ascending",
    "/api/v1/attack-ics/objects/?types=attack-pattern&text=network",
    "/api/v1/attack-ics/versions/17.1/changes/",
    "/api/v1/search/?text=network&sort=relevance_descending",
    "/api/v1/search/?text=network",
    "/api/v1/objects/sdos/?types=intrusion-set,location",
    "/api/v1/objects/smos/",
    "/api/v1/objects/sros/?relationship_type=uses&sort=modified_descending",
    "/api/v1/attack-ics/objects/G0034/relationships/",
    "/api/v1/objects/G0034/relationships/?include_embedded_refs=false",
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def ics(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server with two releases of ATT&CK for ICS, and locations."""
    releases = ("attack-ics@17.0", "attack-ics@17.1", "location@1.0")
    with (
        catalogue_with(request.param, tmp_path_factory.mktemp("forms"), *releases) as database,
        running(database) as started,
    ):
        yield started


@pytest.fixture(scope="module")
def mobile_too(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with ATT&CK for Enterprise and for Mobile, which hold some of the same groups."""
    releases = ("attack-mobile@18.1", "attack-enterprise@18.1")
    with (
        catalogue_with("sqlite", tmp_path_factory.mktemp("mobile"), *releases) as database,
        running(database) as started,
    ):
        yield started


def rows(answer: httpx2.Response) -> list[dict[str, str]]:
    """The rows of CSV."""
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.content.decode(), newline=""), strict=True))


def with_format(path: str, form: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}format={form}"


def pages(server: Server, path: str) -> list[dict[str, object]]:
    """The whole list, page by page."""
    found: list[dict[str, object]] = []
    while True:
        answer = server.get(f"{path}{'&' if '?' in path else '?'}page_size=200&page={len(found) // 200 + 1}").json()
        [key] = [name for name, value in answer.items() if isinstance(value, list)]
        found += answer[key]
        if len(found) >= answer["total_results_count"]:
            return found


@pytest.mark.parametrize("path", LISTS)
def test_every_form_holds_the_rows_of_all_pages_in_their_order(ics: Server, path: str) -> None:
    expected = [item["id"] for item in pages(ics, path)]
    assert expected
    assert [row["stix_id"] for row in rows(ics.get(with_format(path, "csv")))] == expected
    lines = ics.get(with_format(path, "ndjson")).content.splitlines()
    assert [json.loads(line) for line in lines] == pages(ics, path)
    book = CalamineWorkbook.from_filelike(io.BytesIO(ics.get(with_format(path, "xlsx")).content))
    sheet = book.get_sheet_by_name("results").to_python()
    place = sheet[0].index("stix_id")
    assert [row[place] for row in sheet[1:]] == expected
    markdown = ics.get(with_format(path, "md")).text.splitlines()
    assert len([line for line in markdown if line.startswith("| ")]) == len(expected) + 2


def test_columns_are_declared_for_the_kinds_that_the_list_may_hold(ics: Server) -> None:
    techniques = rows(
        ics.get(
            "/api/v1/attack-ics/objects/?types=attack-pattern&include_revoked=true&include_deprecated=true&format=csv"
        )
    )
    assert list(techniques[0]) == [
        *("id", "name", "kind", "tactics", "parent", "platforms"),
        *("status", "modified", "created", "stix_id", "url", "description"),
    ]
    published = {
        stix["id"]: stix
        for stix in read_bundle("mitre-attack-ics-repo-data/ics-attack-17_1.json")["objects"]
        if stix["type"] == "attack-pattern"
    }
    assert len(techniques) == len(published)
    for row in techniques:
        stix = published[row["stix_id"]]
        reference = stix["external_references"][0]
        assert (row["id"], row["url"], row["name"]) == (reference["external_id"], reference["url"], stix["name"])
        assert row["tactics"] == "; ".join(phase["phase_name"] for phase in stix["kill_chain_phases"])
        assert row["platforms"] == "; ".join(stix.get("x_mitre_platforms", []))
        status = "revoked" if stix.get("revoked") else "deprecated" if stix.get("x_mitre_deprecated") else "live"
        assert row["status"] == status


def test_columns_are_chosen_and_ordered_by_the_request(ics: Server) -> None:
    answer = ics.get("/api/v1/location/objects/?format=csv&columns=alpha3,name&alpha2_code=ZA")
    assert answer.text == "alpha3,name\r\nZAF,South Africa\r\n"


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("format=csv&columns=colour", "`colour` is none of id, name, kind, alpha2"),
        ("format=pdf", "`pdf` is none of json, ndjson, csv, xlsx, md, stix."),
    ],
)
def test_what_no_form_has_is_an_error_that_names_what_there_is(ics: Server, query: str, says: str) -> None:
    answer = ics.get(f"/api/v1/location/objects/?{query}")
    assert answer.status_code == 400
    assert says in answer.text


@pytest.mark.parametrize(
    ("path", "name", "most"),
    [
        ("/api/v1/attack-ics/objects/", "id", 1000),
        ("/api/v1/objects/sdos/", "types", 1000),
        ("/api/v1/attack-ics/questions/groups/", "ids", 100),
    ],
)
def test_a_list_in_a_url_is_as_long_as_the_documentation_says(ics: Server, path: str, name: str, most: int) -> None:
    paths = ics.get("/api/schema/?format=json").json()["paths"]
    documented = paths.get(path) or paths[path.replace("/groups/", "/{question}/")]
    [parameter] = [item for item in documented["get"]["parameters"] if item.get("name") == name]
    assert f"At most {most:,}, with commas between them." in parameter["description"]
    assert ics.get(f"{path}?{name}={','.join(['T0859'] * most)}").status_code == 200
    refused = ics.get(f"{path}?{name}={','.join(['T0859'] * (most + 1))}")
    assert (refused.status_code, name in refused.text, str(most) in refused.text) == (400, True, True)


def test_a_file_of_a_release_that_is_not_installed_is_not_found(ics: Server) -> None:
    assert ics.get("/api/v1/attack-ics/objects/?attack_version=9.9&format=csv").status_code == 404


def test_accept_chooses_a_form_and_format_comes_first(ics: Server) -> None:
    path = "/api/v1/location/objects/?name=africa"
    asked = ics.get(path, accept="text/csv")
    assert asked.headers["content-type"] == "text/csv; charset=utf-8"
    assert "Accept" in asked.headers["vary"]
    assert asked.content == ics.get(with_format(path, "csv"), accept=XLSX).content
    assert ics.get(path, accept="*/*").headers["content-type"] == "application/json"
    assert ics.get(with_format(path, "json"), accept="text/csv").headers["content-type"] == "application/json"
    assert (
        ics.get(with_format(path, "xlsx")).headers["content-disposition"] == 'attachment; filename="location-1.0.xlsx"'
    )


def test_a_file_has_validators_and_is_the_same_each_time(ics: Server) -> None:
    path = "/api/v1/attack-ics/objects/?types=campaign&format=xlsx"
    first, second = ics.get(path), ics.get(path)
    assert first.content == second.content
    again = ics.get(path, if_none_match=first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    assert ics.client.head(path).headers["content-type"] == XLSX
    assert ics.get(path).content == first.content


def test_relationships_name_both_ends(ics: Server) -> None:
    [row] = [
        row
        for row in rows(ics.get("/api/v1/attack-ics/objects/G0034/relationships/?format=csv"))
        if (row["relationship_type"], row["target_id"]) == ("uses", "S0604")
    ]
    assert (row["source_id"], row["source_name"], row["target_name"]) == ("G0034", "Sandworm Team", "Industroyer")


def test_answers_to_questions_are_tables_with_their_evidence(ics: Server) -> None:
    answer = ics.get("/api/v1/attack-ics/objects/G0034/techniques/?via=all&page_size=1000").json()
    found = rows(ics.get("/api/v1/attack-ics/objects/G0034/techniques/?via=all&format=csv"))
    assert [row["stix_id"] for row in found] == [row["object"]["id"] for row in answer["results"]]
    assert [row["via"] for row in found] == ["; ".join(row["via"]) for row in answer["results"]]
    assert [int(row["evidence"]) for row in found] == [row["evidence_count"] for row in answer["results"]]
    said = {item["id"]: item.get("description", "") for item in answer["relationships"]}
    for row, result in zip(found, answer["results"], strict=True):
        assert row["text"] or not any(said[key] for path in result["evidence"] for key in path["path"])
    book = CalamineWorkbook.from_filelike(
        io.BytesIO(ics.get("/api/v1/attack-ics/objects/G0034/techniques/?via=all&format=xlsx").content)
    )
    about = {str(name): value for name, value in book.get_sheet_by_name("about").to_python()}
    assert about["of"] == "G0034 Sandworm Team"
    assert about["by own"] == str(answer["counts"]["ways"]["own"])


def test_pairs_and_comparisons_are_tables(ics: Server) -> None:
    pairs = ics.get("/api/v1/attack-ics/questions/techniques/?of=Group&page_size=1000").json()["results"]
    found = rows(ics.get("/api/v1/attack-ics/questions/techniques/?of=Group&format=csv"))
    assert [(row["of_id"], row["stix_id"]) for row in found] == [
        (pair["of"]["external_id"], pair["object"]["id"]) for pair in pairs
    ]
    compared = ics.get("/api/v1/attack-ics/compare/?a=G0034&b=G0032&page_size=1000").json()
    sides = rows(ics.get("/api/v1/attack-ics/compare/?a=G0034&b=G0032&format=csv"))
    assert [(row["in"], row["stix_id"]) for row in sides] == [
        (row["in"], row["object"]["id"]) for row in compared["results"]
    ]


def test_layers_of_answers_and_comparisons(ics: Server) -> None:
    asked = "/api/v1/attack-ics/objects/G0034/techniques/"
    results = ics.get(f"{asked}?page_size=500").json()["results"]
    expected = [item["object"]["external_references"][0]["external_id"] for item in results]
    answer = ics.get(f"{asked}?format=layer")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"].endswith('.layer.json"')
    made = answer.json()
    assert [item["techniqueID"] for item in made["techniques"]] == expected
    assert (made["domain"], made["versions"]["attack"], made["legendItems"]) == ("ics-attack", "17.1", [])
    compared = ics.get("/api/v1/attack-ics/compare/?a=G0034&b=G0035&format=layer").json()
    assert [item["label"] for item in compared["legendItems"]] == ["both", "only G0034", "only G0035"]


def test_bundles_of_lists_and_answers(ics: Server) -> None:
    path = "/api/v1/attack-ics/objects/?types=intrusion-set"
    listed = pages(ics, path)
    answer = ics.client.get(path, headers={"Accept": "application/stix+json"})
    assert answer.headers["content-type"] == "application/stix+json"
    assert answer.json()["objects"] == listed
    full = ics.get(f"{path}&format=stix&closure=full").json()["objects"]
    assert full[: len(listed)] == listed
    assert {item["type"] for item in full[len(listed) :]} == {"identity", "marking-definition"}
    sros = ics.get("/api/v1/attack-ics/objects/G0034/relationships/?format=stix").json()["objects"]
    assert {item["type"] for item in sros} == {"relationship"}
    answered = ics.get("/api/v1/attack-ics/objects/G0034/techniques/?format=stix").json()["objects"]
    assert answered[0]["name"] == "Sandworm Team"
    whole = ics.get("/api/v1/objects/sros/?format=stix&closure=full&source_ref_type=intrusion-set")
    assert "X-Missing-References" not in whole.headers


def test_a_bundle_names_the_ids_that_are_nowhere(tmp_path: Path) -> None:
    """60 weaknesses of a made-up release name an identity that no release has, and relationships with further ones."""
    weaknesses = [
        {
            "type": "weakness",
            "spec_version": "2.1",
            "id": f"weakness--{uuid.UUID(int=number)}",
            "name": f"Weakness {number}",
            "created": "2024-01-01T00:00:00.000Z",
            "modified": "2024-01-01T00:00:00.000Z",
            "created_by_ref": f"identity--{uuid.UUID(int=number)}",
            "external_references": [{"source_name": "cwe", "external_id": f"CWE-{number}"}],
        }
        for number in range(1, 61)
    ]
    nowhere = [f"identity--{uuid.UUID(int=number)}" for number in range(1, 61)]
    with catalogue_with("sqlite", tmp_path) as database:
        install(database, "cwe@9.9", made_content(weaknesses))
        with running(database) as server:
            one = server.get("/api/v1/cwe/objects/?cwe_id=CWE-7&format=stix&closure=full")
            assert [item["id"] for item in one.json()["objects"]] == [weaknesses[6]["id"]]
            assert one.headers["X-Missing-References"] == nowhere[6]
            assert one.headers["X-Missing-References-Count"] == "1"
            every = server.get("/api/v1/cwe/objects/?format=stix&closure=full")
            assert every.headers["X-Missing-References"].split(", ") == nowhere[:50]
            assert every.headers["X-Missing-References-Count"] == "60"
            rows = server.get("/api/v1/cwe/objects/?format=stix")
            assert "X-Missing-References" not in rows.headers


def test_a_row_for_each_path_on_demand(ics: Server) -> None:
    path = "/api/v1/attack-ics/objects/G0034/techniques/?format=csv"
    results, paths = rows(ics.get(path)), rows(ics.get(f"{path}&per=evidence"))
    assert len(paths) == sum(int(row["evidence"]) for row in results)
    assert {row["id"] for row in paths} == {row["id"] for row in results}


def test_a_row_and_a_layer_for_each_object_asked_about(ics: Server) -> None:
    path = "/api/v1/attack-ics/questions/techniques/?ids=G0034,S0604,C0025"
    alone = {
        number: [
            row["object"]["external_references"][0]["external_id"]
            for row in ics.get(f"/api/v1/attack-ics/objects/{number}/techniques/?page_size=500").json()["results"]
        ]
        for number in ("C0025", "G0034", "S0604")
    }
    pairs = rows(ics.get(f"{path}&per=start&format=csv"))
    assert sorted((row["of_id"], row["id"]) for row in pairs) == sorted(
        (number, technique) for number, techniques in alone.items() for technique in techniques
    )
    answer = ics.get(f"{path}&per=start&format=layer")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"].endswith('.zip"')
    assert ics.get(f"{path}&per=start&format=layer").content == answer.content
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == [f"{number}.layer.json" for number in alone]
        for number, techniques in alone.items():
            made = json.loads(archive.read(f"{number}.layer.json"))
            assert sorted(entry["techniqueID"] for entry in made["techniques"]) == sorted(techniques)
            assert {entry["score"] for entry in made["techniques"]} == {1}
    shared = rows(ics.get(f"{path}&per=start&match=all&format=csv"))
    common = set(alone["G0034"]) & set(alone["S0604"]) & set(alone["C0025"])
    assert {row["id"] for row in shared} == common != set()
    assert len(shared) == 3 * len(common)
    refused = ics.get("/api/v1/attack-ics/objects/G0034/software/?format=layer&per=start")
    assert (refused.status_code, "does not fit these rows" in refused.text) == (400, True)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("attack-ics/objects/?format=layer", "`layer` is none of json, ndjson, csv, xlsx, md, stix."),
        (
            "location/objects/western-africa/countries/?format=layer",
            "`layer` is none of json, ndjson, csv, xlsx, md, stix.",
        ),
        (
            "attack-ics/objects/G0034/software/?format=layer",
            "does not fit these rows; these do: json, ndjson, csv, xlsx, md, stix.",
        ),
        ("attack-ics/objects/G0034/software/?format=stix&closure=all", "`all` is none of evidence, none, full."),
        ("attack-ics/objects/?format=stix&closure=evidence", "`evidence` is none of none, full."),
        ("attack-ics/objects/G0034/software/?format=csv&per=path", "`path` is none of result, evidence, start."),
        ("attack-ics/objects/G0034/software/?format=csv&per=evidence&columns=kind", "`kind` is none of of_id, of_name"),
    ],
)
def test_forms_that_do_not_fit_are_refused_with_those_that_do(ics: Server, path: str, says: str) -> None:
    answer = ics.get(f"/api/v1/{path}")
    assert answer.status_code == 400
    assert says in answer.text


def test_paths_chains_and_coverage_have_forms_too(ics: Server) -> None:
    path = "/api/v1/paths/?from=G0034&to=T0859"
    found = ics.get(path).json()["paths"]
    assert found
    assert [json.loads(line) for line in ics.get(f"{path}&format=ndjson").content.splitlines()] == found
    assert {row["ids"] for row in rows(ics.get(f"{path}&format=csv"))} == {
        " → ".join(one["external_id"] for one in item["objects"]) for item in found
    }
    chain = "/api/v1/attack-ics/objects/G0034/chain/"
    assert [row["stix_id"] for row in rows(ics.get(f"{chain}?format=csv"))] == [
        item["id"] for item in ics.get(f"{chain}?page_size=500").json()["objects"]
    ]
    assert rows(ics.get("/api/v1/coverage/?format=csv")) == []
    for wrong, says in (
        ("widen=sideways", "`sideways` is none of none, down, up"),
        ("turns=3", "`3` is none of 0, 1, 2"),
    ):
        refused = ics.get(f"{path}&{wrong}")
        assert (refused.status_code, says in refused.text) == (400, True), refused.text


def test_a_path_is_a_bundle_of_what_lies_on_it(ics: Server) -> None:
    path = "/api/v1/paths/?from=G0034&to=T0859"
    found = ics.get(path).json()["paths"]
    on_paths = list(dict.fromkeys(one["id"] for item in found for one in item["objects"]))
    stated = {one["id"] for item in found for hop in item["hops"] for one in hop["statements"]}
    made = ics.get(f"{path}&format=stix").json()["objects"]
    assert [item["id"] for item in made[: len(on_paths)]] == on_paths
    assert {item["id"] for item in made[len(on_paths) :]} == stated != set()
    assert {item["source_ref"] for item in made[len(on_paths) :]} <= set(on_paths)
    alone = ics.get(f"{path}&format=stix&closure=none").json()["objects"]
    assert [item["id"] for item in alone] == on_paths
    published = {stix["id"]: stix for stix in read_bundle("mitre-attack-ics-repo-data/ics-attack-17_1.json")["objects"]}
    assert all(published[item["id"]] == item for item in made if item["id"] in published)
    full = {item["id"] for item in ics.get(f"{path}&format=stix&closure=full").json()["objects"]}
    assert full > {item["id"] for item in made}


def test_changes_are_a_bundle_of_the_objects_as_they_are_afterwards(ics: Server) -> None:
    path = "/api/v1/attack-ics/versions/17.1/changes/?since=17.0"
    changed = pages(ics, path)
    made = ics.get(f"{path}&format=stix").json()["objects"]
    published = {stix["id"]: stix for stix in read_bundle("mitre-attack-ics-repo-data/ics-attack-17_1.json")["objects"]}
    expected = [item["id"] for item in changed if item["change"] != "removed"]
    assert [item["id"] for item in made] == expected != []
    assert all(published[item["id"]] == item for item in made)


def test_an_answer_of_all_knowledge_bases_has_the_forms_of_answers(mobile_too: Server) -> None:
    path = "/api/v1/objects/intrusion-set--bef4c620-0787-42a8-a96d-b7eb6e85917c/techniques/?via=all"
    answers = mobile_too.get(f"{path}&page_size=1000").json()["answers"]
    assert [answer["knowledge_base"] for answer in answers] == ["attack-enterprise", "attack-mobile"]
    assert all(answer["results"] for answer in answers)
    expected = [
        (answer["knowledge_base"], answer["version"], row["object"]["id"], "; ".join(row["via"]))
        for answer in answers
        for row in answer["results"]
    ]
    found = rows(mobile_too.get(f"{path}&format=csv"))
    assert [tuple(row[name] for name in ("knowledge_base", "release", "stix_id", "via")) for row in found] == expected
    lines = [json.loads(line) for line in mobile_too.get(f"{path}&format=ndjson").content.splitlines()]
    assert [(line["knowledge_base"], line["result"]) for line in lines] == [
        (answer["knowledge_base"], row) for answer in answers for row in answer["results"]
    ]
    book = CalamineWorkbook.from_filelike(io.BytesIO(mobile_too.get(f"{path}&format=xlsx").content))
    assert book.sheet_names == ["results", "evidence", "about"]
    results = book.get_sheet_by_name("results").to_python()
    assert [row[results[0].index("stix_id")] for row in results[1:]] == [row[2] for row in expected]
    evidence = book.get_sheet_by_name("evidence").to_python()
    assert {row[0] for row in evidence[1:]} == {"attack-enterprise", "attack-mobile"}
    markdown = mobile_too.get(f"{path}&format=md").text.splitlines()
    assert len([line for line in markdown if line.startswith("| ")]) == len(expected) + 2
    bundle = mobile_too.get(f"{path}&format=stix").json()["objects"]
    assert {row[2] for row in expected} <= {item["id"] for item in bundle}
    assert len({item["id"] for item in bundle}) == len(bundle)
    with zipfile.ZipFile(io.BytesIO(mobile_too.get(f"{path}&format=layer").content)) as archive:
        layers = {name: json.loads(archive.read(name)) for name in archive.namelist()}
    assert {layer["domain"] for layer in layers.values()} == {"enterprise-attack", "mobile-attack"}
    assert sum(len(layer["techniques"]) for layer in layers.values()) == len(expected)
    paths = rows(mobile_too.get(f"{path}&format=csv&per=evidence&columns=knowledge_base,id,relationships"))
    assert len(paths) == sum(row["evidence_count"] for answer in answers for row in answer["results"])
    one = mobile_too.get("/api/v1/objects/G0016/techniques/?format=layer").json()
    assert one["domain"] == "enterprise-attack"
    says = mobile_too.get(f"{path}&format=csv&columns=colour")
    assert (says.status_code, "`colour` is none of knowledge_base, release, id, name" in says.text) == (400, True)
    assert mobile_too.get("/api/v1/objects/T9999/techniques/?format=csv").status_code == 404
    assert mobile_too.get(f"{path.replace('techniques', 'countries')}?format=csv").status_code == 404


def test_a_release_is_a_workbook_on_demand(ics: Server) -> None:
    path = "/api/v1/attack-ics/versions/17.1/bundle/"
    first, second = ics.get(f"{path}?format=xlsx"), ics.get(path, accept=XLSX)
    assert first.headers["content-type"] == XLSX
    assert first.headers["content-disposition"] == 'attachment; filename="attack-ics-17.1.xlsx"'
    assert first.content == second.content
    sheets = CalamineWorkbook.from_filelike(io.BytesIO(first.content)).sheet_names
    assert {"technique", "group", "matrix", "relationships", "detections", "citations"} <= set(sheets)
    again = ics.get(f"{path}?format=xlsx", if_none_match=first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    assert ics.get(path).headers["content-type"].startswith("application/stix+json")
    filtered = ics.get(f"{path}?format=xlsx&types=tool")
    assert filtered.status_code == 400
    assert "A workbook holds the whole release" in filtered.text
    assert "`pdf` is none of stix, xlsx." in ics.get(f"{path}?format=pdf").text
    assert ics.get("/api/v1/attack-ics/versions/9.9/bundle/?format=xlsx").status_code == 404


def test_changes_are_a_feed_on_demand(ics: Server) -> None:
    path = "/api/v1/attack-ics/versions/17.1/changes/"
    answer = ics.get(path, accept="application/atom+xml")
    assert answer.headers["content-type"] == "application/atom+xml"
    total = ics.get(path).json()["total_results_count"]
    assert answer.text.count("<entry>") == total
    assert ics.get(f"{path}?format=atom").content == answer.content
    assert "`atom` is none of json, ndjson," in ics.get("/api/v1/attack-ics/objects/?format=atom").text


def test_jobs_have_the_forms_of_tables(ics: Server) -> None:
    path = "/api/v1/jobs/?sort=id_ascending"
    for mode in ("cwe-capec", "capec-attack"):
        ics.client.post(f"/api/v1/links/{mode}/", json={})
    listed = ics.get(f"{path}&page_size=500").json()["jobs"]
    assert listed
    assert [json.loads(line) for line in ics.get(f"{path}&format=ndjson").content.splitlines()] == listed
    table = rows(ics.get(f"{path}&format=csv"))
    assert [(row["id"], row["state"], row["run_datetime"]) for row in table] == [
        (job["id"], job["state"], job["run_datetime"]) for job in listed
    ]
    assert "`colour` is none of id, type, state" in ics.get(f"{path}&format=csv&columns=colour").text
