"""The page of results shows where the words were found, and every page says which file its release was read from."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctibutler.pages.text import excerpt
from tests.pages.conftest import answered
from tests.pages.documents import Document
from tests.server.serving import Server


def words(made: str) -> str:
    """The text of an excerpt, without what was left out."""
    return html.unescape(re.sub(r"</?mark>", "", made)).removeprefix("…").removesuffix("…")


def test_the_words_are_marked_with_what_stands_around_them() -> None:
    text = "Adversaries may abuse PowerShell commands & scripts. <b>Power</b> is not a shell, and a powershell is."
    assert excerpt(text, "powershell") == (
        "Adversaries may abuse <mark>PowerShell</mark> commands &amp; scripts. &lt;b&gt;Power&lt;/b&gt; is not a shell, and a"
        " <mark>powershell</mark> is."
    )
    assert excerpt("x " * 200 + "emu " + "y " * 200, "em").startswith("…x x")
    assert excerpt(text, "emu") == ""
    assert excerpt(text, "") == ""
    assert excerpt("", "emu") == ""


@given(st.text(), st.text())
def test_an_excerpt_is_a_part_of_the_text_and_safe(text: str, asked: str) -> None:
    made = excerpt(text, asked)
    assert words(made) in text
    assert set(re.findall(r"<[^>]*>", made)) <= {"<mark>", "</mark>"}


@pytest.mark.real
def test_results_show_where_the_words_are(everything: Server) -> None:
    page = answered(everything, "/search?text=credential%20dumping&knowledge_bases=attack-enterprise").text
    marked = {word.casefold() for word in re.findall(r"<mark>(.*?)</mark>", page)}
    assert {"credential", "dumping"} <= marked


@pytest.mark.real
def test_a_page_says_which_file_its_release_was_read_from(everything: Server) -> None:
    facts = everything.get("/api/v1/attack-enterprise/versions/18.1/").json()
    root = Document(answered(everything, "/attack-enterprise/18.1/T1059").text).root
    [footer] = root.iter("footer")
    said = " ".join("".join(footer.itertext()).split())
    assert f"{facts['file_name']}, installed {facts['installed_at'][:10]}" in said
