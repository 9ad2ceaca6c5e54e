"""Query parameters become typed values, exactly as strictly as the contract requires."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctibutler.answers.pages import PageRequest, Sort
from ctibutler.api.openapi import FLAG_PATTERN
from ctibutler.errors import InvalidRequest
from ctibutler.http.parameters import Parameter, Table, page_parameters, sort_parameter

TABLE = Table(
    (
        *page_parameters(50, 1000),
        sort_parameter(("name", "run_datetime"), "name_ascending", {"datetime_start": "run_datetime"}),
        Parameter("types", "csv", "", aliases=("type",)),
        Parameter("name", "text", ""),
        Parameter("attack_version", "text", "", aliases=("version",)),
        Parameter("include_revoked", "flag", "", default=False),
        Parameter("limit", "number", "", default=20, maximum=100),
        Parameter("post_id", "ignored", ""),
    )
)


def test_empty_and_unknown_parameters_are_ignored() -> None:
    values = TABLE.read("name=&types=&attack_version=&page=&sort=&include_revoked=&tenant=4&post_id=x")
    assert values.query() == ""
    assert (values.text("name"), values.csv("types"), values.flag("include_revoked")) == (None, None, False)
    assert values.page() == PageRequest(1, 50)
    assert values.sort() == Sort("name")


@pytest.mark.parametrize(
    "query",
    ["types=tool,malware", "types=tool&types=malware", "types[]=tool&types[]=malware", "types=+tool+,,malware,"],
)
def test_lists_are_written_with_commas_or_repeated_keys(query: str) -> None:
    assert TABLE.read(query).csv("types") == ["tool", "malware"]


def test_an_alias_is_used_if_the_parameter_itself_is_missing() -> None:
    assert TABLE.read("version=15.1").text("attack_version") == "15.1"
    assert TABLE.read("version=15.1&attack_version=16.0").text("attack_version") == "16.0"
    assert TABLE.read("attack_version=&version=15.1").text("attack_version") == "15.1"
    assert TABLE.read("type=tool").csv("types") == ["tool"]


def test_the_last_value_of_a_scalar_is_used() -> None:
    assert TABLE.read("name=a&name=b").text("name") == "b"
    assert TABLE.read("include_revoked=true&include_revoked=false").flag("include_revoked") is False


@pytest.mark.parametrize("text", ["true", "True", "1", "YES", "y", "on"])
def test_true_can_be_written_in_several_ways(text: str) -> None:
    assert TABLE.read(f"include_revoked={text}").flag("include_revoked") is True


@given(st.from_regex(FLAG_PATTERN) | st.from_regex(r"\A\s*(yes|no|)\s*\Z") | st.text(max_size=4))
def test_a_flag_accepts_exactly_what_its_schema_allows(text: str) -> None:
    # In Python's patterns, unlike others, `$` also matches before a final line feed.
    allowed = re.search(FLAG_PATTERN.removesuffix("$") + r"\Z", text) is not None
    try:
        TABLE.read(urlencode({"include_revoked": text}))
    except InvalidRequest:
        assert not allowed
    else:
        assert allowed


@pytest.mark.parametrize("text", ["false", "False", "0", "No", "n", "OFF"])
def test_false_can_be_written_in_several_ways(text: str) -> None:
    assert TABLE.read(f"include_revoked={text}").flag("include_revoked") is False


@pytest.mark.parametrize("text", ["maybe", "2", "tru", "null", "-1", "%00"])
def test_any_other_value_is_not_a_boolean(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        TABLE.read(f"include_revoked={text}")
    assert list(refused.value.details) == ["include_revoked"]


@pytest.mark.parametrize("text", ["0", "-3", "first", "1.5", "%C2%B2", "", "-" + "9" * 5000])
def test_an_invalid_page_number_means_the_first_page(text: str) -> None:
    assert TABLE.read(f"page={text}").page().number == 1


@pytest.mark.parametrize("text", ["4294967296", "9" * 5000])
def test_a_page_number_beyond_the_limit_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="unable to serve page `"):
        TABLE.read(f"page={text}")


@pytest.mark.parametrize(
    ("text", "size"), [("10", 10), ("1000", 1000), ("1001", 1000), ("9" * 99, 1000), ("0", 50), ("-1", 50), ("x", 50)]
)
def test_page_sizes_are_clamped_to_their_limits(text: str, size: int) -> None:
    assert TABLE.read(f"page_size={text}").page().size == size


def test_an_unknown_sort_is_refused_with_the_possible_ones() -> None:
    with pytest.raises(InvalidRequest) as refused:
        TABLE.read("sort=name_upwards")
    assert refused.value.details == {
        "sort": [
            "`name_upwards` is none of name_ascending, name_descending, run_datetime_ascending, run_datetime_descending."
        ]
    }
    assert TABLE.read("sort=datetime_start_descending").sort() == Sort("run_datetime", descending=True)


def test_every_invalid_parameter_is_named() -> None:
    with pytest.raises(InvalidRequest) as refused:
        TABLE.read("sort=x&limit=0&include_revoked=x")
    assert set(refused.value.details) == {"sort", "limit", "include_revoked"}


def test_nul_characters_are_replaced_by_one_that_matches_nothing() -> None:
    values = TABLE.read("name=a%00b&types=%00,tool")
    assert values.text("name") == "a\uffffb"
    assert values.csv("types") == ["\uffff", "tool"]


def test_equivalent_query_strings_are_equal_queries() -> None:
    first = TABLE.read("types[]=tool&types=malware&include_revoked=yes&page=0&page_size=5000&foo=1")
    assert first.query() == "include_revoked=true&page_size=1000&types=tool,malware"
    assert TABLE.read(first.query()).query() == first.query()
    assert first.query(page=3) == "include_revoked=true&page=3&page_size=1000&types=tool,malware"


@given(st.text())
def test_any_query_string_is_read_or_refused(text: str) -> None:
    try:
        values = TABLE.read(text)
    except InvalidRequest:
        return
    assert TABLE.read(values.query()).query() == values.query()
