"""Real answers conform to the schema: nothing is missing, and every member is declared."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import catalogue_with, install
from tests.excerpt import excerpt
from tests.server.serving import Server, running

pytestmark = pytest.mark.real

RELEASES = ("attack-ics@16.1", "attack-ics@17.0", "capec@3.8", "capec@3.9", "location@1.0", "tlp@1", "tlp@2")
# Queries that add optional members to an answer.
QUERIES = {
    "/api/v1/{kb}/migrate/": ("ids=T1059&from=latest",),
    "/api/v1/{kb}/objects/{id}/": ("", "detail=full"),
    "/api/v1/{kb}/objects/{id}/versions/": ("", "by=content"),
    "/api/v1/{kb}/objects/{id}/diff/": ("from=latest",),
    "/api/v1/{kb}/objects/{id}/navigator/": ("", "form=compatible"),
    "/api/v1/{kb}/versions/available/": ("", "details=true"),
    "/api/v1/{kb}/versions/{version}/changes/": ("", "include_objects=true", "view=outcome"),
    "/api/v1/{kb}/tie/": ("technique_ids=T0859",),
    "/api/v1/paths/": ("from=CWE-680&to=CAPEC-10", "from=CWE-680&to=CAPEC-1"),
    "/api/v1/search/": ("text=injection&sort=relevance_descending", "text=injection&show_knowledgebase=true"),
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with some real releases, one with details, and two jobs that no worker claims."""
    with catalogue_with("sqlite", tmp_path_factory.mktemp("shapes"), *RELEASES) as database:
        install(database, "cwe@4.14", excerpt())
        with running(database) as server:
            assert server.client.post("/api/v1/cwe/", json={"version": "4.15"}).status_code == 201
            assert server.client.post("/api/v1/arango-cti-processor/cwe-capec/").status_code == 201
            yield server


def test_the_answer_of_every_route_conforms_to_its_schema(served: Server) -> None:
    document = served.get("/api/schema/?format=json").json()
    installed = {kb.slug for kb in HOSTED.all if served.get(f"/api/v1/{kb.slug}/versions/").json()["versions"]}
    checked = set()
    for template, operations in document["paths"].items():
        slug = template.split("/")[3] if template.count("/") > 3 else ""
        if "get" not in operations or (slug in HOSTED_SLUGS and slug not in installed):
            continue
        for query in QUERIES.get(
            template.replace(f"/{slug}/", "/{kb}/", 1) if slug in HOSTED_SLUGS else template, ("",)
        ):
            path = filled(served, template, slug)
            answer = served.get(f"{path}{'&' if '?' in path else '?'}{query}")
            assert answer.status_code in (200, 204), (template, query, answer.text)
            described = operations["get"]["responses"][str(answer.status_code)]
            schema = described.get("content", {}).get("application/json", {}).get("schema")
            if schema is not None and answer.headers["content-type"] == "application/json":
                wrong = errors(document, schema, answer.json())
                assert not wrong, (template, query, wrong)
                shapes = schema.get("anyOf", [schema])
                checked |= {shape.get("$ref", template).rpartition("/")[2] for shape in shapes}
    assert checked >= {
        "ObjectPage",
        "RelationshipPage",
        "ObjectVersions",
        "EverywhereVersions",
        "ChangePage",
        "HistoryPage",
        "ObjectDifference",
        "LayerFile",
    }
    assert checked >= {
        "Inference",
        "JobPage",
        "Job",
        "Release",
        "KnowledgeBases",
        "CweObjectPage",
        "Index",
        "Readiness",
    }


def test_errors_conform_to_their_schema(served: Server) -> None:
    document = served.get("/api/schema/?format=json").json()
    for path in ("/api/v1/cwe/objects/CWE-1/", "/api/v1/cwe/objects/?include_revoked=maybe", "/api/v1/nothing/"):
        answer = served.get(path)
        assert answer.status_code in (400, 404)
        assert not errors(document, {"$ref": "#/components/schemas/Error"}, answer.json())


def test_nullable_records_are_named_components(served: Server) -> None:
    def inline(schema: Any) -> Iterator[Any]:
        if isinstance(schema, dict):
            if schema.get("nullable") and "properties" in schema:
                yield schema
            for value in schema.values():
                yield from inline(value)
        elif isinstance(schema, list):
            for value in schema:
                yield from inline(value)

    schemas = served.get("/api/schema/?format=json").json()["components"]["schemas"]
    assert not list(inline(schemas))


HOSTED_SLUGS = {kb.slug for kb in HOSTED.all}


def filled(served: Server, template: str, slug: str) -> str:
    """The path filled with existing values: an object with relationships to it, the latest release, the newest job."""
    if "{question}" in template or template.endswith(("/compare/", "/objects/{id}/questions/")):
        stix_id, word = askable(served, slug if slug in HOSTED_SLUGS else "capec")
        sets = f"?a={stix_id}&b={stix_id}&by={word}" if template.endswith("/compare/") else ""
        return template.replace("{id}", stix_id).replace("{question}", word) + sets
    if "{id}" in template:
        kinds = "?types=intrusion-set" if template.endswith("/navigator/") else ""
        listed = served.get(f"/api/v1/{slug if slug in HOSTED_SLUGS else 'capec'}/objects/{kinds}").json()["objects"]
        template = template.replace("{id}", listed[0]["id"])
    if "{job_id}" in template:
        template = template.replace("{job_id}", served.get("/api/v1/jobs/").json()["jobs"][0]["id"])
    return template.replace("{version}", "latest")


def askable(served: Server, slug: str) -> tuple[str, str]:
    """An object that can be asked something, and the question."""
    path = f"/api/v1/{slug}/objects/"
    listed = served.get(f"{path}?include_revoked=false&include_deprecated=false").json()["objects"]
    for stix in listed:
        for question in served.get(f"{path}{stix['id']}/questions/").json()["questions"]:
            return stix["id"], question["question"]
    raise AssertionError(f"no object of {slug} can be asked anything")


def errors(document: dict[str, Any], schema: Any, answer: Any) -> list[str]:
    """The errors that a JSON Schema validator finds in an answer."""
    components = {"schemas": {name: strict(part) for name, part in document["components"]["schemas"].items()}}
    validator = Draft202012Validator({**strict(schema), "components": components})
    return [f"{error.instance_path}: {error.message[:300]}" for error in validator.iter_errors(answer)]


def strict(schema: Any) -> Any:
    """An OpenAPI 3.0 schema as JSON Schema that allows only declared members."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    stricter = {key: strict(value) for key, value in copy.copy(schema).items() if key not in ("nullable", "example")}
    if isinstance(stricter.get("properties"), dict) and stricter.get("type") == "object":
        stricter.setdefault("additionalProperties", False)
    if stricter.get("exclusiveMinimum") is True:
        stricter["exclusiveMinimum"] = stricter.pop("minimum")
    return {"anyOf": [stricter, {"type": "null"}]} if schema.get("nullable") is True else stricter
