"""XHTML becomes plain text."""

from __future__ import annotations

import pytest
from lxml import etree

from ctibutler.publishers.converters.xhtml import plain_text


def text_of(inner: str) -> str:
    return plain_text(etree.fromstring(f'<x xmlns="http://www.w3.org/1999/xhtml">{inner}</x>'))


@pytest.mark.parametrize(
    ("markup", "lines"),
    [
        ("", [""]),
        ("  one\n\t\t two  ", ["one two"]),
        ("a &lt;b&gt; &amp;amp; &#233;", ["a <b> &amp; é"]),
        ("<p>one</p>\n <p>two</p>", ["one", "", "two"]),
        ("before <p>one</p> after", ["before", "", "one", "", "after"]),
        ("a<br/>b<br/><br/>c", ["a", "b", "", "c"]),
        ("a <b>bold</b>, <i>x</i><i>y</i>", ["a bold, xy"]),
        ("x<sup>6</sup> + a<sub>0</sub>", ["x^6 + a_0"]),
        ('<img src="https://example.com/a.png" alt="A figure"/>', ["[A figure: https://example.com/a.png]"]),
        ('see <a href="https://example.com/">there</a>', ["see there (https://example.com/)"]),
        ('<a href="https://example.com/">https://example.com/</a>', ["https://example.com/"]),
    ],
)
def test_text_keeps_its_words_and_the_lines_that_a_browser_shows(markup: str, lines: list[str]) -> None:
    assert text_of(markup).split("\n") == lines


def test_list_items_become_lines_with_bullets() -> None:
    markup = "<p>Both:</p><ul><li>one<ul><li>inner</li></ul></li><li><div>two</div>\n<div>more</div></li></ul>end"
    assert text_of(markup) == "Both:\n\n- one\n  - inner\n- two\n  more\nend"
    assert text_of("<ol><li>one</li>\n<li>two<br/>lines</li></ol>") == "1. one\n2. two\n   lines"


def test_code_keeps_line_breaks_and_indentation() -> None:
    code = """
        <div>if (a) {<div style="margin-left:1em;">b();<br/>if (c)<div style="margin-left:1em;">d();</div></div>}<br/>
        <br/>e( 1,  2 );</div>
    """
    assert text_of(code) == "if (a) {\n  b();\n  if (c)\n    d();\n}\n\ne( 1,  2 );"


def test_table_rows_become_lines() -> None:
    table = """
        <table><tr><th>Register</th><th>Field</th></tr>
               <tr><td>LIMIT</td><td>[31:8] Reserved<br/>[7:0] Value</td></tr></table>
    """
    assert text_of(table) == "Register | Field\nLIMIT | [31:8] Reserved\n  [7:0] Value"
