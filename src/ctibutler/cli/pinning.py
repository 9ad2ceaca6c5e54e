"""Options of commands that follow relations over several knowledge bases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from ctibutler.cli.session import Session
from ctibutler.errors import InvalidRequest
from ctibutler.knowledge_bases.relations import Widening

_WIDENINGS = ("none", "down", "up")


def versions_of(session: Session, pinned: Sequence[str] | None) -> dict[str, str | None]:
    """Return knowledge base → label for options of the form `KB@RELEASE`.

    Raises InvalidRequest for any other form, and for an unknown knowledge base.
    """
    versions: dict[str, str | None] = {}
    for target in pinned or ():
        name, at, label = target.partition("@")
        if not at or not label:
            raise InvalidRequest(f"`{target}` is not of the form KB@RELEASE")
        versions[session.knowledge_base(name).slug] = label
    return versions


def widening(word: str) -> Widening:
    """Return the word as a way to widen paths.

    Raises InvalidRequest if it is none.
    """
    if word not in _WIDENINGS:
        raise InvalidRequest(f"--widen: `{word}` is none of {', '.join(_WIDENINGS)}")
    return cast("Widening", word)
