"""A downloaded page of a list, and the next page as named by the `Link` header (RFC 8288)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

_LINK: Final = re.compile(r'<([^<>]*)>((?:\s*;\s*[\w*-]+\s*=\s*(?:"[^"]*"|[^\s";,]+))*)')
_RELATION: Final = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s";,]+))', re.IGNORECASE)


@dataclass(frozen=True)
class Page:
    """A page as it was downloaded. `next_url` is the address of the next page, absolute or relative to this one's."""

    content: bytes = field(repr=False)
    next_url: str | None = None


def next_link(header: str) -> str | None:
    """The target of `rel="next"` in a `Link` header; None if there is none."""
    for target, parameters in _LINK.findall(header):
        relation = _RELATION.search(parameters)
        if relation and "next" in (relation[1] or relation[2] or "").lower().split():
            return str(target)
    return None
