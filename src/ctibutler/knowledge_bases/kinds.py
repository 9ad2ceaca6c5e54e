"""The kind of an object, in the terms of its knowledge base."""

from __future__ import annotations

from ctibutler.knowledge_bases.declaration import KnowledgeBase, StixDict


def kind_of(kb: KnowledgeBase | None, stix_type: str, properties: StixDict | None = None) -> str:
    """The term for an object of this STIX type: `Detection Strategy`, or `Attack pattern` if none is declared.

    The object's `properties` distinguish sub-techniques from techniques; without them, it is a technique.
    """
    is_sub = properties is not None and properties.get("x_mitre_is_subtechnique") is True
    for word in kb.type_words if kb else ():
        if stix_type in word.types and word.subtechnique in (None, is_sub):
            return word.word
    return stix_type.removeprefix("x-").removeprefix("mitre-").replace("-", " ").capitalize()
