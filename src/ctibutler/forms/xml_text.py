"""Texts that XML can hold."""

from __future__ import annotations

# What XML cannot express; U+FFFD stands in its place.
_NOT_IN_XML = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 65534, 65535, *range(55296, 57344)), "�")


def xml_text(text: str) -> str:
    """Return a text without the characters that XML has no form for. Markup is not escaped."""
    return text.translate(_NOT_IN_XML)
