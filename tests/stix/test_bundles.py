"""Whatever is wrong with a bundle is reported: what it is and where."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctibutler.errors import MalformedFile
from ctibutler.stix.bundles import Bundle, Limits, bundle_chunks, read_bundle
from tests.faults.small import place_of, small_bundle, small_bundle_bytes

UUID = "3a1b4f70-6d5c-4f4e-9e0b-0d5b7d2a9c11"
TIMES = {"created": "2020-01-01T00:00:00Z", "modified": "2020-01-01T00:00:00Z"}


def read(content: bytes | dict[str, Any], limits: Limits = Limits()) -> Bundle:
    return read_bundle(content if isinstance(content, bytes) else json.dumps(content).encode(), "ics.json", limits)


def problem(content: bytes | dict[str, Any], limits: Limits = Limits()) -> str:
    with pytest.raises(MalformedFile) as raised:
        read(content, limits)
    return str(raised.value)


def bundle_of(*objects: object, **envelope: object) -> dict[str, Any]:
    return {"type": "bundle", "id": f"bundle--{UUID}", **envelope, "objects": list(objects)}


def raw_bundle_of(*objects: bytes) -> bytes:
    return b'{"type":"bundle","id":"bundle--' + UUID.encode() + b'","objects":[' + b",".join(objects) + b"]}"


def tool(**properties: object) -> dict[str, object]:
    return {"type": "tool", "id": f"tool--{UUID}", **TIMES, "name": "sed", **properties}


def relationship(**properties: object) -> dict[str, object]:
    ends = {"source_ref": f"malware--{UUID}", "target_ref": f"tool--{UUID}", "relationship_type": "uses"}
    return {"type": "relationship", "id": f"relationship--{UUID}", **TIMES, **ends, **properties}


def test_objects_are_read_as_published_except_for_white_space() -> None:
    bundle = read(small_bundle_bytes())
    published = small_bundle()
    assert bundle.id == published["id"]
    assert [found.properties() for found in bundle.objects] == published["objects"]
    assert [found.position for found in bundle.objects] == list(range(12))
    minified = json.dumps(published["objects"][0], separators=(",", ":"), ensure_ascii=False).encode()
    assert bundle.objects[0].content == minified


def test_a_bundle_written_in_chunks_has_the_same_objects() -> None:
    bundle = read(small_bundle_bytes())
    assert bundle.id is not None
    again = read(b"".join(bundle_chunks(bundle.id, (found.content for found in bundle.objects))))
    assert again == bundle


def test_exact_copies_are_merged_and_different_contents_of_one_id_are_kept() -> None:
    bundle = read(bundle_of(tool(), tool(), tool(name="awk")))
    assert [(found.position, found.properties()["name"]) for found in bundle.objects] == [(0, "sed"), (2, "awk")]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "ics.json: not JSON, or cut off"),
        (b" \n\t", "ics.json: not JSON, or cut off"),
        (b"<html>Not found</html>", "ics.json: not JSON, or cut off"),
        (b'{"type":"bundle","objects":[]}}', "ics.json: not JSON, or cut off"),
        (b'{"type":"bundle","objects":[]} {"type":"bundle"}', "ics.json: not JSON, or cut off"),
        (b"\xef\xbb\xbf", "ics.json: not JSON, or cut off"),
        (json.dumps(bundle_of(tool())).encode("utf-16"), "ics.json: not JSON, or cut off"),
        (b"null", "ics.json: expected a STIX bundle, found JSON that is not an object"),
        (b"[]", "ics.json: expected a STIX bundle, found JSON that is not an object"),
        (b'"bundle"', "ics.json: expected a STIX bundle, found JSON that is not an object"),
        (b"17", "ics.json: expected a STIX bundle, found JSON that is not an object"),
        (b"{}", "ics.json: type: expected `bundle`, found nothing"),
        (b'{"type":"tool"}', "ics.json: type: expected `bundle`, found 'tool'"),
        (b'{"type":["bundle"]}', "ics.json: type: expected `bundle`, found ['bundle']"),
        (b'{"type":1e999}', "ics.json: type: "),
        (b'{"type":"bundle"}', "ics.json: objects: expected a list of objects"),
        (b'{"type":"bundle","objects":null}', "ics.json: objects: expected a list of objects"),
        (b'{"type":"bundle","objects":{}}', "ics.json: objects: expected a list of objects"),
        (b'{"type":"bundle","objects":"all"}', "ics.json: objects: expected a list of objects"),
        (b'{"type":"bundle","objects":[]}', "ics.json: objects: the bundle is empty"),
        (b'{"type":"bundle","spec_version":"2.0","objects":[]}', "ics.json: this is a STIX 2.0 bundle"),
        (b'{"type":"bundle\xff","objects":[]}', "ics.json: type: "),
        (b'{"type":"bundle","id":"\xff","objects":[{}]}', "ics.json: id: "),
        (b'{"type":"bundle","spec_version":"\xff","objects":[{}]}', "ics.json: spec_version: "),
    ],
)
def test_a_file_that_is_not_a_bundle_is_refused_with_what_was_found(content: bytes, sentence: str) -> None:
    assert problem(content).startswith(sentence)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (None, "objects[1]: expected an object, found nothing"),
        (17, "objects[1]: expected an object, found 17"),
        (["tool"], "objects[1]: expected an object, found ['tool']"),
        ({}, "objects[1].type: expected the object's type, found nothing"),
        ({"id": f"tool--{UUID}"}, "objects[1].type: expected the object's type, found nothing"),
        (tool(type=""), "objects[1].type: expected the object's type, found ''"),
        (tool(type=5), "objects[1].type: expected the object's type, found 5"),
        (tool(id=None), "objects[1].id: expected `tool--` and a UUID, found nothing"),
        (tool(id=5), "objects[1].id: expected `tool--` and a UUID, found 5"),
        (tool(id=UUID), f"objects[1].id: expected `tool--` and a UUID, found '{UUID}'"),
        (tool(id="tool--"), "objects[1].id: expected `tool--` and a UUID, found 'tool--'"),
        (tool(id=f"malware--{UUID}"), "objects[1].id: expected `tool--` and a UUID, found 'malware--"),
        (tool(id=f"tool--{UUID} "), "objects[1].id: expected `tool--` and a UUID"),
        (tool(id="tool--\x00"), "objects[1].id: expected `tool--` and a UUID"),
        (tool(id="tool--" + "a" * 10_000), "objects[1].id: expected `tool--` and a UUID"),
        (tool(type="Tool", id=f"Tool--{UUID}"), "objects[1].id: expected `Tool--` and a UUID"),
        (relationship(source_ref=None), "objects[1].source_ref: expected a STIX id, found nothing"),
        (relationship(target_ref=""), "objects[1].target_ref: expected a STIX id, found ''"),
        (relationship(target_ref=["tool--1"]), "objects[1].target_ref: expected a STIX id, found ['tool--1']"),
        (relationship(source_ref="T1059"), "objects[1].source_ref: expected a STIX id, found 'T1059'"),
        (relationship(source_ref="tool--\x00"), "objects[1].source_ref: expected a STIX id"),
        (relationship(relationship_type=None), "objects[1].relationship_type: expected a word, found nothing"),
        (relationship(relationship_type=7), "objects[1].relationship_type: expected a word, found 7"),
        (relationship(relationship_type="uses\x00"), "objects[1].relationship_type: expected a word"),
        (relationship(relationship_type="u" * 10_000), "objects[1].relationship_type: expected a word"),
    ],
)
def test_the_message_about_an_invalid_object_says_where_it_is(wrong: object, sentence: str) -> None:
    message = problem(bundle_of(tool(), wrong, tool(name="awk")))
    assert message.startswith(f"ics.json: {sentence}")
    assert len(message) < 400


def test_the_message_about_a_relationship_without_a_source_has_its_id() -> None:
    assert problem(bundle_of(relationship(source_ref=None))).endswith(f"(in relationship--{UUID})")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b'"\xff"', "objects[1]: not JSON: 'utf-8' codec"),
        (b'"\xed\xa0\x80"', "objects[1]: not JSON: 'utf-8' codec"),  # a surrogate as three bytes
        (b"1e999", "objects[1]: not JSON: Number out of range"),
        (b"-1e999", "objects[1]: not JSON: Number out of range"),
        (b"1" * 5000, "objects[1]: not JSON: Integer value out of range"),
    ],
)
def test_the_message_about_an_unreadable_value_says_which_object_has_it(value: bytes, reason: str) -> None:
    broken = b'{"type":"tool","id":"tool--' + UUID.encode() + b'","name":' + value + b"}"
    fine = json.dumps(tool()).encode()
    assert problem(raw_bundle_of(fine, broken)).startswith(f"ics.json: {reason}")


@pytest.mark.parametrize("value", [b'"\\ud800"', b'"\\udc00"', b'"\\ud800\\u0041"', b'"a\nb"', b"NaN", b"01", b"'a'"])
def test_invalid_json_is_refused(value: bytes) -> None:
    broken = b'{"type":"tool","id":"tool--' + UUID.encode() + b'","name":' + value + b"}"
    assert "not JSON" in problem(raw_bundle_of(broken))


def test_a_byte_order_mark_is_ignored() -> None:
    assert read(b"\xef\xbb\xbf" + small_bundle_bytes()) == read(small_bundle_bytes())


def test_numbers_beyond_64_bits_and_nul_characters_stay_as_they_were_written() -> None:
    written = b'{"type":"tool","id":"tool--' + UUID.encode() + b'","x_n":' + b"9" * 40 + b',"name":"a\\u0000b"}'
    [found] = read(raw_bundle_of(written)).objects
    assert found.content == written
    assert found.properties()["x_n"] == int("9" * 40)


@pytest.mark.parametrize(
    ("rest", "key"),
    [
        (b'"name":"a","name":"b"', "name"),
        (b'"name":"a","na\\u006de":"b"', "name"),
        (b'"x":"\\u00e4","external_references":[{"url":"a"},{"url":"a","url":"a"}]', "url"),
        (b'"extensions":{"a":{"b":1e5,"b":1e5}}', "b"),
    ],
)
def test_an_object_that_repeats_a_key_is_refused(rest: bytes, key: str) -> None:
    written = b'{"type":"tool","id":"tool--' + UUID.encode() + b'",' + rest + b"}"
    assert problem(raw_bundle_of(written)) == f"ics.json: objects[0]: repeats the key '{key}'"


def test_a_text_that_looks_like_a_key_is_none() -> None:
    written = b'{"type":"tool","id":"tool--' + UUID.encode() + b'","name":"\\u00e4 \\"name\\":"}'
    [found] = read(raw_bundle_of(written)).objects
    assert found.content == written


def test_properties_that_start_with_an_underscore_are_dropped_even_when_escaped() -> None:
    written = (
        b'{"_key":"1","type":"tool","id":"tool--' + UUID.encode() + b'","x_a":{"_b":"kept"},"\\u005fid":2,"n":'
        b'123456789012345678901234567890,"_rev":{}}'
    )
    [found] = read(raw_bundle_of(written)).objects
    assert found.properties() == {
        "type": "tool",
        "id": f"tool--{UUID}",
        "x_a": {"_b": "kept"},
        "n": 123456789012345678901234567890,
    }


def test_nesting_is_allowed_up_to_the_limit_and_refused_beyond_it() -> None:
    def nested(levels: int) -> dict[str, Any]:
        value: object = "inside"
        for _ in range(levels - 1):
            value = [value]
        return bundle_of(tool(), tool(x_deep=value))

    limits = Limits(max_depth=20)
    deep = nested(20)
    assert len(read(deep, limits).objects) == 2
    assert problem(nested(21), limits) == "ics.json: objects[1]: is nested deeper than 20 levels"
    assert problem(nested(65)) == "ics.json: objects[1]: is nested deeper than 64 levels"


@pytest.mark.parametrize("levels", [150, 900, 980, 990, 995, 1000, 5000, 100_000, 1_000_000])
@pytest.mark.parametrize("place", ["object", "objects", "type", "id", "spec_version", "unknown", "cut off", "key"])
def test_nesting_far_beyond_the_limit_is_refused_without_a_crash(levels: int, place: str) -> None:
    opened, closed = (b'{"a":', b"}") if place == "key" else (b"[", b"]")
    deep = opened * levels + b"1" + closed * levels
    head = b'{"type":"bundle","id":"bundle--1",'
    of_tool = b'{"type":"tool","id":"tool--' + UUID.encode() + b'","x_deep":'
    content = {
        "object": head + b'"objects":[' + of_tool + deep + b"}]}",
        "key": head + b'"objects":[' + of_tool + deep + b"}]}",
        "objects": head + b'"objects":' + deep + b"}",
        "type": b'{"type":' + deep + b',"objects":[' + of_tool + b"1}]}",
        "id": b'{"type":"bundle","id":' + deep + b',"objects":[' + of_tool + b"1}]}",
        "spec_version": head + b'"spec_version":' + deep + b',"objects":[' + of_tool + b"1}]}",
        "unknown": head + b'"x":' + deep + b',"objects":[' + of_tool + b"1}]}",
        "cut off": head + b'"objects":' + opened * levels,
    }[place]
    if place in ("id", "spec_version", "unknown") and levels < 100_000:
        # These values are thrown away: the file is read, or refused at the limit of the JSON reader itself. That is
        # Python's limit: 1,000 levels in 3.11, ten times as many in 3.13.
        read_or_refuse(content)
    else:
        assert re.match(r"ics\.json: .*(is nested |expected|cut off)", problem(content))


def test_deep_nesting_does_not_kill_the_process() -> None:
    program = (
        "from ctibutler.errors import MalformedFile\n"
        "from ctibutler.stix.bundles import read_bundle\n"
        "import threading\n"
        "def read():\n"
        "    try:\n"
        """        read_bundle(b'{"type":"bundle","objects":[{"a":' + b'[' * 100000 + b']' * 100000 + b'}]}', 'deep')\n"""
        "    except MalformedFile as refused:\n"
        "        print(refused)\n"
        "read()\n"
        "thread = threading.Thread(target=read)\n"
        "thread.start()\n"
        "thread.join()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(ended.stdout.splitlines()) == 2


def test_a_file_larger_than_the_limit_is_refused_before_it_is_read() -> None:
    content = small_bundle_bytes()
    assert read(content, Limits(max_bytes=len(content))).objects
    message = problem(content, Limits(max_bytes=len(content) - 1))
    assert message == f"ics.json: {len(content):,} bytes exceed the limit of {len(content) - 1:,}"


def test_more_objects_than_the_limit_are_refused() -> None:
    assert len(read(small_bundle_bytes(), Limits(max_objects=12)).objects) == 12
    assert problem(small_bundle_bytes(), Limits(max_objects=11)) == "ics.json: 12 objects exceed the limit of 11"


def test_a_bundle_cut_off_anywhere_is_refused() -> None:
    content = small_bundle_bytes().rstrip()
    for end in {
        *range(0, len(content), max(1, len(content) // 1500)),
        *range(200),
        *range(len(content) - 200, len(content)),
    }:
        assert problem(content[:end]).startswith("ics.json: not JSON, or cut off"), end


def test_a_bundle_with_a_piece_missing_is_refused_or_read() -> None:
    content = small_bundle_bytes()
    for start in range(0, len(content), 37):
        for length in (1, 40, 4000):
            read_or_refuse(content[:start] + content[start + length :])


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40), st.integers(0, 18_000), st.integers(0, 60))
def test_a_bundle_with_overwritten_bytes_is_refused_or_read(new: bytes, start: int, length: int) -> None:
    content = small_bundle_bytes()
    read_or_refuse(content[:start] + new + content[start + length :])


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["bundle", "tool", "relationship", "2.0", "2.1", f"tool--{UUID}", f"relationship--{UUID}"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "id", "objects", "spec_version", "source_ref", "target_ref", "relationship_type"])
            | st.text(max_size=6),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=120, deadline=None)
@given(JSON)
def test_any_json_is_refused_or_read(value: object) -> None:
    read_or_refuse(json.dumps(value).encode())


@settings(max_examples=120, deadline=None)
@given(st.lists(JSON, min_size=1, max_size=3))
def test_any_json_in_place_of_the_objects_is_refused_or_read(objects: list[object]) -> None:
    read_or_refuse(json.dumps(bundle_of(*objects)).encode())


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(["type", "id", "name", "created", "source_ref", "target_ref", "relationship_type"]), JSON)
def test_any_json_in_place_of_a_property_is_refused_or_read(name: str, value: object) -> None:
    broken = small_bundle()
    broken["objects"][place_of(broken, "relationship")][name] = value
    read_or_refuse(json.dumps(broken).encode())


def read_or_refuse(content: bytes) -> None:
    refusal = ""
    try:
        assert read(content).objects
    except MalformedFile as refused:
        refusal = str(refused)
    assert not refusal or (refusal.startswith("ics.json: ") and len(refusal) < 500)
