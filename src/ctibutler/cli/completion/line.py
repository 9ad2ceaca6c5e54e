"""A command line that somebody is typing, and what its unfinished word can be completed from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from ctibutler.cli.declaring import Completer
from ctibutler.cli.session import session_of
from ctibutler.errors import Problem
from ctibutler.knowledge_bases.declaration import KnowledgeBase

if TYPE_CHECKING:
    from ctibutler.catalog.engine.connection import Connection

Candidate = tuple[str, str | None]
"""A word and, for shells that show it, what it means."""


@dataclass(frozen=True)
class Line:
    """A command line as far as it is understood, and the word to complete."""

    context: click.Context
    word: str

    @property
    def asked(self) -> Sequence[KnowledgeBase]:
        """The knowledge bases that the line names: as KB, with --kb, or as `list KB`. All of them if it names none."""
        given = self.context.params.get("kb") or ()
        names = [given] if isinstance(given, str) else given
        known = session_of(self.context).knowledge_bases
        return known.selected([*names, self.context.info_name or ""]) or known.all

    @property
    def slugs(self) -> set[str]:
        """The names of the same."""
        return {kb.slug for kb in self.asked}

    @property
    def release(self) -> str | None:
        """The release that the line names with --release."""
        given = self.context.params.get("release")
        return given if isinstance(given, str) else None

    def named(self, beginning: str) -> dict[str, KnowledgeBase]:
        """The knowledge bases whose name begins so; if there are none, those that have an alias that does."""
        known = session_of(self.context).knowledge_bases.all
        return {kb.slug: kb for kb in known if begins(kb.slug, beginning)} or {
            name: kb for kb in known for name in kb.aliases if begins(name, beginning)
        }

    def families(self, beginning: str) -> dict[str, tuple[KnowledgeBase, ...]]:
        """The families whose name begins so, with their knowledge bases."""
        known = session_of(self.context).knowledge_bases
        names = dict.fromkeys(kb.family for kb in known.all if kb.family and begins(kb.family, beginning))
        return {name: known.of_family(name) for name in names}

    @contextmanager
    def catalogue(self) -> Iterator[Connection]:
        """The catalogue, to read it.

        Raises Problem if there is none.
        """
        from ctibutler.catalog.reading import open_to_read

        database = open_to_read(session_of(self.context).settings.url)
        try:
            with database.read() as connection:
                yield connection
        finally:
            database.close()


def completer(candidates: Callable[[Line], Iterable[Candidate]]) -> Completer:
    """A function for click out of one that returns candidates.

    It offers nothing, and says nothing, if the catalogue cannot be read: nobody expects a message while typing.
    """

    def complete(context: click.Context, _parameter: click.Parameter, word: str) -> list[CompletionItem]:
        try:
            return [CompletionItem(value, help=meaning) for value, meaning in candidates(Line(context, word))]
        except (Problem, OSError):
            return []

    return complete


def begins(text: str, beginning: str) -> bool:
    """Whether a text begins so, in any case."""
    return text.casefold().startswith(beginning.casefold())
