"""The form in which texts are compared: the same for stored and requested ones, on both engines."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from ctibutler.knowledge_bases.release_labels import natural

_WORD = re.compile(r"[^\W_]+")
# Of ASCII, letters in lower case and digits; a blank for everything else.
_ASCII_WORDS = "".join(char.lower() if (char := chr(code)).isalnum() else " " for code in range(128))
_BEYOND_ASCII = re.compile(r"([^\x00-\x7f]+)")


def folded(text: str) -> str:
    """Return the text without case and accents: NFKD, combining marks removed, case-folded.

    `Åland` and `aland` are equal, and sort with `a`. NUL characters, which PostgreSQL cannot store, are removed.
    """
    if text.isascii():
        return text.lower().replace("\x00", "")
    # Every second part is a run of other characters: all that NFKD changes or reorders.
    parts = _BEYOND_ASCII.split(text)
    parts[::2] = [part.lower() for part in parts[::2]]
    parts[1::2] = map(_folded_run, parts[1::2])
    return "".join(parts).replace("\x00", "")


@lru_cache(maxsize=4096)
def _folded_run(text: str) -> str:
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    refolded = unicodedata.normalize("NFKD", plain.casefold())
    return "".join(char for char in refolded if not unicodedata.combining(char))


def words_of(text: str) -> list[str]:
    """Return the longest runs of letters and digits of the folded text, in order."""
    if text.isascii():
        return text.replace("\x00", "").translate(_ASCII_WORDS).split()
    return _WORD.findall(folded(text))


def squashed(text: str) -> str:
    """Return only the letters and digits of the folded text: `CWE-79` and `cwe 79` are `cwe79`."""
    return "".join(words_of(text))


def natural_order(external_id: str) -> str:
    """Return a text that sorts ids as people count: `CWE-9` before `CWE-79`."""
    return natural(folded(external_id))
