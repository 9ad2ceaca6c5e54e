"""Histories and differences of objects over HTTP, on both engines."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest

from tests.catalogue import catalogue_with
from tests.forms.test_feeds import checked
from tests.server.serving import Server, running
from tests.server.test_schemas import errors

pytestmark = [pytest.mark.real]
ENGINES = [
    pytest.param("sqlite", marks=pytest.mark.xdist_group("sqlite")),
    pytest.param("postgresql", marks=[pytest.mark.xdist_group("postgresql"), pytest.mark.server]),
]
RELEASES = ("attack-ics@17.0", "attack-ics@17.1", "attack-ics@18.1", "mitre-f3@1.0", "mitre-f3@1.1")
ICS, F3 = "/api/v1/attack-ics", "/api/v1/mitre-f3"


@pytest.fixture(scope="module", params=ENGINES)
def served(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Server]:
    with (
        catalogue_with(request.param, tmp_path_factory.mktemp("between"), *RELEASES) as database,
        running(database) as started,
    ):
        yield started


def test_a_history_is_a_page_and_has_the_forms_of_tables(served: Server) -> None:
    path = f"{F3}/objects/f1005/history/"
    page = served.get(path).json()
    assert (page["knowledge_base"], page["versions"], page["total_results_count"]) == ("mitre-f3", ["1.0", "1.1"], 2)
    assert [(event["version"], event["event"]) for event in page["history"]] == [("1.0", "added"), ("1.1", "moved")]
    assert page["threads"][0]["kind"] == "Technique"
    moved = page["history"][1]
    assert moved["detail"] == {
        "lost": [
            {"stix_id": moved["detail"]["lost"][0]["stix_id"], "external_id": "TA0005", "name": "Defense Evasion"}
        ],
        "gained": [
            {"stix_id": moved["detail"]["gained"][0]["stix_id"], "external_id": "TA0112", "name": "Defense Impairment"}
        ],
    }
    second = served.get(f"{path}?page=2&page_size=1")
    assert second.json()["history"] == [moved]
    assert 'rel="prev"' in second.headers["link"]
    assert served.get(f"{path}?hide=added,nothing").json()["history"] == [moved]
    rows = list(csv.DictReader(io.StringIO(served.get(f"{path}?format=csv").text)))
    assert [(row["version"], row["event"], row["detail"]) for row in rows] == [
        ("1.0", "added", "already there in the first installed release"),
        ("1.1", "moved", "from Defense Evasion to Defense Impairment"),
    ]
    entries = checked(served.get(path, accept="application/atom+xml").content)
    assert [entry[1].text for entry in entries] == [
        "F1005 Account Manipulation: moved in 1.1",
        "F1005 Account Manipulation: added in 1.0",
    ]


def test_a_difference_says_what_became_of_the_object(served: Server) -> None:
    found = served.get(f"{ICS}/objects/T0803/diff/").json()
    assert (found["from"], found["to"], found["outcome"]) == ("17.1", "18.1", "touched")
    assert {one["path"]: one["class"] for one in found["properties"]}["x_mitre_data_sources"] == "model"
    assert set(found["relationships"]) == {"detects", "targets"}
    short = served.get(f"{ICS}/objects/T0803/diff/?from=17_1&to=latest&hide=model,housekeeping").json()
    assert short["properties"] == []
    assert short["counts"] == found["counts"]
    tactic = served.get(f"{F3}/objects/TA0005/diff/").json()
    words = {one["path"]: one.get("words") for one in tactic["properties"]}
    assert words["name"] == [["-", "Defense Evasion"], ["+", "Stealth"]]
    assert tactic["outcome"] == "split"
    quick = served.get(f"{F3}/objects/TA0005/diff/?words=false").json()
    assert not any("words" in one for one in quick["properties"])


def test_both_engines_and_schemas_agree(served: Server) -> None:
    document = served.get("/api/schema/?format=json").json()
    schemas = document["components"]["schemas"]
    assert {"ObjectDifference", "HistoryPage", "PropertyDifference", "EventDetail"} <= schemas.keys()
    for object_id in ("T0803", "T0843", "G0034", "S0603", "DS0029", "M0800"):
        for name, path in (("HistoryPage", "history/"), ("ObjectDifference", "diff/?from=17.0&to=18.1")):
            answer = served.get(f"{ICS}/objects/{object_id}/{path}")
            assert answer.status_code == 200
            assert not errors(document, {"$ref": f"#/components/schemas/{name}"}, answer.json())


def test_bad_input_is_refused_with_what_and_where(served: Server) -> None:
    for path, said in (
        (f"{ICS}/objects/T9999/history/", "no object `T9999` in any installed release of attack-ics"),
        (f"{ICS}/objects/T9999/diff/", "no object `T9999` in any installed release of attack-ics"),
        (f"{ICS}/objects/%00/history/", "in any installed release of attack-ics"),
        (f"{ICS}/objects/T0803/diff/?from=9.9", "no release `9.9` of attack-ics is installed"),
        (f"{ICS}/objects/T0803/diff/?to=9.9", "no release `9.9` of attack-ics is installed"),
        (f"{ICS}/objects/T0803/diff/?to=17.0", "no release of attack-ics before 17.0 is installed"),
        (f"{F3}/objects/TA0112/diff/?from=1.0", "no object `TA0112` in mitre-f3 1.0; it is in 1.1"),
        ("/api/v1/cwe/objects/CWE-79/history/", "no object `CWE-79` in any installed release of cwe"),
        ("/api/v1/cwe/objects/CWE-79/diff/", "no release of cwe is installed"),
    ):
        answer = served.get(path)
        assert (answer.status_code, said in answer.json()["details"]["error"]) == (404, True), (path, answer.text)
    absent = served.get(f"{F3}/objects/TA0112/diff/?from=1.0").json()["details"]
    assert absent["versions"] == ["1.1"]
    for path in (
        f"{ICS}/objects/T0803/diff/?words=perhaps",
        f"{ICS}/objects/T0803/diff/?follow=2",
        f"{ICS}/objects/T0803/history/?format=layer",
        f"{ICS}/objects/T0803/history/?format=csv&columns=colour",
        f"{ICS}/objects/T0803/history/?strict=true&hidden=touched",
    ):
        assert served.get(path).status_code == 400, path


def test_a_release_from_a_higher_to_a_lower_one(served: Server) -> None:
    back = served.get(f"{F3}/objects/F1005/diff/?from=1.1&to=1.0").json()
    there = served.get(f"{F3}/objects/F1005/diff/?from=1.0&to=1.1").json()
    assert (back["from"], back["to"]) == ("1.1", "1.0")
    paths = [[one["path"] for one in side["properties"]] for side in (back, there)]
    assert paths[0] == paths[1]
    assert [one["before"] for one in back["properties"]] == [one["after"] for one in there["properties"]]


def test_changes_can_be_seen_as_outcomes(served: Server) -> None:
    path = f"{F3}/versions/1.1/changes/"
    before = served.get(f"{path}?since=1.0")
    page = served.get(f"{path}?since=1.0&view=outcome&sort=change_ascending").json()
    assert page["counts"]["outcomes"] == {"split": 1, "moved": 10, "edited": 2, "touched": 119, "added": 1}
    assert page["counts"]["handling"] == {"human": 1, "look": 10, "automatic": 122}
    assert page["total_results_count"] == 133
    first = page["changes"][0]
    assert (first["id"], first["outcome"]) == ("TA0005", "split")
    assert [(one["id"], one["score"]) for one in first["candidates"]] == [("TA0005", 0.6), ("TA0112", 0.4)]
    # A filter of outcomes asks for them.
    assert served.get(f"{path}?outcome=split").json()["changes"] == [first]
    assert served.get(f"{path}?handling=look&hide=moved,nothing").json()["changes"] == []
    assert served.get(f"{path}?outcome=nothing").json()["total_results_count"] == 0
    # Without the new parameters, answers are those of before.
    for query in ("", "?since=1.0&view=object", "?since=1.0&hide=touched"):
        assert served.get(f"{path}{query}").content == before.content
    assert set(before.json()) == {
        *("page_size", "page_number", "page_results_count", "total_results_count"),
        *("knowledge_base", "version", "since", "counts", "changes"),
    }


def test_outcomes_have_all_forms(served: Server) -> None:
    path = f"{ICS}/versions/18.1/changes/?since=17.1&outcome=edited,deprecated&types=attack-pattern,asset"
    listed = served.get(f"{path}&page_size=500").json()["changes"]
    assert listed
    table = list(csv.DictReader(io.StringIO(served.get(f"{path}&format=csv").text)))
    assert [(row["id"], row["outcome"], row["reason"]) for row in table] == [
        (row["id"], row["outcome"], row["reason"]) for row in listed
    ]
    short = served.get(f"{path}&format=csv&columns=id,new_id").text.splitlines()
    assert short[0] == "id,new_id"
    assert "- from: 17.1" in served.get(f"{path}&format=md").text
    assert served.get(f"{path}&format=xlsx").content.startswith(b"PK")
    assert len(checked(served.get(f"{path}&format=atom").content)) == len(listed)
    layer = served.get(f"{path}&format=layer").json()
    assert {entry["techniqueID"] for entry in layer["techniques"]} == {
        row["new_id"] or row["id"] for row in listed if row["type"] == "attack-pattern" and "stale" not in row["also"]
    }


def test_outcomes_conform_to_their_schema(served: Server) -> None:
    document = served.get("/api/schema/?format=json").json()
    for query in ("since=17.1", "since=17.0&page=2", "since=18.1"):
        answer = served.get(f"{ICS}/versions/18.1/changes/?view=outcome&{query}").json()
        assert not errors(document, {"$ref": "#/components/schemas/OutcomePage"}, answer)


def test_unknown_views_and_forms_are_refused(served: Server) -> None:
    path = f"{ICS}/versions/18.1/changes/"
    for query, said in (
        ("view=colours", "`colours` is none of object, outcome"),
        ("view=object&outcome=gone", "are filters of `view=outcome`"),
        ("view=outcome&format=pdf", "`pdf` is none of json"),
        ("format=layer", "`layer` does not fit these rows"),
        ("view=outcome&format=csv&columns=change", "`change` is none of handling"),
        ("format=csv&columns=handling", "`handling` is none of id"),
        ("view=outcome&sort=height_ascending", "is none of"),
    ):
        answer = served.get(f"{path}?{query}")
        assert answer.status_code == 400, query
        assert said in answer.text, (query, answer.text)
    assert served.get(f"{F3}/versions/1.1/changes/?view=outcome&since=9.9").status_code == 404
    assert served.get(f"{F3}/versions/9.9/changes/?view=outcome").status_code == 404
