"""The kind of an object, in the terms of its knowledge base."""

from __future__ import annotations

from collections.abc import Iterable

from ctibutler.knowledge_bases.declaration import KnowledgeBase, StixDict, TypeWord


def kind_of(kb: KnowledgeBase | None, stix_type: str, properties: StixDict | None = None) -> str:
    """The term for an object of this STIX type: `Detection Strategy`, or `Attack pattern` if none is declared.

    The object's `properties` distinguish kinds of one STIX type; without them, it is the first of these.
    """
    for word in kb.kinds if kb else ():
        if stix_type in word.types and is_kind(word, properties or {}):
            return word.word
    return stix_type.removeprefix("x-").removeprefix("mitre-").replace("-", " ").capitalize()


def is_kind(word: TypeWord, properties: StixDict) -> bool:
    """Whether an object of one of the kind's STIX types is of the kind."""
    is_sub = properties.get("x_mitre_is_subtechnique") is True
    return word.subtechnique in (None, is_sub) and (word.holds is None or word.holds(properties))


def kinds_named(kb: KnowledgeBase, words: Iterable[str]) -> tuple[TypeWord, ...]:
    """The declared kinds with these names."""
    wanted = set(words)
    return tuple(word for word in kb.kinds if word.word in wanted)
