"""The list of knowledge bases as JSON: each with the address of its routes."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ctibutler.answers.releases import HostedKnowledgeBase


class KnowledgeBaseEntry(HostedKnowledgeBase, frozen=True, kw_only=True):
    """A knowledge base, its installed releases, the number of objects in its list, and the path of its routes."""

    url: str


class KnowledgeBases(msgspec.Struct, frozen=True):
    """Every knowledge base."""

    knowledge_bases: list[KnowledgeBaseEntry]


def knowledge_bases_form(listed: Iterable[HostedKnowledgeBase]) -> KnowledgeBases:
    """The JSON form of the list of knowledge bases."""
    return KnowledgeBases(
        [KnowledgeBaseEntry(**msgspec.structs.asdict(kb), url=f"/api/v1/{kb.slug}/") for kb in listed]
    )
