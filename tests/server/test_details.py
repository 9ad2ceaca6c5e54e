"""`detail=full` adds a publisher's details of an object beyond STIX."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.declaration import DetailField
from tests.catalogue import catalogue_with, install, made_content
from tests.excerpt import converted, details_of, excerpt
from tests.server.serving import Server, running

ONE = "/api/v1/cwe/objects/CWE-1287/"


@pytest.fixture(params=["sqlite", "postgresql"])
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server with two releases of an excerpt of CWE: the latest with details, the other without."""
    with catalogue_with(request.param, tmp_path) as database:
        install(database, "cwe@4.14", excerpt())
        install(database, "cwe@4.13", excerpt(details=None))
        with running(database) as started:
            yield started


def test_details_are_beside_the_object(server: Server) -> None:
    plain, full = server.get(ONE).json(), server.get(f"{ONE}?detail=full").json()
    assert full == {**plain, "details": [details_of("CWE-1287")]}
    assert list(full)[-2:] == ["objects", "details"]
    assert full["objects"][0] in converted().objects
    assert full["details"][0]["observed_examples"][0]["reference"] == "CVE-2008-2223"


def test_details_are_left_out_by_default(server: Server) -> None:
    plain = server.get(ONE)
    assert "details" not in plain.json()
    for query in ("detail=stix", "detail=", "Detail=full"):
        assert server.get(f"{ONE}?{query}").content == plain.content


def test_every_object_of_the_release_has_its_own_details(server: Server) -> None:
    read = converted()
    assert read.details is not None
    for stix in read.objects:
        if stix["type"] != "relationship":
            [details] = server.get(f"/api/v1/cwe/objects/{stix['id']}/?detail=full").json()["details"]
            assert details == read.details.get(stix["id"])


def test_details_are_null_in_a_release_without_them(server: Server) -> None:
    full = server.get(f"{ONE}?detail=full&cwe_version=4.13").json()
    assert full["details"] == [None]
    assert full["objects"] == server.get(ONE).json()["objects"]


def test_an_alias_answers_the_same(server: Server) -> None:
    full = server.get(f"{ONE}?detail=full")
    for alias in ("/v1/cwes/cwe-1287?detail=full", "/api/v1/cwe/CWE-1287/?detail=full&foo=bar"):
        assert server.get(alias).content == full.content


def test_an_unknown_value_is_refused(server: Server) -> None:
    answer = server.get(f"{ONE}?detail=everything")
    assert answer.status_code == 400
    assert answer.json()["details"] == {"detail": ["`everything` is none of stix, full."]}
    assert server.get("/api/v1/cwe/objects/CWE-1/?detail=full").status_code == 404


def test_the_parameter_is_ignored_where_there_are_no_details(server: Server) -> None:
    tool = {"type": "tool", "id": "tool--00000000-0000-4000-8000-000000000001", "name": "One"}
    install(server.database, "disarm@1", made_content([tool]))
    path = f"/api/v1/disarm/objects/{tool['id']}/"
    for query in ("?detail=full", "?detail=everything"):
        assert server.get(path + query).content == server.get(path).content
    assert server.get("/api/v1/cwe/objects/?detail=everything").status_code == 200


def test_answers_with_and_without_details_are_cached_separately(server: Server) -> None:
    plain, full = server.get(ONE), server.get(f"{ONE}?detail=full")
    assert plain.headers["etag"] != full.headers["etag"]
    assert server.get(f"{ONE}?detail=stix").headers["etag"] == plain.headers["etag"]
    assert server.get(f"{ONE}?detail=full", if_none_match=full.headers["etag"]).status_code == 304
    install(server.database, "cwe@4.14", excerpt(b"CVE-2008-9999"))
    changed = server.get(f"{ONE}?detail=full", if_none_match=full.headers["etag"])
    assert changed.status_code == 200
    assert changed.json()["details"][0]["observed_examples"][0]["reference"] == "CVE-2008-9999"


def test_the_schema_describes_every_field(server: Server) -> None:
    document = server.get("/api/schema/?format=json").json()
    operation = document["paths"]["/api/v1/cwe/objects/{id}/"]["get"]
    [parameter] = [parameter for parameter in operation["parameters"] if parameter.get("name") == "detail"]
    assert parameter["schema"]["enum"] == ["stix", "full", ""]
    page = _resolved(document, operation["responses"]["200"]["content"]["application/json"]["schema"])
    assert "details" not in page["required"]
    item = page["properties"]["details"]["items"]
    assert item["nullable"] is True
    _check(_resolved(document, item["allOf"][0]), HOSTED.named("cwe").details)
    other = document["paths"]["/api/v1/capec/objects/{id}/"]["get"]
    assert "detail" not in [parameter.get("name") for parameter in other["parameters"]]


def _resolved(document: Any, schema: Any) -> Any:
    return document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]


def _check(schema: Any, fields: tuple[DetailField, ...]) -> None:
    assert set(schema["properties"]) == {field.name for field in fields}
    for field in fields:
        described = schema["properties"][field.name]
        assert described["description"] == field.description
        one = described["items"] if field.many else described
        assert one["type"] == ("object" if field.fields else "string")
        if field.fields:
            _check(one, field.fields)
