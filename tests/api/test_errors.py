"""Every problem is answered in one format."""

from __future__ import annotations

import json

import pytest

from ctibutler import errors
from ctibutler.api.errors import problem_response
from ctibutler.errors import Hidden, InvalidRequest, MalformedFile, NotFound, Problem, StoreUnavailable, Unauthorized
from ctibutler.http.exceptions import MethodNotAllowed, status_of


def body_of(problem: Problem) -> dict[str, object]:
    body: dict[str, object] = json.loads(bytes(problem_response(problem).body))
    return body


def test_a_general_problem_has_a_message_and_further_facts() -> None:
    assert body_of(NotFound("no object `x`", {"candidates": ["cwe"]})) == {
        "code": 404,
        "message": "Not Found",
        "details": {"error": "no object `x`", "candidates": ["cwe"]},
    }


def test_the_error_about_a_hidden_object_names_the_parameter_that_shows_it() -> None:
    assert body_of(Hidden("T1086", "18.1", "revoked")) == {
        "code": 404,
        "message": "Not Found",
        "details": {
            "error": "object `T1086` exists in release 18.1 but is revoked; pass include_revoked=true to see it"
        },
    }


def test_messages_about_invalid_fields_are_listed_by_field() -> None:
    assert body_of(InvalidRequest.of("sort", "No.")) == {
        "code": 400,
        "message": "Bad Request",
        "details": {"sort": ["No."]},
    }


def test_the_error_about_a_broken_store_gives_no_internal_details() -> None:
    response = problem_response(StoreUnavailable("sqlite:////var/lib/secret.sqlite: disk I/O error"))
    assert response.status_code == 503
    assert b"sqlite" not in bytes(response.body)
    assert int(response.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("problem", "header", "value"),
    [
        (Unauthorized("x"), "www-authenticate", 'Bearer realm="ctibutler"'),
        (MethodNotAllowed("PUT", ("GET", "HEAD")), "allow", "GET, HEAD"),
        (errors.NotAllowed("x"), "allow", "GET, HEAD, OPTIONS"),
    ],
)
def test_some_statuses_have_a_header(problem: Problem, header: str, value: str) -> None:
    assert problem_response(problem).headers[header] == value


def test_an_internal_problem_is_answered_without_its_message() -> None:
    assert status_of(MalformedFile("bundle.json: objects[3]")) == 500
    assert "bundle" not in str(body_of(MalformedFile("bundle.json: objects[3]")))
