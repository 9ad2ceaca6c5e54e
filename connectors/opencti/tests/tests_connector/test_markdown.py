"""Publishers' mark-up as markdown."""

import pytest
from connector.markdown import absolute_links, from_html


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("Plain text.", "Plain text."),
        (
            "\n     <xhtml:p>One.</xhtml:p>\n     <xhtml:p>Two\n  lines.</xhtml:p>\n",
            "One.\n\nTwo lines.",
        ),
        (
            "<p>Either:</p><ul><li>this, or</li><li>that</li></ul>",
            "Either:\n\n- this, or\n\n- that",
        ),
        ("<ol><li>First.</li> <li>Second.</li></ol>", "1. First.\n\n2. Second."),
        (
            "<ol><li>One<ul><li>inner</li></ul></li><li>Two</li></ol>",
            "1. One\n\n  - inner\n\n2. Two",
        ),
        (
            "One line.<br><br>Another <b>bold</b> one.",
            "One line.\n\nAnother **bold** one.",
        ),
        ("Keeps\nits lines<br>", "Keeps\nits lines"),
        (
            'See <a href="https://example.org/x">there</a>.',
            "See [there](https://example.org/x).",
        ),
        ("Injects <script> or <img> tags.", "Injects <script> or <img> tags."),
        (
            "<p>such as &quot;drive-by&quot; and &lt;script&gt;</p>",
            'such as "drive-by" and <script>',
        ),
        (
            "comments (< !-CDATA->), 1 < 2 and 3 > 2",
            "comments (< !-CDATA->), 1 < 2 and 3 > 2",
        ),
    ],
)
def test_html_becomes_markdown(text: str, markdown: str) -> None:
    assert from_html(text) == markdown


def test_relative_links_become_absolute() -> None:
    text = "See [this](/techniques/AML.T0005) and [that](https://example.org/a)."
    assert absolute_links(text, "https://atlas.mitre.org") == (
        "See [this](https://atlas.mitre.org/techniques/AML.T0005) and [that](https://example.org/a)."
    )
