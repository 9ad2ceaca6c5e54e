"""Request bodies are JSON objects, and every invalid field is named."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctibutler.api.job_routes import LINKS
from ctibutler.api.release_routes import INSTALL
from ctibutler.errors import InvalidRequest
from ctibutler.http.bodies import LARGEST_BODY, Field, read_body, read_fields
from ctibutler.http.exceptions import BodyTooLarge, UnsupportedMediaType


def read(text: str) -> dict[str, object]:
    return read_body(text.encode(), "application/json")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ('"16.0"', "16.0"),
        ("16.0", "16.0"),
        ("4.10", "4.10"),
        ("2", "2"),
        ('" v16_0 "', "v16_0"),
        ('"12.0-beta"', "12.0-beta"),
    ],
)
def test_a_version_is_a_text_or_a_number_as_written(text: str, label: str) -> None:
    assert read_fields(INSTALL, read(f'{{"version": {text}}}')).text("version") == label


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("{}", "This field is required."),
        ('{"version": null}', "This field may not be null."),
        ('{"version": "  "}', "This field may not be blank."),
        ('{"version": []}', "Not a valid string."),
        ('{"version": true}', "Not a valid string."),
        ('{"version": "%s"}' % ("1" * 65), "Ensure this field has no more than 64 characters."),
        ('{"version": "16/0"}', "Letters, digits and single"),
        ('{"version": "../16"}', "Letters, digits and single"),
        ('{"version": "16\\u0000"}', "Letters, digits and single"),
        ('{"version": "१६"}', "Letters, digits and single"),
        ('{"version": -1}', "As a number it must be above 0"),
        ('{"version": 0.0}', "As a number it must be above 0"),
        ('{"version": 1000000.1}', "As a number it must be above 0 and at most 1000000"),
        ('{"version": "16\\u001c"}', "Letters, digits and single"),
    ],
)
def test_an_invalid_version_is_refused_with_a_message(body: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_fields(INSTALL, read(body))
    assert str(refused.value.details["version"]).startswith(f"['{sentence}")


def test_booleans_in_a_body_must_be_json_booleans() -> None:
    fields = read_fields(INSTALL, read('{"version": "1", "force": true, "unknown": 1}'))
    assert fields.flag("force")
    assert not fields.flag("ignore_embedded_relationships")
    with pytest.raises(InvalidRequest):
        read_fields(INSTALL, read('{"version": "1", "force": 1}'))


def test_times_must_have_a_date_a_time_and_an_offset() -> None:
    fields = read_fields(LINKS, read('{"modified_min": "2024-01-01T00:00:00Z", "created_min": null}'))
    assert (fields.text("modified_min"), fields.text("created_min")) == ("2024-01-01T00:00:00Z", None)
    for wrong in ('"yesterday"', '"2024-01-01"', '"2024-01-01T00:00:00"', "5", '"9999-99-99T00:00:00Z"'):
        with pytest.raises(InvalidRequest):
            read_fields(LINKS, read(f'{{"modified_min": {wrong}}}'))


def test_an_optional_version_may_be_null() -> None:
    assert read_fields(LINKS, read('{"version": null}')).text("version") is None


def test_an_empty_body_of_any_media_type_is_an_empty_object() -> None:
    assert read_body(b"", None) == {}


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "", None])
def test_other_media_types_are_refused(media_type: str | None) -> None:
    with pytest.raises(UnsupportedMediaType):
        read_body(b"{}", media_type)


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b"1", b"NaN", b'{"a": Infinity}', b"\xff\xfe", b"[" * 100_000, b'{"a":1}{']
)
def test_a_body_that_is_not_a_json_object_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidRequest):
        read_body(content, "Application/JSON; charset=utf-8")


def test_the_size_of_a_body_is_limited() -> None:
    with pytest.raises(BodyTooLarge):
        read_body(b" " * (LARGEST_BODY + 1), "application/json")


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner)))
def test_any_value_of_a_field_is_read_or_refused(value: object) -> None:
    for fields in (INSTALL, LINKS):
        for declared in fields:
            with suppress(InvalidRequest):
                read_fields(fields, {"version": "1", declared.name: value})


IDS = (Field("a", "ids", "Some ids.", required=True), Field("b", "ids", "Others."))


def test_ids_are_texts_without_the_white_space_around_them() -> None:
    read_ids = read_fields(IDS, read('{"a": [" T1059 ", "G0016"], "b": []}'))
    assert (read_ids.ids("a"), read_ids.ids("b")) == (["T1059", "G0016"], [])


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ('{"a": []}', "This list may not be empty."),
        ('{"a": ["T1059", " "]}', "No item may be blank."),
        ('{"a": [1059]}', "Must be a list of strings."),
        ('{"a": ["T1059", 0]}', "Must be a list of strings."),
        ('{"a": "T1059"}', "Must be a list of strings."),
        ('{"a": null}', "Must be a list of strings."),
    ],
)
def test_other_values_are_no_ids(body: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_fields(IDS, read(body))
    assert refused.value.details == {"a": [sentence]}
