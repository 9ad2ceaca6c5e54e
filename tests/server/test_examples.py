"""Everything in the OpenAPI document is described, and its examples are real."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx2
import pytest
from jsonschema_rs import Draft202012Validator

from ctibutler.api.edge import all_routes
from ctibutler.api.examples import EXAMPLES
from ctibutler.api.openapi import document
from ctibutler.catalog.opening import open_catalogue
from ctibutler.forms import layer_archive
from ctibutler.forms.table_forms import TABLE_FORMS
from ctibutler.http.metrics import Metrics
from ctibutler.knowledge_bases import HOSTED
from ctibutler.migration.recognising import KINDS
from ctibutler.settings import Settings
from tests.catalogue import install, made_content
from tests.server.examples import CWE, differences, examples, served
from tests.server.serving import Server, running
from tests.server.test_schemas import errors, strict


@lru_cache
def described() -> dict[str, Any]:
    return document(all_routes(HOSTED, Settings(), Metrics(), dict))


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in described()["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def resolved(item: dict[str, Any]) -> dict[str, Any]:
    for part in item.get("$ref", "").split("/")[1:]:
        item = described()[part] if "$ref" in item else item[part]
    return item


def shown_example(shape: dict[str, Any]) -> Any:
    [example] = shape["examples"].values()
    return described()["components"]["examples"][example["$ref"].rpartition("/")[2]]["value"]


def allowed(schema: dict[str, Any], value: Any) -> bool:
    """Whether a schema without references allows this value."""
    return Draft202012Validator(strict(schema)).is_valid(value)


def is_sentence(text: str) -> bool:
    return text[:1].isupper() or text.startswith("`")


def test_every_operation_has_a_summary_and_a_description() -> None:
    for method, path, operation in operations():
        assert is_sentence(operation["summary"]), (method, path)
        assert not operation["summary"].endswith("."), (method, path)
        assert is_sentence(operation["description"]), (method, path)
        assert operation["description"].endswith("."), (method, path)
        assert operation["description"] != operation["summary"]


def test_every_tag_has_a_description_and_an_operation() -> None:
    used = {tag for *_, operation in operations() for tag in operation["tags"]}
    assert {tag["name"] for tag in described()["tags"]} == used
    assert all(is_sentence(tag["description"]) for tag in described()["tags"])


def test_every_parameter_has_a_description_and_an_example() -> None:
    for method, path, operation in operations():
        for parameter in map(resolved, operation["parameters"]):
            where = (method, path, parameter["name"])
            assert is_sentence(parameter["description"]), where
            assert parameter["description"].endswith("."), where
            assert allowed(parameter["schema"], parameter["example"]), where


def test_every_body_has_an_example_and_every_field_of_it() -> None:
    bodies = [operation["requestBody"] for *_, operation in operations() if "requestBody" in operation]
    assert len(bodies) == 2 * len(HOSTED.all) + 1 + 2 * sum(bool(kb.questions) for kb in HOSTED.all)
    for body in bodies:
        shape = body["content"]["application/json"]
        assert allowed(shape["schema"], shape["example"])
        for name, schema in shape["schema"]["properties"].items():
            assert is_sentence(schema["description"]), name
            assert allowed(schema, schema["example"]), name


def test_every_answer_has_an_example_that_its_schema_allows() -> None:
    for method, path, operation in operations():
        for status, answer in operation["responses"].items():
            assert ("content" in answer) == (status not in ("204", "304")), (method, path, status)
            for media_type, shape in json_of(answer):
                wrong = errors(described(), shape["schema"], shown_example(shape))
                assert not wrong, (method, path, status, media_type, wrong)


def json_of(answer: dict[str, Any]) -> list[tuple[str, Any]]:
    """The media types of an answer, with what is said of each; tables and files that are no JSON have no example."""
    files = {form.media_type for form in TABLE_FORMS.values() if form.accepted and form.name != "stix"}
    files |= {layer_archive.MEDIA_TYPE, *(kind.media_type for kind in KINDS.values() if "json" not in kind.media_type)}
    if "application/toml" not in answer.get("content", {}):  # these are no files
        files.discard("text/plain")
    return [(name, shape) for name, shape in answer.get("content", {}).items() if name not in files]


def test_every_example_is_shown_somewhere() -> None:
    shown = {
        example["$ref"].rpartition("/")[2]
        for *_, operation in operations()
        for answer in operation["responses"].values()
        for _, shape in json_of(answer)
        for example in shape["examples"].values()
    }
    assert shown == set(EXAMPLES)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    if not CWE.is_file():
        pytest.skip("no real releases in the shared folder (CTIBUTLER_TEST_SHARED)")
    with served(tmp_path_factory.mktemp("examples")) as client:
        yield client


@pytest.mark.real
@pytest.mark.xdist_group("examples")
def test_the_examples_are_answers_of_a_real_server(real: httpx2.Client) -> None:
    recorded = {name: value for name, value in EXAMPLES.items() if name != "Readiness.unavailable"}
    assert list(differences(recorded, examples(real))) == []


@pytest.mark.real
@pytest.mark.xdist_group("examples")
def test_a_real_server_accepts_the_example_of_every_parameter(real: httpx2.Client) -> None:
    assert refused(real, not_here=("/api/v1/jobs/{job_id}/", "/api/v1/atlas/tie/")) == []


def test_a_server_with_the_excerpts_accepts_the_example_of_every_parameter(tmp_path: Path) -> None:
    database = open_catalogue(f"sqlite:///{tmp_path / 'c.sqlite'}", HOSTED)
    for kb in HOSTED.all:
        assert kb.example is not None
        content = made_content(EXAMPLES[f"ObjectPage.{kb.slug}"]["objects"])
        install(database, f"{kb.slug}@{kb.example.release}", content)
    with running(database) as server:
        # One object is not enough to learn from, or to lead to another.
        ties = tuple(path for path in described()["paths"] if path.endswith(("/tie/", "/v1/paths/")))
        assert refused(server.client, not_here=("/api/v1/jobs/{job_id}/", *ties)) == []
    database.close()


def refused(client: httpx2.Client, not_here: tuple[str, ...]) -> list[str]:
    """The example requests that a server does not accept. Paths in `not_here` lead to something that only another server
    has: one of its jobs, or a release with enough to learn from."""
    wrong, requests = [], 0
    for method, path, operation in operations():
        if method != "get":
            continue
        parameters = [resolved(parameter) for parameter in operation["parameters"]]
        filled = path
        for parameter in parameters:
            if parameter["in"] == "path":
                filled = filled.replace(f"{{{parameter['name']}}}", parameter["example"])
        queries = [parameter for parameter in parameters if parameter["in"] == "query"]
        # Without ids, some questions are about everything: once is enough.
        needed = {
            parameter["name"]: parameter["example"]
            for parameter in queries
            if parameter.get("required") or parameter["name"] == "ids"
        }
        everything = any(parameter["name"] == "ids" and not parameter.get("required") for parameter in queries)
        accepted = (404,) if path in not_here else (200, 204)
        if path.endswith("/diff/"):
            accepted = (200, 404)  # of some knowledge bases, only one release is here
        for query in (
            {"ids": ""} if everything else {},
            *({parameter["name"]: parameter["example"]} for parameter in queries),
        ):
            # Only tables have columns.
            form = {"format": "csv"} if "columns" in query else {}
            answer = client.get(filled, params={**needed, **query, **form, "strict": "true"})
            requests += 1
            if answer.status_code not in accepted:
                wrong.append(f"{filled} {query}: {answer.text[:200]}")
    assert requests > 1000
    return wrong


def test_a_real_server_accepts_the_examples_of_changes(small: Server) -> None:
    for method, path, operation in operations():
        if method == "get" or path.endswith(("/questions/{question}/", "/compare/", "/migrate/")):
            continue  # no change
        filled = path
        for parameter in map(resolved, operation["parameters"]):
            filled = filled.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
        slug = path.split("/")[3]
        if method == "delete" and "{version}" in path and slug not in ("location", "tlp"):
            continue  # not installed here
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
        answer = small.client.request(method.upper(), filled, json=body)
        assert answer.status_code == (201 if method == "post" else 204), (method, filled, answer.text)
