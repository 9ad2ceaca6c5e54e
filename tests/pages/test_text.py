"""Publishers' texts become HTML that is safe to show, and no word of them is lost."""

from __future__ import annotations

import re
from typing import Final, get_args
from xml.etree.ElementTree import Element

import html5lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctibutler.knowledge_bases.layouts import Dialect
from ctibutler.pages.text import Notes, in_one_line, rendered
from tests.pages.hostile import HOSTILE

DIALECTS: Final = get_args(Dialect)
ALLOWED: Final = {
    *("p", "br", "a", "code", "pre", "ul", "ol", "li", "em", "strong", "blockquote", "table", "thead", "tbody"),
    *("tr", "th", "td", "sub", "sup"),
}
PIECES: Final = [
    *HOSTILE, "<", ">", "&", "&amp;", "&#x3c;script&#x3e;", '"', "'", "`", "``", "*", "**", "_", "[", "](", ")", "![", "\n",
    "\n\n", "    ", "(Citation: ", "(Citation: Name (with brackets))", "<code>", "</code>", "<br>", "<b>", "</b>", "</a>",
    '<a href="', "<xhtml:p>", "</xhtml:p>", "\ue000", "\ue0000\ue001", "\ue0020\ue003", "\x00", "\u202e", "-----\n",
    "# ", "- ", "| a | b |\n|---|---|\n", "[x]: https://a.example\n", "https://attack.mitre.org/techniques/T1059",
    "/techniques/T1", "word",
]  # fmt: skip


def elements(made: str) -> list[Element]:
    """Return every element that a browser makes of HTML, below the fragment itself."""
    fragment = html5lib.parseFragment(made, namespaceHTMLElements=False)
    return list(fragment.iter())[1:]


def words(text: str) -> list[str]:
    """Return the words of a text."""
    return re.findall(r"\w+", text)


def shown(made: str) -> str:
    """Return the text that a browser shows of HTML."""
    return "".join(html5lib.parseFragment(made.replace("<br>", "\n"), namespaceHTMLElements=False).itertext())


def assert_harmless(made: str) -> None:
    """Nothing but the tags, attributes and addresses that texts may have."""
    for element in elements(made):
        assert element.tag in ALLOWED
        names = set(element.attrib)
        assert names <= ({"href", "class", "rel"} if element.tag == "a" else set())
        href = element.attrib.get("href")
        if href is None:
            continue
        if element.attrib.get("class") == "out":
            assert re.match(r"https?://[^/\s]", href, re.IGNORECASE)
            assert element.attrib["rel"] == "noreferrer nofollow"
        else:
            assert re.fullmatch(r"#ref-\d+|/attack/\w+", href), href
        assert not any(child.tag == "a" for child in list(element.iter())[1:])


def ours(address: str) -> str | None:
    """Our address for those of one publisher."""
    found = re.fullmatch(r"https://attack\.mitre\.org/techniques/(\w+)", address)
    return f"/attack/{found[1]}" if found else None


@pytest.mark.parametrize("dialect", DIALECTS)
@given(pieces=st.lists(st.sampled_from(PIECES) | st.text(max_size=12), max_size=12))
@settings(max_examples=150, deadline=None)
def test_nothing_hostile_comes_through(dialect: Dialect, pieces: list[str]) -> None:
    text = "".join(pieces)
    for function in (rendered, in_one_line):
        made = str(function(text, dialect, Notes(), ours))
        assert_harmless(made)
        assert not re.search("[\ue000-\uf8ff\x00]", made)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_text(dialect: Dialect, text: str) -> None:
    made = str(rendered(text, dialect, Notes()))
    assert_harmless(made)
    if "<script" in text.lower() and dialect != "plain":
        assert "script" in shown(made).lower()


@pytest.mark.parametrize("dialect", DIALECTS)
@given(text=st.text(st.characters(categories=("L", "N", "Zs"), include_characters=".,;:!?\n"), max_size=200))
@settings(max_examples=60, deadline=None)
def test_no_word_is_lost(dialect: Dialect, text: str) -> None:
    assert words(shown(str(rendered(text, dialect, Notes())))) == words(text)


def test_citations_become_numbers_in_the_order_of_their_use() -> None:
    notes = Notes()
    notes.learn(
        [
            {"source_name": "Name (with brackets)", "description": "A report.", "url": "https://a.example/1"},
            {"source_name": "Other", "description": "Odd.", "url": "javascript:alert(1)"},
        ]
    )
    made = str(
        rendered(
            "One.(Citation: Other) Two.(Citation: Name (with brackets))(Citation: Other) <code>(Citation: Other)</code>",
            "attack",
            notes,
        )
    )
    assert re.findall(r'href="#ref-(\d+)"', made) == ["1", "2", "1"]
    assert [(number, it.name, it.url) for number, it in notes.listed] == [
        (1, "Other", ""),
        (2, "Name (with brackets)", "https://a.example/1"),
    ]
    assert shown(made).strip() == "One.1 Two.21 [1]"


def test_each_dialect_reads_what_its_publisher_writes() -> None:
    def made(text: str, dialect: Dialect) -> str:
        return str(rendered(text, dialect, Notes(), ours)).strip()

    link = "[PowerShell](https://attack.mitre.org/techniques/T1059) and <code>a <b> c</code><br>end"
    assert made(link, "attack") == (
        '<p><a href="/attack/T1059">PowerShell</a> and <code>a &lt;b&gt; c</code><br>end</p>'
    )
    # As Markdown, the summary would be a heading.
    assert made("A summary.\n-----------\n   <p>More</p>", "cwe") == "<p>A summary.</p><p>More</p>"
    capec = made("<xhtml:p>Such as <script>alert(1)</script></xhtml:p>", "xhtml")
    assert shown(capec) == "Such as <script>alert(1)</script>"
    assert made("one<br>two <b>T0001</b>", "breaks") == "<p>one<br>two <strong>T0001</strong></p>"
    assert made("[x](//evil.example) [y](/techniques/T1)", "markdown") == "<p>x y</p>".replace(
        "x y", "<a>x</a> <a>y</a>"
    )


def test_long_lines_are_read_in_linear_time() -> None:
    for piece in ("a", "[", "(Citation: ", "<", "*", "`", "&", "<xhtml:p", "]("):
        for dialect in DIALECTS:
            rendered(piece * (20_000 // len(piece)), dialect, Notes())
