"""Questions over HTTP: pages, parameters, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ctibutler.answers.library import Library
from ctibutler.knowledge_bases import ALL
from ctibutler.knowledge_bases.attack import APT29
from tests.server.serving import Server, running

pytestmark = pytest.mark.real

ENTERPRISE = "/api/v1/attack-enterprise"
APT29_TECHNIQUES = f"{ENTERPRISE}/objects/G0016/techniques/"


@pytest.fixture(scope="module")
def asked_server(asked_library: Library) -> Iterator[Server]:
    with running(asked_library.database) as server:
        yield server


def test_pages_add_up_to_the_whole_answer(asked_server: Server) -> None:
    whole = asked_server.get(f"{APT29_TECHNIQUES}?page_size=1000").json()
    ids: list[str] = []
    page = 1
    while len(ids) < whole["total_results_count"]:
        answer = asked_server.get(f"{APT29_TECHNIQUES}?page_size=50&page={page}")
        assert answer.headers["X-Total-Count"] == "119"
        ids += [row["object"]["id"] for row in answer.json()["results"]]
        page += 1
    assert ids == [row["object"]["id"] for row in whole["results"]]
    assert whole["via"] == ["own", "campaigns"]
    assert whole["of"] == [{"id": APT29.stix_id, "external_id": "G0016", "name": "APT29"}]
    assert (whole["version"], whole["results_version"], whole["within"]) == ("18.1", "18.1", None)


def test_a_page_brings_the_relationships_of_its_evidence_and_what_lies_between(asked_server: Server) -> None:
    answer = asked_server.get(f"{APT29_TECHNIQUES}?via=campaigns&page_size=3").json()
    shown = {sro["id"] for sro in answer["relationships"]}
    assert shown == {step for row in answer["results"] for path in row["evidence"] for step in path["path"]}
    assert {stix["type"] for stix in answer["through"]} == {"campaign"}
    without = asked_server.get(f"{APT29_TECHNIQUES}?evidence=false&page_size=3").json()
    assert without["relationships"] == without["through"] == []
    assert all("evidence" not in row for row in without["results"])


def test_rows_are_filtered_and_sorted_as_lists_are(asked_server: Server) -> None:
    by_name = asked_server.get(f"{APT29_TECHNIQUES}?name=cloud&sort=name_descending").json()
    names = [row["object"]["name"] for row in by_name["results"]]
    assert names == sorted(names, key=str.lower, reverse=True)
    assert all("cloud" in name.lower() for name in names)
    sub = asked_server.get(f"{APT29_TECHNIQUES}?attack_type=Sub-technique&tactic=persistence&page_size=200").json()
    assert all(row["object"]["x_mitre_is_subtechnique"] for row in sub["results"])
    assert 0 < sub["total_results_count"] < 119
    most = asked_server.get(f"{APT29_TECHNIQUES}?via=all&sort=evidence_descending").json()["results"]
    counts = [row["evidence_count"] for row in most]
    assert counts == sorted(counts, reverse=True)


def test_several_objects_are_asked_at_once(asked_server: Server) -> None:
    path = f"{ENTERPRISE}/questions/groups/"
    of_any = asked_server.get(f"{path}?ids=T1059.001,T1105&page_size=1000").json()
    matched = [row["matched"] for row in of_any["results"]]
    assert matched == sorted(matched, reverse=True)
    of_all = asked_server.get(f"{path}?ids=T1059.001,T1105&match=all&page_size=1000").json()
    assert of_all["total_results_count"] == matched.count(2)
    posted = asked_server.client.post(f"{path}?match=all&page_size=1000", json={"ids": ["T1059.001", "T1105"]})
    assert posted.status_code == 200
    assert posted.json()["results"] == of_all["results"]
    assert asked_server.total(f"{path}?ids=T1059.001,T1105&at_least=2") == matched.count(2)


def test_objects_of_several_kinds_are_asked_the_same_word(asked_server: Server) -> None:
    answer = asked_server.get(f"{ENTERPRISE}/questions/techniques/?ids=G0016,S0154,C0024&page_size=1000").json()
    singly = [
        {row["object"]["id"] for row in asked_server.get(f"{path}?page_size=1000").json()["results"]}
        for path in (f"{ENTERPRISE}/objects/{name}/techniques/" for name in ("G0016", "S0154", "C0024"))
    ]
    assert {row["object"]["id"] for row in answer["results"]} == set().union(*singly)
    assert answer["results"][0]["matched"] == 3


def test_without_ids_there_is_a_row_for_each_pair(asked_server: Server) -> None:
    answer = asked_server.get(f"{ENTERPRISE}/questions/techniques/?of=group&page_size=1").json()
    assert answer["total_results_count"] == 4640
    assert answer["results"][0]["of"]["external_id"].startswith("G")
    sets = "/api/v1/sector/questions/parts/"
    assert asked_server.total(sets) == 49


def test_the_knowledge_bases_that_hold_an_object_answer_for_themselves(asked_server: Server) -> None:
    apt28 = "intrusion-set--bef4c620-0787-42a8-a96d-b7eb6e85917c"
    answers = asked_server.get(f"/api/v1/objects/{apt28}/techniques/").json()["answers"]
    assert [answer["knowledge_base"] for answer in answers] == ["attack-enterprise", "attack-mobile"]
    assert answers[0]["total_results_count"] == 99
    assert asked_server.get("/api/v1/objects/G0016/software/").json()["answers"][0]["total_results_count"] == 49
    assert asked_server.get("/api/v1/objects/T9999/techniques/").status_code == 404
    three = asked_server.get("/api/v1/objects/DC0032/techniques/").json()["answers"]
    assert [answer["knowledge_base"] for answer in three] == ["attack-enterprise", "attack-mobile", "attack-ics"]
    assert len({answer["of"][0]["id"] for answer in three}) == 1


def test_an_id_of_different_objects_is_refused_with_all_of_them(asked_server: Server) -> None:
    """F3 took over numbers of Enterprise's tactics."""
    answer = asked_server.get("/api/v1/objects/TA0043/techniques/")
    assert answer.status_code in (400, 404)
    assert "attack-enterprise" in answer.text
    assert "mitre-f3" in answer.text


def test_questions_of_a_knowledge_base_and_of_an_object(asked_server: Server) -> None:
    known = asked_server.get("/api/v1/location/questions/").json()
    assert [question["question"] for question in known["questions"]] == ["countries", "places", "regions"]
    counted = asked_server.get(f"{ENTERPRISE}/objects/G0016/questions/").json()
    assert counted["kind"] == "Group"
    assert {item["question"]: item["counts"]["default"] for item in counted["questions"]} == {
        "techniques": 119,
        "software": 49,
        "campaigns": 2,
        "similar": 156,
        "successors": 0,
    }
    assert asked_server.get("/api/v1/tlp/questions/").status_code == 404


def test_two_sets_are_compared(asked_server: Server) -> None:
    path = f"{ENTERPRISE}/compare/?a=G0016&b=G0007"
    answer = asked_server.get(f"{path}&page_size=1000").json()
    assert answer["counts"] == {"a": 119, "b": 99, "both": 48, "only_a": 71, "only_b": 51, "jaccard": 0.282}
    assert [row["in"] for row in answer["results"]] == ["both"] * 48 + ["a"] * 71 + ["b"] * 51
    assert asked_server.total(f"{path}&in=both,b") == 99
    assert asked_server.get(f"{path}&by=software").json()["counts"]["both"] == 4
    posted = asked_server.client.post(f"{ENTERPRISE}/compare/?page_size=1000", json={"a": ["G0016"], "b": ["G0007"]})
    assert posted.json() == answer


@pytest.mark.parametrize(
    ("path", "status", "part"),
    [
        ("objects/T9999/groups/", 404, "no object `T9999` in attack-enterprise 18.1"),
        ("objects/G0016/techniques/?attack_version=1.0", 404, "no release `1.0`"),
        ("objects/G0016/techniqes/", 404, "did you mean `techniques`"),
        ("objects/G0016/mitigations/", 404, "there are campaigns, similar, software, successors, techniques"),
        ("objects/G0016/techniques/?via=friends", 400, "none of own, campaigns, software, campaign-software, all"),
        ("objects/G0016/techniques/?sort=fame_ascending", 400, "is none of id_ascending"),
        ("objects/G0016/techniques/?created_min=yesterday", 400, "Must be a day or a time"),
        ("questions/groups/?ids=T1059,T9998,T9999", 400, "T9998"),
        ("questions/groups/?ids=T1059&match=some", 400, "is none of any, all"),
        ("questions/groups/?of=Wizard", 400, "`Wizard` is none of Tactic"),
        ("questions/countermeasures/?ids=T1059&alias=x", 400, "objects of d3fend, which has no such filter"),
        ("questions/groups/?ids=" + ",".join(f"T{number}" for number in range(101)), 400, "POST takes 5000"),
        ("compare/?a=G0016", 400, "This field is required"),
        ("compare/?a=G0016&b=G0007&in=c", 400, "`c` is none of both, a, b"),
        ("compare/?a=G0016&b=G0007&by=wishes", 400, "is none of"),
        ("objects/T1086/groups/", 404, "is revoked"),
        ("objects/%22%0A/techniques/", 404, "no object"),
        ("objects/T10%2059/groups/", 404, "no object `T10 59`"),
        ("objects/%27%20OR%201=1%20--/groups/", 404, "no object"),
        ("questions/groups/?ids=T1059,%22T1105%22,T11%0A05", 400, "T1105"),
        ("objects/CWE-79/groups/", 404, "no object `CWE-79` in attack-enterprise 18.1"),
        ("compare/?a=G0016&b=G0007&attack_version=16.1", 404, "no release `16.1` of attack-enterprise"),
        ("compare/?a=G0016&b=G0007&attack_version=%27", 404, "no release `'` of attack-enterprise"),
        ("compare/?a=G0016&b=T1086", 404, "is revoked"),
        ("compare/?a=G0016&b=CWE-79,G0007", 400, "CWE-79"),
        ("objects/T1110/chain/?attack_version=16.1", 404, "no release `16.1` of attack-enterprise"),
        ("../paths/?from=CWE-521&to=T1110&attack_version=16.1", 404, "no release `16.1` of attack-enterprise"),
        ("../coverage/?attack_version=16.1", 404, "no release `16.1` of attack-enterprise"),
        ("../coverage/?cwe_version=a%20b", 404, "no release `a b` of cwe"),
        ("objects/%EF%BC%A7%EF%BC%90/groups/", 404, "no object"),
        ("../cwe/objects/CWE-79/patterns/?format=layer", 400, "layer"),
        ("../cwe/objects/?format=layer", 400, "layer"),
    ],
)
def test_what_is_refused(asked_server: Server, path: str, status: int, part: str) -> None:
    answer = asked_server.get(f"{ENTERPRISE}/{path}")
    assert (answer.status_code, part in answer.text) == (status, True), answer.text


def test_full_width_digits_are_digits(asked_server: Server) -> None:
    wide = asked_server.get(f"{ENTERPRISE}/objects/T%EF%BC%91%EF%BC%90%EF%BC%95%EF%BC%99/groups/").json()
    assert wide == asked_server.get(f"{ENTERPRISE}/objects/T1059/groups/").json()


def test_a_body_with_too_many_ids_is_too_large(asked_server: Server) -> None:
    path = f"{ENTERPRISE}/questions/groups/"
    assert asked_server.client.post(path, json={"ids": ["T1059"] * 5001}).status_code == 413
    assert asked_server.client.post(path, json={"ids": "T1059"}).status_code == 400
    assert asked_server.client.post(path, json={"ids": ["T1059"] * 5000}).status_code == 200


def test_a_view_of_cwe_is_one_of_those_that_relationships_hold_in(asked_server: Server) -> None:
    path = "/api/v1/cwe/objects/CWE-20/descendants/"
    assert asked_server.total(path) == 40
    assert asked_server.total(f"{path}?view=1000") == 22
    wrong = asked_server.get(f"{path}?view=7")
    assert (wrong.status_code, "cwe-1000" in wrong.text) == (400, True)


def test_the_successors_of_a_revoked_object_can_be_asked(asked_server: Server) -> None:
    answer = asked_server.get(f"{ENTERPRISE}/objects/T1086/successors/").json()
    assert [row["object"]["name"] for row in answer["results"]] == ["PowerShell"]
    # DLL Side-Loading was revoked twice.
    twice = asked_server.get(f"{ENTERPRISE}/objects/T1073/successors/").json()
    assert [row["depth"] for row in twice["results"]] == [2]


def test_no_id_is_a_word_of_the_paths(asked_library: Library) -> None:
    with asked_library.database.read() as connection:
        taken = {
            row.found_by for row in connection.rows("SELECT DISTINCT found_by FROM object WHERE found_by IS NOT NULL")
        }
    assert not {"questions", "compare"} & taken


def test_no_question_is_a_word_that_an_object_has_already() -> None:
    words = {word for kb in ALL for item in kb.questions for word in (item.word, *item.names)}
    assert not words & {"questions", "relationships", "bundle", "versions", "navigator", "chain"}
