"""Validators: whether a client has the answer already."""

from __future__ import annotations


def matches(if_none_match: str | None, tag: str) -> bool:
    """Return whether `If-None-Match` names this tag, compared weakly (RFC 9110, 13.1.2). `*` names any."""
    if not if_none_match:
        return False
    if if_none_match.strip() == "*":
        return True
    return _opaque(tag) in {_opaque(listed) for listed in if_none_match.split(",")}


def _opaque(tag: str) -> str:
    return tag.strip().removeprefix("W/")
