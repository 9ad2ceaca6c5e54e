"""Which of several objects with one id is meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from ctibutler.knowledge_bases.declaration import KnowledgeBase


class Namesake(Protocol):
    """What decides between objects that share an id. `modified` is in microseconds."""

    @property
    def stix_id(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def revoked(self) -> bool: ...
    @property
    def deprecated(self) -> bool: ...
    @property
    def modified(self) -> int | None: ...


_Object = TypeVar("_Object", bound=Namesake)


def preferred(kb: KnowledgeBase, object_id: str, candidates: Iterable[_Object]) -> _Object | None:
    """Choose between objects that share an id: live before dead, then the type that the form of the id suggests, then not
    revoked, then the newest, then the smallest STIX id. None if there are no candidates.

    In Enterprise 16.0, more than 220 techniques share their id with an old mitigation.
    """
    types = kb.types_named_by(object_id)
    return min(
        candidates,
        key=lambda found: (
            found.revoked or found.deprecated,
            found.type not in types,
            found.revoked,
            -(found.modified or 0),
            found.stix_id,
        ),
        default=None,
    )


def meant(kb: KnowledgeBase, object_id: str, candidates: Iterable[_Object]) -> _Object | None:
    """Choose between objects that share an id as somebody who reads it means it: the type that the form of the id suggests,
    whatever became of the object; then as `preferred` does. None if there are no candidates.

    `T1086` is the technique that was revoked for T1059.001, not the mitigation of that number.
    """
    types = kb.types_named_by(object_id)
    candidates = list(candidates)
    return preferred(kb, object_id, [found for found in candidates if found.type in types] or candidates)
