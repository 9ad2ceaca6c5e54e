"""A STIX object in an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.objects import decode, is_deprecated, is_revoked, text


class ObjectView:
    """A STIX object as its publisher wrote it, with the fields that lists show.

    `content` is its JSON, never encoded again. `knowledge_base` and `release` (a label) say where it was read; they are
    None for a built-in object such as a TLP marking, and for lists over several knowledge bases. The fields are decoded when
    the first of them is read: a JSON page needs none of them.
    """

    def __init__(self, content: bytes, knowledge_base: KnowledgeBase | None = None, release: str | None = None) -> None:
        self.content = content
        self.knowledge_base = knowledge_base
        self.release = release

    @cached_property
    def properties(self) -> Mapping[str, object]:
        """All properties, decoded."""
        return decode(self.content)

    @property
    def id(self) -> str:
        """The STIX id."""
        return text(self.properties, "id") or ""

    @property
    def type(self) -> str:
        """The STIX type."""
        return text(self.properties, "type") or ""

    @property
    def name(self) -> str | None:
        """The name, as published."""
        return text(self.properties, "name")

    @property
    def external_id(self) -> str | None:
        """The primary id in its knowledge base, such as `T1059`, or None."""
        return None if self.knowledge_base is None else self.knowledge_base.primary_id(self.properties)

    @property
    def created(self) -> str | None:
        """When it was created, as published (RFC 3339)."""
        return text(self.properties, "created")

    @property
    def modified(self) -> str | None:
        """When it was last modified, as published (RFC 3339)."""
        return text(self.properties, "modified")

    @property
    def is_revoked(self) -> bool:
        """Whether its publisher revoked it."""
        return is_revoked(self.properties)

    @property
    def is_deprecated(self) -> bool:
        """Whether its publisher deprecated it."""
        return is_deprecated(self.properties)


def views(
    contents: Iterable[bytes], knowledge_base: KnowledgeBase | None = None, release: str | None = None
) -> list[ObjectView]:
    """Return views of objects that were all read from one release."""
    return [ObjectView(content, knowledge_base, release) for content in contents]
