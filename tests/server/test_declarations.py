"""Routes, schema and documentation page are made from the declarations."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ctibutler.catalog.opening import open_catalogue
from ctibutler.knowledge_bases import ALL, KnowledgeBases
from ctibutler.knowledge_bases.declaration import BucketFiles, Filter, KnowledgeBase
from ctibutler.knowledge_bases.properties import external_id_of
from ctibutler.pages.headers import POLICY
from tests.catalogue import catalogue_with
from tests.configured import settings_with
from tests.server.serving import Server, running

BIRDS = KnowledgeBase(
    slug="birds",
    aliases=("bird",),
    title="Birds of the world",
    publisher="Nobody",
    licence="None.",
    database_name="birds",
    id_parameter="bird_id",
    version_parameter="bird_version",
    job_type="birds-update",
    primary_id=external_id_of("birds"),
    examples=("B-1",),
    listed_types=("tool",),
    filters=(Filter("feather", "substring", "feather", "part of a feather"),),
    bucket=BucketFiles("birds", "birds-{}.json"),
)


@pytest.fixture(scope="module")
def thirteen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a made-up knowledge base in addition to the others."""
    hosted = KnowledgeBases((*ALL, BIRDS))
    database = open_catalogue(f"sqlite:///{tmp_path_factory.mktemp('birds') / 'c.sqlite'}", hosted)
    with running(database, knowledge_bases=hosted) as server:
        yield server
    database.close()


def test_a_thirteenth_knowledge_base_has_all_routes(thirteen: Server) -> None:
    assert thirteen.total("/api/v1/birds/objects/?bird_id=B-1&feather=red&sort=bird_id_ascending") == 0
    assert thirteen.total("/v1/bird/") == 0
    assert thirteen.get("/api/v1/birds/versions/installed/").json() == {"latest": None, "versions": []}
    assert thirteen.get("/api/v1/birds/objects/B-1/").status_code == 404
    job = thirteen.client.post("/api/v1/birds/", json={"version": "1"}).json()
    assert job["type"] == "birds-update"
    assert thirteen.total("/api/v1/search/?knowledge_bases=birds") == 0
    assert "birds" in [kb["name"] for kb in thirteen.get("/api/v1/knowledge-bases/").json()["knowledge_bases"]]


def test_the_schema_describes_every_route_of_every_knowledge_base(thirteen: Server) -> None:
    schema = thirteen.get("/api/schema/?format=json").json()
    assert schema["openapi"].startswith("3.")
    assert set(schema["components"]["schemas"]) >= {"StixObject", "ObjectPage", "Job", "Error"}
    ids = [operation["operationId"] for path in schema["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids))
    for kb in (*ALL, BIRDS):
        path = f"/api/v1/{kb.slug}/"
        assert set(schema["paths"][path]) == {"post"}, "the list under this path is an alias"
        listed = schema["paths"][f"{path}objects/"]["get"]
        assert {"$ref": "#/components/parameters/strict"} in listed["parameters"]
        names = {parameter["name"] for parameter in listed["parameters"] if "name" in parameter}
        assert names >= {"page", "page_size", "sort", "name", "text", kb.id_parameter, kb.version_parameter}
        assert names >= {declared.parameter for declared in kb.filters}
        assert ("types" in names) == (len(kb.listed_types) > 1)
        for below in ("objects/{id}/", "objects/{id}/bundle/", "versions/{version}/changes/", "truncate/"):
            assert path + below in schema["paths"]
        assert (f"{path}objects/{{id}}/navigator/" in schema["paths"]) == (kb.navigator_domain is not None)
    assert not [path for path in schema["paths"] if path.startswith(("/api/v1/cwes", "/v1/"))]


@pytest.mark.parametrize("below", ["relationships", "bundle"])
def test_the_schema_says_which_parameters_apply_only_to_the_named_object(thirteen: Server, below: str) -> None:
    schema = thirteen.get("/api/schema/?format=json").json()
    for kb in (*ALL, BIRDS):
        shown = schema["paths"][f"/api/v1/{kb.slug}/objects/{{id}}/{below}/"]["get"]["parameters"]
        described = {parameter["name"]: parameter["description"] for parameter in shown if "name" in parameter}
        for state in ("revoked", "deprecated"):
            assert described[f"include_{state}"].startswith(
                f"Find the object even if it is {state}. Acts on the named object alone"
            )


def test_every_reference_in_the_schema_resolves(thirteen: Server) -> None:
    text = thirteen.get("/api/schema/?format=json").text
    schemas = json.loads(text)["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/([^"]+)"', text)) <= set(schemas)


def test_the_schema_is_available_as_yaml_and_json(thirteen: Server) -> None:
    default, as_yaml = thirteen.get("/api/schema/"), thirteen.get("/api/schema/?format=yaml", accept="application/json")
    assert default.headers["content-type"] == as_yaml.headers["content-type"] == "application/vnd.oai.openapi"
    assert default.content == as_yaml.content
    for answer in (thirteen.get("/api/schema?format=json"), thirteen.get("/api/schema/", accept="application/json")):
        assert answer.headers["content-type"] == "application/json"
        assert answer.json() == yaml.load(default.text, Loader=yaml.CSafeLoader)


def test_the_documentation_is_the_page_of_the_api_with_the_policy_of_every_page(thirteen: Server) -> None:
    page, same = thirteen.get("/api/schema/swagger-ui/"), thirteen.get("/help/api")
    assert page.text == same.text
    assert page.headers["content-type"] == same.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"] == same.headers["content-security-policy"] == POLICY
    assert "data:" not in POLICY
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|<style|style=", page.text), "nothing inline"
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert address.startswith(("/", "#"))
    assert thirteen.get("/api/v1/").json()["documentation"] == "/api/schema/swagger-ui/"
    for gone in ("start.js", "swagger-ui.css", "swagger-ui-bundle.js"):
        assert thirteen.get(f"/api/schema/swagger-ui/{gone}").status_code == 404


def test_without_pages_there_is_no_documentation_but_the_openapi_document(tmp_path: Path) -> None:
    with catalogue_with("sqlite", tmp_path) as database, running(database, settings_with(pages=False)) as server:
        for path in ("/api/schema/swagger-ui/", "/help/api", "/help/api/answer"):
            answer = server.get(path, accept="text/html")
            assert answer.status_code == 404
            assert answer.json()["code"] == 404
        assert server.get("/api/v1/").json()["documentation"] == "/api/schema/"
        document = server.get("/api/schema/?format=json").json()
        assert "/api/schema/" in document["paths"]
        assert "/api/schema/swagger-ui/" not in document["paths"]
