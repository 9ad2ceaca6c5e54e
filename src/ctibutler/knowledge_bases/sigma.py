"""How Sigma rules tag objects: `attack.t1059`.

The namespaces are those of Sigma's appendix on tags, 2.0.0.
"""

from __future__ import annotations

from ctibutler.knowledge_bases.declaration import KnowledgeBase, StixDict


def sigma_tag(kb: KnowledgeBase, stix_type: str, properties: StixDict) -> str | None:
    """Return the tag of an object; None if Sigma has none for it."""
    for tag in kb.sigma_tags:
        if stix_type in tag.types and (value := tag.read(properties)):
            return f"{tag.namespace}.{value.lower()}"
    return None
