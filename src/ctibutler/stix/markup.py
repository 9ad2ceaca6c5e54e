"""Converts the markup in descriptions (Markdown, some HTML, citations) to plain text."""

from __future__ import annotations

import html
import re
from typing import Final

_CITATION: Final = re.compile(r"\(Citation:(?:[^()]++|\([^()]*\))*\)")
_LINK: Final = re.compile(r"\[([^\[\]]*)\]\((?:[^()\s]++|\([^()]*\))*\)")
_IMAGE: Final = re.compile(r"!(?=\[[^\[\]]*\]\((?:[^()\s]++|\([^()]*\))*\))")
# Not all angle brackets are tags: ATT&CK writes `<PID>` and `<username>` for placeholders.
_TAG: Final = re.compile(
    r"</?(?:a|b|blockquote|code|em|i|li|ol|p|pre|strong|sub|sup|u|ul)(?:\s[^<>]*)?>", re.IGNORECASE
)
_BREAK: Final = re.compile(r"<br\s*/?>", re.IGNORECASE)
_CODE: Final = re.compile(r"`+([^`]+)`+")
_ENTITIES: Final = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&nbsp;", " "), ("&amp;", "&"))
_BLANKS: Final = re.compile(r"[^\S\n]+")


_XHTML: Final = re.compile(r"<(/?)xhtml:", re.IGNORECASE)
_BLOCK: Final = re.compile(
    r"</?(?:p|div|ul|ol|table|tbody|thead|tr|h[1-6]|pre|blockquote)(?:\s[^<>]*)?/?>", re.IGNORECASE
)
_ITEM: Final = re.compile(r"<li(?:\s[^<>]*)?>\s*(?:<p(?:\s[^<>]*)?>)?\s*", re.IGNORECASE)
_INLINE: Final = re.compile(r"</?(?:span|td|th)(?:\s[^<>]*)?>", re.IGNORECASE)
_LINK_BY_NAME: Final = re.compile(r"\[([^\[\]]+)\]\[[^\[\]]*\]")
_LINK_TARGET: Final = re.compile(r"^ *\[[^\[\]]+\]: *\S+ *$", re.MULTILINE)
_HEADING: Final = re.compile(r"^ *#{1,6} +(.+)$", re.MULTILINE)
_BOLD: Final = re.compile(r"\*\*([^*\n]+)\*\*")
_RULE: Final = re.compile(r"^ *(?:-{4,}|```\w*) *$", re.MULTILINE)
_BULLET: Final = re.compile(r"^[ \t]*[*+-] +", re.MULTILINE)
_GAPS: Final = re.compile(r"\n{3,}")
_GAP_IN_LIST: Final = re.compile(r"^(\* .+)\n\n(?=\* )", re.MULTILINE)


def readable_text(markup: str) -> str:
    """The text of a description for a person to read: paragraphs, with an empty line between, and lists with `* `.

    Understands the Markdown, HTML and XHTML that publishers write. Tags that are none of these are text: CAPEC describes
    attacks with `<script>`.
    """
    text = _LINK_TARGET.sub("", _CITATION.sub("", markup))
    text = _LINK_BY_NAME.sub(r"\1", _without_links(_XHTML.sub(r"<\1", text)))
    text = _HEADING.sub(r"\n\1\n", _RULE.sub("\n", text))
    text = _BLOCK.sub("\n\n", _ITEM.sub("\n* ", _BREAK.sub("\n", text)))
    text = _BOLD.sub(r"\1", _CODE.sub(r"\1", _TAG.sub("", _INLINE.sub(" ", text))))
    text = _BULLET.sub("* ", html.unescape(text))
    text = "\n".join(_BLANKS.sub(" ", line).strip() for line in text.splitlines())
    return _GAP_IN_LIST.sub(r"\1\n", _GAPS.sub("\n\n", text)).strip()


def plain_text(markup: str) -> str:
    """The text without citations, tags and code marks. Links are replaced by their text; line breaks are kept."""
    lines = (_BLANKS.sub(" ", line).strip() for line in without_markup(markup).splitlines())
    return "\n".join(lines).strip()


def without_markup(markup: str) -> str:
    """The plain text with its blanks as they were."""
    text = _without_links(_CITATION.sub("", markup)) if "[" in markup or "(Cit" in markup else markup
    if "<" in text:
        text = _TAG.sub("", _BREAK.sub("\n", text))
    if "`" in text:
        text = _CODE.sub(r"\1", text)
    if "&" in text:
        for entity, character in _ENTITIES:
            text = text.replace(entity, character)
    return text


def _without_links(text: str) -> str:
    """A text with the texts of links in their place."""
    return _LINK.sub(r"\1", _IMAGE.sub("", text) if "![" in text else text)
