"""Converts the markup in descriptions (Markdown, some HTML, citations) to plain text."""

from __future__ import annotations

import re
from typing import Final

_CITATION: Final = re.compile(r"\(Citation:(?:[^()]|\([^()]*\))*\)")
_LINK: Final = re.compile(r"!?\[([^\[\]]*)\]\((?:[^()\s]|\([^()]*\))*\)")
# Not all angle brackets are tags: ATT&CK writes `<PID>` and `<username>` for placeholders.
_TAG: Final = re.compile(
    r"</?(?:a|b|blockquote|code|em|i|li|ol|p|pre|strong|sub|sup|u|ul)(?:\s[^<>]*)?>", re.IGNORECASE
)
_BREAK: Final = re.compile(r"<br\s*/?>", re.IGNORECASE)
_CODE: Final = re.compile(r"`+([^`]+)`+")
_ENTITIES: Final = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&nbsp;", " "), ("&amp;", "&"))
_BLANKS: Final = re.compile(r"[^\S\n]+")


def plain_text(markup: str) -> str:
    """The text without citations, tags and code marks. Links are replaced by their text; line breaks are kept."""
    text = _LINK.sub(r"\1", _CITATION.sub("", markup))
    text = _CODE.sub(r"\1", _TAG.sub("", _BREAK.sub("\n", text)))
    for entity, character in _ENTITIES:
        text = text.replace(entity, character)
    lines = (_BLANKS.sub(" ", line).strip() for line in text.splitlines())
    return "\n".join(lines).strip()
