"""The next page of a list, as the header `Link` names it."""

from __future__ import annotations

import pytest

from ctibutler.publishers.web.pages import next_link

NEXT = "https://api.github.com/repositories/1/tags?per_page=100&page=2"


@pytest.mark.parametrize(
    "header",
    [
        f'<{NEXT}>; rel="next"',
        f'<https://example.org/?page=1>; rel="prev", <{NEXT}>; rel="next", <https://example.org/?page=9>; rel="last"',
        f"<{NEXT}>;rel=next",
        f'<{NEXT}>; title="a, b; c"; REL="last next"',
    ],
)
def test_the_next_page_is_the_target_of_its_relation(header: str) -> None:
    assert next_link(header) == NEXT


@pytest.mark.parametrize(
    "header",
    ["", '<https://example.org/?page=1>; rel="prev"', "https://example.org/; rel=next", "<https://example.org/>", "<a"],
)
def test_a_header_without_that_relation_names_no_next_page(header: str) -> None:
    assert next_link(header) is None
