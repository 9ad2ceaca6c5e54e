"""What a command works with: the declarations, the settings, the open catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import click

from ctibutler.answers.pages import PageRequest
from ctibutler.cli.near_misses import hint
from ctibutler.errors import InvalidRequest, NotFound
from ctibutler.knowledge_bases import KnowledgeBases
from ctibutler.knowledge_bases.declaration import KnowledgeBase

if TYPE_CHECKING:
    from ctibutler.answers.library import Library
    from ctibutler.settings import Settings


@dataclass(frozen=True)
class Session:
    """One run of the command line. Nothing is read or opened before a command asks for it."""

    knowledge_bases: KnowledgeBases

    @cached_property
    def settings(self) -> Settings:
        """The settings from the environment and `.env`."""
        from ctibutler.settings import load_settings

        return load_settings()

    @contextmanager
    def library(self) -> Iterator[Library]:
        """The catalogue with its declarations, open for the length of the block."""
        from ctibutler.answers.library import Library
        from ctibutler.catalog.opening import open_catalogue

        database = open_catalogue(self.settings.url, self.knowledge_bases)
        try:
            yield Library(database, self.knowledge_bases)
        finally:
            database.close()

    def page(self, number: int, size: int | None) -> PageRequest:
        """A page of the requested or default size, within the largest size that the settings allow."""
        return PageRequest(number, min(size or self.settings.default_page_size, self.settings.max_page_size))

    def knowledge_base(self, word: str) -> KnowledgeBase:
        """The knowledge base of this name or alias.

        Raises InvalidRequest if there is none. It names those with similar names, or all.
        """
        try:
            return self.knowledge_bases.named(word)
        except NotFound:
            family = [kb.slug for kb in self.knowledge_bases.of_family(word)]
            if family:
                *others, last = family
                raise InvalidRequest(
                    f"`{word}` is several knowledge bases: name {', '.join(others)} or {last}"
                ) from None
            every = f"choose from {', '.join(kb.slug for kb in self.knowledge_bases.all)}"
            raise InvalidRequest(
                f"no knowledge base `{word}`; {hint(word, self.knowledge_bases.names, every)}"
            ) from None

    def asked(self, word: str | None) -> list[KnowledgeBase]:
        """The knowledge base of this name, or all of them.

        Raises InvalidRequest if there is none of this name.
        """
        return list(self.knowledge_bases.all) if word is None else [self.knowledge_base(word)]


def session_of(context: click.Context) -> Session:
    """The session that the command line was started with."""
    session = context.find_object(Session)
    assert session is not None
    return session
