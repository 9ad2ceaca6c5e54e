"""What applies to every route: paths, methods, errors, validators, encodings, CORS."""

from __future__ import annotations

import gzip
import socket

import pytest
import zstandard

from ctibutler.api.edge import PREFIX
from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import published
from tests.server.serving import Server

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("releases over http")]

ALIASES = [
    ("/api/v1/cwes/objects/", "/api/v1/cwe/objects/"),
    ("/api/v1/capecs/objects/CAPEC-112/bundle/", "/api/v1/capec/objects/CAPEC-112/bundle/"),
    ("/api/v1/sectors/", "/api/v1/sector/objects/"),
    ("/api/v1/tlps/versions/", "/api/v1/tlp/versions/installed/"),
    ("/api/v1/f3/objects/F1001/", "/api/v1/mitre-f3/objects/F1001/"),
    ("/api/v1/mitre-fraud/F1001", "/api/v1/mitre-f3/objects/F1001/"),
    ("/api/v1/cwe/", "/api/v1/cwe/objects/"),
    ("/api/v1/cwe/CWE-79", "/api/v1/cwe/objects/CWE-79/"),
    ("/api/v1/capec/versions/", "/api/v1/capec/versions/installed/"),
    ("/api/v1/locations/?type=country", "/api/v1/location/objects/?location_type=country"),
    ("/api/v1/cwe/objects/?type=grouping", "/api/v1/cwe/objects/?types=grouping"),
    ("/v1/search/?text=deny", "/api/v1/search/?text=deny"),
    ("/v1/attack-ics/objects?version=v17_0", "/api/v1/attack-ics/objects/?attack_version=v17_0"),
    ("/api/v1/knowledge-bases", "/api/v1/knowledge-bases/"),
    ("/api//v1/cwe///objects//CWE-79", "/api/v1/cwe/objects/CWE-79/"),
    ("/api/v1/jobs/?type=cwe-update", "/api/v1/jobs/?types=cwe-update"),
]


@pytest.mark.parametrize(("alias", "canonical"), ALIASES)
def test_an_alias_answers_the_same_bytes(server: Server, alias: str, canonical: str) -> None:
    first, second = server.get(alias), server.get(canonical)
    assert first.status_code == second.status_code == 200, first.text
    assert first.content == second.content
    ignored = {"date", "x-request-id"}
    headers = [
        {name: value for name, value in answer.headers.items() if name not in ignored} for answer in (first, second)
    ]
    assert headers[0] == headers[1]


def test_a_base_address_may_end_with_a_slash(server: Server) -> None:
    base = f"http://127.0.0.1:{server.port}/"
    assert server.client.get(base + "/v1/search/?text=deny").content == server.get("/v1/search/?text=deny").content


@pytest.mark.parametrize("kb", [kb.slug for kb in HOSTED.all])
def test_every_route_answers_with_and_without_a_trailing_slash(server: Server, kb: str) -> None:
    for path in ("objects", "versions/installed", "versions/available", "versions"):
        answers = [server.get(f"{PREFIX}{kb}/{path}{slash}") for slash in ("", "/")]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].content == answers[1].content


ERRORS = [
    ("GET", "/nothing", 404),
    ("GET", "/api/v1/unknown/objects/", 404),
    ("GET", "/api/v1/cwe/objects/CWE-0/", 404),
    ("GET", "/api/v1/cwe/objects/%00/", 404),
    ("GET", "/api/v1/cwe/objects/%FF%FE/", 404),
    ("GET", "/api/v1/cwe/objects/%/", 404),
    ("GET", "/api/v1/cwe/objects/CWE-79%2Fbundle/", 404),
    ("GET", "/api/v1/cwe/objects/a--b--c/", 404),
    ("GET", "/api/v1/cwe/objects/--/", 404),
    ("GET", "/api/v1/cwe/objects/" + "x" * 5000, 404),
    ("GET", "/api/v1/objects/a--b--c/bundle/", 404),
    ("GET", "/api/v1/objects/%00--%00/", 404),
    ("GET", "/api/v1/cwe/tie/", 404),
    ("GET", "/api/v1/cwe/objects/CWE-79/navigator/", 404),
    ("GET", "/api/v1/cwe/versions/9.9/", 404),
    ("GET", "/api/v1/cwe/versions/%00/bundle/", 404),
    ("GET", "/api/v1/cwe/versions/4.14/changes/?since=9.9", 404),
    ("GET", "/api/v1/jobs/x/", 404),
    ("GET", "/api/v1/jobs/%00/", 404),
    ("GET", "/api/v1/jobs/00000000-0000-4000-8000-000000000000/", 404),
    ("DELETE", "/api/v1/cwe/versions/9.9/", 404),
    ("GET", "/api/v1/cwe/objects/?sort=best", 400),
    ("GET", "/api/v1/cwe/objects/?include_revoked=perhaps", 400),
    ("GET", "/api/v1/cwe/objects/?page=4294967296", 400),
    ("GET", "/api/v1/search/?sort=relevance_descending", 400),
    ("GET", "/api/v1/capec/objects/CAPEC-185/relationships/?relationship_direction=both", 400),
    ("GET", "/api/v1/attack-enterprise/objects/T1021.005/navigator/", 400),
    ("GET", "/api/v1/attack-enterprise/tie/", 400),
    ("GET", "/api/schema/?format=xml", 400),
    ("POST", "/api/v1/links/unknown-mode/", 400),
    ("POST", "/api/v1/cwe/", 400),
    ("PUT", "/api/v1/cwe/", 405),
    ("POST", "/api/v1/cwe/objects/", 405),
    ("DELETE", "/api/v1/cwe/objects/CWE-79/", 405),
    ("GET", "/api/v1/cwe/truncate/", 405),
    ("PATCH", "/api/v1/search/", 405),
    ("TRACE", "/api/healthcheck/", 405),
]


@pytest.mark.parametrize(("method", "path", "status"), ERRORS)
def test_every_error_has_the_same_format(server: Server, method: str, path: str, status: int) -> None:
    answer = server.client.request(method, path)
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"code", "message", "details"}
    assert (body["code"], body["message"]) == (status, answer.reason_phrase)
    assert body["details"]
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "no-store"
    if status == 405:
        assert "OPTIONS" in answer.headers["allow"]


def test_unknown_parameters_are_ignored_and_reported(server: Server) -> None:
    plain = server.get("/api/v1/cwe/objects/?name=hash")
    assert "ctibutler-ignored-parameters" not in plain.headers
    for query, named in (
        ("name=hash&tenant=4&_=17&tenant=5", "tenant, _"),
        ("tenant=4&name=hash", "tenant"),
        ("name=hash&strict=false&strict=", None),
    ):
        answer = server.get(f"/api/v1/cwe/objects/?{query}")
        assert answer.headers.get("ctibutler-ignored-parameters") == named
        assert (answer.content, answer.headers["etag"]) == (plain.content, plain.headers["etag"])
        assert answer.headers["link"] == plain.headers["link"]
        again = server.get(f"/api/v1/cwe/objects/?{query}", if_none_match=plain.headers["etag"])
        assert (again.status_code, again.headers.get("ctibutler-ignored-parameters")) == (304, named)
    unknown = server.get("/api/v1/cwe/objects/CWE-0/?tenant=4")
    assert (unknown.status_code, unknown.headers["ctibutler-ignored-parameters"]) == (404, "tenant")


@pytest.mark.parametrize(("query", "named"), [("=1", None), ("tenant=1&=2", "tenant"), ("=1&tenant=2&=", "tenant")])
def test_a_parameter_without_a_name_is_ignored_and_not_reported(server: Server, query: str, named: str | None) -> None:
    answer = server.get(f"/api/v1/attack-enterprise/objects/T1021.005/?{query}")
    assert (answer.status_code, answer.headers.get("ctibutler-ignored-parameters")) == (200, named)


def test_names_of_ignored_parameters_cannot_add_a_header(server: Server) -> None:
    answer = server.get("/api/v1/tlp/objects/?a%0d%0aSet-Cookie:%20b=c&caf%C3%A9[]=1&x,y=2")
    assert "set-cookie" not in answer.headers
    assert answer.headers["ctibutler-ignored-parameters"] == "a%0D%0ASet-Cookie%3A%20b, caf%C3%A9[], x%2Cy"
    many = server.get("/api/v1/tlp/objects/?" + "&".join(f"{'n' * 500}{number}=1" for number in range(50)))
    assert many.headers["ctibutler-ignored-parameters"] == "n" * 50
    many = server.get("/api/v1/tlp/objects/?" + "&".join(f"n{number}=1" for number in range(50)))
    assert many.headers["ctibutler-ignored-parameters"].endswith("n18, n19, ...")


def test_strict_refuses_unknown_parameters_and_suggests_similar_names(server: Server) -> None:
    answer = server.get("/api/v1/cwe/objects/?strict=true&tipes=weakness&tenant=4&sort=up")
    assert answer.status_code == 400
    assert answer.json()["details"] == {
        "tipes": ["This parameter is not known here. Did you mean `types`?"],
        "tenant": ["This parameter is not known here."],
        "sort": [answer.json()["details"]["sort"][0]],
    }
    assert server.get("/api/v1/cwe/objects/?strict=true&name=hash").status_code == 200
    assert server.get("/api/v1/knowledge-bases/?strict=1&x=1").status_code == 400
    assert server.get("/api/v1/knowledge-bases/?strict=perhaps").json()["details"].keys() == {"strict"}


def test_a_page_number_beyond_the_limit_is_refused(server: Server) -> None:
    answer = server.get("/api/v1/cwe/objects/?page=4294967296")
    assert answer.json()["details"] == {"error": "unable to serve page `4294967296`"}


@pytest.mark.parametrize("value", ["%00", "a%00b", "%F0%9F%A6%8A", "%25%5F*", "'", '"', "%5C", "%EF%BF%BF"])
@pytest.mark.parametrize("name", ["id", "cwe_id", "name", "text", "description", "types", "cwe_version"])
def test_strange_values_match_nothing(server: Server, name: str, value: str) -> None:
    assert server.total(f"/api/v1/cwe/objects/?{name}={value}zqzq") == 0
    assert server.get(f"/api/v1/search/?{name}={value}").status_code == 200


def test_only_unknown_values_of_a_filter_match_nothing(server: Server) -> None:
    assert server.total("/api/v1/attack-enterprise/objects/?attack_type=Nonsense") == 0
    assert server.total("/api/v1/cwe/objects/?types=tool") == 0
    assert server.total("/api/v1/search/?knowledge_bases=nonsense") == 0
    assert server.total("/api/v1/jobs/?types=nonsense") == 0
    some = server.total("/api/v1/attack-enterprise/objects/?attack_type=Nonsense,Data+Source")
    assert some == server.total("/api/v1/attack-enterprise/objects/?attack_type=data%20source") > 0


def test_pages_link_to_their_neighbours(server: Server) -> None:
    answer = server.get("/api/v1/cwe/objects/?page=2&page_size=10&name=&foo=bar&types=weakness")
    total = answer.json()["total_results_count"]
    last = -(-total // 10)
    assert answer.headers["x-total-count"] == str(total)
    path = "/api/v1/cwe/objects/?"
    assert {relation: link["url"] for relation, link in answer.links.items()} == {
        "first": f"{path}page_size=10&types=weakness",
        "prev": f"{path}page_size=10&types=weakness",
        "next": f"{path}page=3&page_size=10&types=weakness",
        "last": f"{path}page={last}&page_size=10&types=weakness",
    }
    beyond = server.get("/api/v1/cwe/objects/?page=4000000&page_size=1000")
    assert (beyond.status_code, beyond.json()["objects"], beyond.json()["page_number"]) == (200, [], 4000000)
    assert "next" not in beyond.links
    assert beyond.json()["total_results_count"] == server.total("/api/v1/cwe/objects/")


def test_answers_give_the_effective_page_size(server: Server) -> None:
    for requested, effective in (("", 50), ("0", 50), ("-1", 50), ("x", 50), ("7", 7), ("5000", 1000)):
        answer = server.get(f"/api/v1/cwe/objects/?page_size={requested}&page=0").json()
        assert (answer["page_size"], answer["page_number"]) == (effective, 1)
        assert answer["page_results_count"] == len(answer["objects"]) == effective


def test_a_client_that_already_has_the_answer_gets_no_body(server: Server) -> None:
    path = "/api/v1/capec/objects/?name=brute"
    first = server.get(path)
    tag = first.headers["etag"]
    assert tag.startswith('W/"')
    assert first.headers["cache-control"] == "no-cache"
    for header in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        answer = server.get(path, if_none_match=header)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
        assert "Accept-Encoding" in answer.headers["vary"]
    assert server.get(path, if_none_match='"other"').status_code == 200
    assert server.get("/api/v1/capec/objects/?name=Brute", if_none_match=tag).status_code == 200
    assert server.get("/api/v1/capec/objects/CAPEC-0/", if_none_match="*").status_code == 404


@pytest.mark.parametrize("path", ["/api/v1/jobs/", "/api/healthcheck/", "/api/metrics/", "/api/readiness/"])
def test_answers_that_change_by_themselves_are_not_cached(server: Server, path: str) -> None:
    answer = server.get(path)
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers


@pytest.mark.parametrize("path", ["/api/v1/cwe/objects/", "/api/v1/capec/versions/3.9/bundle/", "/api/schema/"])
@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_answers_are_compressed_as_the_client_prefers(server: Server, path: str, encoding: str) -> None:
    plain = server.get(path, accept_encoding="identity")
    assert "content-encoding" not in plain.headers
    with server.client.stream("GET", path, headers={"accept-encoding": encoding}) as answer:
        packed = b"".join(answer.iter_raw())
        headers = answer.headers
    assert headers["content-encoding"] == encoding
    assert "Accept-Encoding" in headers["vary"]
    unpacked = (
        gzip.decompress(packed) if encoding == "gzip" else zstandard.ZstdDecompressor().stream_reader(packed).read()
    )
    assert unpacked == plain.content
    assert len(packed) < len(plain.content) / 2


def test_short_answers_are_not_compressed(server: Server) -> None:
    assert "content-encoding" not in server.get("/api/v1/tlp/versions/installed/", accept_encoding="gzip").headers


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/cwe/objects/",
        "/api/v1/capec/versions/3.9/bundle/",
        "/api/v1/jobs/",
        "/api/v1/cwe/objects/none/",
        "/api/schema/",
        "/",
        "/api/healthcheck/",
    ],
)
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_head_has_the_same_headers_as_get(server: Server, path: str, encoding: str) -> None:
    own = {"date", "x-request-id", "transfer-encoding"}
    answers = [server.client.request(method, path, headers={"accept-encoding": encoding}) for method in ("GET", "HEAD")]
    get, head = ({name: value for name, value in answer.headers.items() if name not in own} for answer in answers)
    assert answers[0].status_code == answers[1].status_code
    assert head == get
    assert answers[1].content == b""


def test_a_release_is_sent_as_a_bundle_with_strong_validators(server: Server) -> None:
    path = "/api/v1/capec/versions/v3_9/bundle/"
    answer = server.get(path)
    assert answer.headers["content-type"] == "application/stix+json;version=2.1"
    assert answer.headers["content-disposition"] == 'attachment; filename="capec-3.9.json"'
    assert answer.headers["last-modified"].endswith("GMT")
    tag = answer.headers["etag"]
    assert tag.startswith('"')
    assert len(answer.json()["objects"]) == 2666
    assert server.get(path, if_none_match=tag).status_code == 304
    tags = {tag}
    for query in ("?types=attack-pattern", "?include_derived=true"):
        tags.add(server.get(path + query).headers["etag"])
    tags.add(server.get(path, accept_encoding="gzip").headers["etag"])
    assert len(tags) == 4
    kinds = {found["type"] for found in server.get(path + "?types=attack-pattern").json()["objects"]}
    assert kinds == {"attack-pattern"}


def test_changes_between_two_releases(server: Server) -> None:
    answer = server.get("/api/v1/capec/versions/latest/changes/?change=added&page_size=5").json()
    assert (answer["version"], answer["since"], answer["knowledge_base"]) == ("3.9", "3.8", "capec")
    assert answer["counts"]["added"] == answer["total_results_count"]
    assert all(change["change"] == "added" for change in answer["changes"])


def test_a_preflight_request_allows_what_the_contract_lists(server: Server) -> None:
    answer = server.client.options(
        "/api/v1/cwe/", headers={"origin": "https://a.example", "access-control-request-method": "POST"}
    )
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD, POST, DELETE, OPTIONS"
    assert answer.headers["access-control-allow-headers"] == "Content-Type, Authorization, API-KEY, If-None-Match"
    assert answer.headers["access-control-max-age"] == "600"
    exposed = server.get("/api/v1/cwe/objects/").headers["access-control-expose-headers"]
    assert exposed == "ETag, Link, X-Total-Count, Location, Ctibutler-Ignored-Parameters"


def test_options_names_the_methods_of_a_path(server: Server) -> None:
    answer = server.client.options("/api/v1/cwe/versions/4.14/")
    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, DELETE, OPTIONS")


def test_a_request_has_an_id(server: Server) -> None:
    assert server.get("/", x_request_id="abc-1").headers["x-request-id"] == "abc-1"
    made = server.get("/").headers["x-request-id"]
    assert made != server.get("/").headers["x-request-id"]
    assert server.get("/", x_request_id="<script>").headers["x-request-id"] != "<script>"


def test_bodies_of_other_media_types_are_refused(server: Server) -> None:
    answer = server.client.post("/api/v1/cwe/", content=b"version=1", headers={"content-type": "text/plain"})
    assert answer.status_code == 415
    answer = server.client.post("/api/v1/cwe/", content=b"{", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["details"]) == (400, {"error": "the body is not JSON"})
    answer = server.client.post("/api/v1/cwe/", json={"force": "x"})
    assert set(answer.json()["details"]) == {"version", "force"}


def test_health_readiness_and_the_list_of_knowledge_bases_are_answered(server: Server) -> None:
    health = server.get("/api/healthcheck/")
    assert (health.status_code, health.content) == (204, b"")
    assert server.get("/api/readiness/").json() == {"status": "ready", "checks": {"store": "ok", "worker": "none"}}
    assert server.get("/").json()["schema"] == "/api/schema/"
    listed = server.get("/api/v1/knowledge-bases/").json()["knowledge_bases"]
    assert [kb["name"] for kb in listed] == [kb.slug for kb in HOSTED.all]
    for kb in listed:
        assert kb["objects_count"] == server.total(f"{kb['url']}objects/")


def test_metrics_include_requests_and_the_catalogue(server: Server) -> None:
    server.get("/api/v1/cwe/objects/CWE-79/")
    server.get("/nonsense/at/all")
    answer = server.get("/api/metrics/")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.text.splitlines()
    counted = 'http_requests_total{method="GET",route="/api/v1/cwe/objects/{id}/",status="200"} '
    assert any(line.startswith(counted) for line in lines)
    assert any('route="unknown",status="404"' in line for line in lines)
    assert 'ctibutler_objects{kb="capec",version="3.9"} 2666.0' in lines
    assert any(line.startswith("http_request_duration_seconds_bucket{") for line in lines)


def test_a_malformed_request_does_not_disturb_the_server(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert b" 400 " in raw.recv(4096)
    assert server.get("/api/healthcheck/").status_code == 204


def test_object_bodies_are_those_of_the_file(server: Server) -> None:
    [found] = server.get("/api/v1/attack-enterprise/objects/T1021.005/").json()["objects"]
    assert not [name for name in found if name.startswith("_")]
    [hit] = server.get("/api/v1/search/?text=VNC&types=attack-pattern&show_knowledgebase=true&page_size=1").json()[
        "objects"
    ]
    assert found in published("attack-enterprise", "16.0")
    assert hit["knowledgebase_name"].startswith("attack-")
