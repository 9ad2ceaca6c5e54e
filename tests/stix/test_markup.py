"""Descriptions as publishers write them become plain text."""

from __future__ import annotations

import json
import re

import pytest

from ctibutler.stix.markup import plain_text, readable_text
from tests.catalogue import published


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        (
            "[Disco](https://attack.mitre.org/software/S1088) can download files via SMB.(Citation: ESET August 2023)",
            "Disco can download files via SMB.",
        ),
        ("used (Citation: A (B) C)(Citation: D) twice", "used twice"),
        ("see [Data (raw)](https://example.org/wiki/Data_(raw)).", "see Data (raw)."),
        ("runs <code>reg save</code> and `net view`", "runs reg save and net view"),
        ("stops <PID> of <username> at <b>once</b>", "stops <PID> of <username> at once"),
        ("[random string] is no link, [-1] (neither) is this", "[random string] is no link, [-1] (neither) is this"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("&lt;html&gt; &amp;lt; a&copy=b", "<html> &lt; a&copy=b"),
        ("first \n\n  second", "first\n\nsecond"),
        ("[a](b) `[c](d)`", "a c"),
        ("![picture](a.png), ![[a](b), [a]![b](c)", "picture, ![a, [a]b"),
        ("", ""),
    ],
)
def test_links_citations_and_tags_are_removed(markup: str, text: str) -> None:
    assert plain_text(markup) == text


@pytest.mark.real
@pytest.mark.parametrize("slug", ["attack-enterprise", "attack-mobile", "attack-ics"])
def test_no_link_or_citation_remains_in_attacks_relationships(slug: str) -> None:
    texts = {plain_text(stix.get("description", "")) for stix in published(slug, "18.1") if "source_ref" in stix}
    assert len(texts) > 100
    left = [text for text in texts if re.search(r"\]\(|Citation:|</?code>", text)]
    assert not left, json.dumps(left[:3])


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("A tool.(Citation: One)(Citation: Two (x))\n\n* <code>a.exe</code>\n* b", "A tool.\n\n* a.exe\n* b"),
        ("Sum.\n-------------\n<span>More:</span><ul><li>One</li><li><p>Two</p></li></ul>", "Sum.\n\nMore:\n\n* One\n* Two"),
        ("<xhtml:p>A <script>x</script>.</xhtml:p><xhtml:p>Then.</xhtml:p>", "A <script>x</script>.\n\nThen."),
        ("<b>Bold</b><br><br>a &lt;b&gt; &amp;lt;", "Bold\n\na <b> &lt;"),
        ("## How\nSee [this][1] and [that](https://x.example/(a)).\n\n[1]: https://x.example", "How\n\nSee this and that."),
        ("Run <PID> and **now**", "Run <PID> and now"),
        ("", ""),
    ],
)  # fmt: skip
def test_descriptions_are_readable(markup: str, text: str) -> None:
    assert readable_text(markup) == text
