"""What publishers say about objects that they deprecate: the first paragraph of the description, and the ids in it."""

from __future__ import annotations

import re
from typing import Final

from ctibutler.knowledge_bases.declaration import KnowledgeBase

_SPEAKS_OF_IT: Final = re.compile(
    r"deprecated|duplicate of|replaced|superseded|merged (?:in)?to|can be found at", re.IGNORECASE
)
_PARAGRAPH: Final = re.compile(r"\n\s*\n|<br\s*/?>|</p>", re.IGNORECASE)
_TARGET: Final = re.compile(r"\]\(\s*(\S+?)\s*\)|href=\"([^\"]+)\"|(https?://[^\s)\"<>\]]+)")
_COLON: Final = re.compile(r"\b([A-Za-z]{2,10}):\s?(?=\d)")


def notice_of(text: str) -> str | None:
    """Return the paragraph in which a description says that its object is deprecated; None if the first one does not."""
    first = next((part.strip() for part in _PARAGRAPH.split(text) if part.strip()), "")
    return first if _SPEAKS_OF_IT.search(first) else None


def named_in(kb: KnowledgeBase, notice: str) -> list[str]:
    """Return the ids that a notice names, in its order, each once: those that it spells (`CAPEC:30` is `CAPEC-30`), and those
    of the pages that it links."""
    if not kb.id_in_text:
        return []
    found: dict[str, None] = {}
    spelled = re.compile(rf"(?<![\w.-])(?:{kb.id_in_text})(?![\w-]|\.\d)", re.IGNORECASE)
    end = 0
    for target in _TARGET.finditer(notice):
        _spelled(spelled, notice[end : target.start()], found)
        address = next(part for part in target.groups() if part)
        for form in kb.address_forms:
            if page := form.pattern.match(address):
                found.setdefault(form.id.format(page[1].replace("/", ".")))
                break
        end = target.end()
    _spelled(spelled, notice[end:], found)
    return list(found)


def _spelled(pattern: re.Pattern[str], text: str, found: dict[str, None]) -> None:
    for match in pattern.finditer(_COLON.sub(r"\1-", text)):
        found.setdefault(match[0])
