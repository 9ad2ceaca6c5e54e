"""Numbers beside the ways to narrow a search: each is what the narrowed search finds."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

from tests.pages.conftest import read
from tests.pages.documents import Document
from tests.server.serving import Server

pytestmark = pytest.mark.real


def facets(document: Document) -> dict[str, int]:
    """The address of each narrower search, and the number beside it."""
    [fold] = [it for it in document.root.iter("details") if "facets" in it.attrib.get("class", "")]
    found = {}
    for link in fold.iter("a"):
        [number] = [it.text or "" for it in link.iter("span") if it.attrib.get("class") == "light"]
        found[link.attrib["href"]] = int(number.replace(",", ""))
    return found


@pytest.mark.parametrize("query", ["text=powershell", "text=credential+dumping&types=attack-pattern"])
def test_each_number_is_what_is_found_there(everything: Server, query: str) -> None:
    shown = facets(Document(read(everything, f"/search?{query}").text))
    assert len(shown) > 5
    for address, number in shown.items():
        narrowed = read(everything, address)
        assert narrowed.status_code == 200, address
        total = everything.total(f"/api/v1/search/?{urlsplit(address).query}&page_size=1&sort=relevance_descending")
        if "types=attack-pattern" not in query or "types=" in address:
            assert number == total, address
        heading = re.search(r"<h1>.*?([\d,]+) for", narrowed.text, re.DOTALL)
        assert heading is not None
        assert int(heading[1].replace(",", "")) == total


def test_what_is_chosen_can_be_left(everything: Server) -> None:
    chosen = "/search?knowledge_bases=cwe&text=injection"
    document = Document(read(everything, chosen).text)
    [link] = [it for it in document.root.iter("a") if it.attrib.get("aria-current") and "CWE" in "".join(it.itertext())]
    assert link.attrib["href"] == "/search?text=injection"


def test_a_narrowed_search_that_finds_nothing_leads_to_the_same_words_everywhere(everything: Server) -> None:
    empty = Document(read(everything, "/search?text=sandworm&knowledge_bases=cwe").text)
    [link] = [
        it.attrib["href"] for it in empty.root.iter("a") if "".join(it.itertext()).startswith("Search everywhere")
    ]
    assert link == "/search?text=sandworm"
    assert "Sandworm Team" in Document(read(everything, link).text).words
    assert "Search everywhere" not in Document(read(everything, "/search?text=qqqqzzz").text).words
