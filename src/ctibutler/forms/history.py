"""Histories of objects as JSON lists."""

from __future__ import annotations

from ctibutler.answers.history import History


def facts_of(found: History) -> dict[str, object]:
    """Return the members beside the events: the installed releases, and the objects that the id named."""
    return {"knowledge_base": found.knowledge_base, "versions": found.labels, "threads": found.threads}
