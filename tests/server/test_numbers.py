"""The numbers given in the contract, over HTTP."""

from __future__ import annotations

import pytest

from tests.server.serving import Server

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("releases over http")]


@pytest.mark.parametrize(
    ("text", "total"), [("VNC", 8), ("privilege", 132), ("Malware+Detect+Analyze", 4), ("ransomwar+sentinel", 7)]
)
def test_text_in_enterprise_16(server: Server, text: str, total: int) -> None:
    assert server.total(f"/api/v1/attack-enterprise/objects/?attack_version=16.0&text={text}") == total


def test_text_in_capec(server: Server) -> None:
    assert server.total("/api/v1/capec/objects/?text=fronting") == 6


@pytest.mark.parametrize(
    ("where", "total"),
    [("attack-enterprise", 13), ("attack-ics", 8), ("capec", 24), ("disarm", 7), ("d3fend", 14), ("cwe", 7)],
)
def test_search_in_one_knowledge_base(server: Server, where: str, total: int) -> None:
    assert server.total(f"/api/v1/search/?text=deny&knowledge_bases={where}") == total


def test_a_family_of_knowledge_bases_is_their_union(server: Server) -> None:
    assert server.total("/api/v1/search/?text=deny&knowledge_bases=attack,attack-ics") == 21
    assert server.total("/api/v1/search/?text=deny&knowledge_bases=attack&knowledge_bases=f3") == 21


def test_an_empty_version_means_the_latest_release(server: Server) -> None:
    assert server.total("/api/v1/attack-enterprise/objects/") == 1763  # counted in the file without our code
    assert server.total("/api/v1/attack-enterprise/objects/?attack_version=&name=&attack_id=") == 1763


def test_the_relationships_of_capec_185(server: Server) -> None:
    answer = server.get("/api/v1/capec/objects/CAPEC-185/relationships/").json()
    assert answer["total_results_count"] == 8
    kinds = sorted(sro["relationship_type"] for sro in answer["relationships"])
    assert kinds == [
        "created-by",
        "object-marking",
        *["x-capec-can-follow"] * 2,
        *["x-capec-can-precede"] * 2,
        "x-capec-child-of",
        "x-capec-parent-of",
    ]
    for direction, count in (("source_ref", 5), ("target_ref", 3)):
        path = f"/api/v1/capec/objects/capec-185/relationships/?relationship_direction={direction}"
        assert server.total(path) == count


@pytest.mark.parametrize(
    ("kb", "object_id", "with_sros", "without"),
    [
        ("capec", "CAPEC-185", 14, None),
        ("attack-enterprise", "T1021.005", 48, 44),
        ("location", "US", 11, 8),
        ("location", "ZA", 13, 10),
    ],
)
def test_bundles_have_the_sizes_in_the_contract(
    server: Server, kb: str, object_id: str, with_sros: int, without: int | None
) -> None:
    path = f"/api/v1/{kb}/objects/{object_id}/bundle/"
    assert server.total(f"{path}?include_embedded_sros=true") == with_sros
    if without is not None:
        assert server.total(path) == without
    bundle = server.get(f"{path}?format=stix&include_embedded_sros=true").json()
    assert (bundle["type"], len(bundle["objects"])) == ("bundle", with_sros)
    assert (
        server.get(path, accept="application/stix+json").headers["content-type"] == "application/stix+json;version=2.1"
    )


def test_a_technique_takes_priority_over_an_old_mitigation_with_the_same_id(server: Server) -> None:
    [found] = server.get("/api/v1/attack-enterprise/objects/t1021.005/?include_deprecated=true").json()["objects"]
    assert found["id"] == "attack-pattern--01327cde-66c4-4123-bf34-5f258d59457b"


@pytest.mark.parametrize(
    ("kb", "object_id"),
    [
        ("attack-enterprise", "t1021.005"),
        ("attack-enterprise", "attack-pattern--01327cde-66c4-4123-bf34-5f258d59457b"),
        ("location", "za"),
        ("location", "western-africa"),
        ("d3fend", "d3f:Evict"),
        ("d3fend", "d3f%3AEvict"),
        ("d3fend", "evict"),
        ("tlp", "TLP:CLEAR"),
        ("tlp", "amber+strict"),
        ("tlp", "amber%2Bstrict"),
        ("mitre-f3", "F1001"),
        ("sector", "defense-industry"),
        ("atlas", "AML.TA0002"),
        ("disarm", "ta05"),
        ("cwe", "CWE-242"),
    ],
)
def test_every_spelling_of_an_id_finds_the_object(server: Server, kb: str, object_id: str) -> None:
    answer = server.get(f"/api/v1/{kb}/objects/{object_id}/")
    assert answer.status_code == 200, answer.text
    assert answer.json()["total_results_count"] == 1
    for below in ("versions", "relationships", "bundle"):
        assert server.get(f"/api/v1/{kb}/objects/{object_id}/{below}/").status_code == 200


@pytest.mark.parametrize("below", ["", "versions/", "relationships/", "bundle/"])
def test_the_error_about_a_hidden_object_says_how_to_see_it(server: Server, below: str) -> None:
    path = f"/api/v1/attack-enterprise/objects/T1086/{below}"
    answer = server.get(path)
    assert answer.status_code == 404
    assert answer.json()["details"]["error"] == (
        "object `T1086` exists in release 16.0 but is revoked; pass include_revoked=true to see it"
    )
    assert server.get(f"{path}?include_revoked=true").status_code == 200


def test_an_unknown_release_is_not_found(server: Server) -> None:
    assert server.total("/api/v1/attack-enterprise/objects/?attack_version=1.0") == 0
    for below in ("", "versions/", "relationships/", "bundle/", "navigator/"):
        if below != "versions/":
            path = f"/api/v1/attack-enterprise/objects/S1088/{below}?version=1.0"
            assert server.get(path).status_code == 404, path


@pytest.mark.parametrize("label", ["16.0", "16_0", "v16.0", "V16_0", "+16.0+", "latest"])
def test_the_label_of_a_release_can_be_written_in_several_ways(server: Server, label: str) -> None:
    assert server.total(f"/api/v1/attack-enterprise/objects/?attack_version={label}&attack_id=T1021.005") == 1


def test_the_layer_of_disco(server: Server) -> None:
    layer = server.get("/api/v1/attack-enterprise/objects/S1088/navigator/").json()
    assert layer["versions"] == {"layer": "4.5", "attack": "16.0", "navigator": "5.1.0"}
    assert layer["links"] == [{"label": "cti_butler", "url": "https://app.ctibutler.com"}]
    assert "T1105" in [technique["techniqueID"] for technique in layer["techniques"]]
    compatible = server.get("/api/v1/attack-enterprise/objects/S1088/navigator/?form=compatible").json()
    assert (layer["name"], compatible["name"]) == ("Disco (S1088)", "S1088")
    saved = server.get("/api/v1/attack-enterprise/objects/S1088/navigator/?download=true")
    assert saved.headers["content-disposition"] == 'attachment; filename="attack-enterprise-S1088.json"'
    assert server.get("/api/v1/attack-enterprise/objects/T1021.005/navigator/").status_code == 400


def test_inference_returns_twenty_other_techniques_with_their_objects(server: Server) -> None:
    answer = server.get("/api/v1/attack-enterprise/tie/?technique_ids=t1059.001,T1105").json()
    assert len(answer["scores"]) == len(answer["objects"]) == 20
    assert not {"T1059.001", "T1105"} & set(answer["scores"])
    assert list(answer["scores"].values()) == sorted(answer["scores"].values(), reverse=True)
    unknown = server.get("/api/v1/attack-enterprise/tie/?technique_ids=TBAD01")
    assert unknown.status_code == 400
    assert unknown.json()["details"]["unknown_techniques"] == ["TBAD01"]
    assert "error" in unknown.json()["details"]
    assert server.get("/api/v1/attack-enterprise/tie/").status_code == 400
    assert server.get("/api/v1/attack-enterprise/tie/?technique_ids=T1105&limit=0").status_code == 400
    assert len(server.get("/api/v1/attack-enterprise/tie/?technique_ids=T1105&limit=100").json()["objects"]) == 100


def test_the_pages_of_a_list_contain_every_object_once(server: Server) -> None:
    seen: list[str] = []
    page = 1
    while len(seen) < server.total("/api/v1/cwe/objects/"):
        answer = server.get(f"/api/v1/cwe/objects/?page={page}&page_size=200&sort=type_ascending").json()
        assert answer["page_results_count"] == len(answer["objects"])
        seen += [found["id"] for found in answer["objects"]]
        page += 1
    assert len(seen) == len(set(seen))


def test_an_object_is_listed_once_over_all_knowledge_bases(server: Server) -> None:
    clear = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"
    assert server.get(f"/api/v1/objects/{clear}/").json()["id"] == clear
    assert server.get("/api/v1/objects/T1021.005/").json()["name"] == "VNC"
    assert server.total("/api/v1/objects/sdos/?ttp_id=t1021.005") == 1
    unknown = server.get("/api/v1/objects/tool--00000000-0000-4000-8000-000000000000/")
    assert unknown.status_code == 404
    assert unknown.json()["details"]["error"] == "No object with id `tool--00000000-0000-4000-8000-000000000000`"
    for kind in ("smos", "scos", "sdos", "sdos/knowledgebases", "sros"):
        assert server.get(f"/api/v1/objects/{kind}/?page_size=1").status_code == 200


def test_locations_can_be_filtered_by_kind(server: Server) -> None:
    countries = server.total("/api/v1/location/objects/?location_type=country")
    assert countries > 200
    assert server.total("/api/v1/locations/?type=country") == countries
    assert server.total("/api/v1/location/objects/?alpha2_code=mx,DE") == 2
    assert server.total("/api/v1/location/objects/?alpha3_code=usa,ZAF") == 2
    assert server.total("/api/v1/location/objects/?location_type=galaxy") == 0
