"""How texts are compared: one form for what is stored and what is asked, the same on both engines."""

from __future__ import annotations

import re
import unicodedata

from ctibutler.knowledge_bases.versions import natural

_WORD = re.compile(r"[^\W_]+")


def folded(text: str) -> str:
    """The text without regard to case and accents: NFKD, combining marks dropped, case-folded.

    `Åland` and `aland` are equal, and sort with `a`. NUL characters, which PostgreSQL cannot hold, are dropped.
    """
    if text.isascii():
        return text.lower().replace("\x00", "")
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    refolded = unicodedata.normalize("NFKD", plain.casefold())
    return "".join(char for char in refolded if not unicodedata.combining(char)).replace("\x00", "")


def words_of(text: str) -> list[str]:
    """The maximal runs of letters and digits of the folded text, in order."""
    return _WORD.findall(folded(text))


def squashed(text: str) -> str:
    """The folded text without anything but letters and digits: `CWE-79` and `cwe 79` are `cwe79`."""
    return "".join(_WORD.findall(folded(text)))


def natural_order(external_id: str) -> str:
    """A text that sorts ids as people count: `CWE-9` before `CWE-79`."""
    return natural(folded(external_id))
